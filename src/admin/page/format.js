/** Numbers, sizes and times as people read them. A quantity is a text and its unit. */

/** @typedef {[text: string, unit: string]} Quantity */

export const NONE = '–';

/**
 * @param {number} value
 * @returns {string} three digits that count, and thousands set apart
 */
export function digits(value) {
  const decimals = value === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en', { maximumFractionDigits: decimals });
}

/**
 * @param {number | null} value
 * @param {string} [unit]
 * @returns {Quantity}
 */
export function count(value, unit = '') {
  if (value === null) return [NONE, ''];
  if (value >= 1e6) return [`${digits(value / 1e6)} M`, unit];
  if (value >= 1e5) return [`${digits(value / 1e3)} k`, unit];
  return [digits(value), unit];
}

/**
 * @param {number | null} value
 * @returns {Quantity}
 */
export function perSecond(value) {
  return count(value, '/s');
}

/**
 * @param {number | null} value milliseconds
 * @returns {Quantity}
 */
export function duration(value) {
  if (value === null) return [NONE, ''];
  return value < 1000 ? [digits(value), 'ms'] : [digits(value / 1000), 's'];
}

/**
 * @param {number | null} value bytes a second
 * @returns {Quantity}
 */
export function throughput(value) {
  if (value === null) return [NONE, ''];
  let scaled = value;
  let unit = 'B/s';
  for (const larger of ['kB/s', 'MB/s', 'GB/s']) {
    if (scaled < 1000) break;
    scaled /= 1000;
    unit = larger;
  }
  return [digits(scaled), unit];
}

/**
 * @param {number} value bytes
 * @returns {Quantity}
 */
export function memory(value) {
  return value < 2 ** 30 ? [digits(value / 2 ** 20), 'MiB'] : [digits(value / 2 ** 30), 'GiB'];
}

/**
 * @param {number} value milliseconds
 * @returns {string} its two largest units
 */
export function span(value) {
  const seconds = Math.max(0, Math.round(value / 1000));
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600), Math.floor(seconds / 60)];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

/**
 * @param {number} time milliseconds since 1970
 * @returns {string}
 */
export function clock(time) {
  return new Date(time).toLocaleTimeString('en-GB');
}

/**
 * @param {Quantity} quantity
 * @returns {string}
 */
export function joined([text, unit]) {
  return unit === '' ? text : `${text} ${unit}`;
}
