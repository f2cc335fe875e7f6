/** Watches the files of a module graph, for a server in development. */

import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Editors write a file in several steps. Milliseconds until they are through. */
const SETTLED = 50;

/** Directories are watched, and not files: editors replace a file by another, and one may be missing until it is written. */
export class ModuleWatch {
  readonly #onChange: (path: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
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
    if (!path.startsWith('/') || this.#files.has(path)) return;
    this.#files.add(path);
    const directory = dirname(path);
    if (this.#watchers.has(directory)) return;
    try {
      const watcher = watch(directory, (_, name) => this.#onEvent(directory, name));
      watcher.on('error', () => this.#watchers.delete(directory));
      this.#watchers.set(directory, watcher.unref());
    } catch {
      // A directory that is gone brings no changes.
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #onEvent(directory: string, name: string | null): void {
    if (name === null || !this.#files.has(`${directory}/${basename(name)}`)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onChange(`${directory}/${name}`), SETTLED);
  }
}
