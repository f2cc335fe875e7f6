import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificate } from './fixtures/certificate.js';
import { compiledPackage } from './fixtures/compiled-package.js';
import { OddDisk } from './fixtures/odd-disk.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { later, temporaryFolder, until } from './fixtures/started-server.js';
import { openTls } from './fixtures/tls-client.js';

const root = compiledPackage();
const MIB = 1024 * 1024;
const content = randomBytes(3 * MIB + 1);
const small = content.subarray(0, 5000);

async function download(port: number, name: string): Promise<Buffer> {
  const client = await RawClient.open(port);
  return (await client.send(get(`/${name}`)).response()).body;
}

describe.runIf(process.platform === 'linux')('a file that is not in memory', () => {
  it('is read by a thread, and the loop never waits for it', async () => {
    const files = {
      'cold-large': content,
      'cold-small': small,
      'cold-unsendable': content,
      'cold-silent-large': content,
      'cold-silent-small': small,
    };
    const disk = await OddDisk.serve(root, files);
    for (const [name, whole] of Object.entries(files)) {
      const before = (await disk.stats()).coldReads;
      expect((await download(disk.port, name)).equals(whole)).toBe(true);
      const cold = (await disk.stats()).coldReads;
      expect(cold).toBeGreaterThan(before);
      // Now it is there.
      expect((await download(disk.port, name)).equals(whole)).toBe(true);
      expect((await disk.stats()).coldReads).toBe(cold);
    }
    expect(disk.reports).toBe('');
  });

  it('is read by a thread where several parts of it are wanted', async () => {
    const disk = await OddDisk.serve(root, { 'cold-parts': content });
    const before = (await disk.stats()).coldReads;
    const client = await RawClient.open(disk.port);
    const last = content.length - 100_000;
    const { body } = await client.send(get('/cold-parts', `Range: bytes=0-9,1000000-1999999,${last}-`)).response();
    for (const part of [content.subarray(0, 10), content.subarray(1_000_000, 2_000_000), content.subarray(last)]) {
      expect(body.includes(part)).toBe(true);
    }
    expect((await disk.stats()).coldReads).toBeGreaterThan(before);
    expect(disk.reports).toBe('');
  });

  it('is read by a thread for TLS, too', async () => {
    const files = { 'cold-large': content, 'cold-small': small, 'cold-silent': content };
    const tls = certificate(temporaryFolder(), 'server');
    const disk = await OddDisk.serve(root, files, { tls });
    for (const [name, whole] of Object.entries(files)) {
      const before = (await disk.stats()).coldReads;
      const client = await openTls(disk.securePort);
      expect((await client.send(get(`/${name}`)).response()).body.equals(whole)).toBe(true);
      expect((await disk.stats()).coldReads).toBeGreaterThan(before);
    }
    expect(disk.reports).toBe('');
  });

  it('comes whole by TLS, however little is at hand when the rest of a piece is due', async () => {
    const tls = certificate(temporaryFolder(), 'server');
    const large = Buffer.concat([content, content, content]);
    const disk = await OddDisk.serve(root, { fickle: large }, { tls });
    const client = await openTls(disk.securePort);
    client.send(get('/fickle'));
    // Until the connection takes no more.
    client.socket.pause();
    await later(200);
    client.socket.resume();
    expect((await client.response()).body.equals(large)).toBe(true);
    expect(disk.reports).toBe('');
  });

  it('keeps nobody else waiting, however many want such files', async () => {
    const files = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`cold-${index}`, content]));
    const disk = await OddDisk.serve(root, files);
    let done = 0;
    const downloads = Object.keys(files).map(async (name) => {
      const body = await download(disk.port, name);
      done++;
      return body;
    });
    const other = await RawClient.open(disk.port);
    let answers = 0;
    let waiting = 0;
    while (done === 0) {
      expect((await other.send(get('/')).response()).body.toString()).toBe('Hello world!\n');
      answers++;
      waiting = Math.max(waiting, (await disk.stats()).waits.disk);
    }
    // Each file takes the disk half a second.
    expect(answers).toBeGreaterThan(20);
    expect(waiting).toBe(12);
    for (const body of await Promise.all(downloads)) expect(body.equals(content)).toBe(true);
    expect((await disk.stats()).waits.disk).toBe(0);
    expect(disk.reports).toBe('');
  });

  it('may lose its client meanwhile', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `cold-${index}`);
    const disk = await OddDisk.serve(root, Object.fromEntries(names.map((name) => [name, content])));
    for (const name of names) {
      const client = await RawClient.open(disk.port);
      client.send(get(`/${name}`));
      await later(5);
      client.reset();
    }
    for (;;) {
      const { openConnections } = await disk.stats();
      if (openConnections === 0) break;
    }
    expect((await download(disk.port, 'cold-0')).equals(content)).toBe(true);
    expect(disk.reports).toBe('');
  });
});

describe.runIf(process.platform === 'linux')('a disk error', () => {
  for (const [name, when] of [
    ['cold-bad-read', 'a thread reads ahead'],
    ['bad-send', 'the file is sent'],
  ] as const) {
    it(`is reported as one, and ends the connection, where ${when}`, async () => {
      const disk = await OddDisk.serve(root, { [name]: content });
      const client = await RawClient.open(disk.port);
      const received = await client.send(get(`/${name}`) + get('/')).end();
      const body = received.subarray(received.indexOf('\r\n\r\n') + 4);
      expect(received.toString('latin1')).toContain(`Content-Length: ${content.length}\r\n`);
      expect(body.length).toBeGreaterThanOrEqual(MIB);
      expect(body.equals(content.subarray(0, body.length)) && body.length < content.length).toBe(true);
      await until(() => disk.reports.includes('\n'));
      expect(disk.reports).toBe('uwsgiref: A file could not be read; the connection was closed (EIO)\n');
    });
  }
});
