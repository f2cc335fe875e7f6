import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openFile } from '../../src/files.js';
import type { Application, Environ } from '../../src/types.js';
import { guessScheme } from '../../src/util.js';
import { certificate } from './fixtures/certificate.js';
import { curl } from './fixtures/curl.js';
import { openFiles } from './fixtures/descriptors.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoBody, gate, later, plain, started, temporaryFolder, until } from './fixtures/started-server.js';
import { openSslClient, openTls } from './fixtures/tls-client.js';

const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));
const tls = certificate(folder, 'server');
const content = randomBytes(10 * 1024 * 1024);
writeFileSync(join(folder, 'large.bin'), content);

const application: Application = (environ, startResponse) => {
  if (environ.PATH_INFO === '/scheme') {
    startResponse('200 OK', plain());
    return [`${environ['wsgi.url_scheme']} ${environ.REMOTE_ADDR}`];
  }
  if (environ.PATH_INFO === '/file') {
    startResponse('200 OK', plain());
    return new environ['wsgi.file_wrapper']!(openFile(join(folder, 'large.bin')));
  }
  if (environ.PATH_INFO === '/blocks') {
    startResponse('200 OK', plain());
    return (function* () {
      for (let at = 0; at < content.length; at += 100_000) yield content.subarray(at, at + 100_000);
    })();
  }
  return echoBody(environ, startResponse);
};

const open = (port: number) => openTls(port, { ca: tls.cert });

describe('over TLS', () => {
  it('curl gets, posts and uses its connection again', async () => {
    const { server } = await started(application, { tls });
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const before = server.stats().connections;
    const { code, output, log } = await curl([
      '-v',
      '--cacert',
      tls.cert,
      `${server.url}/scheme`,
      '--next',
      '-sS',
      '--cacert',
      tls.cert,
      '-d',
      'posted',
      server.url,
    ]);
    expect([log, code, output.toString()]).toEqual([log, 0, 'https 127.0.0.1posted']);
    expect(server.stats().connections - before).toBe(1);
  });

  it('a large body goes up and down again', async () => {
    const { server } = await started(application, { tls });
    const { code, output } = await curl(['--cacert', tls.cert, '-T', join(folder, 'large.bin'), server.url]);
    expect(code).toBe(0);
    expect(output.equals(content)).toBe(true);
  });

  it('a file arrives whole, and the connection goes on', async () => {
    const { port } = await started(application, { tls });
    const client = await open(port);
    for (let round = 0; round < 2; round++) {
      expect((await client.send(get('/file')).response()).body.equals(content)).toBe(true);
    }
    expect((await client.send(get('/scheme')).response()).body.toString()).toBe('https 127.0.0.1');
    await until(() => openFiles('large.bin') === 0);
  });

  it('a file and blocks arrive whole at a client that pauses', async () => {
    const { port } = await started(application, { tls });
    for (const path of ['/file', '/blocks']) {
      const client = await open(port);
      client.socket.pause();
      client.send(get(path) + get('/scheme'));
      await later(100);
      client.socket.resume();
      expect((await client.response()).body.equals(content)).toBe(true);
      expect((await client.response()).body.toString()).toBe('https 127.0.0.1');
    }
  });

  it('pipelined requests are answered in order, and a refused one ends it', async () => {
    const { port } = await started(application, { tls });
    const client = await open(port);
    client.send(`${get('/scheme')}${request('POST', '/', 'Content-Length: 3')}abc${get('/scheme')}GET /\n`);
    expect((await client.response()).body.toString()).toBe('https 127.0.0.1');
    expect((await client.response()).body.toString()).toBe('abc');
    expect((await client.response()).body.toString()).toBe('https 127.0.0.1');
    expect((await client.response()).status).toBe(400);
    expect((await client.end()).length).toBe(0);
  });

  it('clients that vanish, or speak no TLS, leave nothing behind', async () => {
    const { port, server } = await started(application, { tls });
    for (let round = 0; round < 10; round++) {
      const client = await open(port);
      client.send(get('/file'));
      await client.receive(round * 10_000);
      client.socket.destroy();
      const plainClient = await RawClient.open(port);
      plainClient.send(get('/'));
      if (round % 2) await plainClient.end();
      plainClient.socket.destroy();
    }
    await until(() => server.stats().openConnections === 0);
    await until(() => openFiles('large.bin') === 0);
    const client = await open(port);
    expect((await client.send(get('/scheme')).response()).status).toBe(200);
  });

  it('a client that ends its sending half is gone, and its application hears of it', async () => {
    const reasons: unknown[] = [];
    const { port, server } = await started(
      (environ) => {
        const signal = environ['uwsgiref.signal'];
        signal?.addEventListener('abort', () => reasons.push(signal.reason.name));
        return new Promise(() => undefined);
      },
      { tls },
    );
    const client = await open(port);
    client.send(get('/'));
    await until(() => server.stats().waits.answer === 1);
    client.halfClose();
    await until(() => server.stats().openConnections === 0);
    expect(reasons).toEqual(['ClientDisconnectedError']);
  });

  it('close() ends idle connections', async () => {
    const { port, server } = await started(application, { tls });
    const client = await open(port);
    await client.send(get('/scheme')).response();
    await server.close({ graceMs: 3_600_000 });
    expect((await client.end()).length).toBe(0);
  });

  it('the end of a connection is announced, and an answer that is cut short has no such end', async () => {
    const cutting = gate();
    const endless: Application = (environ, startResponse) => {
      startResponse('200 OK', plain());
      return (async function* () {
        yield 'begun';
        // An HTTP/1.0 client knows the end of this body by the end of the connection.
        if (environ.PATH_INFO !== '/cut') return;
        cutting.open();
        await new Promise(() => undefined);
      })();
    };
    const { port, server } = await started(endless, { tls });
    const cut = /unexpected eof|connection reset|read:errno=/i;
    const whole = await openSslClient(port, 'GET / HTTP/1.0\r\n\r\n');
    expect(whole).toContain('begun');
    expect(whole).not.toMatch(cut);
    const half = openSslClient(port, 'GET /cut HTTP/1.0\r\n\r\n');
    await cutting.opened;
    await server.close({ graceMs: 0 });
    expect(await half).toMatch(cut);
  });

  it('a Unix socket speaks it too', async () => {
    const path = join(temporaryFolder(), 'socket');
    await started(application, { tls, path });
    const { code, output } = await curl(['--unix-socket', path, '--cacert', tls.cert, 'https://localhost/scheme']);
    expect([code, output.toString()]).toEqual([0, 'https ']);
  });

  it('what comes beyond maxConnections is closed', async () => {
    const { port } = await started(application, { tls, maxConnections: 1 });
    const first = await open(port);
    await expect(open(port)).rejects.toThrow();
    expect((await first.send(get('/scheme')).response()).status).toBe(200);
  });
});

describe('the environ', () => {
  it('says HTTPS as mod_ssl does, and nothing of client certificates', async () => {
    let seen: Environ | undefined;
    const { port } = await started(
      (environ, startResponse) => {
        seen = environ;
        startResponse('200 OK', plain());
        return [];
      },
      { tls },
    );
    const client = await open(port);
    await client.send(request('GET', '/', 'SSL_CLIENT_VERIFY: SUCCESS', 'SSL-Client-Verify: SUCCESS')).response();
    expect(seen).toMatchObject({ HTTPS: 'on', 'wsgi.url_scheme': 'https', REMOTE_ADDR: '127.0.0.1' });
    expect(seen!.REMOTE_PORT).toBe(String(client.socket.localPort));
    expect(guessScheme(seen!)).toBe('https');
    expect(Object.keys(seen!).filter((key) => key.startsWith('SSL_'))).toEqual([]);
  });
});

describe('what is offered', () => {
  it.each([
    ['TLSv1.3', 'TLSv1.3'],
    ['TLSv1.2', 'TLSv1.2'],
    ['TLSv1.1', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    ['TLSv1', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
  ] as const)('to a client with no more than %s: %s', async (maxVersion, outcome) => {
    const { port } = await started(application, { tls });
    // What OpenSSL itself would no longer do.
    const old = { minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const client = await openTls(port, old).catch((error: NodeJS.ErrnoException) => error.code);
    expect(typeof client === 'object' ? client.socket.getProtocol() : client).toBe(outcome);
  });

  it('no protocol by ALPN: clients go on with HTTP/1.1', async () => {
    const { port, server } = await started(application, { tls });
    const client = await openTls(port, { ca: tls.cert, ALPNProtocols: ['h2', 'http/1.1'] });
    expect(client.socket.alpnProtocol).toBe(false);
    expect((await client.send(get('/scheme')).response()).status).toBe(200);
    const { output } = await curl(['--http2', '-w', ' %{http_version}', '--cacert', tls.cert, `${server.url}/scheme`]);
    expect(output.toString()).toBe('https 127.0.0.1 1.1');
  });

  it('the ciphers that are given, to clients with TLS 1.2', async () => {
    const ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305';
    const { port } = await started(application, { tls: { ...tls, ciphers } });
    const client = await openTls(port, { maxVersion: 'TLSv1.2' });
    expect(client.socket.getCipher().name).toBe('ECDHE-ECDSA-AES128-GCM-SHA256');
    await expect(openTls(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })).rejects.toThrow();
  });
});
