import { describe, expect, it } from 'vitest';
import type { Application } from '../../src/types.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoPath, gate, later, plain, started, until } from './fixtures/started-server.js';

/** Answers with all that a request consists of. */
const mirror: Application = (environ, startResponse) => {
  startResponse('200 OK', plain());
  const { REQUEST_METHOD, PATH_INFO, QUERY_STRING, HTTP_X_FIELD } = environ;
  return [[REQUEST_METHOD, PATH_INFO, QUERY_STRING, HTTP_X_FIELD, environ['wsgi.input'].read()].join('|')];
};

const POST = `${request('POST', '/p%20q?r=s', 'X-Field: v w', 'Content-Length: 7')}abc\r\nde`;
const CHUNKED = `${request('PUT', '/c', 'Transfer-Encoding: chunked')}3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n`;
const GET = get('/last?');
const ANSWERS = ['POST|/p q|r=s|v w|abc\r\nde', 'PUT|/c|||abcde', 'GET|/last|||'];

async function answers(client: RawClient): Promise<string[]> {
  const texts: string[] = [];
  for (let index = 0; index < 3; index++) texts.push((await client.response()).body.toString());
  return texts;
}

describe('requests', () => {
  it('are read whole from one packet', async () => {
    const { port } = await started(mirror);
    const client = await RawClient.open(port);
    expect(await answers(client.send(POST + CHUNKED + GET))).toEqual(ANSWERS);
  });

  it('are read whole from two packets, wherever they are split', async () => {
    const { port } = await started(mirror);
    const all = POST + CHUNKED + GET;
    const client = await RawClient.open(port);
    for (let split = 1; split < all.length; split++) {
      client.send(all.slice(0, split));
      // Two turns of the loop: one for the client to write, one for the server to read.
      await later(1);
      client.send(all.slice(split));
      expect(await answers(client)).toEqual(ANSWERS);
    }
  });

  it('are read whole byte by byte', async () => {
    const { port } = await started(mirror);
    const client = await RawClient.open(port);
    for (const byte of POST + CHUNKED + GET) {
      client.send(byte);
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
    expect(await answers(client)).toEqual(ANSWERS);
  });

  it('may have empty lines before them', async () => {
    const { port } = await started(echoPath);
    const client = await RawClient.open(port);
    client.send(`\r\n${get('/a')}\r\n${get('/b')}`);
    expect((await client.response()).body.toString()).toBe('GET /a');
    expect((await client.response()).body.toString()).toBe('GET /b');
  });

  it('are answered though the client has ended its half', async () => {
    const answer = gate();
    let begun = false;
    const { port, server } = await started(async (environ, startResponse) => {
      begun = true;
      await answer.opened;
      return echoPath(environ, startResponse);
    });
    const client = await RawClient.open(port);
    client.send(get('/half')).halfClose();
    await until(() => begun);
    await later(20);
    answer.open();
    expect((await client.response()).body.toString()).toBe('GET /half');
    expect((await client.end()).length).toBe(0);
    await until(() => server.stats().openConnections === 0);
  });

  it('are answered with a large body though the client has ended its half', async () => {
    const { port } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      return Array(100).fill(Buffer.alloc(100_000, 'x'));
    });
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(get('/')).halfClose();
    await later(50);
    client.socket.resume();
    expect((await client.response()).body.length).toBe(10_000_000);
    expect((await client.end()).length).toBe(0);
  });

  it('keep their connection, or end it, as HTTP/1.0 and HTTP/1.1 have it', async () => {
    const { port } = await started(echoPath);
    for (const [text, connection, persists] of [
      ['GET / HTTP/1.0\r\n\r\n', 'close', false],
      ['GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n', 'keep-alive', true],
      ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', undefined, true],
      ['GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 'close', false],
      ['GET / HTTP/1.1\r\nHost: x\r\nConnection: x, CLOSE, keep-alive\r\n\r\n', 'close', false],
    ] as const) {
      const client = await RawClient.open(port);
      const response = await client.send(text).response();
      expect([text, response.field('connection')?.toLowerCase()]).toEqual([text, connection]);
      if (persists) expect((await client.send(get('/again')).response()).body.toString()).toBe('GET /again');
      else expect((await client.end()).length).toBe(0);
    }
  });
});
