import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DiskFile } from '../../src/files.js';
import { type StaticOptions, staticFiles } from '../../src/static/index.js';
import type { Environ, HeaderList } from '../../src/types.js';
import { FileWrapper, setupTestingDefaults } from '../../src/util.js';
import { type Answer, ask } from './ask.js';

const outside = mkdtempSync(join(tmpdir(), 'uwsgiref-static-'));
const root = join(outside, 'root');
const modified = new Date('2020-02-03T04:05:06.700Z');
const openedAtFirst = openDescriptors();

function openDescriptors(): number {
  return readdirSync('/dev/fd').length;
}

function put(path: string, content: string): void {
  writeFileSync(join(outside, path), content);
  utimesSync(join(outside, path), modified, modified);
}

beforeAll(() => {
  for (const directory of ['root', 'root/docs', 'root/empty', 'root/.git', 'rootless'])
    mkdirSync(join(outside, directory));
  put('secret.txt', 'secret');
  put('rootless/file.txt', 'sibling');
  put('root/hello.txt', 'Hello, world!\n');
  put('root/page.html', '<p>');
  put('root/data', '\0');
  put('root/none.txt', '');
  put('root/docs/index.html', '<h1>');
  put('root/docs/\u00fc b.txt', 'umlaut');
  put('root/.env', 'password');
  put('root/.git/config', 'config');
  put('root/%2e%2e', 'odd name');
  symlinkSync('hello.txt', join(root, 'inside'));
  symlinkSync('../secret.txt', join(root, 'escape'));
  symlinkSync('../rootless', join(root, 'sibling'));
  symlinkSync('loop', join(root, 'loop'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
});
afterAll(() => rmSync(outside, { recursive: true }));
afterEach(() => expect(openDescriptors()).toBe(openedAtFirst));

function request(
  pathInfo: string,
  given: Record<string, unknown> = {},
  options: StaticOptions = {},
  from = root,
): Answer {
  return ask(from, pathInfo, given, options);
}

describe('a file', () => {
  it('is sent with what describes it', () => {
    const { status, headers, body } = request('/hello.txt');
    expect(status).toBe('200 OK');
    expect(body).toBe('Hello, world!\n');
    expect(headers).toEqual({
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': '14',
      'Last-Modified': 'Mon, 03 Feb 2020 04:05:06 GMT',
      ETag: expect.stringMatching(/^"e-[0-9a-z]+"$/),
      'Accept-Ranges': 'bytes',
      'X-Content-Type-Options': 'nosniff',
    });
  });

  it('is wrapped for sendfile, and open until it is closed', () => {
    const environ: Partial<Environ> = { PATH_INFO: '/hello.txt', 'wsgi.file_wrapper': FileWrapper };
    setupTestingDefaults(environ);
    const body = staticFiles(root)(environ, () => () => undefined);
    expect(body).toBeInstanceOf(FileWrapper);
    const file = (body as FileWrapper).filelike as DiskFile;
    expect(file.fileno()).toBeGreaterThan(2);
    expect([file.offset, file.length]).toEqual([0, 14]);
    (body as FileWrapper).close?.();
    expect(() => file.fileno()).toThrow(/closed/);
  });

  it('is sent by a gateway without a file wrapper, too', () => {
    expect(request('/hello.txt', { 'wsgi.file_wrapper': undefined }).body).toBe('Hello, world!\n');
  });

  it('may be empty', () => {
    expect(request('/none.txt')).toMatchObject({ status: '200 OK', headers: { 'Content-Length': '0' }, body: '' });
  });

  it.each([
    ['/page.html', 'text/html; charset=utf-8'],
    ['/data', 'application/octet-stream'],
    ['/docs/', 'text/html; charset=utf-8'],
  ])('%s has the type %s', (path, type) => {
    expect(request(path).headers['Content-Type']).toBe(type);
  });

  it('may have a name beyond ASCII', () => {
    expect(request(Buffer.from('/docs/\u00fc b.txt').toString('latin1')).body).toBe('umlaut');
  });

  it('may be reached by a symbolic link that stays inside', () => {
    expect(request('/inside').body).toBe('Hello, world!\n');
  });

  it('is not found by decoding its name twice', () => {
    expect(request('/%2e%2e').body).toBe('odd name');
    expect(request('/%2e%2e/secret.txt').status).toBe('404 Not Found');
  });

  it('carries the Cache-Control that was asked for', () => {
    expect(request('/hello.txt', {}, { cacheControl: 'no-cache' }).headers['Cache-Control']).toBe('no-cache');
  });

  it('is closed when the response cannot be started', () => {
    const environ: Partial<Environ> = { PATH_INFO: '/hello.txt' };
    setupTestingDefaults(environ);
    const fail = () => {
      throw new Error('refused');
    };
    expect(() => staticFiles(root)(environ, fail)).toThrow('refused');
  });
});

describe('HEAD', () => {
  it('has the fields of GET, without the body', () => {
    const get = request('/hello.txt');
    expect(request('/hello.txt', { REQUEST_METHOD: 'HEAD' })).toEqual({ ...get, body: '' });
    const absent = request('/absent');
    expect(request('/absent', { REQUEST_METHOD: 'HEAD' })).toEqual({ ...absent, body: '' });
  });
});

describe('a directory', () => {
  it('is its index page', () => {
    expect(request('/docs/').body).toBe('<h1>');
    expect(request('/', {}, { index: 'hello.txt' }).body).toBe('Hello, world!\n');
    expect(request('', {}, { index: 'hello.txt' }).body).toBe('Hello, world!\n');
  });

  it('without one is not found', () => {
    expect(request('/empty/').status).toBe('404 Not Found');
    expect(request('/').status).toBe('404 Not Found');
  });

  it.each([
    ['/docs', {}, './docs/'],
    ['/docs', { QUERY_STRING: 'a=b' }, './docs/?a=b'],
    ['/docs', { SCRIPT_NAME: '/mounted' }, './docs/'],
    ['', { SCRIPT_NAME: '/mounted/a\xc3\xbc:' }, './a%C3%BC%3A/'],
  ])('%j with %j redirects to %s', (path, given, location) => {
    const answer = request(path, given);
    expect(answer.status).toBe('301 Moved Permanently');
    expect(answer.headers.Location).toBe(location);
  });

  it('never is a file', () => {
    expect(request('/hello.txt/').status).toBe('404 Not Found');
    expect(request('/', {}, { index: 'docs' }).status).toBe('404 Not Found');
  });
});

describe('what is not served', () => {
  it.each([
    ['absent', '/absent'],
    ['absent in a directory that is none', '/hello.txt/absent'],
    ['the parent', '/..'],
    ['a way out', '/../secret.txt'],
    ['a way out from a directory', '/docs/../../secret.txt'],
    ['a way round', '/docs/../hello.txt'],
    ['a dot segment', '/./hello.txt'],
    ['an empty segment', '//hello.txt'],
    ['a backslash', '/docs\\index.html'],
    ['NUL', '/hello.txt\0.html'],
    ['a hidden file', '/.env'],
    ['a hidden directory', '/.git/config'],
    ['a link to the outside', '/escape'],
    ['a link to a directory whose name begins as the root does', '/sibling/file.txt'],
    ['a link to itself', '/loop'],
    ['a FIFO', '/fifo'],
    ['a name that is too long', `/${'x'.repeat(300)}`],
    ['bytes that are not UTF-8', '/\xff'],
  ])('%s', (_what, path) => {
    expect(request(path)).toMatchObject({ status: '404 Not Found', body: 'Not Found\n' });
  });

  it('a socket', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
    const { status } = request('/socket');
    await new Promise((resolve) => server.close(resolve));
    expect(status).toBe('404 Not Found');
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s', (method) => {
    const { status, headers } = request('/hello.txt', { REQUEST_METHOD: method });
    expect(status).toBe('405 Method Not Allowed');
    expect(headers.Allow).toBe('GET, HEAD');
  });

  it('a root that is not there', () => {
    expect(() => staticFiles(join(outside, 'nowhere'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('is not whatever a root behind a link has', () => {
    symlinkSync('root', join(outside, 'link'));
    expect(request('/hello.txt', {}, {}, join(outside, 'link')).body).toBe('Hello, world!\n');
  });
});

describe('a conditional request', () => {
  const status = (given: Record<string, unknown>) => request('/hello.txt', given).status.slice(0, 3);

  it('that needs nothing is answered with 304', () => {
    const { headers } = request('/hello.txt', {}, { cacheControl: 'no-cache' });
    const again = request('/hello.txt', { HTTP_IF_NONE_MATCH: headers.ETag }, { cacheControl: 'no-cache' });
    const kept: HeaderList = Object.entries(headers).filter(([name]) => !/^(Content-Type|Accept-Ranges|X-)/.test(name));
    expect(again).toEqual({ status: '304 Not Modified', headers: Object.fromEntries(kept), body: '' });
  });

  it('may name several tags, weak ones too, or any', () => {
    const etag = request('/hello.txt').headers.ETag;
    expect(status({ HTTP_IF_NONE_MATCH: `"a", W/${etag}` })).toBe('304');
    expect(status({ HTTP_IF_NONE_MATCH: `"a",${etag},"b"` })).toBe('304');
    expect(status({ HTTP_IF_NONE_MATCH: ' * ' })).toBe('304');
    expect(status({ HTTP_IF_NONE_MATCH: '"a", "b"' })).toBe('200');
    expect(status({ HTTP_IF_NONE_MATCH: '' })).toBe('200');
  });

  it('since a date without a zone means GMT, wherever the server is', () => {
    vi.stubEnv('TZ', 'America/New_York');
    const answers = ['04:05:05', '04:05:06'].map((time) =>
      status({ HTTP_IF_MODIFIED_SINCE: `Mon Feb  3 ${time} 2020` }),
    );
    vi.unstubAllEnvs();
    expect(answers).toEqual(['200', '304']);
  });

  it.each([
    ['Mon, 03 Feb 2020 04:05:06 GMT', '304'],
    ['Mon, 03 Feb 2020 04:05:07 GMT', '304'],
    ['Mon, 03 Feb 2020 04:05:05 GMT', '200'],
    ['Monday, 03-Feb-20 04:05:06 GMT', '304'],
    ['Mon Feb  3 04:05:06 2020', '304'],
    ['Mon Feb  3 04:05:05 2020', '200'],
    ['2030-01-01', '200'],
    ['Mon, 03 Foo 2030 04:05:06 GMT', '200'],
  ])('since %s is answered with %s', (date, expected) => {
    expect(status({ HTTP_IF_MODIFIED_SINCE: date })).toBe(expected);
  });

  it('goes by the tag when it has both', () => {
    const etag = request('/hello.txt').headers.ETag;
    expect(status({ HTTP_IF_NONE_MATCH: '"a"', HTTP_IF_MODIFIED_SINCE: modified.toUTCString() })).toBe('200');
    expect(status({ HTTP_IF_NONE_MATCH: etag, HTTP_IF_MODIFIED_SINCE: new Date(0).toUTCString() })).toBe('304');
  });

  it('sees a file that was changed, even to the same size', () => {
    put('root/changing', 'a');
    const before = request('/changing').headers.ETag;
    writeFileSync(join(root, 'changing'), 'b');
    expect(request('/changing', { HTTP_IF_NONE_MATCH: before })).toMatchObject({ status: '200 OK', body: 'b' });
  });
});
