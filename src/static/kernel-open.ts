/** Opening beneath a root with the kernel's own word that it is beneath: openat2(2), by the addon. */

import { closeSync, constants as fileConstants } from 'node:fs';
import { constants } from 'node:os';
import { loadAddon, type NativeAddon } from '../server/native-addon.js';
import type { FileState, Opened, SymlinkPolicy } from './beneath.js';

const POLICIES: Record<SymlinkPolicy, number> = { beneath: 0, never: 1, follow: 2 };
const { ENOENT, ENOTDIR, ENAMETOOLONG, EACCES, ENXIO, ELOOP, EMFILE, ENFILE } = constants.errno;
// What says that there is nothing to be found under this name, whoever looks.
const ABSENT = new Set([ENOENT, ENOTDIR, ENAMETOOLONG, EACCES, ENXIO]);

type OpenBeneath = NativeAddon['openBeneath'];

const found = new BigInt64Array(5);
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
  if (answer >= 0) return { descriptor: answer, stats: new KernelState(found), path: `/proc/self/fd/${answer}` };
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

/** What there is of BigIntStats. */
class KernelState implements FileState {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
  readonly #type: number;

  constructor([size, mtimeNs, ino, dev, mode]: BigInt64Array) {
    this.size = size!;
    this.mtimeNs = mtimeNs!;
    this.ino = BigInt.asUintN(64, ino!);
    this.dev = BigInt.asUintN(64, dev!);
    this.#type = Number(mode!) & fileConstants.S_IFMT;
  }

  get mtime(): Date {
    return new Date(Number(this.mtimeNs / 1_000_000n));
  }

  isFile(): boolean {
    return this.#type === fileConstants.S_IFREG;
  }

  isDirectory(): boolean {
    return this.#type === fileConstants.S_IFDIR;
  }
}
