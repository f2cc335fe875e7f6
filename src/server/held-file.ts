/**
 * Regular files that the engine holds open, and lends to the answers that send them. It knows the state by which an
 * answer describes a file, and says whether the file still has it.
 */

import { DiskFile, type FileRegion } from '../files.js';
import type { FileLike } from '../types.js';
import { loadAddon } from './native-addon.js';

/** What the addon can do; see native/addon/held_files.cc. `file` and `block` are numbers of its own. */
export interface NativeFiles {
  /** Takes a descriptor over and tells the file's state. Returns -1 where it does not: there are few left. */
  hold(descriptor: number, state: BigInt64Array): number;
  /** Tells the state that the file has now, and goes by that from now on. */
  look(file: number, state: BigInt64Array): void;
  isUnchanged(file: number): number;
  /** The file is held by one more. */
  refer(file: number): void;
  /** It is held by one less, and closed with the last. */
  release(file: number): void;
  /** Reads the whole file. Returns a block's number, {@link CHANGED} or {@link NOT_AT_HAND}. */
  read(file: number): number;
  bytesOf(block: number): Buffer;
  giveBack(block: number): void;
}

const CHANGED = -1;
/** A disk would be waited for, or too much was read that nobody has fetched yet. */
const NOT_AT_HAND = -2;
/** The numbers by which the addon tells a file's state: size, mtime, inode, device, mode and ctime; times in nanoseconds. */
export const STATE_NUMBERS = 6;

/** What is in an answer that goes through the outbox: a block, or an open file; `SharedMemory::Body`. */
export const BLOCK = 1;
const FILE = 2;

/** A file that the engine can send by itself. */
export interface EngineFile extends FileLike {
  readonly kind: typeof BLOCK | typeof FILE;
  /** In bytes. */
  readonly size: number;
  /** Whether all of it is to be sent, and nothing of it was read. */
  readonly isWhole: boolean;
  /**
   * Its number, for the engine to keep: that gives it back when the answer is over. -1: it was closed, as it is when the
   * client goes while its answer is under way; a number that was given back may be another file's.
   */
  handOver(): number;
}

export function isEngineFile(file: FileLike): file is EngineFile {
  return file instanceof FileBlock || file instanceof LentFile;
}

/** A file that is held open. */
export class HeldFile {
  /** That by which the file is described; see {@link STATE_NUMBERS}. */
  readonly state: BigInt64Array;
  readonly #native: NativeFiles;
  readonly #number: number;
  readonly #descriptor: number;

  /**
   * Takes the descriptor over.
   *
   * @returns null where it stays the caller's: the process has not many left, or no addon
   */
  static hold(descriptor: number): HeldFile | null {
    const files = nativeFiles();
    if (files === null) return null;
    const state = new BigInt64Array(STATE_NUMBERS);
    const number = files.hold(descriptor, state);
    return number < 0 ? null : new HeldFile(files, number, descriptor, state);
  }

  private constructor(native: NativeFiles, number: number, descriptor: number, state: BigInt64Array) {
    this.state = state;
    this.#native = native;
    this.#number = number;
    this.#descriptor = descriptor;
  }

  /** Has the file described by what it is now. */
  look(): void {
    this.#native.look(this.#number, this.state);
  }

  /** When its bytes, its rights or its names last changed, in milliseconds since 1970. */
  get changed(): number {
    return Number(this.state[5]! / 1_000_000n);
  }

  isUnchanged(): boolean {
    return this.#native.isUnchanged(this.#number) === 1;
  }

  /**
   * The bytes of the file, for one answer, which closes them.
   *
   * @returns null where it has changed; undefined where it is to be sent by the descriptor
   */
  read(size: number): EngineFile | null | undefined {
    const block = this.#native.read(this.#number);
    if (block === CHANGED) return null;
    return block === NOT_AT_HAND ? undefined : new FileBlock(this.#native, block, size);
  }

  /** The file, or a part, for one answer, which closes it. Whether it has changed is not asked. */
  lend(size: number, region?: FileRegion): DiskFile {
    const lent = new LentFile(this.#native, this.#number, this.#descriptor, size, region);
    this.#native.refer(this.#number);
    return lent;
  }

  /** Closes it, as soon as no answer has it any more. */
  release(): void {
    this.#native.release(this.#number);
  }
}

let native: NativeFiles | null | undefined;

/** The answer is the same for as long as the process lives. */
function nativeFiles(): NativeFiles | null {
  if (native !== undefined) return native;
  try {
    native = loadAddon().files;
  } catch {
    // Files are served without the addon, too.
    native = null;
  }
  return native;
}

/** The bytes of a small file. */
class FileBlock implements EngineFile {
  readonly kind = BLOCK;
  readonly size: number;
  readonly #native: NativeFiles;
  #number: number;
  #rest: Buffer | null = null;

  constructor(native: NativeFiles, number: number, size: number) {
    this.#native = native;
    this.#number = number;
    this.size = size;
  }

  get isWhole(): boolean {
    return this.#rest === null && this.#number >= 0;
  }

  /** For whoever cannot send a block. */
  read(size = -1): Buffer {
    this.#rest ??= this.#number < 0 ? Buffer.alloc(0) : this.#native.bytesOf(this.#number);
    const block = this.#rest.subarray(0, size < 0 ? this.size : size);
    this.#rest = this.#rest.subarray(block.length);
    return block;
  }

  handOver(): number {
    const number = this.#number;
    this.#number = -1;
    return number;
  }

  close(): void {
    if (this.#number >= 0) this.#native.giveBack(this.handOver());
  }
}

/** A file that is held open, or a part of it. */
class LentFile extends DiskFile implements EngineFile {
  readonly kind = FILE;
  readonly #native: NativeFiles;
  /** -1: the reference is not this one's any more. */
  #number: number;

  constructor(native: NativeFiles, number: number, descriptor: number, size: number, region?: FileRegion) {
    super(descriptor, size, region);
    this.#native = native;
    this.#number = number;
  }

  get isWhole(): boolean {
    return this.#number >= 0 && this.length === this.size;
  }

  handOver(): number {
    const number = this.#number;
    this.#number = -1;
    return number;
  }

  protected override release(): void {
    if (this.#number >= 0) this.#native.release(this.handOver());
  }
}
