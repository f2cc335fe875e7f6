import { describe, expect, it } from 'vitest';
import type { Application, HeaderList } from '../../src/types.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { echoPath, plain, started } from './fixtures/started-server.js';

function answering(headers: HeaderList, status = '200 OK'): Application {
  return (environ, startResponse) => {
    if (environ.PATH_INFO === '/ok') return echoPath(environ, startResponse);
    startResponse(status, headers.slice());
    return ['body'];
  };
}

describe('a response head', () => {
  it('has the fields of the application in their order, with Date and Server of the engine', async () => {
    const { port } = await started(
      answering([
        ['X-B', '1'],
        ['Content-Type', 'text/plain'],
        ['x-b', '2'],
        ['X-Empty', ''],
      ]),
    );
    const client = await RawClient.open(port);
    for (let round = 0; round < 4; round++) {
      const { fields } = await client.send(get('/')).response();
      const own = ['date', 'server', 'content-length'];
      expect(fields.filter(([name]) => !own.includes(name))).toEqual([
        ['x-b', '1'],
        ['content-type', 'text/plain'],
        ['x-b', '2'],
        ['x-empty', ''],
      ]);
      expect(fields.filter(([name]) => own.includes(name))).toHaveLength(3);
      const date = fields.find(([name]) => name === 'date')![1];
      expect(date).toBe(new Date(date).toUTCString());
      expect(fields.find(([name]) => name === 'server')![1]).toMatch(/^uwsgiref\/\d/);
    }
  });

  it('leaves Date and Server to an application that gives them, and Server out where it is switched off', async () => {
    const date = 'Thu, 01 Jan 1970 00:00:00 GMT';
    const { port } = await started(answering(plain(['Date', date], ['Server', 'mine'])));
    const own = await (await RawClient.open(port)).send(get('/')).response();
    expect(own.fields.filter(([name]) => name === 'date' || name === 'server')).toEqual([
      ['date', date],
      ['server', 'mine'],
    ]);
    const silent = await started(answering(plain()), { serverHeader: null });
    const response = await (await RawClient.open(silent.port)).send(get('/')).response();
    expect(response.field('server')).toBeUndefined();
    const named = await started(answering(plain()), { serverHeader: 'other/1' });
    expect((await (await RawClient.open(named.port)).send(get('/')).response()).field('server')).toBe('other/1');
  });

  it('differs between requests as the application has it', async () => {
    const { port } = await started((environ, startResponse) => {
      startResponse('200 OK', [['X-Path', environ.PATH_INFO!]]);
      return [environ.PATH_INFO!];
    });
    const client = await RawClient.open(port);
    const paths = Array.from({ length: 700 }, (_, index) => `/${index >> 1}`);
    for (const path of [...paths, ...paths]) {
      const response = await client.send(get(path)).response();
      expect([response.field('x-path'), response.body.toString()]).toEqual([path, path]);
    }
  });

  it('differs between pipelined requests, too', async () => {
    const { port } = await started((environ, startResponse) => {
      startResponse('200 OK', [['X-Path', environ.PATH_INFO!]]);
      return [environ.PATH_INFO!];
    });
    const client = await RawClient.open(port);
    const paths = Array.from({ length: 1500 }, (_, index) => `/${index >> 1}`);
    client.send(paths.map((path) => get(path)).join(''));
    for (const path of paths) {
      const response = await client.response();
      expect([response.field('x-path'), response.body.toString()]).toEqual([path, path]);
    }
  });

  it('may have any status from 200 up', async () => {
    for (const status of ['200 ', '299 Anything at all', '404 Näh', '503 Service Unavailable', '599 x']) {
      const { port } = await started(answering(plain(), status));
      const { statusLine } = await (await RawClient.open(port)).send(get('/')).response();
      expect(statusLine).toBe(`HTTP/1.1 ${status}`);
    }
  });

  it('never has a hop-by-hop field of the application, which is reported once', async () => {
    const hops: HeaderList = [
      ['Connection', 'keep-alive'],
      ['Keep-Alive', 'timeout=5'],
      ['Transfer-Encoding', 'gzip'],
      ['Upgrade', 'tea'],
      ['Trailer', 'X'],
      ['TE', 'trailers'],
      ['Proxy-Authenticate', 'Basic'],
    ];
    const { port, errors } = await started(answering(plain(...hops)));
    const client = await RawClient.open(port);
    for (let round = 0; round < 3; round++) {
      const response = await client.send(get('/')).response();
      for (const [name] of hops) expect([name, response.field(name.toLowerCase())]).toEqual([name, undefined]);
      expect([response.framing, response.body.toString()]).toEqual(['length', 'body']);
    }
    for (const [name] of hops) expect(errors.text.split(`hop-by-hop header ${name} `)).toHaveLength(2);
  });

  it('closes the connection where the application asks for that', async () => {
    const { port } = await started(answering(plain(['Connection', 'close'])));
    const client = await RawClient.open(port);
    client.send(get('/') + get('/ok'));
    expect((await client.response()).field('connection')).toBe('close');
    expect((await client.end()).length).toBe(0);
  });

  const injections: Array<[what: string, headers: HeaderList, status?: string]> = [
    ['CR LF in a status', plain(), '200 OK\r\nX-Injected: 1'],
    ['LF in a status', plain(), '200 OK\nX-Injected: 1'],
    ['CR LF in a value', plain(['X-A', 'v\r\nX-Injected: 1'])],
    ['LF in a value', plain(['X-A', 'v\nX-Injected: 1'])],
    ['CR in a value', plain(['X-A', 'v\rX-Injected: 1'])],
    ['NUL in a value', plain(['X-A', 'X-Injected\x00'])],
    ['CR LF in a name', plain(['X-A: b\r\nX-Injected', '1'])],
    ['a colon in a name', plain(['X-Injected: a', '1'])],
    ['a space in a name', plain(['X-Injected ', '1'])],
    ['an empty name', plain(['', 'X-Injected'])],
    ['an interim status', plain(['X-Injected', '1']), '100 Continue'],
    ['a status of one digit', plain(['X-Injected', '1']), '2 OK'],
    ['a character beyond ISO-8859-1 that ends in LF', plain(['X-A', 'v\u010aX-Injected: 1'])],
  ];
  for (const [what, headers, status] of injections) {
    it(`with ${what} is answered 500 instead`, async () => {
      const { port, errors } = await started(answering(headers, status));
      const client = await RawClient.open(port);
      for (let round = 0; round < 4; round++) {
        client.send(get('/') + get('/ok'));
        const response = await client.response();
        expect(response.statusLine).toBe('HTTP/1.1 500 Internal Server Error');
        expect(JSON.stringify(response.fields)).not.toContain('njected');
        expect((await client.response()).body.toString()).toBe('GET /ok');
      }
      expect(errors.text).not.toBe('');
    });
  }
});
