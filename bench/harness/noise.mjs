/**
 * Bytes in which a lost, doubled or moved block shows: no two aligned runs of four are alike.
 *
 * @param {number} size in bytes, a multiple of four
 */
export function noise(size) {
  const bytes = Buffer.allocUnsafe(size);
  // Multiplying by an odd constant permutes the 32-bit integers.
  for (let offset = 0; offset < size; offset += 4) bytes.writeUInt32LE(Math.imul(offset, 0x9e3779b1) >>> 0, offset);
  return bytes;
}
