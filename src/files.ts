/**
 * A regular file, or a region of one, as a response body.
 *
 * @module
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { FileLike } from './types.js';

/** A part of a file, in bytes. */
export interface FileRegion {
  /** Where the region begins. Default: 0. */
  offset?: number;
  /** How long it is; cut where the file ends. Default: the rest of the file. */
  length?: number;
}

/**
 * A file that keeps its own position, so that several may share nothing, not even a descriptor's. `offset` and
 * `length` are the region that remains to be read, and move as it is read.
 */
export class DiskFile implements FileLike {
  /** The file's size in bytes when it was opened. */
  readonly size: number;
  #descriptor: number;
  #offset: number;
  #length: number;

  /**
   * Takes over an open descriptor of a regular file; {@link close} closes it.
   *
   * @param size the file's size in bytes
   * @throws RangeError when the region is not made of safe integers from zero up
   */
  constructor(descriptor: number, size: number, region: FileRegion = {}) {
    this.#descriptor = descriptor;
    this.size = size;
    this.#offset = byteCount('offset', region.offset ?? 0);
    const rest = Math.max(0, size - this.#offset);
    this.#length = Math.min(byteCount('length', region.length ?? rest), rest);
  }

  get offset(): number {
    return this.#offset;
  }

  get length(): number {
    return this.#length;
  }

  /** Reads on from `offset`. Empty when the region is read, or the file has shrunk meanwhile. */
  read(size = -1): Buffer {
    const wanted = size < 0 ? this.#length : Math.min(size, this.#length);
    const block = Buffer.allocUnsafe(wanted);
    let filled = 0;
    while (filled < wanted) {
      const count = readSync(this.fileno(), block, filled, wanted - filled, this.#offset);
      if (count === 0) break;
      filled += count;
      this.#offset += count;
      this.#length -= count;
    }
    return block.subarray(0, filled);
  }

  /** @throws Error once the file is closed, for the number may belong to another file by then */
  fileno(): number {
    if (this.#descriptor < 0) throw new Error('The file is closed; keep it open until the response has left');
    return this.#descriptor;
  }

  /** Closes the descriptor. A second call does nothing. */
  close(): void {
    if (this.#descriptor < 0) return;
    const descriptor = this.#descriptor;
    this.#descriptor = -1;
    this.release(descriptor);
  }

  /** What closing does about the descriptor. */
  protected release(descriptor: number): void {
    closeSync(descriptor);
  }
}

/** Parts of one file, and bytes between them, as one response body. Owns the file. */
export class FileParts implements FileLike {
  /** What has not been read, in order. */
  readonly parts: Array<Uint8Array | DiskFile>;
  readonly #file: DiskFile;

  /** @param parts bytes, and regions of `file` */
  constructor(file: DiskFile, parts: ReadonlyArray<Uint8Array | FileRegion>) {
    this.#file = file;
    this.parts = parts
      .map((part) => (part instanceof Uint8Array ? part : new DiskFile(file.fileno(), file.size, part)))
      .filter(({ length }) => length > 0);
  }

  /** For whoever cannot send a part by its descriptor. Empty at the end, or when the file has shrunk meanwhile. */
  read(size = -1): Buffer {
    const blocks: Uint8Array[] = [];
    for (let wanted = size < 0 ? Number.POSITIVE_INFINITY : size; wanted > 0; ) {
      const block = this.#readPart(wanted);
      if (block.length === 0) break;
      blocks.push(block);
      wanted -= block.length;
    }
    return Buffer.concat(blocks);
  }

  #readPart(most: number): Uint8Array {
    const [part] = this.parts;
    if (part === undefined) return Buffer.alloc(0);
    if (part instanceof DiskFile) {
      const block = part.read(Math.min(most, part.length));
      if (part.length === 0) this.parts.shift();
      return block;
    }
    const block = part.subarray(0, most);
    if (block.length === part.length) this.parts.shift();
    else this.parts[0] = part.subarray(block.length);
    return block;
  }

  close(): void {
    this.#file.close();
  }
}

/**
 * Opens a regular file for reading, whole or in part.
 *
 * @throws Error with the `code` of open(2); with the code `EINVAL` when the path is no regular file
 * @throws RangeError when the region is not made of safe integers from zero up
 */
export function openFile(path: string, region: FileRegion = {}): DiskFile {
  // Without O_NONBLOCK the open of a FIFO would wait for a writer, and the whole process with it.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) {
      throw Object.assign(new Error(`${path} is not a regular file; only those are sent`), { code: 'EINVAL', path });
    }
    return new DiskFile(descriptor, stats.size, region);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function byteCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} must be a whole number of bytes from 0 up, got ${value}`);
}
