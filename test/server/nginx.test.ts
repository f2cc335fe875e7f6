import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Application } from '../../src/types.js';
import { requestUri } from '../../src/util.js';
import { hasNginx, hasNginxStream, nginx } from './fixtures/nginx.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { plain, started, temporaryFolder, until } from './fixtures/started-server.js';

/** nginx speaks from 127.0.0.1, so that a client from here is somebody else. */
const ELSEWHERE = '127.0.0.2';

async function clientFrom(localAddress: string, port: number): Promise<RawClient> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  onTestFinished(() => {
    socket.destroy();
  });
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return new RawClient(socket);
}

/** Answers with who asked, from which port, for what, and the body that came. */
const whoAsked: Application = (environ, startResponse) => {
  startResponse('200 OK', plain());
  const { REMOTE_ADDR, REMOTE_PORT } = environ;
  return [`${REMOTE_ADDR} ${REMOTE_PORT} ${requestUri(environ)}`, environ['wsgi.input'].read()];
};

async function answerTo(client: RawClient): Promise<string> {
  const { status, body } = await client.response();
  return status === 200 ? body.toString() : String(status);
}

const SPOOFED = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: evil.test'];

describe.skipIf(!hasNginx)(`behind nginx${hasNginx ? '' : ', which is not installed here'}`, () => {
  it('clients are told apart, though they come by one connection', async () => {
    const { server, port } = await started(whoAsked, { trustedProxies: ['127.0.0.1'] });
    const before = server.stats();
    const front = await nginx('http', `127.0.0.1:${port}`);
    for (const from of [ELSEWHERE, '127.0.0.3', ELSEWHERE]) {
      const client = await clientFrom(from, front);
      for (let round = 0; round < 3; round++) {
        expect(await answerTo(client.send(get('/a?b')))).toBe(`${from}  http://example.test/a?b`);
      }
    }
    const { connections, requests } = server.stats();
    expect([connections - before.connections, requests - before.requests]).toEqual([1, 9]);
  });

  it('a client cannot be somebody else', async () => {
    const { port } = await started(whoAsked, { trustedProxies: ['127.0.0.1'] });
    const client = await clientFrom(ELSEWHERE, await nginx('http', `127.0.0.1:${port}`));
    expect(await answerTo(client.send(get('/', ...SPOOFED)))).toBe(`${ELSEWHERE}  http://example.test/`);
  });

  it('a client may itself be a trusted proxy', async () => {
    const { port } = await started(whoAsked, { trustedProxies: ['127.0.0.1', ELSEWHERE] });
    const client = await clientFrom(ELSEWHERE, await nginx('http', `127.0.0.1:${port}`));
    expect(await answerTo(client.send(get('/', 'X-Forwarded-For: 203.0.113.7')))).toBe(
      '203.0.113.7  http://example.test/',
    );
  });

  it('nobody is believed who is not trusted', async () => {
    const { port } = await started(whoAsked, { trustedProxies: ['192.0.2.1'] });
    const client = await clientFrom(ELSEWHERE, await nginx('http', `127.0.0.1:${port}`));
    expect(await answerTo(client.send(get('/', ...SPOOFED)))).toMatch(/^127\.0\.0\.1 \d+ http:\/\/example\.test\/$/);
  });

  it('a body is its own client', async () => {
    const { port } = await started(whoAsked, { trustedProxies: ['127.0.0.1'] });
    const client = await clientFrom(ELSEWHERE, await nginx('http', `127.0.0.1:${port}`));
    const body = 'x'.repeat(200_000);
    client.send(request('POST', '/', `Content-Length: ${body.length}`) + body);
    expect(await answerTo(client)).toBe(`${ELSEWHERE}  http://example.test/${body}`);
  });

  it('a Unix socket will do', async () => {
    const path = join(temporaryFolder(), 'socket');
    await started(whoAsked, { path, trustedProxies: ['unix:'] });
    const client = await clientFrom(ELSEWHERE, await nginx('http', `unix:${path}`));
    expect(await answerTo(client.send(get('/', ...SPOOFED)))).toBe(`${ELSEWHERE}  http://example.test/`);
  });
});

const streamName = `behind nginx as a proxy of TCP${hasNginxStream ? '' : ', whose stream module is not installed here'}`;

describe.skipIf(!hasNginxStream)(streamName, () => {
  it('clients are told apart by PROXY headers', async () => {
    const { server, port } = await started(whoAsked, { trustedProxies: ['127.0.0.1'], proxyProtocol: true });
    const front = await nginx('stream', `127.0.0.1:${port}`);
    for (const from of [ELSEWHERE, '127.0.0.3']) {
      const client = await clientFrom(from, front);
      const expected = `${from} ${client.socket.localPort} http://example.test/`;
      expect(await answerTo(client.send(get('/', ...SPOOFED)))).toBe(expected);
      expect(await answerTo(client.send(get('/')))).toBe(expected);
      client.socket.destroy();
    }
    await until(() => server.stats().openConnections === 0);
  });

  it('a client that sends a PROXY header of its own is refused', async () => {
    const { port } = await started(whoAsked, { trustedProxies: ['127.0.0.1'], proxyProtocol: true });
    const client = await clientFrom(ELSEWHERE, await nginx('stream', `127.0.0.1:${port}`));
    client.send(`PROXY TCP4 6.6.6.6 192.0.2.1 1 2\r\n${get('/')}`);
    expect(await answerTo(client)).toBe('400');
  });
});
