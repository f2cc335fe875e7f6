/** Lists of preferences with weights (RFC 9110 §12.4.2): Accept, Accept-Encoding. */

/**
 * @returns the weight of each name of the list, in lower case; parameters other than the weight are not looked at. A
 * weight that is none counts as 0: what a client says is not clear enough to serve by.
 */
export function qualitiesOf(list: string): Map<string, number> {
  const qualities = new Map<string, number>();
  for (const element of list.toLowerCase().split(',')) {
    const [name = '', ...parameters] = element.split(';').map((part) => part.trim());
    if (name === '') continue;
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
    qualities.set(name, weight === undefined ? 1 : weightOf(weight.replace(/^q\s*=\s*/, '')));
  }
  return qualities;
}

function weightOf(text: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}
