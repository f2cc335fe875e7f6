/** The longest that a timer of Node can wait; beyond, it would not wait at all. Milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** @returns the milliseconds, as far as a timer can wait */
export function delay(milliseconds: number): number {
  return Math.min(milliseconds, LONGEST);
}
