import type { FileLike } from 'uwsgiref/types';
import { FileWrapper } from 'uwsgiref/util';

/** A file in memory. All that a file needs is a read() that answers with no bytes at its end. */
class MemoryFile implements FileLike {
  #rest: Buffer;

  constructor(text: string) {
    this.#rest = Buffer.from(text);
  }

  read(size = this.#rest.length): Buffer {
    const block = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return block;
  }
}

const filelike = new MemoryFile('This is an example file-like object'.repeat(10));
const wrapper = new FileWrapper(filelike, 5);
const text = new TextDecoder();

for (const block of wrapper) console.log(text.decode(block));
