/** The file that tells which process is the server. */

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** The file belongs to a process that lives, or cannot be written. The message tells which, and what to do. */
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
   * @throws PidFileError when another process that lives has it, or it cannot be written
   */
  static create(path: string, predecessor?: number): PidFile {
    const draft = `${path}.${process.pid}`;
    try {
      // Nothing that has this name already is written through: in a directory of everybody's it may be another's link.
      rmSync(draft, { force: true });
      writeFileSync(draft, `${process.pid}\n`, { flag: 'wx' });
    } catch (error) {
      throw new PidFileError(`The pid file ${path} cannot be written: ${(error as Error).message}`, { cause: error });
    }
    try {
      // Where two start at the same time, the system lets one of them have a new name.
      if (!linked(draft, path)) {
        refuseIfTaken(path, predecessor);
        renameSync(draft, path);
      }
    } finally {
      rmSync(draft, { force: true });
    }
    return new PidFile(path);
  }

  /** Where it is still this process'. */
  remove(): void {
    if (ownerOf(this.#path) === process.pid) rmSync(this.#path, { force: true });
  }
}

function linked(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch {
    // It is there, or the file system knows no links.
    return false;
  }
}

function refuseIfTaken(path: string, predecessor: number | undefined): void {
  const owner = ownerOf(path);
  if (owner === undefined || owner === predecessor || owner === process.pid || !isAlive(owner)) return;
  throw new PidFileError(
    `${path} says that process ${owner} is the server, and it runs; stop it, or name another file`,
  );
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
