import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { staticFiles } from '../../src/static/index.js';
import { MOST_ENTRIES } from '../../src/static/listing.js';
import { readableSize } from '../../src/static/listing-page.js';
import type { Application } from '../../src/types.js';
import { shiftPathInfo } from '../../src/util.js';
import { openDescriptors } from '../server/fixtures/descriptors.js';
import { started } from '../server/fixtures/started-server.js';
import { ask } from './ask.js';

const outside = mkdtempSync(join(tmpdir(), 'uwsgiref-directories-'));
const root = join(outside, 'root');
const EVIL = `<script>"&'.txt`;
const FILES: Array<[path: string, size: number, time: string]> = [
  ['file10.txt', 5, '2020-01-03T00:00:00Z'],
  ['file2.txt', 3000, '2020-01-02T00:00:00Z'],
  ['javascript:alert(1)', 1, '2020-01-04T00:00:00Z'],
  ['\u00fc 100%.txt', 7, '2020-01-01T00:00:00Z'],
  [EVIL, 0, '2020-01-05T00:00:00Z'],
];
mkdirSync(join(root, 'list/sub'), { recursive: true });
mkdirSync(join(root, 'list/.git'));
mkdirSync(join(root, 'empty'));
mkdirSync(join(root, 'both'));
for (const [name, size, time] of FILES) {
  writeFileSync(join(root, 'list', name), Buffer.alloc(size));
  utimesSync(join(root, 'list', name), new Date(time), new Date(time));
}
writeFileSync(join(outside, 'secret.txt'), 'secret');
writeFileSync(join(root, 'list/.env'), 'hidden');
writeFileSync(join(root, 'list/back\\slash'), 'never served');
writeFileSync(Buffer.concat([Buffer.from(`${root}/list/`), Buffer.from([0xff, 0xfe])]), 'no UTF-8');
symlinkSync('../../secret.txt', join(root, 'list/outside'));
symlinkSync('file2.txt', join(root, 'list/link'));
symlinkSync('nowhere', join(root, 'list/broken'));
writeFileSync(join(root, 'both/home.htm'), 'home');
writeFileSync(join(root, 'both/index.html'), 'index');
writeFileSync(join(root, 'app.html'), 'app');
writeFileSync(join(root, 'app.html.gz'), 'app as gzip');
afterAll(() => rmSync(outside, { recursive: true }));

const listing = { listing: true };
const list = (path: string, given = {}, options = {}) => ask(root, path, given, { ...listing, ...options });
const json = (path: string, given = {}, options = {}) =>
  JSON.parse(list(path, { HTTP_ACCEPT: 'application/json', ...given }, options).body) as {
    path: string;
    entries: Array<{ name: string; type: string; size: number | null; modified: string }>;
  };
const names = (query: string) => json('/list/', { QUERY_STRING: query }).entries.map(({ name }) => name);

describe('an index', () => {
  it('is the first that there is', () => {
    expect(ask(root, '/both/', {}, { index: ['absent.html', 'home.htm', 'index.html'] }).body).toBe('home');
    expect(ask(root, '/both/').body).toBe('index');
    expect(ask(root, '/both/', {}, { index: [] }).status).toBe('404 Not Found');
    expect(list('/both/').body).toBe('index');
  });
});

describe('a listing', () => {
  it('is not shown unless it is wanted', () => {
    expect(ask(root, '/list/').status).toBe('404 Not Found');
    expect(list('/list/').status).toBe('200 OK');
    expect(list('/list').status).toBe('301 Moved Permanently');
    expect(list('/app.html/').status).toBe('404 Not Found');
  });

  it('as JSON has what is served, and nothing else', () => {
    const { path, entries } = json('/list/');
    expect(path).toBe('/list/');
    expect(entries.map(({ name }) => name)).toEqual([
      'sub',
      EVIL,
      'file2.txt',
      'file10.txt',
      'javascript:alert(1)',
      'link',
      '\u00fc 100%.txt',
    ]);
    expect(entries.find(({ name }) => name === 'file2.txt')).toEqual({
      name: 'file2.txt',
      type: 'file',
      size: 3000,
      modified: '2020-01-02T00:00:00.000Z',
    });
    expect(entries[0]).toMatchObject({ type: 'directory', size: null });
  });

  it.each([
    ['all that it names', 'beneath', 'ignore'],
    ['what is hidden, where that is served', 'beneath', 'allow'],
    ['no links, where none are followed', 'never', 'ignore'],
    ['links that lead out, where all are followed', 'follow', 'ignore'],
  ] as const)('can be asked for %s', (_what, symlinks, dotfiles) => {
    const { entries } = json('/list/', {}, { symlinks, dotfiles });
    const shown = entries.map(({ name }) => name);
    expect(shown.includes('link')).toBe(symlinks !== 'never');
    expect(shown.includes('outside')).toBe(symlinks === 'follow');
    expect([shown.includes('.env'), shown.includes('.git')]).toEqual(Array(2).fill(dotfiles === 'allow'));
    for (const { name, type } of entries) {
      const path = Buffer.from(`/list/${name}`).toString('latin1');
      const { status } = list(path, {}, { symlinks, dotfiles });
      expect([name, status]).toEqual([name, type === 'file' ? '200 OK' : '301 Moved Permanently']);
    }
  });

  it('is sorted by its columns, with directories first', () => {
    const byName = [EVIL, 'file2.txt', 'file10.txt', 'javascript:alert(1)', 'link', '\u00fc 100%.txt'];
    expect(names('sort=name&order=desc')).toEqual(['sub', ...byName.toReversed()]);
    expect(names('sort=size')).toEqual([
      'sub',
      EVIL,
      'javascript:alert(1)',
      'file10.txt',
      '\u00fc 100%.txt',
      'file2.txt',
      'link',
    ]);
    expect(names('sort=modified&order=desc').slice(0, 3)).toEqual(['sub', EVIL, 'javascript:alert(1)']);
    expect(names('sort=toString&order=x')).toEqual(['sub', ...byName]);
  });

  it('as a page escapes every name, and links to it whatever it is', () => {
    const { headers, body } = list('/list/');
    expect(headers['Content-Type']).toBe('text/html; charset=utf-8');
    expect(body).not.toContain('<script');
    const links = [...body.matchAll(/<td><a href="([^"]*)">([^<]*)<\/a>/g)].map(([, href, text]) => [href, text]);
    expect(links).toEqual([
      ['./sub/', 'sub/'],
      ["./%3Cscript%3E%22%26'.txt", '&lt;script&gt;&quot;&amp;&#39;.txt'],
      ['./file2.txt', 'file2.txt'],
      ['./file10.txt', 'file10.txt'],
      ['./javascript%3Aalert(1)', 'javascript:alert(1)'],
      ['./link', 'link'],
      ['./%C3%BC%20100%25.txt', '\u00fc 100%.txt'],
    ]);
  });

  it('as a page says how it is sorted, and links to the other ways', () => {
    const { body } = list('/list/', { QUERY_STRING: 'sort=size' });
    expect(body).toContain('<th scope="col" aria-sort="ascending"><a href="?sort=size&amp;order=desc">Size</a></th>');
    expect(body).toContain('<th scope="col"><a href="?sort=name&amp;order=asc">Name</a></th>');
    expect(body).toContain('<data value="3000">2.9 KiB</data>');
    expect(body).toContain('<time datetime="2020-01-02T00:00:00.000Z">2020-01-02 00:00</time>');
    expect(body).toContain('1 directory, 6 files');
  });

  it('as a page leads up as far as its application reaches', () => {
    expect(list('/list/sub/', { SCRIPT_NAME: '/a<b' }).body).toContain(
      '<h1><a href="../../">/a&lt;b/</a><wbr><a href="../">list/</a><wbr><span aria-current="page">sub/</span></h1>',
    );
    expect(list('/list/').body).toContain('<a href="../" rel="up">');
    expect(list('/').body).not.toContain('href="../');
  });

  it('as a page lets nothing run or load', () => {
    const { headers, body } = list('/list/');
    expect(headers['Content-Security-Policy']).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]+=*';/);
    expect(body).not.toMatch(/<(?:script|img|link)|\son\w+=|\sstyle=/);
    expect(body).toContain('prefers-color-scheme: dark');
  });

  it.each([
    [undefined, 'text/html'],
    ['*/*', 'text/html'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
    ['application/json', 'application/json'],
    ['Application/JSON; charset=utf-8, text/*;q=0.5', 'application/json'],
    ['text/html;q=0.5, application/json;q=0.9', 'application/json'],
    ['text/html;q=0.9, application/json;q=0.5', 'text/html'],
    ['application/json;q=0', 'text/html'],
  ])('for %j is %s', (accept, type) => {
    const { headers } = list('/empty/', accept === undefined ? {} : { HTTP_ACCEPT: accept });
    expect(headers['Content-Type']).toMatch(new RegExp(`^${type}`));
    expect(headers.Vary).toBe('Accept');
  });

  it('to HEAD has the fields of GET', () => {
    expect(list('/list/', { REQUEST_METHOD: 'HEAD' })).toEqual({ ...list('/list/'), body: '' });
  });

  it('ends somewhere, and says so', () => {
    const folder = join(root, 'many');
    mkdirSync(folder);
    for (let number = 0; number <= MOST_ENTRIES; number++) writeFileSync(join(folder, `${number}`), '');
    expect(JSON.parse(list('/many/', { HTTP_ACCEPT: 'application/json' }).body)).toMatchObject({ cut: true });
    expect(list('/many/').body).toContain(`0 directories, ${MOST_ENTRIES} files. There are more.`);
    rmSync(join(folder, '0'));
    expect(json('/many/').entries).toHaveLength(MOST_ENTRIES);
    expect(list('/many/').body).not.toContain('There are more.');
    rmSync(folder, { recursive: true });
  });

  it('leaves no descriptor open', () => {
    const before = openDescriptors().length;
    list('/list/');
    list('/list');
    ask(root, '/list/');
    list('/app.html/');
    expect(openDescriptors()).toHaveLength(before);
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [10_188, '9.9 KiB'],
    [10_189, '10 KiB'],
    [1_048_063, '1023 KiB'],
    [1_048_064, '1.0 MiB'],
    [5_000_000_000, '4.7 GiB'],
    [Number.MAX_SAFE_INTEGER, '8.0 PiB'],
  ])('shows %i bytes as %s', (bytes, text) => {
    expect(readableSize(bytes)).toBe(text);
  });
});

describe('the fallback', () => {
  const options = { fallback: '/app.html', cacheControl: { 'app.html': 'no-cache' }, precompressed: true };

  it.each(['/', '/users', '/users/7/', '/empty/', '/a.b/c'])('stands for %s', (path) => {
    expect(ask(root, path, {}, options)).toMatchObject({
      status: '200 OK',
      body: 'app',
      headers: { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' },
    });
  });

  it.each([
    ['/missing.js', '404 Not Found'],
    ['/.env', '404 Not Found'],
    ['/../secret', '404 Not Found'],
    ['//users', '404 Not Found'],
    ['/list', '301 Moved Permanently'],
    ['/list/file2.txt', '200 OK'],
  ])('does not stand for %s', (path, status) => {
    const answer = ask(root, path, {}, options);
    expect([answer.status, answer.body === 'app']).toEqual([status, false]);
  });

  it('may be compressed, and may be missing', () => {
    expect(ask(root, '/users', { HTTP_ACCEPT_ENCODING: 'gzip' }, options).body).toBe('app as gzip');
    expect(ask(root, '/users', {}, { fallback: 'absent.html' }).status).toBe('404 Not Found');
  });
});

describe('under a prefix', () => {
  const mounted: Application = (environ, startResponse) => {
    shiftPathInfo(environ);
    return staticFiles(root, listing)(environ, startResponse);
  };

  it('every link and redirect stays there', async () => {
    const { port } = await started(mounted);
    const base = `http://127.0.0.1:${port}/m%20nt`;
    for (const [from, to] of [
      ['', '/'],
      ['/list', '/list/'],
      ['/list?sort=size', '/list/?sort=size'],
    ]) {
      const response = await fetch(base + from);
      expect([response.status, response.url]).toEqual([200, base + to]);
    }
    const page = await (await fetch(`${base}/list/`)).text();
    for (const [, href] of page.matchAll(/<a href="([^"]*)"/g)) {
      const url = new URL(href!.replaceAll('&amp;', '&'), `${base}/list/`);
      expect(url.href.startsWith(`${base}/`)).toBe(true);
      expect([href, (await fetch(url)).status]).toEqual([href, 200]);
    }
  });

  it.each(['//evil.example', '//evil.example/..', '/\\evil.example', '/%2f/evil.example', '///evil.example/%2e%2e'])(
    '%s is no other host',
    async (target) => {
      const { port } = await started(staticFiles(root, listing));
      const response = await fetch(`http://127.0.0.1:${port}/`.slice(0, -1) + target, { redirect: 'manual' });
      const location = response.headers.get('location');
      expect(location === null || location.startsWith('./')).toBe(true);
      expect(response.status).toBe(404);
    },
  );
});
