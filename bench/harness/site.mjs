/**
 * What a run writes to disk: the files that servers offer, and room for what they write themselves.
 *
 * @typedef {object} Site
 * @property {string} files directory with one file for each name in FILE_SIZES
 * @property {string} scratch directory for configurations and compiled programs
 * @property {() => void} remove deletes both
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FILE_SIZES } from './scenarios.mjs';

/** @returns {Site} */
export function createSite() {
  const directory = mkdtempSync(join(tmpdir(), 'uwsgiref-bench-'));
  const site = {
    files: join(directory, 'files'),
    scratch: join(directory, 'scratch'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
  // Started by root, nginx reads the files as an unprivileged user.
  chmodSync(directory, 0o755);
  mkdirSync(site.files);
  mkdirSync(site.scratch);
  for (const [name, size] of Object.entries(FILE_SIZES)) writeFileSync(join(site.files, name), noise(size));
  return site;
}

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
