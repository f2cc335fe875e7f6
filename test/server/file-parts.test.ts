import { closeSync, ftruncateSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { staticFiles } from '../../src/static/index.js';
import type { Application } from '../../src/types.js';
import { certificate } from './fixtures/certificate.js';
import { openFiles } from './fixtures/descriptors.js';
import { get, RawClient } from './fixtures/raw-client.js';
import type { RawResponse } from './fixtures/response-reader.js';
import { later, started, temporaryFolder, until } from './fixtures/started-server.js';
import { openTls } from './fixtures/tls-client.js';

const MIB = 1024 * 1024;
// Never the same at two places.
const content = Buffer.alloc(16 * MIB);
for (let place = 0; place < content.length; place += 4)
  content.writeUInt32LE(Math.imul(place, 0x9e3779b1) >>> 0, place);

/** A folder with one file in it. */
function site(): { root: string; path: string } {
  const root = temporaryFolder();
  const path = join(root, 'in-parts.bin');
  writeFileSync(path, content);
  return { root, path };
}

/** Ranges that are no neighbours: a small one, some that `sendfile` is for, and the end. */
const RANGES: ReadonlyArray<readonly [first: number, last: number]> = [
  [5 * MIB, 9 * MIB - 1],
  [0, 99],
  [MIB, MIB + 70_000],
  [content.length - 4 * MIB, content.length - 1],
];
const LARGE = 4 * MIB + 70_001 + 4 * MIB;
const asked = (...fields: string[]) =>
  get('/in-parts.bin', `Range: bytes=${RANGES.map((range) => range.join('-')).join()}`, ...fields);

/** What the answer has to be: as long as it says, each part behind its head. */
function expectParts({ status, framing, body, field }: RawResponse, framed = 'length'): void {
  expect([status, framing]).toEqual([206, framed]);
  const boundary = /boundary=(\w+)$/.exec(field('content-type')!)![1];
  const pieces = RANGES.flatMap(([first, last]) => [
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${first}-${last}/${content.length}\r\n\r\n`,
    ),
    content.subarray(first, last + 1),
  ]);
  expect(body.equals(Buffer.concat([...pieces, Buffer.from(`\r\n--${boundary}--\r\n`)]))).toBe(true);
}

/** Asks twice, and reads when much of both waits. */
async function expectPartsReadLate(client: RawClient): Promise<void> {
  client.socket.pause();
  client.send(asked() + asked());
  await later(100);
  client.socket.resume();
  expectParts(await client.response());
  expectParts(await client.response());
}

describe('several parts of a file', () => {
  it('leave by sendfile, and the connection goes on behind them', async () => {
    const { root } = site();
    const { port, server } = await started(staticFiles(root));
    const before = server.stats().sendfileBytes;
    const client = await RawClient.open(port);
    client.send(asked() + get('/none') + asked());
    expectParts(await client.response());
    expect((await client.response()).status).toBe(404);
    expectParts(await client.response());
    expect(server.stats().sendfileBytes - before).toBe(2 * LARGE);
    expectParts(await client.send(asked()).response());
    await until(() => openFiles(root) <= 1);
  });

  it('are whole for a client that reads late', async () => {
    const { root } = site();
    const { port } = await started(staticFiles(root));
    await expectPartsReadLate(await RawClient.open(port));
  });

  it('go over TLS', async () => {
    const { root } = site();
    const { port } = await started(staticFiles(root), { tls: certificate(temporaryFolder(), 'server') });
    await expectPartsReadLate(await openTls(port));
  });

  it('are read where a middleware has taken the length away', async () => {
    const { root } = site();
    const files = staticFiles(root);
    const application: Application = (environ, startResponse) =>
      files(environ, (status, fields) =>
        startResponse(
          status,
          fields.filter(([name]) => name !== 'Content-Length'),
        ),
      );
    const { port, server } = await started(application);
    const before = server.stats().sendfileBytes;
    const client = await RawClient.open(port);
    expectParts(await client.send(asked()).response(), 'chunked');
    expect(server.stats().sendfileBytes).toBe(before);
  });

  it('are let go of when the client leaves in their midst', async () => {
    const { root } = site();
    const { port, server, errors } = await started(staticFiles(root, { openFileCache: false }));
    const client = await RawClient.open(port);
    client.send(asked());
    await client.receive(100);
    client.reset();
    await until(() => server.stats().openConnections === 0 && openFiles(root) === 0);
    expect(errors.text).toBe('');
  });

  const changes: Array<[name: string, change: (descriptor: number) => void, report: RegExp]> = [
    ['is written over', (file) => writeSync(file, Buffer.alloc(MIB, '!'), 0, MIB, content.length - MIB), /written to/],
    // What was in the midst of leaving is all there still.
    ['shrinks', (file) => ftruncateSync(file, content.length - MIB), /written to/],
    ['is emptied', (file) => ftruncateSync(file, 0), /ended before its announced length/],
  ];
  for (const secure of [false, true]) {
    for (const [name, change, report] of changes) {
      it(`are not of two states of the file that ${name}${secure ? ', over TLS' : ''}`, async () => {
        const { root, path } = site();
        const tls = secure ? { tls: certificate(temporaryFolder(), 'server') } : {};
        const { port, errors } = await started(staticFiles(root), tls);
        const client = secure ? await openTls(port) : await RawClient.open(port);
        client.socket.pause();
        client.send(asked('Connection: close'));
        await later(100);
        const file = openSync(path, 'r+');
        change(file);
        closeSync(file);
        client.socket.resume();
        const received = await client.end();
        const length = Number(/Content-Length: (\d+)/.exec(received.toString('latin1', 0, 1000))![1]);
        expect(received.length - received.indexOf('\r\n\r\n') - 4).toBeLessThan(length);
        expect(received.includes(Buffer.alloc(1000, '!'))).toBe(false);
        expect(errors.text).toMatch(report);
        await until(() => openFiles(root) <= 1);
      });
    }
  }

  it('are all of the file that was replaced meanwhile', async () => {
    const { root, path } = site();
    const { port } = await started(staticFiles(root));
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(asked());
    await later(100);
    writeFileSync(`${path}.new`, Buffer.alloc(content.length, '!'));
    renameSync(`${path}.new`, path);
    client.socket.resume();
    expectParts(await client.response());
  });
});

it('a part that waits for its turn is of the state that its fields describe', async () => {
  const { root } = site();
  const path = join(root, 'behind.bin');
  writeFileSync(path, content.subarray(0, 1000));
  const { port, errors } = await started(staticFiles(root));
  const client = await RawClient.open(port);
  client.socket.pause();
  // The second answer is known before the first has left.
  client.send(get('/in-parts.bin') + get('/behind.bin', 'Range: bytes=100-199'));
  await later(100);
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(100, '!'), 0, 100, 100);
  closeSync(file);
  client.socket.resume();
  expect((await client.response()).body.equals(content)).toBe(true);
  expect((await client.end()).includes('!'.repeat(100))).toBe(false);
  expect(errors.text).toMatch(/written to/);
});
