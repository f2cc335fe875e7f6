/** Opening beneath a root with the kernel's own word that it is beneath: openat2(2), by the addon. */

import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { STATE_NUMBERS } from '../server/held-file.js';
import { loadAddon, type NativeAddon } from '../server/native-addon.js';
import type { Opened, SymlinkPolicy } from './beneath.js';
import { NumberedState } from './file-state.js';

const POLICIES: Record<SymlinkPolicy, number> = { beneath: 0, never: 1, follow: 2 };
const { ENOENT, ENOTDIR, ENAMETOOLONG, EACCES, ENXIO, ELOOP, EMFILE, ENFILE } = constants.errno;
// What says that there is nothing to be found under this name, whoever looks.
const ABSENT = new Set([ENOENT, ENOTDIR, ENAMETOOLONG, EACCES, ENXIO]);

type OpenBeneath = NativeAddon['openBeneath'];

const found = new BigInt64Array(STATE_NUMBERS);
/** null: there is no such call; undefined: nobody has asked yet. */
let native: OpenBeneath | null | undefined;

/**
 * @returns null when there is nothing, nothing that may be read, or neither a regular file nor a directory; undefined
 * where this way cannot tell: the kernel or a sandbox does not have it, or a link is absolute or leads out and in again
 */
export function openByKernel(
  root: string,
  names: readonly string[],
  symlinks: SymlinkPolicy,
): Opened | null | undefined {
  if (native === undefined) native = findNative();
  if (!native) return undefined;
  const answer = native(root, names.length === 0 ? '.' : names.join('/'), POLICIES[symlinks], found);
  if (answer >= 0) return { descriptor: answer, stats: new NumberedState(found), path: `/proc/self/fd/${answer}` };
  if (ABSENT.has(-answer)) return null;
  return symlinks === 'never' && -answer === ELOOP ? null : undefined;
}

/** The answer is the same for as long as the process lives; undefined where there was no descriptor left to find it out. */
function findNative(): OpenBeneath | null | undefined {
  try {
    const { openBeneath } = loadAddon();
    // ENOSYS of an old kernel, EPERM of a sandbox, no /proc to open by.
    const descriptor = openBeneath('/', '.', POLICIES.beneath, found);
    if (descriptor === -EMFILE || descriptor === -ENFILE) return undefined;
    if (descriptor < 0) return null;
    closeSync(descriptor);
    return openBeneath;
  } catch {
    // Files are served without the addon, too.
    return null;
  }
}
