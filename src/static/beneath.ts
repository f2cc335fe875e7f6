/** From a request's path to an open file, and never to one outside the root. */

import { type BigIntStats, closeSync, constants, fstatSync, openSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';

/** Something that was found and opened; the descriptor is the caller's to close. */
export interface Opened {
  descriptor: number;
  stats: BigIntStats;
}

/**
 * The segments of `PATH_INFO` as names of files, with an empty one at the end where the path ends in a slash. Null for
 * a path that no file is served for: one with `..`, an empty or a hidden segment, a backslash, NUL, or bytes that are
 * not UTF-8. `PATH_INFO` is percent-decoded already; it must not be decoded a second time.
 */
export function segmentsOf(pathInfo: string): string[] | null {
  let path: string;
  try {
    path = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(pathInfo, 'latin1'));
  } catch {
    return null;
  }
  const [root, ...segments] = path.split('/');
  const served = root === '' && segments.every((name, index) => isServed(name, index === segments.length - 1));
  return served ? segments : null;
}

function isServed(name: string, last: boolean): boolean {
  if (name === '') return last;
  return !name.startsWith('.') && !name.includes('\\') && !name.includes('\0');
}

// A descriptor that is not opened for what it is: no wait for the other end of a FIFO, no detour by a symbolic link
// that appears after the real path was looked up.
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

// What says that there is nothing to be found under this name.
const ABSENT = new Set<unknown>(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'EPERM', 'ENXIO']);

/**
 * Opens what lies at `segments` beneath `root`, following symbolic links as long as they lead nowhere else.
 *
 * @param root a real path
 * @returns null when there is nothing, or nothing that may be read
 */
export function openBeneath(root: string, segments: string[]): Opened | null {
  let descriptor: number;
  try {
    const path = realpathSync.native(join(root, ...segments));
    if (path !== root && !path.startsWith(root.endsWith(sep) ? root : root + sep)) return null;
    descriptor = openSync(path, FLAGS);
  } catch (error) {
    if (error instanceof Error && 'code' in error && ABSENT.has(error.code)) return null;
    throw error;
  }
  try {
    return { descriptor, stats: fstatSync(descriptor, { bigint: true }) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
