/** Which of a file and its compressed siblings is sent. */

import { closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environ } from '../types.js';
import { type Opened, openBeneath, type SymlinkPolicy } from './beneath.js';
import { type Encoding, preferredEncodings, SUFFIXES } from './encodings.js';

/** A file, and the coding that its bytes are in, if any. */
export interface Encoded {
  opened: Opened;
  encoding: Encoding | undefined;
}

interface Site {
  readonly root: string;
  readonly symlinks: SymlinkPolicy;
  readonly precompressed: readonly Encoding[];
}

/** Takes over the descriptor of the plain file: what is not returned is closed. */
export function chooseEncoding(site: Site, environ: Environ, names: readonly string[], plain: Opened): Encoded {
  let compressed: Encoded | null;
  try {
    compressed = findCompressed(site, environ, names, plain);
  } catch (error) {
    closeSync(plain.descriptor);
    throw error;
  }
  if (compressed === null) return { opened: plain, encoding: undefined };
  closeSync(plain.descriptor);
  return compressed;
}

function findCompressed(
  { root, symlinks, precompressed }: Site,
  environ: Environ,
  names: readonly string[],
  plain: Opened,
): Encoded | null {
  if (precompressed.length === 0) return null;
  // Part of a file is part of the plain one: a client that resumes a download knows nothing of its codings.
  if (environ.REQUEST_METHOD === 'GET' && environ.HTTP_RANGE !== undefined) return null;
  for (const encoding of preferredEncodings(environ.HTTP_ACCEPT_ENCODING, precompressed)) {
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
