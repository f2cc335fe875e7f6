import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFile } from '../../src/files.js';
import { demoApp } from '../../src/simple-server.js';
import type { Application } from '../../src/types.js';
import { validator } from '../../src/validate.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { later, plain, started, temporaryFolder } from './fixtures/started-server.js';

const warnings: Error[] = [];
const note = (warning: Error) => warnings.push(warning);
beforeEach(() => {
  warnings.length = 0;
  process.on('warning', note);
});
afterEach(() => {
  process.off('warning', note);
});

/** Reads the request's body by every method, and answers in every way that the path names. */
function application(path: string): Application {
  return (environ, startResponse) => {
    const input = environ['wsgi.input'];
    const read = [input.readline(), input.read(2), ...input.readlines(), input.read(-1)];
    environ['wsgi.errors'].write('a word\n');
    environ['wsgi.errors'].flush();
    switch (environ.PATH_INFO) {
      case '/generator':
        return (function* () {
          startResponse('200 OK', plain());
          yield* read;
        })();
      case '/async':
        return later(1).then(() => {
          startResponse('200 OK', plain());
          return (async function* () {
            yield* read;
          })();
        });
      case '/write': {
        const write = startResponse('200 OK', plain());
        for (const part of read) write(part);
        return [];
      }
      case '/file':
        startResponse('200 OK', plain());
        return new environ['wsgi.file_wrapper']!(openFile(path));
      case '/empty':
        startResponse('204 No Content', []);
        return [];
      default:
        startResponse('200 OK', plain());
        return read;
    }
  };
}

describe('under the validator', () => {
  it('the server breaks no rule, whatever is asked and answered', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, 'content');
    const { port, errors } = await started(validator(application(file)));
    const body = 'first\nsecond\nthird';
    for (const path of ['/', '/generator', '/async', '/write', '/file', '/empty', '/%c3%a9?q=%20']) {
      const client = await RawClient.open(port);
      const expected = path === '/file' ? 'content' : path === '/empty' ? '' : body;
      client.send(get(path));
      client.send(request('POST', path, `Content-Length: ${body.length}`) + body);
      client.send(
        `${request('PUT', path, 'Transfer-Encoding: chunked')}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      );
      client.send(request('HEAD', path, 'Cookie: a', 'Cookie: b', 'X-A: b', 'x_a: c'));
      expect((await client.response()).body.toString()).toBe(path === '/file' ? 'content' : '');
      expect((await client.response()).body.toString()).toBe(expected);
      expect((await client.response()).body.toString()).toBe(expected);
      await client.response('HEAD');
      client.send(`POST ${path} HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      expect((await client.response()).body.toString()).toBe(expected);
    }
    const client = await RawClient.open(port);
    for (const target of ['http://example.test', 'http://example.test/absolute?x']) {
      expect((await client.send(get(target)).response()).status).toBe(200);
    }
    expect((await client.send(request('OPTIONS', '*')).response()).status).toBe(200);
    expect(errors.text.replaceAll('a word\n', '')).toBe('');
    expect(warnings).toEqual([]);
  });

  it('a body that stays in a temporary file is an input like any other', async () => {
    const { port, errors } = await started(
      validator((environ, startResponse) => {
        let length = 0;
        for (const line of environ['wsgi.input']) length += line.length;
        startResponse('200 OK', plain());
        return [String(length)];
      }),
    );
    const client = await RawClient.open(port);
    const body = `${'x'.repeat(99)}\n`.repeat(10_000);
    client.send(request('POST', '/', `Content-Length: ${body.length}`) + body);
    expect((await client.response()).body.toString()).toBe('1000000');
    expect(errors.text).toBe('');
  });

  it('the demo application passes, too', async () => {
    const { port, errors } = await started(validator(demoApp));
    const client = await RawClient.open(port);
    const { body } = await client.send(get('/demo')).response();
    expect(body.toString()).toMatch(/^Hello world!\n\n[\s\S]*PATH_INFO = '\/demo'\n/);
    expect(errors.text).toBe('');
    expect(warnings).toEqual([]);
  });
});
