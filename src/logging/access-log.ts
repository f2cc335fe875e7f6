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

import { closeSync, openSync } from 'node:fs';
import sonicBoom, { type SonicBoom } from 'sonic-boom';
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
  /** Writes what is left, but waits no longer than a second for whoever does not take it. */
  close(): Promise<void>;
}

/** The file cannot be opened. `code` is the system's, such as EACCES. */
export class AccessLogError extends Error {
  override name = 'AccessLogError';
  readonly code: string | undefined;

  constructor(path: string, cause: NodeJS.ErrnoException) {
    super(`The access log ${path} cannot be opened: ${cause.message}`, { cause });
    this.code = cause.code;
  }
}

/**
 * Bytes that are written at once: as many as a pipe takes in one piece (PIPE_BUF of pipe(7)), so that lines of several
 * workers do not end up in each other.
 */
const PIPE_BLOCK = 4096;
/** The same for a file, which takes whatever is appended in one piece. */
const FILE_BLOCK = 65_536;
/**
 * Lines are put together when they are so long: the parts of a string that was made of many others have left the
 * processor's caches by the time that a whole block is there.
 */
const PIECE = 1024;
/** How long a line waits for others. Milliseconds. */
const LATEST = 200;
/** Bytes that wait for the file before lines are lost: a slow disk costs memory up to here, and never time. */
const MOST_WAITING = 4 * 1024 * 1024;
/** Milliseconds. */
const PATIENCE = 1000;

/**
 * Opens an access log. Lines are written behind the event loop's back, some at a time.
 *
 * @throws AccessLogError when the file cannot be opened
 * @throws LogFormatError when the format is not understood
 */
export function accessLog({ format = 'combined', path, onTrouble }: AccessLogOptions = {}): AccessLog {
  const lineOf = formatOf(format);
  const writer = new LineWriter(path, (message) => onTrouble?.(message));
  return {
    onAnswered: (answer) => writer.write(lineOf(entryOfAnswer(answer))),
    onRefused: (refusal) => writer.write(lineOf(entryOfRefusal(refusal, Date.now()))),
    get dropped() {
      return writer.dropped;
    },
    reopen: () => writer.reopen(),
    close: () => writer.close(),
  };
}

/** Appends lines of ASCII. */
class LineWriter {
  dropped = 0;
  readonly #path: string | undefined;
  readonly #blockSize: number;
  readonly #file: SonicBoom;
  readonly #onTrouble: (message: string) => void;
  #troubled = false;
  /** Bytes that are not handed over yet. */
  #block: Buffer;
  #used = 0;
  /** Lines behind them. */
  #lines = '';
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(path: string | undefined, onTrouble: (message: string) => void) {
    this.#path = path;
    this.#blockSize = path === undefined ? PIPE_BLOCK : FILE_BLOCK;
    this.#block = Buffer.allocUnsafeSlow(this.#blockSize);
    this.#onTrouble = onTrouble;
    if (path !== undefined) tryToOpen(path);
    this.#file = new sonicBoom.SonicBoom({
      ...(path === undefined ? { fd: 1 } : { dest: path }),
      maxWrite: this.#blockSize,
      append: true,
      sync: false,
      contentMode: 'buffer',
      maxLength: MOST_WAITING,
    });
    this.#file.on('drop', (lines: Buffer) => this.#drop(lines));
    this.#file.on('error', (error: Error) => this.#trouble(`: ${error.message}`));
  }

  write(line: string): void {
    // An answer that was cut off at the end may be told of when all is over.
    if (this.#closing !== undefined) return;
    if (this.#used + this.#lines.length + line.length >= this.#blockSize) this.#handOver();
    this.#lines += `${line}\n`;
    if (this.#lines.length >= PIECE) this.#gather();
    this.#timer ??= setTimeout(() => this.#handOver(), LATEST).unref();
  }

  reopen(): void {
    if (this.#path === undefined || this.#closing !== undefined) return;
    this.#troubled = false;
    this.#handOver();
    this.#file.reopen();
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      const late = setTimeout(resolve, PATIENCE);
      const over = () => {
        clearTimeout(late);
        resolve();
      };
      this.#file.once('close', over);
      this.#file.once('error', over);
      this.#handOver();
      this.#file.end();
    });
    return this.#closing;
  }

  #gather(): void {
    const lines = this.#lines;
    this.#lines = '';
    // Only a line that is longer than a whole block has no room; it is alone then.
    if (lines.length > this.#block.length - this.#used) this.#block = Buffer.from(lines, 'latin1');
    else this.#block.write(lines, this.#used, 'latin1');
    this.#used += lines.length;
  }

  #handOver(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#gather();
    if (this.#used === 0) return;
    const block = this.#block.subarray(0, this.#used);
    this.#block = Buffer.allocUnsafeSlow(this.#blockSize);
    this.#used = 0;
    // Given a string SonicBoom would encode it twice, character by character. Its types do not know that it takes bytes.
    this.#file.write(block as unknown as string);
  }

  #drop(lines: Buffer): void {
    this.dropped += lines.toString('latin1').split('\n').length - 1;
    this.#trouble(' does not keep pace; lines are left out');
  }

  #trouble(what: string): void {
    if (!this.#troubled) this.#onTrouble(`The access log ${this.#path ?? 'on standard output'}${what}`);
    this.#troubled = true;
  }
}

/** SonicBoom opens a file only when its constructor has long returned, and who made it heard of no error. */
function tryToOpen(path: string): void {
  try {
    closeSync(openSync(path, 'a'));
  } catch (error) {
    throw new AccessLogError(path, error as NodeJS.ErrnoException);
  }
}
