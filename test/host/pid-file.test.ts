import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PidFile, PidFileError } from '../../src/host/pid-file.js';
import { temporaryFolder } from '../server/fixtures/started-server.js';

const own = `${process.pid}\n`;

it('holds the process id, and is gone with remove()', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'pid');
  const file = PidFile.create(path);
  expect(readFileSync(path, 'utf8')).toBe(own);
  expect(readdirSync(folder)).toEqual(['pid']);
  file.remove();
  expect(readdirSync(folder)).toEqual([]);
  file.remove();
});

it('is refused where another process that lives has it, but for the predecessor', () => {
  const path = join(temporaryFolder(), 'pid');
  writeFileSync(path, '1\n');
  expect(() => PidFile.create(path)).toThrow(PidFileError);
  expect(() => PidFile.create(path)).toThrow(`${path} says that process 1 is the server`);
  expect(readFileSync(path, 'utf8')).toBe('1\n');
  const file = PidFile.create(path, 1);
  expect(readFileSync(path, 'utf8')).toBe(own);
  file.remove();
  expect(existsSync(path)).toBe(false);
});

it('of a process that is gone, or of none at all, is taken', () => {
  for (const left of ['4194304\n', '', 'nonsense', '-1', own]) {
    const path = join(temporaryFolder(), 'pid');
    writeFileSync(path, left);
    PidFile.create(path);
    expect(readFileSync(path, 'utf8')).toBe(own);
  }
});

it('is written through no link that somebody has laid, in a directory where anybody may', () => {
  const folder = temporaryFolder();
  const [path, precious] = [join(folder, 'pid'), join(folder, 'precious')];
  writeFileSync(precious, 'mine');
  symlinkSync(precious, `${path}.${process.pid}`);
  PidFile.create(path);
  expect([readFileSync(precious, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['mine', own]);
});

it('is left alone where somebody else has taken it meanwhile', () => {
  const path = join(temporaryFolder(), 'pid');
  const file = PidFile.create(path);
  writeFileSync(path, '1\n');
  file.remove();
  expect(readFileSync(path, 'utf8')).toBe('1\n');
});
