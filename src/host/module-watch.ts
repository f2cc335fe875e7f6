/** Watches the files of a module graph, for a server in development. */

import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Editors write a file in several steps. Milliseconds until they are through, mostly; else there is another reload. */
const SETTLED = 20;

interface Watched {
  readonly watcher: FSWatcher;
  /** A directory that is made anew has another, and the watcher does not follow. */
  readonly inode: number;
}

/** Directories are watched, and not files: editors replace a file by another, and one may be missing until it is written. */
export class ModuleWatch {
  readonly #onChange: (path: string) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #files = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param onChange told, once things have settled, of a file that changed */
  constructor(onChange: (path: string) => void) {
    this.#onChange = onChange;
  }

  /** @param module a file's path, or the URL of a module; what is installed, or built into node, does not change */
  add(module: string): void {
    if (/^(node|data):/.test(module) || module.includes('/node_modules/')) return;
    const path = module.startsWith('file:') ? fileURLToPath(module) : module;
    if (!path.startsWith('/')) return;
    this.#files.add(path);
    try {
      this.#watch(dirname(path));
    } catch {
      // A directory that is gone brings no changes.
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  #watch(directory: string): void {
    const { ino: inode } = statSync(directory);
    const watched = this.#watched.get(directory);
    if (watched?.inode === inode) return;
    watched?.watcher.close();
    const watcher = watch(directory, (_, name) => this.#onEvent(directory, name));
    watcher.on('error', () => this.#watched.delete(directory));
    this.#watched.set(directory, { watcher: watcher.unref(), inode });
  }

  #onEvent(directory: string, name: string | null): void {
    if (name === null || !this.#files.has(`${directory}/${basename(name)}`)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onChange(`${directory}/${name}`), SETTLED);
  }
}
