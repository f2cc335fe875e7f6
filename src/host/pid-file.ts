/** The file that tells which process is the server. */

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** The file belongs to a process that lives. The message tells which, and what to do. */
export class PidFileError extends Error {
  override name = 'PidFileError';
}

export class PidFile {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Writes this process' id, as a whole or not at all.
   *
   * @param predecessor a process that may have the file, because this one takes its place
   * @throws PidFileError when another process that lives has it
   */
  static create(path: string, predecessor?: number): PidFile {
    const owner = ownerOf(path);
    if (owner !== undefined && owner !== predecessor && owner !== process.pid && isAlive(owner)) {
      throw new PidFileError(
        `${path} says that process ${owner} is the server, and it runs; stop it, or name another file`,
      );
    }
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, `${process.pid}\n`);
    renameSync(draft, path);
    return new PidFile(path);
  }

  /** Where it is still this process'. */
  remove(): void {
    if (ownerOf(this.#path) === process.pid) rmSync(this.#path, { force: true });
  }
}

/** Whether the file says so of a process that lives. */
export function isRunning(path: string): boolean {
  const owner = ownerOf(path);
  return owner !== undefined && isAlive(owner);
}

function ownerOf(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
