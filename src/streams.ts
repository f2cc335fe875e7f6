/**
 * Streams for `wsgi.input` and `wsgi.errors`: in memory, or over a file descriptor with blocking calls.
 *
 * @module
 */

import { closeSync, readSync, writeSync } from 'node:fs';
import type { ErrorStream, InputStream } from './types.js';

const LINE_FEED = 0x0a;
const EMPTY = Buffer.alloc(0);

/** What the input streams share: everything but where the bytes come from. */
abstract class LineReader implements InputStream {
  abstract read(size?: number): Buffer;
  abstract readline(size?: number): Buffer;

  readlines(hint = -1): Buffer[] {
    const lines: Buffer[] = [];
    let total = 0;
    for (const line of this) {
      lines.push(line);
      total += line.length;
      if (hint > 0 && total >= hint) break;
    }
    return lines;
  }

  *[Symbol.iterator](): IterableIterator<Buffer> {
    for (let line = this.readline(); line.length > 0; line = this.readline()) yield line;
  }
}

/** An input stream over bytes in memory. What it returns are views of them, not copies. */
export class MemoryInput extends LineReader {
  #bytes: Buffer;
  #position = 0;
  /** Why what was not read never will be. */
  #lost: Error | undefined;

  /** @param body a string stands for its UTF-8 bytes */
  constructor(body: Uint8Array | string = EMPTY) {
    super();
    this.#bytes =
      typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }

  override read(size = -1): Buffer {
    return this.#take(size < 0 ? this.#bytes.length : size);
  }

  override readline(size = -1): Buffer {
    const lineFeed = this.#bytes.indexOf(LINE_FEED, this.#position);
    const line = (lineFeed < 0 ? this.#bytes.length : lineFeed + 1) - this.#position;
    return this.#take(size < 0 ? line : Math.min(size, line));
  }

  /**
   * Lets go of the bytes.
   *
   * @param lost what a read throws from now on, where the stream had not been read to its end
   */
  letGo(lost: Error): void {
    if (this.#position < this.#bytes.length) this.#lost = lost;
    this.#bytes = EMPTY;
    this.#position = 0;
  }

  #take(count: number): Buffer {
    if (this.#lost !== undefined) throw this.#lost;
    const start = this.#position;
    this.#position = Math.min(this.#bytes.length, start + count);
    return this.#bytes.subarray(start, this.#position);
  }
}

/** Which bytes of a descriptor make up the stream. */
export interface DescriptorRange {
  /** Where reading begins, for a file that can seek. Default: the descriptor's own position, as a pipe demands. */
  position?: number;
  /** How many bytes the stream has. Default: those up to the end of the file. */
  length?: number;
}

// One system call for a common request body, and no more memory than that for a large one.
const READ_AHEAD = 65536;

/**
 * An input stream over a file descriptor, a CGI program's standard input or a body in a temporary file. Reads block
 * the thread, as PEP 3333 has them, and never take more from the descriptor than the stream's length.
 */
export class DescriptorInput extends LineReader {
  readonly #descriptor: number;
  #position: number | null;
  #unread: number;
  #ahead: Buffer = EMPTY;
  #closed = false;
  /** Why what was not read never will be. */
  #lost: Error | undefined;

  constructor(descriptor: number, range: DescriptorRange = {}) {
    super();
    this.#descriptor = descriptor;
    this.#position = range.position ?? null;
    this.#unread = range.length ?? Number.POSITIVE_INFINITY;
  }

  override read(size = -1): Buffer {
    let wanted = size < 0 ? Number.POSITIVE_INFINITY : size;
    const parts: Buffer[] = [];
    while (wanted > 0 && this.#fill()) {
      const part = this.#take(wanted);
      parts.push(part);
      wanted -= part.length;
    }
    return join(parts);
  }

  override readline(size = -1): Buffer {
    let wanted = size < 0 ? Number.POSITIVE_INFINITY : size;
    const parts: Buffer[] = [];
    while (wanted > 0 && this.#fill()) {
      const lineFeed = this.#ahead.indexOf(LINE_FEED);
      const part = this.#take(lineFeed < 0 ? wanted : Math.min(wanted, lineFeed + 1));
      parts.push(part);
      wanted -= part.length;
      if (part.at(-1) === LINE_FEED) break;
    }
    return join(parts);
  }

  /**
   * Closes the descriptor. A second call does nothing; a read after it finds the end.
   *
   * @param lost what such a read throws instead, where the stream had not been read to its end
   */
  close(lost?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#unread > 0 || this.#ahead.length > 0) this.#lost = lost;
    this.#unread = 0;
    this.#ahead = EMPTY;
    closeSync(this.#descriptor);
  }

  #take(count: number): Buffer {
    const taken = this.#ahead.subarray(0, count);
    this.#ahead = this.#ahead.subarray(taken.length);
    return taken;
  }

  /** Makes sure that there is something ahead; false at the end. */
  #fill(): boolean {
    if (this.#ahead.length > 0) return true;
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#unread === 0) return false;
    // A new block each time: what was returned earlier are views of the last one.
    const block = Buffer.allocUnsafe(Math.min(READ_AHEAD, this.#unread));
    const count = readBlocking(this.#descriptor, block, this.#position);
    this.#unread = count === 0 ? 0 : this.#unread - count;
    if (this.#position !== null) this.#position += count;
    this.#ahead = block.subarray(0, count);
    return count > 0;
  }
}

function join(parts: Buffer[]): Buffer {
  const [only = EMPTY] = parts;
  return parts.length > 1 ? Buffer.concat(parts) : only;
}

/** Standard output, or another descriptor, with writes that block until every byte is out. */
export class DescriptorOutput {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(data: Uint8Array): void {
    for (let rest = data; rest.length > 0; ) rest = rest.subarray(writeBlocking(this.#descriptor, rest));
  }

  /** Nothing is held back, so nothing is left to do. */
  flush(): void {}
}

/**
 * An error stream over a file descriptor, standard error by default. What it cannot write is lost, as it is with Node's
 * console: that a disk is full, or whoever reads the log is gone, must not end what is served.
 */
export class DescriptorErrors implements ErrorStream {
  readonly #output: DescriptorOutput;

  constructor(descriptor = 2) {
    this.#output = new DescriptorOutput(descriptor);
  }

  write(text: string): void {
    try {
      this.#output.write(Buffer.from(text));
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
    }
  }

  writelines(lines: Iterable<string>): void {
    for (const line of lines) this.write(line);
  }

  flush(): void {
    this.#output.flush();
  }
}

/** An error stream that keeps what it is told, for tests. */
export class MemoryErrors implements ErrorStream {
  text = '';

  write(text: string): void {
    this.text += text;
  }

  writelines(lines: Iterable<string>): void {
    for (const line of lines) this.write(line);
  }

  flush(): void {}
}

function readBlocking(descriptor: number, block: Buffer, position: number | null): number {
  return untilReady(() => {
    try {
      return readSync(descriptor, block, 0, block.length, position);
    } catch (error) {
      // Windows reports the end of a pipe so.
      if (errorCode(error) === 'EOF') return 0;
      throw error;
    }
  });
}

function writeBlocking(descriptor: number, bytes: Uint8Array): number {
  return untilReady(() => writeSync(descriptor, bytes));
}

// A standard stream may be in non-blocking mode, which it shares with whoever passed it on. There is no poll(2) in
// Node, so wait a moment and try again.
const RETRY_AFTER_MS = 5;
const clock = new Int32Array(new SharedArrayBuffer(4));

function untilReady(transfer: () => number): number {
  for (;;) {
    try {
      return transfer();
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') throw error;
      Atomics.wait(clock, 0, 0, RETRY_AFTER_MS);
    }
  }
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
