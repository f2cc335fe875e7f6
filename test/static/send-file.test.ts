import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type SendFileOptions, sendFile, type XSendfileOptions, xSendfile } from '../../src/static/index.js';
import { MemoryErrors } from '../../src/streams.js';
import type { Application, Environ, HeaderList, ResponseBody } from '../../src/types.js';
import { FileWrapper, setupTestingDefaults } from '../../src/util.js';
import { validator } from '../../src/validate.js';
import { curl } from '../server/fixtures/curl.js';
import { openFiles } from '../server/fixtures/descriptors.js';
import { plain, started } from '../server/fixtures/started-server.js';

const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-send-file-'));
const root = join(folder, 'root');
mkdirSync(join(root, 'deep'), { recursive: true });
writeFileSync(join(folder, 'secret.txt'), 'secret');
writeFileSync(join(root, 'hello.txt'), 'Hello, world!\n');
writeFileSync(join(root, 'deep/\u00fc b.html'), '<p>');
symlinkSync('../secret.txt', join(root, 'escape'));
symlinkSync('root', join(folder, 'link'));
execFileSync('mkfifo', [join(root, 'fifo')]);
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => expect(openFiles(folder)).toBe(0));

interface Answer {
  status: string;
  headers: HeaderList;
  fields: Record<string, string>;
  body: string;
  log: string;
}

/** Asks an application under the validator. */
async function ask(app: Application, given: Partial<Environ> = {}): Promise<Answer> {
  const errors = new MemoryErrors();
  const environ: Partial<Environ> = { QUERY_STRING: '', 'wsgi.errors': errors, ...given };
  setupTestingDefaults(environ);
  const answer: Answer = { status: '', headers: [], fields: {}, body: '', log: '' };
  const body: ResponseBody = await validator(app)(environ, (status, headers) => {
    Object.assign(answer, { status, headers, fields: Object.fromEntries(headers) });
    return () => undefined;
  });
  for await (const block of body as AsyncIterable<Uint8Array>) answer.body += Buffer.from(block).toString();
  await body.close?.();
  answer.log = errors.text;
  return answer;
}

describe('sendFile', () => {
  const send =
    (path: string, options?: SendFileOptions): Application =>
    (environ, startResponse) =>
      sendFile(environ, startResponse, path, options);
  const hello = join(root, 'hello.txt');

  it('answers as staticFiles does', async () => {
    const { status, fields, body } = await ask(send(hello));
    expect([status, body]).toEqual(['200 OK', 'Hello, world!\n']);
    expect(fields).toMatchObject({ 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': '14' });
    expect(fields['Accept-Ranges']).toBe('bytes');
    const part = await ask(send(hello), { HTTP_RANGE: 'bytes=7-11' });
    expect([part.status, part.body]).toEqual(['206 Partial Content', 'world']);
    expect((await ask(send(hello), { HTTP_RANGE: 'bytes=99-' })).status).toBe('416 Range Not Satisfiable');
    expect((await ask(send(hello), { HTTP_IF_NONE_MATCH: fields.ETag })).status).toBe('304 Not Modified');
    expect((await ask(send(hello), { HTTP_IF_MATCH: '"x"' })).status).toBe('412 Precondition Failed');
    expect((await ask(send(hello), { REQUEST_METHOD: 'HEAD' })).body).toBe('');
  });

  it('goes by the options', async () => {
    const headers: HeaderList = [
      ['Set-Cookie', 'a=b'],
      ['Set-Cookie', 'c=d'],
    ];
    const options = { name: 'r\u00e9sum\u00e9.pdf', cacheControl: 'private', download: true, headers };
    const { fields, headers: sent } = await ask(send(hello, options));
    expect(fields).toMatchObject({ 'Content-Type': 'application/pdf', 'Cache-Control': 'private' });
    expect(fields['Content-Disposition']).toBe(
      'attachment; filename="r_sum_.pdf"; filename*=UTF-8\'\'r%C3%A9sum%C3%A9.pdf',
    );
    expect(sent.filter(([name]) => name === 'Set-Cookie')).toEqual(headers);
    expect((await ask(send(hello, { type: 'text/x-own' }))).fields['Content-Type']).toBe('text/x-own');
  });

  it('answers any other method with the whole file', async () => {
    const given = { REQUEST_METHOD: 'POST', HTTP_RANGE: 'bytes=7-11', HTTP_IF_NONE_MATCH: '*' };
    expect(await ask(send(hello), given)).toMatchObject({ status: '200 OK', body: 'Hello, world!\n' });
  });

  it('follows links, and throws where there is no file', async () => {
    expect((await ask(send(join(root, 'escape')))).body).toBe('secret');
    for (const name of ['absent', 'deep', 'fifo']) {
      await expect(ask(send(join(root, name)))).rejects.toMatchObject({ code: 'ENOENT', path: join(root, name) });
    }
  });
});

describe('xSendfile', () => {
  /** Answers with the field, and fields of its own. */
  function naming(value: string, field = 'X-Sendfile', ...more: HeaderList): Application {
    return (_environ, startResponse) => {
      startResponse('200 OK', [...more, [field, value]]);
      return ['not this'];
    };
  }
  const under = (app: Application, options = {}) => xSendfile(validator(app), { root, ...options });
  const TYPE: HeaderList[number] = ['Content-Type', 'text/x-own'];

  it('sends the file in place of the body, with the fields of both', async () => {
    const more: HeaderList = [
      TYPE,
      ['Content-Length', '8'],
      ['ETag', '"own"'],
      ['Content-Disposition', 'attachment; filename="x"'],
      ['Cache-Control', 'private'],
      ['Set-Cookie', 'a=b'],
      ['Set-Cookie', 'c=d'],
    ];
    const app = under(naming('hello.txt', 'x-sendfile', ...more));
    const { status, headers, fields, body, log } = await ask(app);
    expect([status, body, log]).toEqual(['200 OK', 'Hello, world!\n', '']);
    expect(fields).toEqual({
      'Content-Type': 'text/x-own',
      'Content-Length': '14',
      'Content-Disposition': 'attachment; filename="x"',
      'Cache-Control': 'private',
      'Set-Cookie': 'c=d',
      ETag: expect.stringMatching(/^"e-/),
      'Last-Modified': expect.any(String),
      'Accept-Ranges': 'bytes',
      'X-Content-Type-Options': 'nosniff',
    });
    expect(headers).toHaveLength(Object.keys(fields).length + 1);

    const part = await ask(app, { HTTP_RANGE: 'bytes=0-4' });
    expect([part.status, part.body, part.fields['Set-Cookie']]).toEqual(['206 Partial Content', 'Hello', 'c=d']);
    const unchanged = await ask(app, { HTTP_IF_NONE_MATCH: fields.ETag });
    expect(unchanged.status).toBe('304 Not Modified');
    expect(unchanged.fields).toMatchObject({ 'Cache-Control': 'private', 'Set-Cookie': 'c=d' });
    expect(unchanged.fields).not.toHaveProperty('Content-Disposition');
    const failed = await ask(app, { HTTP_IF_MATCH: '"own"' });
    expect([failed.status, failed.fields['Set-Cookie']]).toEqual(['412 Precondition Failed', 'c=d']);
    expect((await ask(app, { REQUEST_METHOD: 'HEAD' })).fields['Content-Length']).toBe('14');
  });

  it.each([
    ['hello.txt', {}, 'Hello, world!\n'],
    ['/hello.txt', { field: 'X-Accel-Redirect' }, 'Hello, world!\n'],
    ['/deep/%C3%BC%20b.html?x', { field: 'X-Accel-Redirect' }, '<p>'],
    ['deep/\xc3\xbc b.html', {}, '<p>'],
    [join(root, 'hello.txt'), {}, 'Hello, world!\n'],
    [join(folder, 'link/hello.txt'), { root: join(folder, 'link') }, 'Hello, world!\n'],
    [join(root, 'hello.txt'), { root: join(folder, 'link') }, 'Hello, world!\n'],
    ['escape', { symlinks: 'follow' as const }, 'secret'],
  ])('%s with %o is %j', async (value, options: Partial<XSendfileOptions>, body) => {
    expect(await ask(under(naming(value, options.field, TYPE), options))).toMatchObject({ status: '200 OK', body });
  });

  it.each([
    ['absent.txt', {}, '404 Not Found'],
    ['deep', {}, '404 Not Found'],
    ['fifo', {}, '404 Not Found'],
    ['escape', {}, '404 Not Found'],
    ['../secret.txt', {}, '500 Internal Server Error'],
    ['deep/../../secret.txt', {}, '500 Internal Server Error'],
    [join(folder, 'secret.txt'), {}, '500 Internal Server Error'],
    [`${root}2/hello.txt`, {}, '500 Internal Server Error'],
    [`${root}/../secret.txt`, {}, '500 Internal Server Error'],
    ['/hello.txt', {}, '500 Internal Server Error'],
    ['', {}, '500 Internal Server Error'],
    ['deep/', {}, '500 Internal Server Error'],
    ['/%2e%2e/secret.txt', { field: 'X-Accel-Redirect' }, '500 Internal Server Error'],
    ['/..%2fsecret.txt', { field: 'X-Accel-Redirect' }, '500 Internal Server Error'],
    ['/hello.txt%00', { field: 'X-Accel-Redirect' }, '500 Internal Server Error'],
  ])('%j with %o is %s, and reported', async (value, options: { field?: string }, status) => {
    const answer = await ask(under(naming(value, options.field, TYPE), options));
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain('secret');
    expect(answer.log).toMatch(/^uwsgiref: X-\w+(-\w+)?: '.*' is no [^\n]*\n$/);
    expect(Object.keys(answer.fields).join()).not.toMatch(/x-/i);
  });

  it('keeps a status other than 200, with the whole file', async () => {
    const app: Application = (_environ, startResponse) => {
      startResponse('404 Not Found', [TYPE, ['X-Sendfile', 'hello.txt']]);
      return [];
    };
    const answer = await ask(under(app), { HTTP_RANGE: 'bytes=0-4', HTTP_IF_NONE_MATCH: '*' });
    expect(answer).toMatchObject({ status: '404 Not Found', body: 'Hello, world!\n' });
  });

  it('leaves other answers as they are, whatever kind they are of', async () => {
    const file: Application = (_environ, startResponse) => {
      startResponse('200 OK', plain());
      return new FileWrapper({ read: () => Buffer.alloc(0) });
    };
    const environ: Partial<Environ> = {};
    setupTestingDefaults(environ);
    expect(xSendfile(file, { root })(environ, () => () => undefined)).toBeInstanceOf(FileWrapper);

    let closed = 0;
    const late: Application[] = [
      (_environ, startResponse) =>
        (function* () {
          startResponse('200 OK', plain());
          yield 'one ';
          yield 'two';
        })(),
      (_environ, startResponse) =>
        Object.assign(
          (async function* () {
            startResponse('200 OK', plain());
            yield 'one ';
            yield 'two';
          })(),
          { close: () => void closed++ },
        ),
      async (_environ, startResponse) => {
        startResponse('200 OK', plain());
        return ['one ', 'two'];
      },
    ];
    for (const app of late) expect(await ask(under(app))).toMatchObject({ status: '200 OK', body: 'one two' });
    expect(closed).toBe(1);
  });

  it('closes the body of an application that names a file, however late it does', async () => {
    let closed = 0;
    let ended = 0;
    const blocks = function* (startResponse: Parameters<Application>[1]) {
      try {
        startResponse('200 OK', plain(['X-Sendfile', 'hello.txt']));
        yield 'not this';
      } finally {
        ended++;
      }
    };
    const apps: Application[] = [
      (_environ, startResponse) => Object.assign(blocks(startResponse), { close: () => void closed++ }),
      (_environ, startResponse) =>
        Object.assign(
          (async function* () {
            yield* blocks(startResponse);
          })(),
          { close: async () => void closed++ },
        ),
      async (_environ, startResponse) => {
        startResponse('200 OK', plain(['X-Sendfile', 'hello.txt']))('not this');
        return Object.assign(['nor this'], { close: async () => void closed++ });
      },
    ];
    for (const app of apps) expect((await ask(xSendfile(app, { root }))).body).toBe('Hello, world!\n');
    expect({ closed, ended }).toEqual({ closed: 3, ended: 2 });
  });

  it('closes a body that fails before its first block', async () => {
    let closed = 0;
    const app: Application = () => ({
      [Symbol.iterator]: () => ({
        next: () => {
          throw new Error('broken');
        },
      }),
      close: () => void closed++,
    });
    await expect(ask(xSendfile(app, { root }))).rejects.toThrow('broken');
    expect(closed).toBe(1);
  });

  it('sends an error instead where the application replaces its answer', async () => {
    const app: Application = (_environ, startResponse) => {
      startResponse('200 OK', plain(['X-Sendfile', 'hello.txt']));
      expect(() => startResponse('200 OK', plain())).toThrow('Headers already set');
      startResponse('503 Busy', plain(), new Error('busy'));
      return ['busy'];
    };
    expect(await ask(under(app))).toMatchObject({ status: '503 Busy', body: 'busy' });
  });

  it('refuses a root that is none', () => {
    expect(() => xSendfile(naming('x'), { root: join(root, 'hello.txt') })).toThrow(/is not a directory/);
    expect(() => xSendfile(naming('x'), { root: join(root, 'absent') })).toThrow(/ENOENT/);
  });

  it('works at the server, with a client that resumes', async () => {
    const app: Application = (_environ, startResponse) => {
      startResponse('200 OK', plain(['X-Sendfile', 'hello.txt']));
      return [];
    };
    const { server, port, errors } = await started(xSendfile(app, { root }));
    const { output, code } = await curl(['-i', '-C', '7', `http://127.0.0.1:${port}/`]);
    expect(code).toBe(0);
    expect(output.toString()).toMatch(/^HTTP\/1.1 206 .*Content-Range: bytes 7-13\/14\r\n(?:.*\r\n)?\r\nworld!\n$/s);
    expect(output.toString()).not.toMatch(/x-sendfile/i);
    expect(errors.text).toBe('');
    await server.close({ graceMs: 1000 });
  });
});
