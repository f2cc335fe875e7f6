/** The files that are served in a soak, and what happens to some of them meanwhile. */

import { open, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentOf } from './content.mjs';

const KIB = 1024;

/** Those that nobody touches. @type {Record<string, number>} name to size in bytes */
export const STEADY = { 'empty.bin': 0, 'small.bin': 1000, 'middle.bin': 100 * KIB, 'large.bin': 3000 * KIB };

/** Those that others take the place of: the sizes of the two that take turns. @type {Record<string, [number, number]>} */
export const REPLACED = { 'page.html': [700, 900], 'movie.bin': [1500 * KIB, 1400 * KIB] };

/** Those that are cut to their first half and filled again, while they are sent. @type {Record<string, number>} */
export const TRUNCATED = { 'log.txt': 60 * KIB, 'archive.bin': 2000 * KIB };

/**
 * @param {string} name
 * @param {0 | 1} version
 * @returns {Buffer}
 */
export function replacedContent(name, version) {
  return contentOf(`${name} ${version}`, REPLACED[name]?.[version] ?? 0);
}

/** @param {string} folder */
export async function makeSite(folder) {
  for (const [name, size] of Object.entries({ ...STEADY, ...TRUNCATED })) {
    await writeFile(join(folder, name), contentOf(name, size));
  }
  for (const name of Object.keys(REPLACED)) await replace(folder, name, 0);
}

/**
 * Puts another file in the place of one. Who has the former open keeps it.
 *
 * @param {string} folder
 * @param {string} name one of REPLACED
 * @param {0 | 1} version
 */
export async function replace(folder, name, version) {
  const next = join(folder, `.${name}`);
  await writeFile(next, replacedContent(name, version));
  await rename(next, join(folder, name));
}

/**
 * Takes the second half of a file away, and gives it back.
 *
 * @param {string} folder
 * @param {string} name one of TRUNCATED
 * @param {number} milliseconds for so long
 */
export async function cutForAWhile(folder, name, milliseconds) {
  const path = join(folder, name);
  const content = contentOf(name, TRUNCATED[name] ?? 0);
  const half = content.length / 2;
  await truncate(path, half);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const file = await open(path, 'r+');
  await file.write(content, half, content.length - half, half);
  await file.close();
}
