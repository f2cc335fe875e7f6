/** What a process that serves has around it, with a supervisor or without. */

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Configuration } from '../configuration/index.js';

/** Where it says what happens. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
}

export const log: Log = {
  info: (message) => void process.stdout.write(`${message}\n`),
  warn: (message) => void process.stderr.write(`uwsgiref: ${message}\n`),
};

/** A terminal that is closed, or a pipe that nobody reads any more, such as head(1)'s, is no reason for the process to end. */
export function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/**
 * Where the process was started, by the name that the shell has for it: behind a symbolic link that is turned to a new
 * release the working directory is the old one's still.
 */
export function startDirectory(): string {
  const { PWD: named } = process.env;
  if (named === undefined || !named.startsWith('/')) return process.cwd();
  const [there, here] = [named, '.'].map((path) => statSync(path, { throwIfNoEntry: false }));
  return there?.ino === here?.ino && there?.dev === here?.dev ? named : process.cwd();
}

/**
 * Remembers where the process works, and what new files may not get.
 *
 * @returns goes back to that; where the directory is gone meanwhile, the process stays where it is
 */
export function rememberDirectory(): () => void {
  const umask = process.umask();
  const directory = tried(() => process.cwd());
  return () => {
    process.umask(umask);
    if (directory !== undefined) tried(() => process.chdir(directory));
  };
}

function tried<Value>(call: () => Value): Value | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/**
 * @param start where the process was started, which `chdir` is relative to
 * @throws Error when there is no such directory, or it may not be entered
 */
export function enterDirectory({ chdir, umask }: Configuration, start: string): void {
  const directory = resolve(start, chdir ?? '.');
  try {
    process.chdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such directory' : 'it cannot be entered';
    throw new Error(`Cannot work in ${directory}: ${why} (${code})`, { cause: error });
  }
  if (umask !== undefined) process.umask(umask);
}
