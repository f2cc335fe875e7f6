/** Several parts of a file in one answer: multipart/byteranges (RFC 9110 §14.6). */

import { randomBytes } from 'node:crypto';
import { DiskFile } from '../files.js';
import { contentRange, type Range } from './ranges.js';

/** The parts, each under a head of its own. Owns the file. */
export class MultipartBody implements Iterable<Uint8Array> {
  readonly contentType: string;
  readonly contentLength: number;
  readonly #file: DiskFile;
  readonly #parts: ReadonlyArray<{ head: Buffer; range: Range }>;
  readonly #end: Buffer;

  /** @param type the media type of the file itself */
  constructor(file: DiskFile, ranges: readonly Range[], type: string) {
    // No content can have been made to contain it.
    const boundary = randomBytes(18).toString('hex');
    this.contentType = `multipart/byteranges; boundary=${boundary}`;
    this.#file = file;
    this.#parts = ranges.map((range) => {
      const fields = `Content-Type: ${type}\r\nContent-Range: ${contentRange(range, file.size)}`;
      return { head: Buffer.from(`\r\n--${boundary}\r\n${fields}\r\n\r\n`, 'latin1'), range };
    });
    this.#end = Buffer.from(`\r\n--${boundary}--\r\n`);
    this.contentLength = this.#parts.reduce(
      (sum, { head, range }) => sum + head.length + range.length,
      this.#end.length,
    );
  }

  *[Symbol.iterator](): Generator<Uint8Array, undefined> {
    for (const { head, range } of this.#parts) {
      yield head;
      const part = new DiskFile(this.#file.fileno(), this.#file.size, range);
      while (part.length > 0) {
        const block = part.read(BLOCK_SIZE);
        // The file has shrunk. Short of its Content-Length, the answer cannot be taken for whole.
        if (block.length === 0) return;
        yield block;
      }
    }
    yield this.#end;
  }

  close(): void {
    this.#file.close();
  }
}

/** Large enough that system calls do not count, small enough for every client. */
export const BLOCK_SIZE = 65536;
