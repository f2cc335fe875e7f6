import { describe, expect, it } from 'vitest';
import { get, RawClient } from './fixtures/raw-client.js';
import { echoPath, gate, later, started, until } from './fixtures/started-server.js';

const LIMITS = { maxHeadSize: 1024, maxTargetLength: 256, maxFields: 10, maxBodySize: 100 };
const POST = 'POST / HTTP/1.1\r\nHost: x\r\n';

const REFUSED: Array<[what: string, status: number, bytes: string]> = [
  ['no request line at all', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['a method that is no token', 400, 'G(T / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['two spaces in the request line', 400, 'GET  / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target with a space', 400, 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target with a control character', 400, 'GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a request line without version', 400, 'GET /\r\n\r\n'],
  ['HTTP/2.0', 505, 'GET / HTTP/2.0\r\nHost: x\r\n\r\n'],
  ['a target too long', 414, `GET /${'a'.repeat(256)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ['a head too large', 431, `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(1000)}\r\n\r\n`],
  ['too many fields', 431, `GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(10)}\r\n`],
  ['bare line feeds', 400, 'GET / HTTP/1.1\nHost: x\n\n'],
  ['a bare line feed in the fields', 400, 'GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n'],
  ['a bare carriage return', 400, 'GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n'],
  ['obsolete folding', 400, 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n'],
  ['a space before a colon', 400, 'GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n'],
  ['a NUL in a value', 400, 'GET / HTTP/1.1\r\nHost: x\r\nA: b\x00\r\n\r\n'],
  ['no Host', 400, 'GET / HTTP/1.1\r\n\r\n'],
  ['two Hosts', 400, 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
  ['a Host that is none', 400, 'GET / HTTP/1.1\r\nHost: x/y\r\n\r\n'],
  ['both framings', 400, `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['differing lengths', 400, `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345`],
  ['differing lengths in one line', 400, `${POST}Content-Length: 5, 6\r\n\r\n12345`],
  ['a signed length', 400, `${POST}Content-Length: +5\r\n\r\n12345`],
  ['a hexadecimal length', 400, `${POST}Content-Length: 0x5\r\n\r\n12345`],
  ['a length beyond 64 bits', 400, `${POST}Content-Length: 18446744073709551621\r\n\r\n12345`],
  ['a body too large', 413, `${POST}Content-Length: 101\r\n\r\n`],
  ['an unknown transfer coding', 501, `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['chunked that is not last', 400, `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
  ['chunked twice', 400, `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['chunked in HTTP/1.0', 400, 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a bad chunk size', 400, `${POST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`],
  ['a chunk without its end', 400, `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n`],
  ['a chunk-size line ended by a line feed', 400, `${POST}Transfer-Encoding: chunked\r\n\r\n1\nab\r\n0\r\n\r\n`],
  ['chunks too large together', 413, `${POST}Transfer-Encoding: chunked\r\n\r\n32\r\n${'x'.repeat(50)}\r\n33\r\n`],
  ['a tunnel', 501, 'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n'],
  ['an unknown expectation', 417, `${POST}Content-Length: 1\r\nExpect: tea\r\n\r\n`],
];

describe('a refused request', () => {
  for (const [what, status, bytes] of REFUSED) {
    it(`with ${what} is answered ${status}, and nothing behind it is a request`, async () => {
      let ran = 0;
      const { port, server } = await started((environ, startResponse) => {
        ran++;
        return echoPath(environ, startResponse);
      }, LIMITS);
      const { refused } = server.stats();
      const client = await RawClient.open(port);
      client.send(bytes + get('/smuggled'));
      const response = await client.response();
      expect([response.status, response.field('connection'), response.framing]).toEqual([status, 'close', 'length']);
      expect(response.body.toString()).toMatch(/^[A-Z][^\r\n]*\.\n$/);
      // More requests, after the answer.
      client.send(get('/late'));
      expect((await client.end()).length).toBe(0);
      expect(ran).toBe(0);
      expect(server.stats().refused - refused).toBe(1);
      client.halfClose();
      await until(() => server.stats().openConnections === 0);
    });
  }

  it('is refused as soon as its bad byte has come', async () => {
    const { port } = await started(echoPath);
    for (const bytes of ['GET / HTTQ', 'GET /\x7f', 'GET / HTTP/1.1\r\nHost: x\r\n ', `${POST}A(`]) {
      const client = await RawClient.open(port);
      const { status } = await client.send(bytes).response();
      expect([bytes, status]).toEqual([bytes, 400]);
    }
  });

  it('is read on for as long as its client goes on sending, which gets to read why', async () => {
    const { port } = await started(echoPath, LIMITS);
    const client = await RawClient.open(port);
    client.send(`${POST}Content-Length: 100000000\r\n\r\n`);
    // Longer than for a client that has stopped.
    for (let sent = 0; sent < 30; sent++) {
      await later(100);
      client.send('x'.repeat(1000));
    }
    expect(client.error).toBe(undefined);
    expect((await client.response()).status).toBe(413);
  });

  it('is not read on when the server closes, though its client never ends', async () => {
    const { port, server } = await started(echoPath);
    const client = await RawClient.open(port);
    client.send('GET /\n');
    expect((await client.response()).status).toBe(400);
    void server.close();
    while (server.stats().openConnections > 0) {
      client.send('x'.repeat(1000));
      await later(50);
    }
    expect(client.receivedBytes).toBeGreaterThan(0);
  });

  it('is answered behind the requests before it', async () => {
    const slow = gate();
    const { port } = await started(async (environ, startResponse) => {
      await slow.opened;
      return echoPath(environ, startResponse);
    });
    const client = await RawClient.open(port);
    client.send(`${get('/a')}${get('/b')}GET / HTTP/9.9\r\n\r\n${get('/c')}`);
    await later(20);
    expect(client.receivedBytes).toBe(0);
    slow.open();
    expect((await client.response()).body.toString()).toBe('GET /a');
    expect((await client.response()).body.toString()).toBe('GET /b');
    const refusal = await client.response();
    expect([refusal.status, refusal.field('connection')]).toEqual([505, 'close']);
    expect((await client.end()).length).toBe(0);
  });

  it('does not run the request that its own body came with', async () => {
    let ran = 0;
    const { port } = await started((environ, startResponse) => {
      ran++;
      return echoPath(environ, startResponse);
    });
    const client = await RawClient.open(port);
    client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
    await later(5);
    client.send('nonsense\r\n');
    expect((await client.response()).status).toBe(400);
    expect(ran).toBe(0);
  });

  it('that is a HEAD is answered without a body', async () => {
    const { port } = await started(echoPath, LIMITS);
    const heads: Array<[status: number, rest: string]> = [
      [400, '\r\n'],
      [400, 'Host: x\r\nA : b\r\n'],
      [413, 'Host: x\r\nContent-Length: 101\r\n\r\n'],
    ];
    for (const [status, rest] of heads) {
      const client = await RawClient.open(port);
      const response = await client.send(`HEAD / HTTP/1.1\r\n${rest}`).response('HEAD');
      expect([response.status, Number(response.field('content-length'))]).toEqual([status, expect.any(Number)]);
      expect((await client.end()).length).toBe(0);
    }
  });
});
