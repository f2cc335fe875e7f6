/** Which of a file and its compressed siblings is sent. */

import { closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Opened, openBeneath, type SymlinkPolicy } from './beneath.js';
import { type Encoding, SUFFIXES } from './encodings.js';

/** A file, and the coding that its bytes are in, if any. */
export interface Encoded {
  opened: Opened;
  encoding: Encoding | undefined;
}

interface Site {
  readonly root: string;
  readonly symlinks: SymlinkPolicy;
}

/**
 * Takes over the descriptor of the plain file: what is not returned is closed.
 *
 * @param encodings to look for, best first
 */
export function chooseEncoding(
  site: Site,
  encodings: readonly Encoding[],
  names: readonly string[],
  plain: Opened,
): Encoded {
  let compressed: Encoded | null;
  try {
    compressed = findCompressed(site, encodings, names, plain);
  } catch (error) {
    closeSync(plain.descriptor);
    throw error;
  }
  if (compressed === null) return { opened: plain, encoding: undefined };
  closeSync(plain.descriptor);
  return compressed;
}

function findCompressed(
  { root, symlinks }: Site,
  encodings: readonly Encoding[],
  names: readonly string[],
  plain: Opened,
): Encoded | null {
  for (const encoding of encodings) {
    const sibling = [...names.slice(0, -1), names.at(-1) + SUFFIXES[encoding]];
    // Most files have none, and a call that fails is dear.
    if (!existsSync(join(root, ...sibling))) continue;
    const opened = openBeneath(root, sibling, symlinks);
    if (opened === null) continue;
    if (opened.stats.isFile() && secondsOf(opened) >= secondsOf(plain)) return { opened, encoding };
    closeSync(opened.descriptor);
  }
  return null;
}

/** When it was modified, as coarse as archives and compressors keep it. */
function secondsOf({ stats }: Opened): bigint {
  return stats.mtimeNs / 1_000_000_000n;
}
