/** What is wrong with a configuration, and which name was meant. */

/** Settings that cannot be used. Each line of the message names one of them, where it came from and what is allowed. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
}

/** @returns the known name that an unknown one was probably meant to be, if any: three slips at most, of many letters */
export function nearest(unknown: string, known: readonly string[]): string | undefined {
  const most = Math.min(3, Math.floor(unknown.length / 3));
  const near = known
    .map((name) => ({ name, slips: slips(unknown.toLowerCase(), name.toLowerCase()) }))
    .filter((each) => each.slips <= most)
    .sort((one, other) => one.slips - other.slips);
  return near[0]?.name;
}

/** Levenshtein's distance: letters to insert, to remove or to change. */
function slips(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let line = 1; line <= one.length; line++) {
    const next = [line];
    for (let column = 1; column <= other.length; column++) {
      const changed = row[column - 1]! + (one[line - 1] === other[column - 1] ? 0 : 1);
      next.push(Math.min(changed, row[column]! + 1, next[column - 1]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
