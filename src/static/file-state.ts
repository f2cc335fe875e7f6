/** What is asked of a file's status. */

import { type BigIntStats, constants } from 'node:fs';

export type FileState = Pick<
  BigIntStats,
  'size' | 'mtimeNs' | 'mtime' | 'ctimeNs' | 'ino' | 'dev' | 'isFile' | 'isDirectory'
>;

/** What there is of BigIntStats, by the addon's numbers: size, mtime in nanoseconds, inode, device, mode and ctime. */
export class NumberedState implements FileState {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
  readonly #type: number;

  constructor([size, mtimeNs, ino, dev, mode, ctimeNs]: BigInt64Array) {
    this.size = size!;
    this.mtimeNs = mtimeNs!;
    this.ctimeNs = ctimeNs!;
    this.ino = BigInt.asUintN(64, ino!);
    this.dev = BigInt.asUintN(64, dev!);
    this.#type = Number(mode!) & constants.S_IFMT;
  }

  get mtime(): Date {
    return new Date(Number(this.mtimeNs / 1_000_000n));
  }

  isFile(): boolean {
    return this.#type === constants.S_IFREG;
  }

  isDirectory(): boolean {
    return this.#type === constants.S_IFDIR;
  }
}
