import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { stream, streamSSE } from 'hono/streaming';
import { describe, expect, it } from 'vitest';
import { type FetchHandler, fromFetch } from '../src/fetch.js';
import { mount } from '../src/mount.js';
import { MemoryInput } from '../src/streams.js';
import type { Application, Environ } from '../src/types.js';
import { setupTestingDefaults } from '../src/util.js';
import { validator } from '../src/validate.js';
import { curl } from './server/fixtures/curl.js';
import { get, RawClient, request } from './server/fixtures/raw-client.js';
import { gate, started, temporaryFolder, until } from './server/fixtures/started-server.js';

function environOf(given: Partial<Environ> = {}): Environ {
  const environ: Partial<Environ> = { QUERY_STRING: '', ...given };
  setupTestingDefaults(environ);
  return environ;
}

/** The request that a handler gets for an environ; null where it gets none, with the status of the answer. */
async function requestFor(given: Partial<Environ>): Promise<{ request: Request | null; status: string }> {
  let seen: Request | null = null;
  let answered = '';
  const app = fromFetch((request) => {
    seen = request;
    return new Response('x');
  });
  await app(environOf(given), (status) => {
    answered = status;
    return () => undefined;
  });
  return { request: seen, status: answered };
}

describe('the request', () => {
  it.each([
    [{ PATH_INFO: '/a b/\xc3\xbc' }, 'http://127.0.0.1/a%20b/%C3%BC'],
    [{ SCRIPT_NAME: '/s', PATH_INFO: '/a', QUERY_STRING: 'b=c&d' }, 'http://127.0.0.1/s/a?b=c&d'],
    [{ SCRIPT_NAME: '/s', PATH_INFO: '' }, 'http://127.0.0.1/s'],
    [{ PATH_INFO: '' }, 'http://127.0.0.1/'],
    [{ PATH_INFO: '/?#\\%' }, 'http://127.0.0.1/%3F%23%5C%25'],
    [{ PATH_INFO: '//evil.example/x' }, 'http://127.0.0.1//evil.example/x'],
    [{ PATH_INFO: '/', QUERY_STRING: 'a#b\xfc' }, 'http://127.0.0.1/?a%23b%FC'],
    // The target as it came, if it is still what is asked for.
    [{ PATH_INFO: '/a/b', REQUEST_URI: '/a%2Fb?x' }, 'http://127.0.0.1/a%2Fb'],
    [{ PATH_INFO: '/a/b', REQUEST_URI: 'http://h/a%2fb' }, 'http://127.0.0.1/a%2fb'],
    [{ SCRIPT_NAME: '/a', PATH_INFO: '/b', REQUEST_URI: '/a/%62' }, 'http://127.0.0.1/a/%62'],
    [{ PATH_INFO: '/other', REQUEST_URI: '/a' }, 'http://127.0.0.1/other'],
    [{ PATH_INFO: '/%2e%2e/a', REQUEST_URI: '/%252e%252e/a' }, 'http://127.0.0.1/%252e%252e/a'],
    [{ HTTP_HOST: 'example.test:8080', PATH_INFO: '/' }, 'http://example.test:8080/'],
    [{ HTTP_HOST: '[::1]:80', PATH_INFO: '/' }, 'http://[::1]/'],
    [{ HTTP_HOST: '', SERVER_NAME: '::1', SERVER_PORT: '81', PATH_INFO: '/' }, 'http://[::1]:81/'],
    [{ HTTPS: 'on', HTTP_HOST: 'a', PATH_INFO: '/' }, 'https://a/'],
  ])('of %o is for %s', async (given, url) => {
    expect((await requestFor(given)).request?.url).toBe(url);
  });

  it.each([
    { HTTP_HOST: 'a b' },
    { HTTP_HOST: 'user@a' },
    { HTTP_HOST: 'a/b' },
    { HTTP_HOST: 'a?b' },
    { HTTP_HOST: 'a\\b' },
    { HTTP_HOST: 'a:b' },
    { HTTP_HOST: 'a:99999' },
    { HTTP_HOST: '1.2.3.256' },
    { HTTP_HOST: '[::1' },
    // The URL would be that of another path.
    { PATH_INFO: '/a/../admin' },
    { PATH_INFO: '/a/..' },
    { PATH_INFO: '/./admin' },
    { PATH_INFO: '/../admin', REQUEST_URI: '/%2E%2e/admin' },
    { SCRIPT_NAME: '/a', PATH_INFO: '/../admin' },
  ])('is refused for %o', async (given) => {
    expect(await requestFor({ PATH_INFO: '/', ...given })).toEqual({ request: null, status: '400 Bad Request' });
  });

  it.each(['TRACE', 'CONNECT', 'TRACK'])('cannot be %s', async (REQUEST_METHOD) => {
    expect(await requestFor({ REQUEST_METHOD })).toEqual({ request: null, status: '501 Not Implemented' });
  });

  it('has method, fields and body', async () => {
    const { request } = await requestFor({
      REQUEST_METHOD: 'PURGE',
      CONTENT_TYPE: 'text/x',
      CONTENT_LENGTH: '5',
      HTTP_X_LONG_NAME: 'one,two \xfc',
      HTTP_COOKIE: 'a=b; c=d',
      'wsgi.input': new MemoryInput('hello, and more'),
    });
    expect(request?.method).toBe('PURGE');
    expect(Object.fromEntries(request!.headers)).toEqual({
      host: '127.0.0.1',
      'content-type': 'text/x',
      'content-length': '5',
      'x-long-name': 'one,two \xfc',
      cookie: 'a=b; c=d',
    });
    expect(await request!.text()).toBe('hello');
  });

  it('of a chunked body has what the gateway has', async () => {
    const given = { REQUEST_METHOD: 'POST', HTTP_TRANSFER_ENCODING: 'chunked', 'wsgi.input_terminated': true };
    const { request } = await requestFor({ ...given, 'wsgi.input': new MemoryInput('x'.repeat(200_000)) });
    expect((await request!.text()).length).toBe(200_000);
    expect((await requestFor({ REQUEST_METHOD: 'POST' })).request?.body).toBeNull();
    expect((await requestFor({ CONTENT_LENGTH: '3', 'wsgi.input': new MemoryInput('abc') })).request?.body).toBeNull();
  });

  it('is read no further than it is wanted', async () => {
    const reads: number[] = [];
    const input = new MemoryInput(Buffer.alloc(1_000_000));
    const read = input.read.bind(input);
    input.read = (size) => {
      reads.push(size ?? -1);
      return read(size);
    };
    const { request } = await requestFor({ REQUEST_METHOD: 'POST', CONTENT_LENGTH: '1000000', 'wsgi.input': input });
    expect(reads).toEqual([]);
    const reader = request!.body!.getReader();
    await reader.read();
    await reader.read();
    expect(reads).toEqual([65536, 65536]);
  });
});

describe('fromFetch', () => {
  it.each([null, undefined, {}, 'x', { fetch: 1 }])('refuses %o', (handler) => {
    expect(() => fromFetch(handler as never)).toThrow(/takes a function, or an object with a method fetch/);
  });

  it('calls fetch as a method, with the environ', async () => {
    const object = {
      greeting: 'hello',
      fetch(_request: Request, environ: Environ) {
        return new Response(`${this.greeting} ${String(environ.REMOTE_ADDR)}`);
      },
    };
    const { port } = await started(validator(fromFetch(object)));
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('hello 127.0.0.1');
  });

  it.each<[string, FetchHandler, RegExp]>([
    ['throws', () => Promise.reject(new Error('broken')), /Error: broken/],
    ['throws at once', () => JSON.parse('{'), /SyntaxError/],
    ['answers nothing', () => undefined as never, /must answer with a Response, got undefined/],
    ['answers an error', () => Response.error(), /answered with 0/],
    [
      'answers with a body that fails at once',
      () => new Response(new ReadableStream({ start: (c) => c.error(new Error('no body')) })),
      /Error: no body/,
    ],
    [
      'answers with a body that was read',
      async () => {
        const response = new Response('x');
        await response.text();
        return response;
      },
      /TypeError/,
    ],
  ])('answers 500 where the handler %s', async (_name, handler, message) => {
    const { port, errors } = await started(fromFetch(handler));
    const response = await fetch(`http://127.0.0.1:${port}`);
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('A server error occurred')]);
    expect(errors.text).toMatch(message);
  });

  it('breaks the connection off where a body fails on its way', async () => {
    let pulls = 0;
    const pull = async (controller: ReadableStreamDefaultController) => {
      await new Promise(setImmediate);
      if (++pulls < 3) controller.enqueue(Buffer.from('part'));
      else controller.error(new Error('halfway'));
    };
    const { port, errors } = await started(fromFetch(() => new Response(new ReadableStream({ pull }))));
    const client = await RawClient.open(port);
    const received = (await client.send(get('/')).end()).toString();
    expect(received).toContain('4\r\npart\r\n4\r\npart\r\n');
    expect(received).not.toContain('0\r\n\r\n');
    expect(errors.text).toContain('Error: halfway');
  });

  it.each<[string, () => Response, string[]]>([
    ['one block, with its length', () => new Response('hello'), ['200 OK', 'content-length: 5', 'hello']],
    ['nothing', () => new Response(null), ['200 OK', 'content-length: 0', '']],
    ['an empty text', () => new Response(''), ['200 OK', 'content-length: 0', '']],
    ['204', () => new Response(null, { status: 204 }), ['204 No Content', '', '']],
    ['304', () => new Response(null, { status: 304, headers: { ETag: '"x"' } }), ['304 Not Modified', 'etag: "x"', '']],
    ['a reason', () => new Response('x', { status: 299, statusText: 'As It Is' }), ['299 As It Is', '', 'x']],
    ['a status nobody knows', () => new Response('x', { status: 599 }), ['599 Unknown', '', 'x']],
    [
      'fields of the connection left out',
      () => new Response('x', { headers: { Connection: 'close', 'Transfer-Encoding': 'chunked' } }),
      ['200 OK', 'content-length: 1', 'x'],
    ],
  ])('answers %s', async (_name, answer, [status, field, body]) => {
    const { port, errors } = await started(fromFetch(answer));
    const client = await RawClient.open(port);
    for (let round = 0; round < 2; round++) {
      client.send(get('/'));
      await client.seen('\r\n\r\n');
      const text = client.received.toString('latin1');
      expect(text.startsWith(`HTTP/1.1 ${status}\r\n`)).toBe(true);
      expect(text.toLowerCase()).toContain(field);
      expect((await client.response()).body.toString()).toBe(body);
    }
    expect(errors.text).toBe('');
  });

  it('answers HEAD as the handler does, without a body, which is cancelled', async () => {
    let cancelled = 0;
    const { port } = await started(
      fromFetch(() => {
        const body = new ReadableStream({ cancel: () => void cancelled++ });
        return new Response(body, { headers: { 'Content-Length': '12', 'X-Method': 'any' } });
      }),
    );
    const client = await RawClient.open(port);
    const response = await client.send(request('HEAD', '/')).response('HEAD');
    expect(response.fields).toEqual(
      expect.arrayContaining([
        ['content-length', '12'],
        ['x-method', 'any'],
      ]),
    );
    expect(cancelled).toBe(1);
  });
});

const hono = new Hono<{ Bindings: Environ }>();
const answers = { waiting: 0, aborted: 0, cancelled: 0, produced: 0, proceed: gate() };
hono.get('/hello/:name', (c) => c.text(`Hello, ${c.req.param('name')}! ${c.req.query('q') ?? ''}`));
hono.get('/address', (c) => c.json({ address: c.env.REMOTE_ADDR, url: c.req.url }));
hono.post('/json', async (c) => c.json({ got: await c.req.json() }, 201));
hono.post('/form', async (c) => {
  const { file, ...rest } = await c.req.parseBody();
  return c.json({ ...rest, name: (file as File).name, text: await (file as File).text() });
});
hono.get('/cookies', (c) => {
  setCookie(c, 'one', '1', { path: '/' });
  setCookie(c, 'two', '2, and more', { httpOnly: true, expires: new Date(0) });
  deleteCookie(c, 'three');
  return c.json(getCookie(c));
});
hono.post('/echo', (c) => new Response(c.req.raw.body));
hono.get('/events', (c) =>
  streamSSE(c, async (events) => {
    await answers.proceed.opened;
    await events.writeSSE({ data: 'first' });
  }),
);
hono.get('/endless', (c) =>
  stream(c, async (body) => {
    body.onAbort(() => {
      answers.cancelled++;
    });
    while (!body.aborted) {
      answers.produced++;
      await body.write(Buffer.alloc(65536));
    }
  }),
);
hono.get('/wait', (c) => {
  answers.waiting++;
  return new Promise<Response>((_resolve, reject) => {
    c.req.raw.signal.addEventListener('abort', () => {
      answers.aborted++;
      reject(c.req.raw.signal.reason);
    });
  });
});
hono.get('/fail', () => {
  throw new Error('out of order');
});
// The one that Hono has prints the error.
hono.onError((error, c) => c.text(error.message, 500));

async function served(app: Application = fromFetch(hono)) {
  const server = await started(app);
  return { ...server, url: `http://127.0.0.1:${server.port}` };
}

describe('an application of Hono', () => {
  it('routes, with parameters and JSON', async () => {
    const { url, errors } = await served(validator(fromFetch(hono)));
    expect((await curl([`${url}/hello/w%C3%B6rld?q=a%20b`])).output.toString()).toBe('Hello, w\u00f6rld! a b');
    expect((await curl(['-w', '%{http_code}', `${url}/nothing`])).output.toString()).toBe('404 Not Found404');
    expect(await (await fetch(`${url}/address`)).json()).toEqual({ address: '127.0.0.1', url: `${url}/address` });
    const post = ['-H', 'Content-Type: application/json', '--data-binary', '@-', '-w', ' %{http_code}'];
    const { output } = await curl([...post, `${url}/json`], Buffer.from('{"a":[1]}'));
    expect(output.toString()).toBe('{"got":{"a":[1]}} 201');
    expect(errors.text).toBe('');
  });

  it('answers HEAD, and its own errors', async () => {
    const { url } = await served();
    const { code, output } = await curl(['-I', `${url}/hello/x`]);
    expect(code).toBe(0);
    expect(output.toString()).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    const response = await fetch(`${url}/fail`);
    expect([response.status, await response.text()]).toEqual([500, 'out of order']);
  });

  it('keeps several cookies apart', async () => {
    const { url } = await served();
    const response = await fetch(`${url}/cookies`, { headers: { Cookie: 'three=3; four=4' } });
    expect(response.headers.getSetCookie()).toEqual([
      'one=1; Path=/',
      'two=2%2C%20and%20more; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly',
      expect.stringMatching(/^three=; Max-Age=0/),
    ]);
    expect(await response.json()).toEqual({ three: '3', four: '4' });
  });

  it('reads a form with a file', async () => {
    const { url } = await served();
    const path = join(temporaryFolder(), 'upload.txt');
    writeFileSync(path, 'content');
    const { output } = await curl(['-F', 'field=value', '-F', `file=@${path}`, `${url}/form`]);
    expect(JSON.parse(output.toString())).toEqual({ field: 'value', name: 'upload.txt', text: 'content' });
  });

  it.each(['Content-Length', 'chunked'])('echoes 8 MiB, streamed both ways (%s)', async (framing) => {
    const { url } = await served();
    const sent = randomBytes(8 * 1024 * 1024);
    const headers = framing === 'chunked' ? {} : { 'Content-Length': sent.length };
    const hash = createHash('sha256');
    const received = await new Promise<number>((resolve, reject) => {
      const upload = httpRequest(`${url}/echo`, { method: 'POST', headers }, (response) => {
        let count = 0;
        response.on('data', (block: Buffer) => {
          count += block.length;
          hash.update(block);
        });
        response.on('end', () => resolve(count));
      });
      upload.on('error', reject);
      upload.end(sent);
    });
    expect(received).toBe(sent.length);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
  });

  it('has its head sent before its first block is there', async () => {
    answers.proceed = gate();
    const { url } = await served();
    const response = await fetch(`${url}/events`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    answers.proceed.open();
    expect(await response.text()).toBe('data: first\n\n');
  });

  it('waits for a client that does not read, and is cancelled when that is gone', async () => {
    const { port, errors } = await served();
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(get('/endless'));
    let last = 0;
    await until(() => answers.produced > 0);
    do {
      last = answers.produced;
      await new Promise((resolve) => setTimeout(resolve, 100));
    } while (answers.produced !== last);
    expect(answers.cancelled).toBe(0);
    client.reset();
    await until(() => answers.cancelled === 1);
    expect(errors.text).toBe('');
  });

  it('is cancelled when the client is gone while a block is awaited', async () => {
    let cancelled = 0;
    const handler: FetchHandler = () => new Response(new ReadableStream({ cancel: () => void cancelled++ }));
    const { port, server, errors } = await served(fromFetch(handler));
    const client = await RawClient.open(port);
    await client.send(get('/')).seen('\r\n\r\n');
    client.reset();
    await until(() => cancelled === 1 && server.stats().openConnections === 0);
    expect(errors.text).toBe('');
  });

  it('hears by its signal of a client that is gone, mounted too', async () => {
    const inner = new Hono().route('/api', hono);
    const { port, errors } = await served(mount({ '/api': fromFetch(inner) }));
    const client = await RawClient.open(port);
    client.send(get('/api/hello/mounted'));
    expect((await client.response()).body.toString()).toBe('Hello, mounted! ');
    client.send(get('/api/wait'));
    await until(() => answers.waiting === 1);
    client.reset();
    await until(() => answers.aborted === 1);
    expect(errors.text).toBe('');
  });
});
