import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openBeneath, openChecked, openPinned, type SymlinkPolicy } from '../../src/static/beneath.js';
import { openDescriptors } from '../server/fixtures/descriptors.js';
import { Program } from '../server/fixtures/program.js';

const outside = realpathSync(mkdtempSync(join(tmpdir(), 'uwsgiref-beneath-')));
const root = join(outside, 'root');
mkdirSync(join(root, 'docs'), { recursive: true });
mkdirSync(join(outside, 'root2'));
writeFileSync(join(outside, 'secret.txt'), 'secret');
writeFileSync(join(outside, 'root2/secret.txt'), 'secret');
writeFileSync(join(root, 'file.txt'), 'file');
writeFileSync(join(root, 'docs/page.txt'), 'page');
writeFileSync(join(root, 'odd (deleted)'), 'odd');
symlinkSync('file.txt', join(root, 'inside'));
symlinkSync(join(root, 'docs'), join(root, 'absolute-inside'));
symlinkSync('..', join(root, 'docs/up'));
symlinkSync('../root/file.txt', join(root, 'out-and-in'));
symlinkSync('../secret.txt', join(root, 'outside'));
symlinkSync('../root2', join(root, 'sibling'));
// As the kernel calls what was deleted from where the root and a link of it are.
writeFileSync(join(outside, 'root (deleted)'), 'secret');
symlinkSync('../root (deleted)', join(root, 'deleted-root'));
symlinkSync('link (deleted)', join(root, 'link'));
writeFileSync(join(root, 'link (deleted)'), 'other');
symlinkSync('loop', join(root, 'loop'));
symlinkSync('nowhere', join(root, 'broken'));
symlinkSync('/dev/zero', join(root, 'device'));
execFileSync('mkfifo', [join(root, 'fifo')]);
afterAll(() => rmSync(outside, { recursive: true }));

const ways = [
  ['what the kernel finds beneath', undefined],
  ['what is pinned', openPinned],
  ['what is looked at twice', openChecked],
] as const;

describe.skipIf(process.platform !== 'linux').each(ways)('opening %s', (_way, open) => {
  function read(path: string, symlinks: SymlinkPolicy): string | null {
    const before = openDescriptors().length;
    const opened = openBeneath(root, path.split('/'), symlinks, open);
    if (opened === null) {
      expect(openDescriptors()).toHaveLength(before);
      return null;
    }
    expect(openDescriptors()).toHaveLength(before + 1);
    expect(fstatSync(opened.descriptor, { bigint: true }).ino).toBe(opened.stats.ino);
    const text = opened.stats.isDirectory() ? 'directory' : readFileSync(opened.path, 'utf8');
    closeSync(opened.descriptor);
    return text;
  }

  it.each([
    // path, never, beneath, follow
    ['file.txt', 'file', 'file', 'file'],
    ['docs', 'directory', 'directory', 'directory'],
    ['docs/page.txt', 'page', 'page', 'page'],
    ['odd (deleted)', 'odd', 'odd', 'odd'],
    ['inside', null, 'file', 'file'],
    ['absolute-inside', null, 'directory', 'directory'],
    ['absolute-inside/page.txt', null, 'page', 'page'],
    ['docs/up/file.txt', null, 'file', 'file'],
    ['docs/up', null, 'directory', 'directory'],
    ['out-and-in', null, 'file', 'file'],
    ['outside', null, null, 'secret'],
    ['sibling/secret.txt', null, null, 'secret'],
    ['sibling', null, null, 'directory'],
    ['deleted-root', null, null, 'secret'],
    ['link', null, 'other', 'other'],
    ['loop', null, null, null],
    ['broken', null, null, null],
    ['device', null, null, null],
    ['fifo', null, null, null],
    ['absent', null, null, null],
    ['file.txt/absent', null, null, null],
    ['x'.repeat(300), null, null, null],
    [Array(2000).fill('xx').join('/'), null, null, null],
  ])('%s: %j without links, %j beneath, %j with all', (path, never, beneath, follow) => {
    expect([read(path, 'never'), read(path, 'beneath'), read(path, 'follow')]).toEqual([never, beneath, follow]);
  });

  it('the root itself', () => {
    for (const symlinks of ['never', 'beneath', 'follow'] as const) {
      const opened = openBeneath(root, [], symlinks, open);
      expect(opened?.stats.ino).toBe(lstatSync(root, { bigint: true }).ino);
      if (opened !== null) closeSync(opened.descriptor);
    }
  });

  it('a root that is the root of all', () => {
    const opened = openBeneath('/', root.slice(1).split('/').concat('file.txt'), 'beneath', open);
    expect(opened?.stats.size).toBe(4n);
    if (opened !== null) closeSync(opened.descriptor);
  });

  it('fails where it cannot be known whether there is something', () => {
    expect(() => openBeneath(root, ['a\0b'], 'beneath', open)).toThrow();
  });
});

describe.skipIf(process.platform !== 'linux')('a directory that turns into a link to the outside', () => {
  // What somebody may do who writes beneath the root: over and over, as fast as a process can.
  const SWAP = `
    const { renameSync } = require('node:fs');
    process.stdout.write('swapping');
    for (;;) {
      renameSync('turning', 'put-away');
      renameSync('trap', 'turning');
      renameSync('turning', 'trap');
      renameSync('put-away', 'turning');
    }`;

  it('never leads there', async () => {
    mkdirSync(join(root, 'turning'));
    writeFileSync(join(root, 'turning/secret.txt'), 'mine');
    symlinkSync('../root2', join(root, 'trap'));
    const program = new Program(process.execPath, ['-e', SWAP], { cwd: root });
    await program.says(/swapping/);
    const seen = { mine: 0, secret: 0, nothing: 0 };
    for (let attempt = 0; attempt < 10_000; attempt++) {
      const opened = openBeneath(root, ['turning', 'secret.txt'], 'beneath', attempt % 2 ? openPinned : undefined);
      if (opened === null) {
        seen.nothing++;
        continue;
      }
      seen[readFileSync(opened.path, 'utf8') as 'mine' | 'secret']++;
      closeSync(opened.descriptor);
    }
    program.process.kill('SIGKILL');
    await program.ended;
    expect(seen.secret).toBe(0);
    expect(seen.mine).toBeGreaterThan(0);
    expect(seen.nothing).toBeGreaterThan(0);
  });
});
