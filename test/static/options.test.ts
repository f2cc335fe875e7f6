import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type StaticOptions, staticFiles } from '../../src/static/index.js';
import { ask } from './ask.js';

const root = mkdtempSync(join(tmpdir(), 'uwsgiref-options-'));
const NAMES = ['index.html', 'docs/page.html', 'assets/a.js', 'assets/deep/b.js', 'robots.txt', '.well-known/token'];
NAMES.push('.env', 'docs/.well-known', 'docs/..odd');
for (const folder of ['docs', 'assets/deep', '.well-known']) mkdirSync(join(root, folder), { recursive: true });
for (const name of NAMES) writeFileSync(join(root, name), name);
afterAll(() => rmSync(root, { recursive: true }));

describe('cacheControl', () => {
  const cacheControl = {
    'docs/page.html': 'private',
    '*.html': 'no-cache',
    'assets/**': 'max-age=31536000, immutable',
    '/robots.txt': 'never matched',
  };

  it.each([
    ['/', 'no-cache'],
    ['/index.html', 'no-cache'],
    ['/docs/page.html', 'private'],
    ['/assets/a.js', 'max-age=31536000, immutable'],
    ['/assets/deep/b.js', 'max-age=31536000, immutable'],
    ['/robots.txt', undefined],
  ])('of %s is %j', (path, expected) => {
    expect(ask(root, path, {}, { cacheControl }).headers['Cache-Control']).toBe(expected);
  });

  it('is for files alone, and not for errors', () => {
    const options = { cacheControl: 'max-age=60' };
    expect(ask(root, '/assets/a.js', {}, options).headers['Cache-Control']).toBe('max-age=60');
    expect(ask(root, '/.well-known/token', {}, options).headers['Cache-Control']).toBe('max-age=60');
    for (const [path, given] of [
      ['/absent', {}],
      ['/docs', {}],
      ['/robots.txt', { HTTP_IF_MATCH: '"a"' }],
    ] as const) {
      expect(ask(root, path, given, options).headers).not.toHaveProperty('Cache-Control');
    }
  });
});

describe('dotfiles', () => {
  it.each([
    ['/.env', '404', '403', '200'],
    ['/.absent', '404', '403', '404'],
    ['/.git/config', '404', '403', '404'],
    ['/docs/.well-known', '404', '403', '200'],
    ['/docs/..odd', '404', '403', '200'],
    ['/docs/../.env', '404', '404', '404'],
    ['/./.env', '404', '404', '404'],
    ['/.well-known/token', '200', '200', '200'],
    ['/.well-known/.env', '404', '403', '404'],
  ])('%s is answered with %s if ignored, %s if denied, %s if allowed', (path, ...expected) => {
    const policies = ['ignore', 'deny', 'allow'] as const;
    const answers = policies.map((dotfiles) => ask(root, path, {}, { dotfiles }).status.slice(0, 3));
    expect(answers).toEqual(expected);
  });
});

describe('download', () => {
  const NAMED: Array<[name: string, disposition: string]> = [
    ['plain name.txt', 'attachment; filename="plain name.txt"'],
    ['quo"te.txt', 'attachment; filename="quo\\"te.txt"'],
    ['\u00fcber.txt', 'attachment; filename="_ber.txt"; filename*=UTF-8\'\'%C3%BCber.txt'],
    [
      "\u20ac 'a' (b)*.txt",
      "attachment; filename=\"_ 'a' (b)*.txt\"; filename*=UTF-8''%E2%82%AC%20%27a%27%20%28b%29%2A.txt",
    ],
    ['\u{1f600}.txt', 'attachment; filename="_.txt"; filename*=UTF-8\'\'%F0%9F%98%80.txt'],
    ['50%41.txt', 'attachment; filename="50%41.txt"; filename*=UTF-8\'\'50%2541.txt'],
    ['100%.txt', 'attachment; filename="100%.txt"'],
    ['line\r\nend', 'attachment; filename="line__end"; filename*=UTF-8\'\'line%0D%0Aend'],
  ];

  it.each(NAMED)('%j', (name, disposition) => {
    writeFileSync(join(root, 'docs', name), '');
    const path = Buffer.from(`/docs/${name}`).toString('latin1');
    expect(ask(root, path, {}, { download: true }).headers['Content-Disposition']).toBe(disposition);
    expect(ask(root, path).headers).not.toHaveProperty('Content-Disposition');
  });

  it.each([
    ['*.js', '/assets/deep/b.js', true],
    ['assets/*', '/assets/a.js', true],
    ['assets/*', '/assets/deep/b.js', false],
    [['*.txt', '*.js'], '/robots.txt', true],
    [[], '/robots.txt', false],
  ])('%j of %s: %s', (download, path, expected) => {
    expect('Content-Disposition' in ask(root, path, {}, { download }).headers).toBe(expected);
  });
});

describe('what is no option', () => {
  it.each<[options: object, error: typeof TypeError | typeof RangeError, message: string]>([
    [{ cacheControll: 'x' }, TypeError, "'cacheControll' is no option; there are index, cacheControl,"],
    [{ index: 1 }, TypeError, "index must be a file's name, or an array of them, got 1"],
    [{ index: [1] }, TypeError, "index must be a file's name, or an array of them, got [ 1 ]"],
    [{ index: '../x' }, RangeError, "index must be a file's name without a directory, got '../x'"],
    [{ index: '.' }, RangeError, "index must be a file's name without a directory, got '.'"],
    [{ index: '' }, RangeError, "index must be a file's name without a directory, got ''"],
    [{ cacheControl: 1 }, TypeError, 'cacheControl must be a string, or an object of them by glob, got 1'],
    [{ cacheControl: null }, TypeError, 'cacheControl must be a string, or an object of them by glob, got null'],
    [{ cacheControl: { '*': 1 } }, TypeError, "cacheControl['*'] must be a string, got 1"],
    [{ cacheControl: 'a\r\nb' }, RangeError, 'cacheControl must be one or more visible ASCII characters'],
    [{ cacheControl: '' }, RangeError, 'cacheControl must be one or more visible ASCII characters'],
    [{ cacheControl: { '': 'x' } }, RangeError, "cacheControl must have globs that match something, got ''"],
    [{ precompressed: 'br' }, TypeError, "precompressed must be true, false, or an array of codings, got 'br'"],
    [{ precompressed: ['deflate'] }, RangeError, "precompressed must be one of 'br', 'zstd', 'gzip', got 'deflate'"],
    [{ listing: 'yes' }, TypeError, "listing must be true or false, got 'yes'"],
    [{ fallback: true }, TypeError, "fallback must be a file's path, got true"],
    [{ fallback: '../x' }, RangeError, "fallback must be the path of a file beneath the root, got '../x'"],
    [{ fallback: '/' }, RangeError, "fallback must be the path of a file beneath the root, got '/'"],
    [{ download: 1 }, TypeError, 'download must be true, false, or one or more globs, got 1'],
    [{ symlinks: true }, RangeError, "symlinks must be one of 'beneath', 'follow', 'never', got true"],
    [{ dotfiles: 'hide' }, RangeError, "dotfiles must be one of 'ignore', 'deny', 'allow', got 'hide'"],
  ])('%j', (options, error, message) => {
    const make = () => staticFiles(root, options as StaticOptions);
    expect(make).toThrow(error);
    expect(make).toThrow(message);
  });

  it('a root that is no directory', () => {
    expect(() => staticFiles(join(root, 'robots.txt'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  });
});
