/** Opens a file or a directory beneath a root, and never anything else: the one way from names to a descriptor. */

import {
  type BigIntStats,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
} from 'node:fs';
import { join, sep } from 'node:path';
import type { FileState } from './file-state.js';
import { openByKernel } from './kernel-open.js';

/**
 * Which symbolic links are followed: those that lead to what lies beneath the root, every one, or none. That the root
 * itself may be one is none of the policy's business.
 */
export type SymlinkPolicy = 'beneath' | 'follow' | 'never';

/** A regular file or a directory that was found and opened; the descriptor is the caller's to close. */
export interface Opened {
  descriptor: number;
  stats: FileState;
  /** By which this very thing is found again while the descriptor is open. */
  path: string;
}

/** Opens `path` if it is a regular file or a directory whose real path `isAllowed`. */
type Open = (path: string, isAllowed: (realPath: string) => boolean) => Opened | null;

// What says that there is nothing to be found under this name.
const ABSENT = new Set<unknown>(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'EPERM', 'ENXIO']);

/**
 * Opens what lies at `names` beneath `root`.
 *
 * @param root a real path
 * @param names each of them a name by `isName`, so that only a symbolic link can lead away
 * @param open the way to go, rather than the best that the system has
 * @returns null when there is nothing, nothing that may be read, or neither a regular file nor a directory
 */
export function openBeneath(
  root: string,
  names: readonly string[],
  symlinks: SymlinkPolicy,
  open?: Open,
): Opened | null {
  const opened = open === undefined ? openByKernel(root, names, symlinks) : undefined;
  if (opened !== undefined) return opened;
  const path = join(root, ...names);
  const above = root.endsWith(sep) ? root : root + sep;
  const isAllowed = (realPath: string) =>
    symlinks === 'follow' ||
    realPath === path ||
    (symlinks === 'beneath' && (realPath === root || realPath.startsWith(above)));
  try {
    return (open ?? (HAS_PROC ? openPinned : openChecked))(path, isAllowed);
  } catch (error) {
    if (error instanceof Error && 'code' in error && ABSENT.has(error.code)) return null;
    throw error;
  }
}

const HAS_PROC = process.platform === 'linux' && existsSync('/proc/self/fd');
// open(2), for every architecture that Node is built for; node:constants does not have it.
const O_PATH = 0o10000000;
// What the kernel puts behind the name of a file that was replaced since it was opened, and what a file may be called.
const DELETED = / \(deleted\)$/;
// A file that was replaced just now, as a deployment does it, is there all the same.
const ATTEMPTS = 3;

/**
 * For Linux, where openByKernel() cannot tell: O_PATH takes hold of whatever is there without opening it, the kernel says what that is and where, and
 * only then is this very thing opened. Nothing that anybody moves meanwhile makes a difference.
 */
export const openPinned: Open = (path, isAllowed) => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const pin = openSync(path, O_PATH);
    try {
      const self = `/proc/self/fd/${pin}`;
      const realPath = readlinkSync(self);
      if (isAllowed(realPath)) {
        const stats = fstatSync(pin, { bigint: true });
        if (!isServed(stats)) return null;
        const descriptor = openSync(self, constants.O_RDONLY);
        return { descriptor, stats, path: `/proc/self/fd/${descriptor}` };
      }
      if (!DELETED.test(realPath)) return null;
    } finally {
      closeSync(pin);
    }
  }
  return null;
};

// No wait for the other end of a FIFO that takes the file's place, no detour by a symbolic link that does.
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * For other systems: looks, opens, and looks again, so that what was opened is what still lies under the real path.
 * Somebody who writes beneath the root, and moves directories to and fro at the right moments, gets the better of it.
 */
export const openChecked: Open = (path, isAllowed) => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const realPath = realpathSync.native(path);
    if (!isAllowed(realPath) || !isServed(lstatSync(realPath, { bigint: true }))) return null;
    const opened = withStats(openSync(realPath, FLAGS), realPath);
    try {
      const isSame = realpathSync.native(realPath) === realPath;
      const { dev, ino } = lstatSync(realPath, { bigint: true });
      if (isSame && dev === opened.stats.dev && ino === opened.stats.ino) return opened;
    } catch (error) {
      closeSync(opened.descriptor);
      throw error;
    }
    closeSync(opened.descriptor);
  }
  return null;
};

function isServed(stats: BigIntStats): boolean {
  return stats.isFile() || stats.isDirectory();
}

function withStats(descriptor: number, path: string): Opened {
  try {
    return { descriptor, stats: fstatSync(descriptor, { bigint: true }), path };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
