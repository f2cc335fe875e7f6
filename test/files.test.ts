import { execFileSync } from 'node:child_process';
import { fstatSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FileParts, openFile } from '../src/files.js';
import { FileWrapper } from '../src/util.js';

const directory = mkdtempSync(join(tmpdir(), 'uwsgiref-files-'));
const path = join(directory, 'alphabet');
writeFileSync(path, 'abcdefghij');

afterAll(() => rmSync(directory, { recursive: true }));

describe('openFile', () => {
  it('reads a file through', () => {
    const file = openFile(path);
    expect([file.size, file.offset, file.length]).toEqual([10, 0, 10]);
    expect(file.read(3).toString()).toBe('abc');
    expect([file.size, file.offset, file.length]).toEqual([10, 3, 7]);
    expect(file.read().toString()).toBe('defghij');
    expect([file.offset, file.length]).toEqual([10, 0]);
    expect(file.read()).toHaveLength(0);
    file.close();
  });

  it.each([
    [{ offset: 4 }, 'efghij'],
    [{ length: 3 }, 'abc'],
    [{ offset: 4, length: 3 }, 'efg'],
    [{ offset: 8, length: 100 }, 'ij'],
    [{ offset: 10 }, ''],
    [{ offset: 100, length: 5 }, ''],
    [{ length: 0 }, ''],
  ])('reads the region %j', (region, text) => {
    const file = openFile(path, region);
    expect(file.length).toBe(text.length);
    expect(Buffer.concat([...new FileWrapper(file, 2)]).toString()).toBe(text);
    file.close();
  });

  it('does not move the position of the descriptor', () => {
    const file = openFile(path);
    file.read(5);
    expect(openFile(`/dev/fd/${file.fileno()}`).read().toString()).toBe('abcdefghij');
    file.close();
  });

  it.each([{ offset: -1 }, { offset: 0.5 }, { length: -1 }, { length: Number.NaN }, { offset: 2 ** 53 }])(
    'refuses the region %j',
    (region) => {
      expect(() => openFile(path, region)).toThrow(RangeError);
    },
  );

  it('passes on why a file cannot be opened', () => {
    expect(() => openFile(join(directory, 'absent'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('refuses a directory', () => {
    expect(() => openFile(directory)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it('refuses a FIFO, and does not wait for it', () => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect(() => openFile(fifo)).toThrow(expect.objectContaining({ code: 'EINVAL', path: fifo }));
  });

  it('ends where a file has shrunk to', () => {
    const shrinking = join(directory, 'shrinking');
    writeFileSync(shrinking, 'abcdefghij');
    const file = openFile(shrinking);
    truncateSync(shrinking, 4);
    expect(file.read().toString()).toBe('abcd');
    expect(file.read()).toHaveLength(0);
    file.close();
  });

  it('closes once, and never names a descriptor that is not its own', () => {
    const file = openFile(path);
    const descriptor = file.fileno();
    file.close();
    expect(() => fstatSync(descriptor)).toThrow(/EBADF/);
    const other = openFile(path);
    file.close();
    expect(other.read(1).toString()).toBe('a');
    expect(() => file.fileno()).toThrow(/closed/);
    expect(() => file.read()).toThrow(/closed/);
    other.close();
  });
});

describe('parts of a file', () => {
  const parts = () => {
    const between = (text: string) => Buffer.from(text);
    const regions = [between('<'), { offset: 8, length: 2 }, between('|'), { length: 0 }, { offset: 0, length: 3 }];
    return new FileParts(openFile(path), [...regions, between('>')]);
  };

  it.each([1, 2, 3, 100])('are read with what stands between them, %j bytes at a time', (size) => {
    const file = parts();
    const blocks = [...new FileWrapper(file, size)];
    expect(Buffer.concat(blocks).toString()).toBe('<ij|abc>');
    expect(blocks.every(({ length }, index) => length === size || index === blocks.length - 1)).toBe(true);
    file.close();
  });

  it('are read at once, and then there is nothing more', () => {
    const file = parts();
    expect(file.read().toString()).toBe('<ij|abc>');
    expect(file.read()).toHaveLength(0);
    file.close();
  });

  it('end where the file has shrunk', () => {
    const shrinking = join(directory, 'shrinking');
    writeFileSync(shrinking, 'abcdefghij');
    const file = new FileParts(openFile(shrinking), [{ length: 2 }, { offset: 5 }, Buffer.from('>')]);
    truncateSync(shrinking, 3);
    expect(Buffer.concat([...new FileWrapper(file, 4)]).toString()).toBe('ab');
    file.close();
  });

  it('close the file', () => {
    const whole = openFile(path);
    new FileParts(whole, [{ length: 1 }]).close();
    expect(() => whole.fileno()).toThrow('closed');
  });
});
