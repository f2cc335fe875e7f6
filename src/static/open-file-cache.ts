/**
 * Files that stay open from one request to the next, with what was found out about them: that the path may be followed
 * and where it leads, which of the compressed siblings is sent, ETag and fields.
 *
 * Nothing here says what is answered. Each entry is what the way without the cache has found under the very path of
 * the request, and holds for a second; then that way is gone again. What is done to the file itself shows at once,
 * for the engine asks for its state at each use, and reads before it says what it has read.
 */

import { ownCopy } from '../own-copy.js';
import type { HeldFile } from '../server/held-file.js';
import type { DescribedFile } from './file-answer.js';

export interface OpenFileCacheOptions {
  /** Files to keep open; default 1000. The process may have a quarter of its descriptors for them at most. */
  max?: number;
  /** Until the path is looked up again, in milliseconds; default 1000. */
  revalidateMs?: number;
}

/** A file that is kept open. */
export interface KeptFile {
  readonly file: HeldFile;
  readonly described: DescribedFile;
}

interface Entry extends KeptFile {
  /** When its path was last looked up. */
  checked: number;
  /** Whether it was asked for since the last sweep. */
  used: boolean;
}

// Milliseconds. A file that has just changed may have done so between the look-up of its path and that of its state, so
// that the path is another file's, and nothing would tell. Kernels set the time with a grain of a few.
const SETTLED = 20;

export class OpenFileCache {
  readonly #max: number;
  readonly #revalidateMs: number;
  /** By what clients prefer, then by path. */
  readonly #entries: Array<Map<string, Entry>> = [];
  #count = 0;
  /** What was asked for once since the last sweep. */
  readonly #seen = new Set<string>();
  #sweeping: NodeJS.Timeout | undefined;
  #now = 0;

  constructor({ max = 1000, revalidateMs = 1000 }: OpenFileCacheOptions = {}) {
    this.#max = max;
    this.#revalidateMs = revalidateMs;
  }

  /**
   * @param preference the number of what the client prefers
   * @param path as the request has it
   * @returns undefined where the path has to be looked up
   */
  find(preference: number, path: string): KeptFile | undefined {
    this.#now = Date.now();
    const entry = this.#entries[preference]?.get(path);
    if (entry === undefined) return undefined;
    const age = this.#now - entry.checked;
    // A clock that was set back says nothing about the age.
    if (age < 0 || age >= this.#revalidateMs) return undefined;
    entry.used = true;
    return entry;
  }

  /**
   * Offers what a look-up has found, behind a find() that had nothing. A file is kept from the second time on: most of
   * those that are asked for once are not asked for again.
   *
   * @returns whether it is kept; else it stays the caller's
   */
  keep(preference: number, path: string, file: HeldFile, described: DescribedFile): boolean {
    const entries = this.#entriesOf(preference);
    const known = entries.get(path);
    if (known !== undefined) {
      if (known.file.isUnchanged() && isSame(known, file, described)) {
        known.checked = this.#now;
        known.used = true;
        return false;
      }
      this.drop(preference, path);
    } else if (!this.#wasSeen(`${preference}${path}`)) {
      return false;
    }
    if (this.#count >= this.#max || file.changed > this.#now - SETTLED) return false;
    entries.set(ownCopy(path), { file, described, checked: this.#now, used: true });
    this.#count++;
    return true;
  }

  /** Forgets a file that has changed. */
  drop(preference: number, path: string): void {
    const entry = this.#entries[preference]?.get(path);
    if (entry === undefined) return;
    this.#entries[preference]?.delete(path);
    this.#count--;
    entry.file.release();
  }

  #entriesOf(preference: number): Map<string, Entry> {
    const entries = this.#entries[preference] ?? new Map<string, Entry>();
    this.#entries[preference] = entries;
    return entries;
  }

  #wasSeen(key: string): boolean {
    if (this.#seen.has(key)) return true;
    if (this.#seen.size >= this.#max) this.#seen.clear();
    this.#seen.add(key);
    this.#sweeping ??= setInterval(() => this.#sweep(), this.#revalidateMs).unref();
    return false;
  }

  /** Closes what nobody has asked for since the last time: what is deleted keeps its place on the disk for so long. */
  #sweep(): void {
    this.#seen.clear();
    this.#entries.forEach((entries, preference) => {
      for (const [path, entry] of entries) {
        if (entry.used) entry.used = false;
        else this.drop(preference, path);
      }
    });
    if (this.#count > 0) return;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }
}

function isSame(known: Entry, file: HeldFile, { representation }: DescribedFile): boolean {
  const sameState = known.file.state.every((number, index) => number === file.state[index]);
  return sameState && known.described.representation.encoding === representation.encoding;
}
