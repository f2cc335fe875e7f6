import { describe, expect, it } from 'vitest';
import type { Environ, HeaderList } from '../../src/types.js';
import { FileWrapper } from '../../src/util.js';
import { VERSION } from '../../src/version.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { later, plain, started } from './fixtures/started-server.js';

/** Sends one request and answers the environ that it became. */
async function environOf(bytes: string, options: Parameters<typeof started>[1] = {}) {
  let seen: Environ | undefined;
  const server = await started((environ, startResponse) => {
    seen = environ;
    startResponse('200 OK', plain() as HeaderList);
    return ['seen'];
  }, options);
  const client = await RawClient.open(server.port);
  const { status } = await client.send(bytes).response(bytes.startsWith('HEAD') ? 'HEAD' : 'GET');
  expect([bytes, status]).toEqual([bytes, 200]);
  return { environ: seen!, ...server, client };
}

describe('the environ', () => {
  it('has every variable of CGI and of wsgi', async () => {
    const { environ, port, client, errors } = await environOf(request('GET', '/a/b?c=d', 'X-Field: v'));
    const input = environ['wsgi.input'];
    expect(environ).toEqual({
      REQUEST_METHOD: 'GET',
      REQUEST_URI: '/a/b?c=d',
      SCRIPT_NAME: '',
      PATH_INFO: '/a/b',
      QUERY_STRING: 'c=d',
      SERVER_NAME: '127.0.0.1',
      SERVER_PORT: String(port),
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_SOFTWARE: `uwsgiref/${VERSION}`,
      GATEWAY_INTERFACE: 'CGI/1.1',
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_PORT: String(client.socket.localPort),
      HTTP_HOST: 'example.test',
      HTTP_X_FIELD: 'v',
      'wsgi.version': [1, 0],
      'wsgi.url_scheme': 'http',
      'wsgi.input': input,
      'wsgi.errors': errors,
      'wsgi.multithread': false,
      'wsgi.multiprocess': false,
      'wsgi.run_once': false,
      'wsgi.input_terminated': true,
      'wsgi.file_wrapper': expect.toSatisfy((wrapper) => wrapper.prototype instanceof FileWrapper),
    });
    expect(input.read().length).toBe(0);
  });

  it('is each request its own', async () => {
    const seen: Environ[] = [];
    const { port } = await started((environ, startResponse) => {
      seen.push(environ);
      environ.SCRIPT_NAME = '/changed';
      environ['x.mine'] = true;
      startResponse('200 OK', plain());
      return [];
    });
    const client = await RawClient.open(port);
    await client.send(get('/')).response();
    client.send(get('/') + get('/'));
    await client.response();
    await client.response();
    expect(new Set(seen).size).toBe(3);
    for (const environ of seen.slice(1)) expect(Object.keys(environ).filter((key) => key === 'HTTP_X')).toEqual([]);
  });

  it('says what the options say', async () => {
    const { environ } = await environOf(get('/'), { multiprocess: true, serverHeader: 'mine/1' });
    expect([environ['wsgi.multiprocess'], environ.SERVER_SOFTWARE]).toEqual([true, 'mine/1']);
  });

  it('has the path decoded, a character a byte, and the query as it came', async () => {
    for (const [target, path, query] of [
      ['/', '/', ''],
      ['/?', '/', ''],
      ['/%61%2Fb%25?%61=%2F', '/a/b%', '%61=%2F'],
      ['/caf%C3%A9', '/caf\xc3\xa9', ''],
      ['/%ff%00%0a', '/\xff\x00\n', ''],
      ['/a+b?a+b', '/a+b', 'a+b'],
      ['//double///slash', '//double///slash', ''],
      ['/a/../b/./c', '/a/../b/./c', ''],
      ['/;x=y?a?b', '/;x=y', 'a?b'],
    ]) {
      const { environ } = await environOf(get(target!));
      expect([target, environ.PATH_INFO, environ.QUERY_STRING]).toEqual([target, path, query]);
    }
  });

  it('has repeated fields joined: by a comma, Cookie by a semicolon', async () => {
    const { environ } = await environOf(
      get(
        '/',
        'Accept: a',
        'accept: b',
        'X-Unknown: 1',
        'X-UNKNOWN: 2',
        'x-unknown:',
        'Cookie: a=1',
        'cookie: b=2',
        'Cookie: c=3',
      ),
    );
    expect([environ.HTTP_ACCEPT, environ.HTTP_X_UNKNOWN, environ.HTTP_COOKIE]).toEqual([
      'a,b',
      '1,2,',
      'a=1; b=2; c=3',
    ]);
  });

  it('has values without the white space around them, a character a byte', async () => {
    const { environ } = await environOf(get('/', 'X-A: \t v \t w \t ', 'X-B:', 'X-C: \xe9\xff', 'X-D:no-space'));
    expect([environ.HTTP_X_A, environ.HTTP_X_B, environ.HTTP_X_C, environ.HTTP_X_D]).toEqual([
      'v \t w',
      '',
      '\xe9\xff',
      'no-space',
    ]);
  });

  it('has type and length without HTTP_', async () => {
    const { environ } = await environOf(`${request('POST', '/', 'Content-Type: text/x', 'Content-Length: 3')}abc`);
    expect([environ.CONTENT_TYPE, environ.CONTENT_LENGTH]).toEqual(['text/x', '3']);
    expect(Object.keys(environ).filter((key) => key.startsWith('HTTP_CONTENT'))).toEqual([]);
    expect(environ['wsgi.input'].read().toString()).toBe('abc');
  });

  it('has the first of several types, for they are no list', async () => {
    const { environ } = await environOf(get('/', 'Content-Type: text/plain', 'content-type: text/html'));
    expect(environ.CONTENT_TYPE).toBe('text/plain');
  });

  it('has one length where equal ones were sent', async () => {
    const { environ } = await environOf(`${request('POST', '/', 'Content-Length: 3', 'Content-Length: 3')}abc`);
    expect([environ.CONTENT_LENGTH, environ['wsgi.input'].read().toString()]).toEqual(['3', 'abc']);
    const list = await environOf(`${request('POST', '/', 'Content-Length: 3, 3')}abc`);
    expect([list.environ.CONTENT_LENGTH, list.environ['wsgi.input'].read().toString()]).toEqual(['3', 'abc']);
  });

  it('says of an empty body that it is empty, of an absent one nothing', async () => {
    expect((await environOf(request('POST', '/', 'Content-Length: 0'))).environ.CONTENT_LENGTH).toBe('0');
    expect((await environOf(request('POST', '/'))).environ).not.toHaveProperty('CONTENT_LENGTH');
    const chunked = await environOf(`${request('POST', '/', 'Transfer-Encoding: chunked')}0\r\n\r\n`);
    expect(chunked.environ.CONTENT_LENGTH).toBe('0');
    expect(chunked.environ['wsgi.input'].read().length).toBe(0);
  });

  it('has the length of the decoded body, and no word of its coding', async () => {
    const { environ } = await environOf(
      `${request('POST', '/', 'Transfer-Encoding: chunked')}3\r\nabc\r\n4;x\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n`,
    );
    expect(environ.CONTENT_LENGTH).toBe('7');
    expect(environ['wsgi.input'].read().toString()).toBe('abcdefg');
    expect(Object.keys(environ).filter((key) => /TRANSFER|TRAILER/.test(key))).toEqual([]);
  });

  it('has no field whose name has an underscore, and no Proxy', async () => {
    const { environ } = await environOf(
      get('/', 'X_Real_IP: 6.6.6.6', 'X-Real-IP: 10.0.0.1', 'Content_Length: 9', 'Proxy: evil', 'proxy: evil'),
    );
    expect(environ.HTTP_X_REAL_IP).toBe('10.0.0.1');
    expect(Object.keys(environ).filter((key) => /PROXY|CONTENT_LENGTH/.test(key))).toEqual([]);
  });

  it('cannot be given variables of its own by field names', async () => {
    const { environ } = await environOf(
      get('/', 'wsgi.version: 2', '__proto__: x', 'constructor: y', 'remote-addr: z'),
    );
    expect(environ['wsgi.version']).toEqual([1, 0]);
    expect(environ.REMOTE_ADDR).toBe('127.0.0.1');
    expect([environ.HTTP_CONSTRUCTOR, environ.HTTP_REMOTE_ADDR, environ['HTTP_WSGI.VERSION']]).toEqual(['y', 'z', '2']);
    expect(Object.getPrototypeOf(Object.getPrototypeOf(environ))).toBe(Object.prototype);
  });

  it('takes the host of an absolute target', async () => {
    for (const [target, host, path, query] of [
      ['http://other.test:81/p?q', 'other.test:81', '/p', 'q'],
      ['http://other.test', 'other.test', '', ''],
      ['HTTPS://[::1]/x', '[::1]', '/x', ''],
    ]) {
      const { environ } = await environOf(get(target!));
      const { HTTP_HOST, PATH_INFO, QUERY_STRING } = environ;
      expect([target, HTTP_HOST, PATH_INFO || '', QUERY_STRING]).toEqual([target, host, path, query]);
      expect(environ['wsgi.url_scheme']).toBe('http');
    }
  });

  it('has the methods that there are, and those that nobody knows', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND', 'x!~']) {
      const { environ } = await environOf(request(method, '/m'));
      expect([environ.REQUEST_METHOD, environ.PATH_INFO]).toEqual([method, '/m']);
    }
    // What asks about the server as a whole has no path, and so differs from OPTIONS of '/'.
    const { environ } = await environOf(request('OPTIONS', '*'));
    expect([environ.REQUEST_METHOD, environ.PATH_INFO]).toEqual(['OPTIONS', '']);
  });

  it('says HTTP/1.0 of such a request, which needs no Host', async () => {
    const { environ } = await environOf('GET /old HTTP/1.0\r\n\r\n');
    expect([environ.SERVER_PROTOCOL, environ.PATH_INFO]).toEqual(['HTTP/1.0', '/old']);
    expect(environ).not.toHaveProperty('HTTP_HOST');
  });

  it('is right for hundreds of fields and for heads that arrive bit by bit', async () => {
    const fields = Array.from({ length: 999 }, (_, index) => `X-F${index}: v${index}`);
    let seen: Environ | undefined;
    const { port } = await started(
      (environ, startResponse) => {
        seen = environ;
        startResponse('200 OK', plain());
        return [];
      },
      { maxFields: 1000, maxHeadSize: 100_000 },
    );
    const client = await RawClient.open(port);
    const bytes = get('/many', ...fields);
    for (const size of [bytes.length, 1000, 97]) {
      for (let at = 0; at < bytes.length; at += size) {
        client.send(bytes.slice(at, at + size));
        await later(0);
      }
      await client.response();
      for (let index = 0; index < 999; index++) expect(seen![`HTTP_X_F${index}`]).toBe(`v${index}`);
    }
    // Several such requests at once fill what the engine and JavaScript share.
    client.send(bytes.repeat(12));
    for (let round = 0; round < 12; round++) expect((await client.response()).status).toBe(200);
  });
});
