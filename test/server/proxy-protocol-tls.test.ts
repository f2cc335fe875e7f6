import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Refusal, ServerOptions } from '../../src/server/index.js';
import type { Application } from '../../src/types.js';
import { certificate } from './fixtures/certificate.js';
import { curl } from './fixtures/curl.js';
import { hasNginxStream, nginx } from './fixtures/nginx.js';
import { BINARY, binary, LOCAL, PROXY, TCP4, TEXT } from './fixtures/proxy-header.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { later, plain, type StartedServer, started, temporaryFolder, until } from './fixtures/started-server.js';
import { openTls, overTls } from './fixtures/tls-client.js';

/** A PROXY header before the handshake of TLS: what a proxy of TCP connections sends a server that speaks TLS itself. */

const CLIENT = 'https 203.0.113.7 61000';

const whoAsked: Application = (environ, startResponse) => {
  startResponse('200 OK', plain());
  return [`${environ['wsgi.url_scheme']} ${environ.REMOTE_ADDR} ${environ.REMOTE_PORT}`];
};

function startedTls(options: ServerOptions = {}): Promise<StartedServer> {
  const tls = certificate(temporaryFolder(), 'server');
  return started(whoAsked, { tls, trustedProxies: ['127.0.0.1'], proxyProtocol: true, ...options });
}

async function answerTo(client: RawClient): Promise<string> {
  return (await client.send(get('/')).response()).body.toString();
}

/** The answer to a request over TLS behind `header`, which is sent in these pieces. */
async function asked(port: number, ...pieces: string[]): Promise<string> {
  const client = await RawClient.open(port);
  for (const piece of pieces) {
    client.send(piece);
    if (pieces.length > 1) await later(5);
  }
  return answerTo(await overTls(client));
}

/** A proxy that sends its header together with the first bytes of its client. */
async function proxyBefore(port: number, header: string): Promise<number> {
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    client.once('data', (hello) => {
      server.write(Buffer.concat([Buffer.from(header, 'latin1'), hello]));
      client.pipe(server).pipe(client);
    });
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.close();
  });
  return (proxy.address() as { port: number }).port;
}

describe('a PROXY header before the handshake', () => {
  it('says who the client is', async () => {
    const { port, server } = await startedTls();
    expect(await asked(port, TEXT)).toBe(CLIENT);
    expect(await asked(port, BINARY)).toBe(CLIENT);
    expect(await asked(port, binary(PROXY, TCP4, `${BINARY.slice(16)}${'\x04\0\x05GET /'.repeat(500)}`))).toBe(CLIENT);
    expect(await asked(port, binary(LOCAL, 0))).toMatch(/^https 127\.0\.0\.1 \d+$/);
    expect(server.stats().waits.head).toBe(0);
  });

  it('may come together with the handshake', async () => {
    const { port } = await startedTls();
    for (const header of [TEXT, BINARY]) {
      expect(await answerTo(await openTls(await proxyBefore(port, header)))).toBe(CLIENT);
    }
  });

  it.each([
    ['text', TEXT],
    ['binary', BINARY],
  ])('may come in pieces: %s', async (_what, header) => {
    const { port } = await startedTls();
    const cuts = Array.from({ length: header.length - 1 }, (_each, at) => at + 1);
    const answers = await Promise.all(cuts.map((cut) => asked(port, header.slice(0, cut), header.slice(cut))));
    expect(answers).toEqual(cuts.map(() => CLIENT));
    expect(await asked(port, ...header)).toBe(CLIENT);
  });

  it('is demanded of a trusted proxy, which is closed on without a word, and told of', async () => {
    const refusals: Refusal[] = [];
    const { port, server } = await startedTls({ onRefused: (refusal) => refusals.push(refusal) });
    const { refused } = server.stats();
    const malformed = ['G', 'PROXY nonsense', '\x16\x03\x01\x02\x00', 'PROXY TCP4 256', `${BINARY.slice(0, 12)}\x31`];
    for (const bytes of malformed) {
      const client = await RawClient.open(port);
      expect([bytes, (await client.send(bytes).end()).length]).toEqual([bytes, 0]);
    }
    await expect(openTls(port)).rejects.toThrow();
    expect(server.stats().refused - refused).toBe(malformed.length + 1);
    const expected = { status: 400, reason: expect.stringContaining('PROXY header'), requestLine: '' };
    expect(refusals).toHaveLength(malformed.length + 1);
    for (const refusal of refusals) expect(refusal).toMatchObject({ ...expected, address: '127.0.0.1' });
  });

  it('is nobody else’s to send', async () => {
    const { port } = await startedTls({ trustedProxies: ['192.0.2.1'] });
    expect(await answerTo(await openTls(port))).toMatch(/^https 127\.0\.0\.1 \d+$/);
    const client = await RawClient.open(port);
    await expect(overTls(client.send(TEXT))).rejects.toThrow();
  });

  it('that ends with the connection is nothing', async () => {
    const { port, server } = await startedTls();
    const { refused } = server.stats();
    for (const bytes of ['', 'PROXY TCP4 203', BINARY.slice(0, 20), TEXT]) {
      const client = await RawClient.open(port);
      client.send(bytes).halfClose();
      expect([bytes, (await client.end()).length]).toEqual([bytes, 0]);
    }
    const client = await RawClient.open(port);
    client.send('PROXY').reset();
    await until(() => server.stats().openConnections === 0);
    expect(server.stats().refused - refused).toBe(0);
  });

  it('has to be there in time, together with the handshake and the head', async () => {
    const refusals: Refusal[] = [];
    const { port, server } = await startedTls({
      headersTimeout: 400,
      onRefused: (refusal) => refusals.push(refusal),
    });
    const silent = await RawClient.open(port);
    const slow = await RawClient.open(port);
    const withoutHandshake = await RawClient.open(port);
    withoutHandshake.send(TEXT);
    const drip = setInterval(() => slow.send('x'), 20);
    slow.send('PROXY UNKNOWN ');
    expect(server.stats().waits.head).toBeGreaterThan(0);
    for (const client of [silent, slow, withoutHandshake]) expect((await client.end()).length).toBe(0);
    clearInterval(drip);
    expect(refusals).toMatchObject([{ status: 408, requestLine: '' }]);
    await until(() => server.stats().openConnections === 0);
  });

  it('is waited for within the limits of connections', async () => {
    const { port, server } = await startedTls({ maxConnections: 3, maxConnectionsPerAddress: 1 });
    const before = server.stats().dropped;
    const waiting = [await RawClient.open(port), await RawClient.open(port), await RawClient.open(port)];
    await until(() => server.stats().openConnections === 3);
    expect((await (await RawClient.open(port)).end()).length).toBe(0);
    for (const { socket } of waiting.slice(1)) socket.destroy();
    await until(() => server.stats().openConnections === 1);
    // Of a client that the header names there may be one.
    const first = await overTls((await RawClient.open(port)).send(TEXT));
    expect(await answerTo(first)).toBe(CLIENT);
    expect((await (await RawClient.open(port)).send(TEXT).end()).length).toBe(0);
    first.socket.destroy();
    await until(() => server.stats().openConnections === 1);
    expect(await asked(port, TEXT)).toBe(CLIENT);
    expect(server.stats().dropped - before).toBe(2);
  });

  it('is not waited for when the server closes, and who is on his way is answered', async () => {
    const { port, server } = await startedTls();
    const silent = await RawClient.open(port);
    const client = await RawClient.open(port);
    await until(() => server.stats().openConnections === 2);
    const closed = server.close({ graceMs: 3_600_000 });
    expect(await answerTo(await overTls(client.send(TEXT)))).toBe(CLIENT);
    expect((await silent.end()).length).toBe(0);
    await closed;
  });

  it('is cut off when the grace is over', async () => {
    const { port, server } = await startedTls({ headersTimeout: 0 });
    const silent = await RawClient.open(port);
    await until(() => server.stats().openConnections === 1);
    await server.close({ graceMs: 0 });
    expect((await silent.end()).length).toBe(0);
  });

  it('is what curl sends', async () => {
    const { server } = await startedTls();
    const { code, output } = await curl(['-k', '--haproxy-protocol', `${server.url}/[1-2]`]);
    expect([code, output.toString()]).toEqual([0, expect.stringMatching(/^(https 127\.0\.0\.1 \d+){2}$/)]);
  });

  it.skipIf(!hasNginxStream)('is what nginx sends as a proxy of TCP', async () => {
    const { port } = await startedTls();
    const front = await nginx('stream', `127.0.0.1:${port}`);
    const client = new RawClient(connect({ port: front, host: '127.0.0.1', localAddress: '127.0.0.2' }));
    await once(client.socket, 'connect');
    const expected = `https 127.0.0.2 ${client.socket.localPort}`;
    expect(await answerTo(await overTls(client))).toBe(expected);
  });
});
