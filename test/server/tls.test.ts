import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openFile } from '../../src/files.js';
import type { Application } from '../../src/types.js';
import { certificate } from './fixtures/certificate.js';
import { curl } from './fixtures/curl.js';
import { openFiles } from './fixtures/descriptors.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoBody, later, plain, started, until } from './fixtures/started-server.js';

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

const open = (port: number) => RawClient.openTls(port, readFileSync(tls.cert));

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

  it('close() ends idle connections', async () => {
    const { port, server } = await started(application, { tls });
    const client = await open(port);
    await client.send(get('/scheme')).response();
    await server.close({ graceMs: 3_600_000 });
    expect((await client.end()).length).toBe(0);
  });

  it('what cannot be a key and certificate is refused in one line', async () => {
    const other = certificate(folder, 'other');
    writeFileSync(join(folder, 'junk.pem'), 'no key at all');
    for (const pair of [
      { key: other.key, cert: tls.cert },
      { key: join(folder, 'missing.pem'), cert: tls.cert },
      { key: tls.key, cert: join(folder, 'junk.pem') },
      { key: join(folder, 'junk.pem'), cert: tls.cert },
    ]) {
      const error = (await started(application, { tls: pair }).catch((error: unknown) => error)) as Error;
      expect([pair, error.name]).toEqual([pair, 'ListenError']);
      expect(error.message).toMatch(/^Cannot listen at 127\.0\.0\.1:0: the key and certificate [^\n]+$/);
    }
  });
});
