/** Several parts of a file in one answer: multipart/byteranges (RFC 9110 §14.6). */

import { randomBytes } from 'node:crypto';
import { type DiskFile, FileParts } from '../files.js';
import { contentRange, type Range } from './ranges.js';

/** The parts, each under a head of its own. Owns the file. */
export class MultipartFile extends FileParts {
  readonly contentType: string;
  readonly contentLength: number;

  /** @param type the media type of the file itself */
  constructor(file: DiskFile, ranges: readonly Range[], type: string) {
    // No content can have been made to contain it.
    const boundary = randomBytes(18).toString('hex');
    const heads = ranges.map((range) => {
      const fields = `Content-Type: ${type}\r\nContent-Range: ${contentRange(range, file.size)}`;
      return Buffer.from(`\r\n--${boundary}\r\n${fields}\r\n\r\n`, 'latin1');
    });
    const end = Buffer.from(`\r\n--${boundary}--\r\n`);
    super(file, [...ranges.flatMap((range, index) => [heads[index]!, range]), end]);
    this.contentType = `multipart/byteranges; boundary=${boundary}`;
    this.contentLength = [...heads, ...ranges, end].reduce((sum, { length }) => sum + length, 0);
  }
}
