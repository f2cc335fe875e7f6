import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { SymlinkPolicy } from '../../src/static/beneath.js';
import { openByKernel } from '../../src/static/kernel-open.js';
import { openFiles } from '../server/fixtures/descriptors.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'uwsgiref-kernel-')));
const root = join(folder, 'root');
mkdirSync(join(root, 'docs'), { recursive: true });
writeFileSync(join(folder, 'secret.txt'), 'secret');
writeFileSync(join(root, 'file.txt'), 'file');
symlinkSync('file.txt', join(root, 'inside'));
symlinkSync(join(root, 'docs'), join(root, 'absolute'));
symlinkSync('../secret.txt', join(root, 'outside'));
symlinkSync('/proc/self/cwd', join(root, 'magic'));
symlinkSync('/dev/null', join(root, 'device'));
execFileSync('mkfifo', [join(root, 'fifo')]);
afterAll(() => rmSync(folder, { recursive: true }));

const probe = openByKernel('/', [], 'beneath');
if (probe) closeSync(probe.descriptor);
afterEach(() => expect(openFiles(folder)).toBe(0));

/** 'file' or 'directory'; null: there is nothing; undefined: it cannot be told this way. */
function kindOf(name: string, symlinks: SymlinkPolicy): string | null | undefined {
  const opened = openByKernel(root, name === '' ? [] : name.split('/'), symlinks);
  if (!opened) return opened;
  closeSync(opened.descriptor);
  return opened.stats.isFile() ? 'file' : 'directory';
}

describe.skipIf(!probe)('openat2', () => {
  it.each([
    // path, never, beneath, follow
    ['', 'directory', 'directory', 'directory'],
    ['file.txt', 'file', 'file', 'file'],
    ['docs', 'directory', 'directory', 'directory'],
    ['inside', null, 'file', 'file'],
    ['absolute', null, undefined, 'directory'],
    ['outside', null, undefined, 'file'],
    ['magic', null, undefined, undefined],
    ['device', null, undefined, null],
    ['fifo', null, null, null],
    ['absent', null, null, null],
    ['file.txt/absent', null, null, null],
    ['x'.repeat(300), null, null, null],
    ['a\0b', undefined, undefined, undefined],
  ])('%j: %j without links, %j beneath, %j with all', (name, ...kinds) => {
    expect([kindOf(name, 'never'), kindOf(name, 'beneath'), kindOf(name, 'follow')]).toEqual(kinds);
  });

  it('tells what fstat tells, before 1970 too', () => {
    const early = new Date('1969-12-31T23:59:58.500Z');
    utimesSync(join(root, 'file.txt'), early, early);
    const opened = openByKernel(root, ['file.txt'], 'beneath');
    expect(opened).toBeTruthy();
    const { size, mtimeNs, mtime, ino, dev } = fstatSync(opened!.descriptor, { bigint: true });
    expect(mtimeNs).toBe(-1_500_000_000n);
    const { stats } = opened!;
    expect([stats.size, stats.mtimeNs, stats.ino, stats.dev]).toEqual([size, mtimeNs, ino, dev]);
    expect(stats.mtime.getTime()).toBe(mtime.getTime());
    closeSync(opened!.descriptor);
  });

  it('opens a file that stands in the place of the root, where all links are followed', () => {
    const opened = openByKernel(join(root, 'inside'), [], 'follow');
    expect(opened?.stats.isFile()).toBe(true);
    if (opened) closeSync(opened.descriptor);
  });

  it('takes no other root for this one', () => {
    const other = join(folder, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'file.txt'), 'other');
    const away = join(folder, 'away');
    renameSync(root, away);
    symlinkSync('other', root);
    try {
      expect(kindOf('file.txt', 'never')).toBeNull();
      expect(kindOf('file.txt', 'beneath')).toBeUndefined();
    } finally {
      rmSync(root);
      renameSync(away, root);
    }
  });
});

describe('without the addon or the call', () => {
  it.each([
    ['there is no addon', 0],
    ['the kernel has no such call', -38],
  ])('%s: it is asked once, and says that it cannot tell', async (_why, answer) => {
    const loadAddon = vi.fn(() => {
      if (answer === 0) throw new Error('not built');
      return { openBeneath: () => answer };
    });
    vi.doMock('../../src/server/native-addon.js', () => ({ loadAddon }));
    vi.resetModules();
    const fresh = await import('../../src/static/kernel-open.js');
    for (let round = 0; round < 3; round++) expect(fresh.openByKernel(root, ['file.txt'], 'beneath')).toBeUndefined();
    expect(loadAddon).toHaveBeenCalledTimes(1);
    vi.doUnmock('../../src/server/native-addon.js');
  });
});
