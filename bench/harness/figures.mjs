/** How figures are written: with three significant digits, no more than the spreads bear, and never an exponent. */

/** @param {number | undefined} value */
export function significant(value) {
  if (value === undefined) return '-';
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumSignificantDigits: 3 });
}

/** @param {number | undefined} share */
export function percent(share) {
  return share === undefined ? '-' : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** @param {number | undefined} bytes */
export function mebibytes(bytes) {
  return bytes === undefined ? '-' : significant(bytes / 2 ** 20);
}
