/** What is in a directory, as far as it would be served. */

import { closeSync, lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { type Opened, openBeneath, type SymlinkPolicy } from './beneath.js';
import type { FileState } from './file-state.js';
import { type DotfilePolicy, isHidden, isName } from './request-path.js';

export interface Entry {
  name: string;
  type: 'directory' | 'file';
  /** Of a file, in bytes; null for a directory. */
  size: number | null;
  modified: Date;
}

export interface Listing {
  entries: Entry[];
  /** There are more than anybody reads, and some are left out. */
  cut: boolean;
}

/** Each entry is a system call and a line of the page. */
export const MOST_ENTRIES = 10_000;

/**
 * @param root a real path
 * @param names those of the directory
 * @param directory what they were found to be
 * @returns its entries in no order
 */
export function readListing(
  root: string,
  names: readonly string[],
  directory: Opened,
  { symlinks, dotfiles }: { symlinks: SymlinkPolicy; dotfiles: DotfilePolicy },
): Listing {
  const listing: Listing = { entries: [], cut: false };
  const entries = opendirSync(directory.path);
  try {
    for (let dirent = entries.readSync(); dirent !== null; dirent = entries.readSync()) {
      const { name } = dirent;
      // U+FFFD stands for bytes that are not UTF-8, and no link leads to such a name.
      if (!isName(name) || name.includes('\ufffd')) continue;
      if (dotfiles !== 'allow' && isHidden(name, names.length)) continue;
      if (listing.entries.length === MOST_ENTRIES) {
        listing.cut = true;
        break;
      }
      const entry = lstatSync(join(directory.path, name), { bigint: true, throwIfNoEntry: false });
      const stats = entry?.isSymbolicLink() ? statsOfTarget(root, [...names, name], symlinks) : entry;
      if (stats?.isFile()) {
        listing.entries.push({ name, type: 'file', size: Number(stats.size), modified: stats.mtime });
      } else if (stats?.isDirectory()) {
        listing.entries.push({ name, type: 'directory', size: null, modified: stats.mtime });
      }
    }
  } finally {
    entries.closeSync();
  }
  return listing;
}

/** A link is what it leads to, where it may. */
function statsOfTarget(root: string, names: string[], symlinks: SymlinkPolicy): FileState | undefined {
  const opened = openBeneath(root, names, symlinks);
  if (opened === null) return undefined;
  closeSync(opened.descriptor);
  return opened.stats;
}
