/**
 * The access log: a line for each request, whoever answered it.
 *
 * @example
 * ```ts
 * const log = accessLog({ format: 'json', path: '/var/log/app/access.log' });
 * await serve(app, { onAnswered: log.onAnswered, onRefused: log.onRefused });
 * process.on('SIGUSR1', () => log.reopen());
 * ```
 *
 * @module
 */

import { destination } from 'pino';
import type { Answer, Refusal } from '../server/index.js';
import { entryOfAnswer, entryOfRefusal } from './entry.js';
import { formatOf } from './format.js';

export interface AccessLogOptions {
  /** A name of `FORMAT_NAMES`, or a format string with gunicorn's atoms; default 'combined'. */
  format?: string;
  /** The file that lines are appended to; default standard output. */
  path?: string;
  /** Hears once that lines are lost, because the file takes none, or takes them too slowly. */
  onTrouble?: (message: string) => void;
}

export interface AccessLog {
  readonly onAnswered: (answer: Answer) => void;
  readonly onRefused: (refusal: Refusal) => void;
  /** Lines that are lost, because they came faster than the file took them. */
  readonly dropped: number;
  /** Opens the file anew, once it was renamed. */
  reopen(): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

/** Bytes that are written at once, and after how many milliseconds if they do not come together. */
const BLOCK = 16_000;
const LATEST = 200;
/** Bytes that wait for the file before lines are lost: a slow disk costs memory up to here, and never time. */
const MOST_WAITING = 4 * 1024 * 1024;

/**
 * Opens an access log. Lines are written behind the event loop's back, some at a time.
 *
 * @throws Error with the `code` of open(2) when the file cannot be opened
 * @throws LogFormatError when the format is not understood
 */
export function accessLog({ format = 'combined', path, onTrouble }: AccessLogOptions = {}): AccessLog {
  const lineOf = formatOf(format);
  const file = destination({
    ...(path === undefined ? { fd: 1 } : { dest: path }),
    append: true,
    sync: false,
    minLength: BLOCK,
    maxLength: MOST_WAITING,
    periodicFlush: LATEST,
  });
  let dropped = 0;
  let troubled = false;
  const trouble = (message: string) => {
    if (!troubled) onTrouble?.(message);
    troubled = true;
  };
  file.on('drop', () => {
    dropped++;
    trouble(`The access log ${path ?? 'on standard output'} does not keep pace; lines are left out`);
  });
  file.on('error', (error: Error) => trouble(`The access log ${path ?? 'on standard output'}: ${error.message}`));

  return {
    onAnswered: (answer) => void file.write(`${lineOf(entryOfAnswer(answer, Date.now()))}\n`),
    onRefused: (refusal) => void file.write(`${lineOf(entryOfRefusal(refusal, Date.now()))}\n`),
    get dropped() {
      return dropped;
    },
    reopen() {
      troubled = false;
      if (path !== undefined) file.reopen();
    },
    close() {
      return new Promise((resolve) => {
        file.once('close', resolve);
        file.once('error', () => resolve());
        file.end();
      });
    },
  };
}
