import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mount } from '../../src/mount.js';
import { serve } from '../../src/server/index.js';
import { staticFiles } from '../../src/static/index.js';
import type { Application } from '../../src/types.js';
import { certificate } from './fixtures/certificate.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { plain, started, temporaryFolder, until } from './fixtures/started-server.js';
import { openTls } from './fixtures/tls-client.js';

const MB = 1e6;
const RATE = 8 * MB;
const content = randomBytes(12 * MB);

/** A folder with `file`. */
function folder(): string {
  const path = temporaryFolder();
  writeFileSync(join(path, 'file'), content);
  return path;
}

/**
 * How many bytes a second come of an answer, once it has left the kernel's first burst behind: over loopback, where a
 * segment has 64 KiB, that is a large part of a megabyte (tcp(7) begins with ten segments).
 */
async function speed(client: RawClient, path: string): Promise<number> {
  const { receivedBytes } = client;
  client.send(get(path));
  await client.receive(receivedBytes + 2 * MB);
  const begun = { at: performance.now(), bytes: client.receivedBytes };
  const { body } = await client.response();
  const seconds = (performance.now() - begun.at) / 1000;
  expect(body.equals(content)).toBe(true);
  return (client.receivedBytes - begun.bytes) / seconds;
}

/** A machine with other things to do may be late to receive, but not early. */
async function expectPace(measure: () => Promise<number>): Promise<void> {
  let fastest = 0;
  for (let attempt = 0; attempt < 4 && fastest < 0.85 * RATE; attempt++) {
    const measured = await measure();
    expect(measured).toBeLessThan(1.15 * RATE);
    fastest = Math.max(fastest, measured);
  }
  expect(fastest).toBeGreaterThan(0.85 * RATE);
}

describe.runIf(process.platform === 'linux')('rate', () => {
  it('is how fast a connection is sent a file, within 15 %', async () => {
    const { port, server } = await started(staticFiles(folder()), { rate: '8MB/s' });
    const client = await RawClient.open(port);
    await expectPace(() => speed(client, '/file'));
    expect(server.stats().sendfileBytes).toBeGreaterThan(0);
  });

  it('is how fast one is sent other bodies, and over TLS', async () => {
    const application: Application = (_environ, startResponse) => {
      startResponse('200 OK', plain());
      return [content];
    };
    const { port } = await started(application, { rate: RATE });
    const client = await RawClient.open(port);
    await expectPace(() => speed(client, '/'));
    const tls = certificate(temporaryFolder(), 'server');
    const secure = await started(staticFiles(folder()), { rate: RATE, tls });
    const tlsClient = await openTls(secure.port);
    await expectPace(() => speed(tlsClient, '/file'));
  });

  it('of staticFiles is for its answers alone, in whichever order they come', async () => {
    const path = folder();
    const application = mount({ '/slow': staticFiles(path, { rate: '8MB/s' }), '/fast': staticFiles(path) });
    const { port } = await started(application);
    const client = await RawClient.open(port);
    await speed(client, '/fast/file');
    await expectPace(() => speed(client, '/slow/file'));
    // Whether the machine is slow or not: it is another pace.
    expect(await speed(client, '/fast/file')).toBeGreaterThan(2 * RATE);
    await expectPace(() => speed(client, '/slow/file'));
  });

  it('of staticFiles may lift that of the server', async () => {
    const path = folder();
    const application = mount({ '/': staticFiles(path), '/fast': staticFiles(path, { rate: 0 }) });
    const { port } = await started(application, { rate: RATE });
    const client = await RawClient.open(port);
    expect(await speed(client, '/fast/file')).toBeGreaterThan(2 * RATE);
    await expectPace(() => speed(client, '/file'));
  });

  it('below minDownloadRate is what a client has to keep up with', async () => {
    const { port, server } = await started(staticFiles(folder()), {
      rate: RATE / 2,
      minDownloadRate: 20 * MB,
      sendTimeout: 1000,
    });
    const client = await RawClient.open(port);
    expect((await client.send(get('/file')).response()).body.equals(content)).toBe(true);
    // It falls behind its answer's rate, too.
    client.sink = () => {
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 400);
    };
    client.send(get('/file'));
    await until(() => server.stats().openConnections === 0);
    expect(client.receivedBytes).toBeLessThan(2 * content.length);
  }, 60_000);

  it('holds for an answer that another one stands behind', async () => {
    const path = folder();
    const application = mount({ '/slow': staticFiles(path, { rate: RATE }), '/fast': staticFiles(path) });
    const { port } = await started(application);
    const client = await RawClient.open(port);
    await expectPace(async () => {
      const { receivedBytes } = client;
      client.send(get('/slow/file') + get('/fast/file', 'Range: bytes=0-9'));
      await client.receive(receivedBytes + 2 * MB);
      const begun = { at: performance.now(), bytes: client.receivedBytes };
      expect((await client.response()).body.length).toBe(content.length);
      const seconds = (performance.now() - begun.at) / 1000;
      const measured = (client.receivedBytes - begun.bytes) / seconds;
      expect((await client.response()).body.length).toBe(10);
      return measured;
    });
  });
});

describe('rate', () => {
  it('changes nothing for a Unix socket', async () => {
    const path = join(temporaryFolder(), 'socket');
    await started(staticFiles(folder()), { rate: MB, path });
    const client = await RawClient.open(path);
    expect(await speed(client, '/file')).toBeGreaterThan(2 * MB);
  });

  it('is checked', async () => {
    for (const rate of [-1, 1.5, 2 ** 32, '2MB', '2 MB per second', 'fast/s', '5GB/s']) {
      const message = `rate must be a whole number of bytes a second, or a rate as '512KiB/s' or '2MB/s', from 0 to 4294967294, got `;
      await expect(serve(() => [], { rate, port: 0 })).rejects.toThrow(message);
      expect(() => staticFiles('.', { rate })).toThrow(message);
    }
  });

  it('of an answer is checked', async () => {
    const { port, errors } = await started((environ) => {
      environ['uwsgiref.pace']?.(-1);
      return [];
    });
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).status).toBe(500);
    expect(errors.text).toContain("environ['uwsgiref.pace']() must be a whole number");
  });
});
