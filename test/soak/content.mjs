/**
 * What is sent both ways in a soak: content of any size, which its name alone makes known to either end, and which is
 * another at each place.
 */

import { createHash } from 'node:crypto';

/** Bytes after which content repeats itself: a prime, so that a block of it in the wrong place is a wrong one. */
const PERIOD = 65_521;
const table = createHash('shake256', { outputLength: PERIOD }).update('soak').digest();

/**
 * @param {string} name
 * @param {number} size bytes
 * @returns {Buffer}
 */
export function contentOf(name, size) {
  let at = createHash('sha256').update(name).digest().readUInt32LE() % PERIOD;
  const content = Buffer.allocUnsafe(size);
  for (let filled = 0; filled < size; at = 0) filled += table.copy(content, filled, at);
  return content;
}

export const HELLO = Buffer.from('Hello world!\n');
