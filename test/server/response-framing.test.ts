import { describe, expect, it } from 'vitest';
import type { Application, Chunk, HeaderList } from '../../src/types.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { IncompleteResponse } from './fixtures/response-reader.js';
import { echoPath, plain, started, until } from './fixtures/started-server.js';

/** Answers `/ok` with its path, everything else with `status`, `headers` and a fresh body. */
function answering(body: () => Iterable<Chunk>, headers: HeaderList = plain(), status = '200 OK'): Application {
  return (environ, startResponse) => {
    if (environ.PATH_INFO === '/ok') return echoPath(environ, startResponse);
    startResponse(status, headers.slice());
    return body();
  };
}

function* generate(...blocks: Chunk[]): Generator<Chunk> {
  yield* blocks;
}

const BODIES: Array<[what: string, body: () => Iterable<Chunk>]> = [
  ['an array of one block', () => ['0123456789']],
  ['an array of several', () => ['01234', '', Buffer.from('56789')]],
  ['a generator', () => generate('012', '3456', '789')],
];

describe('a body', () => {
  it('of an array has its length, any other is chunked, and both keep the connection', async () => {
    for (const [what, body] of BODIES) {
      const { port } = await started(answering(body));
      const client = await RawClient.open(port);
      client.send(get('/') + get('/') + get('/ok'));
      for (let round = 0; round < 2; round++) {
        const response = await client.response();
        expect([what, response.framing]).toEqual([what, what === 'a generator' ? 'chunked' : 'length']);
        expect(response.body.toString()).toBe('0123456789');
        expect(response.field('connection')).toBeUndefined();
      }
      expect((await client.response()).body.toString()).toBe('GET /ok');
    }
  });

  it('without a length ends the connection of HTTP/1.0, which knows no chunks', async () => {
    const { port } = await started(answering(() => generate('012', '3456')));
    for (const fields of ['', 'Connection: keep-alive\r\n']) {
      const client = await RawClient.open(port);
      const response = await client.send(`GET / HTTP/1.0\r\n${fields}\r\n`).response();
      expect([response.framing, response.field('connection'), response.body.toString()]).toEqual([
        'close',
        'close',
        '0123456',
      ]);
    }
  });

  it('with a length keeps the connection of HTTP/1.0 that asks for it', async () => {
    const { port } = await started(answering(() => ['abc']));
    const client = await RawClient.open(port);
    for (let round = 0; round < 3; round++) {
      client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      const response = await client.response();
      expect([response.framing, response.field('connection')]).toEqual(['length', 'keep-alive']);
    }
  });

  it('of nothing is of length 0', async () => {
    for (const body of [() => [], () => [''], () => generate()]) {
      const { port } = await started(answering(body));
      const client = await RawClient.open(port);
      client.send(get('/') + get('/ok'));
      expect((await client.response()).body.length).toBe(0);
      expect((await client.response()).body.toString()).toBe('GET /ok');
    }
  });

  it('of empty blocks among others does not end early', async () => {
    const { port } = await started(answering(() => generate('', 'a', '', Buffer.alloc(0), 'b', '')));
    const client = await RawClient.open(port);
    client.send(get('/') + get('/ok'));
    expect((await client.response()).body.toString()).toBe('ab');
    expect((await client.response()).body.toString()).toBe('GET /ok');
  });

  it('is encoded as UTF-8 where it is a string', async () => {
    const { port } = await started(answering(() => ['häß', '日本']));
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).body.toString()).toBe('häß日本');
  });
});

describe('a declared Content-Length', () => {
  for (const [what, body] of BODIES) {
    it(`that is kept by ${what} is left as it is`, async () => {
      const { port } = await started(answering(body, plain(['Content-Length', '10'])));
      const client = await RawClient.open(port);
      client.send(get('/') + get('/ok'));
      const response = await client.response();
      expect(response.fields.filter(([name]) => name === 'content-length')).toHaveLength(1);
      expect([response.framing, response.body.toString()]).toEqual(['length', '0123456789']);
      expect((await client.response()).body.toString()).toBe('GET /ok');
    });

    it(`above what ${what} brings closes the connection`, async () => {
      const { port } = await started(answering(body, plain(['Content-Length', '11'])));
      const client = await RawClient.open(port);
      client.send(get('/') + get('/ok'));
      const error: unknown = await client.response().catch((error: unknown) => error);
      expect(error).toBeInstanceOf(IncompleteResponse);
      expect((error as IncompleteResponse).received.toString()).toBe('0123456789');
    });

    it(`below what ${what} brings cuts it, and the next response is whole`, async () => {
      const { port } = await started(answering(body, plain(['Content-Length', '4'])));
      const client = await RawClient.open(port);
      client.send(get('/') + get('/') + get('/ok'));
      expect((await client.response()).body.toString()).toBe('0123');
      expect((await client.response()).body.toString()).toBe('0123');
      expect((await client.response()).body.toString()).toBe('GET /ok');
      expect((await client.send(get('/ok')).response()).body.toString()).toBe('GET /ok');
    });
  }

  it('that is no number, or two of them, is answered 500', async () => {
    for (const headers of [
      plain(['Content-Length', '+3']),
      plain(['Content-Length', '']),
      plain(['Content-Length', '3, 3']),
      plain(['Content-Length', '99999999999999999999']),
      plain(['Content-Length', '3'], ['Content-Length', '4']),
    ]) {
      const { port, errors } = await started(answering(() => ['abc'], headers));
      const client = await RawClient.open(port);
      for (let round = 0; round < 4; round++) {
        expect((await client.send(get('/')).response()).status).toBe(500);
        expect((await client.send(get('/ok')).response()).body.toString()).toBe('GET /ok');
      }
      expect(errors.text).toContain('Content-Length');
    }
  });
});

describe('a response that has no body', () => {
  for (const [what, body] of BODIES) {
    it(`to HEAD is the head alone, though the application gives ${what}`, async () => {
      let closed = 0;
      const { port } = await started(
        answering(() => Object.assign(body(), { close: () => void closed++ }), plain(['Content-Length', '10'])),
      );
      const client = await RawClient.open(port);
      client.send(request('HEAD', '/') + request('HEAD', '/') + get('/ok'));
      for (let round = 0; round < 2; round++) {
        const response = await client.response('HEAD');
        expect([response.status, response.field('content-length')]).toEqual([200, '10']);
      }
      expect((await client.response()).body.toString()).toBe('GET /ok');
      await until(() => closed === 2);
    });

    for (const status of ['204 No Content', '304 Not Modified']) {
      it(`of ${status} is the head alone, though the application gives ${what}`, async () => {
        const { port } = await started(answering(body, [['X-Field', 'v']], status));
        const client = await RawClient.open(port);
        client.send(get('/') + get('/') + get('/ok'));
        for (let round = 0; round < 2; round++) {
          const response = await client.response();
          expect(response.statusLine).toBe(`HTTP/1.1 ${status}`);
          expect(response.field('transfer-encoding')).toBeUndefined();
          expect(response.field('content-length')).toBeUndefined();
        }
        expect((await client.response()).body.toString()).toBe('GET /ok');
      });
    }
  }
});
