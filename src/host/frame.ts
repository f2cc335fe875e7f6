/** What a process that serves has around it, with a supervisor or without. */

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

/** @param start where the process was started, which `chdir` is relative to */
export function enterDirectory({ chdir, umask }: Configuration, start: string): void {
  process.chdir(resolve(start, chdir ?? '.'));
  if (umask !== undefined) process.umask(umask);
}
