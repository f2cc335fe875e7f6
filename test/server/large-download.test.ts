import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../src/files.js';
import type { Application } from '../../src/types.js';
import { certificate } from './fixtures/certificate.js';
import { openFiles } from './fixtures/descriptors.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { later, plain, started, temporaryFolder, until } from './fixtures/started-server.js';
import { openTls } from './fixtures/tls-client.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MARKER = 37 * MIB + 13;

/** Added to what is written into another file. */
const OTHER = 1000;

/** A sparse file with its own offset written at every multiple of a number that divides no block size. */
function sparseFile(size: number, other = 0): string {
  const path = join(temporaryFolder(), 'large.bin');
  const descriptor = openSync(path, 'w');
  ftruncateSync(descriptor, size);
  const mark = Buffer.alloc(8);
  for (let at = 0; at + 8 <= size; at += MARKER) {
    mark.writeBigUInt64LE(BigInt(at + 1 + other));
    writeSync(descriptor, mark, 0, 8, at);
  }
  closeSync(descriptor);
  return path;
}

/** Other bytes from the first to the last. */
function writeOver(path: string, size: number): void {
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, Buffer.alloc(size, 'x'), 0, size, 0);
  closeSync(descriptor);
}

function sending(path: string, closed: () => void = () => {}): Application {
  return (environ, startResponse) => {
    startResponse('200 OK', plain());
    const file = openFile(path);
    const wrapper = new environ['wsgi.file_wrapper']!(file);
    const close = wrapper.close?.bind(wrapper);
    wrapper.close = () => {
      closed();
      close?.();
    };
    return wrapper;
  };
}

describe('a large file', () => {
  it('of 1 GiB reaches a client that pauses time and again, whole and in order', async () => {
    const path = sparseFile(GIB);
    const { port, server } = await started(sending(path));
    const sentBefore = server.stats().sendfileBytes;
    const client = await RawClient.open(port);
    let head = Buffer.alloc(0);
    let bodyAt = 0;
    let wrong = 0;
    let tail = Buffer.alloc(0);
    // Marks may lie across two pieces, so that each is looked at with the end of the one before.
    const check = (piece: Buffer) => {
      const from = bodyAt - tail.length;
      const joined = Buffer.concat([tail, piece.subarray(0, 8)]);
      for (let at = Math.ceil(from / MARKER) * MARKER; at < bodyAt + piece.length - 7; at += MARKER) {
        const source = at >= bodyAt ? piece : joined;
        const place = at >= bodyAt ? at - bodyAt : at - from;
        if (place + 8 <= source.length && source.readBigUInt64LE(place) !== BigInt(at + 1)) wrong++;
      }
      bodyAt += piece.length;
      tail = Buffer.from(piece.subarray(-7));
    };
    let pauses = 0;
    client.sink = (piece) => {
      if (bodyAt === 0 && !head.includes('\r\n\r\n')) {
        head = Buffer.concat([head, piece]);
        const end = head.indexOf('\r\n\r\n') + 4;
        if (end > 3) check(head.subarray(end));
        return;
      }
      check(piece);
      if (bodyAt > (pauses + 1) * 200 * MIB) {
        pauses++;
        client.socket.pause();
        setTimeout(() => client.socket.resume(), 150);
      }
    };
    client.send(get('/'));
    await until(() => bodyAt >= GIB || client.ended);
    expect({ bodyAt, wrong, pauses }).toEqual({ bodyAt: GIB, wrong: 0, pauses: 5 });
    expect(head.toString('latin1')).toContain(`Content-Length: ${GIB}\r\n`);
    expect(server.stats().sendfileBytes - sentBefore).toBe(GIB);
    await until(() => openFiles('large.bin') === 0);
    // The connection is as good as new.
    client.sink = () => undefined;
    const { receivedBytes } = client;
    client.send(get('/'));
    await client.receive(receivedBytes + 10 * MIB);
    client.reset();
  });

  it('of 5 GiB is right where its offsets need more than 31 bits, and more than 32', async () => {
    const path = sparseFile(5 * GIB);
    const length = 64 * MIB;
    const application: Application = (environ, startResponse) => {
      startResponse('200 OK', plain());
      const region = environ.QUERY_STRING ? { offset: Number(environ.QUERY_STRING), length } : {};
      return new environ['wsgi.file_wrapper']!(openFile(path, region));
    };
    const { port } = await started(application);
    const secure = await started(application, { tls: certificate(temporaryFolder(), 'server') });
    const descriptor = openSync(path, 'r');
    const expected = Buffer.alloc(length);
    for (const boundary of [2 ** 31, 2 ** 32]) {
      // There is a mark before the boundary, and one behind it.
      const offset = Math.floor(boundary / MARKER) * MARKER - 1;
      readSync(descriptor, expected, 0, length, offset);
      expect(expected.readBigUInt64LE(1)).toBe(BigInt(offset + 2));
      for (const client of [await RawClient.open(port), await openTls(secure.port)]) {
        expect((await client.send(get(`/?${offset}`)).response()).body.equals(expected)).toBe(true);
      }
    }
    closeSync(descriptor);
    const client = await RawClient.open(port);
    client.sink = () => undefined;
    const head = new Promise<string>((resolve) =>
      client.socket.once('data', (bytes) => resolve(bytes.toString('latin1'))),
    );
    client.send(get('/'));
    expect(await head).toContain(`Content-Length: ${5 * GIB}\r\n`);
    client.reset();
  });

  it('does not keep other clients waiting while it leaves', async () => {
    const path = sparseFile(GIB);
    const { port } = await started((environ, startResponse) => {
      if (environ.PATH_INFO === '/large') return sending(path)(environ, startResponse);
      startResponse('200 OK', plain());
      return ['quick'];
    });
    const large = await RawClient.open(port);
    large.sink = () => undefined;
    large.send(get('/large'));
    await large.receive(1);
    const client = await RawClient.open(port);
    for (let round = 0; round < 20; round++) {
      expect((await client.send(get('/')).response()).body.toString()).toBe('quick');
    }
    expect(large.receivedBytes).toBeLessThan(GIB);
    large.reset();
  });

  for (const leave of ['reset', 'close'] as const) {
    it(`is closed once when its client leaves by ${leave} in the midst of it`, async () => {
      const path = sparseFile(64 * MIB);
      let closed = 0;
      const { port, server, errors } = await started(sending(path, () => closed++));
      const client = await RawClient.open(port);
      client.send(get('/'));
      await client.receive(MIB);
      client.socket.pause();
      await later(30);
      if (leave === 'reset') client.reset();
      else client.socket.destroy();
      await until(() => closed > 0);
      await until(() => server.stats().openConnections === 0);
      await later(20);
      expect({ closed, open: openFiles('large.bin'), errors: errors.text }).toEqual({ closed: 1, open: 0, errors: '' });
    });
  }

  it('is closed when its client leaves right behind the request', async () => {
    const path = sparseFile(64 * MIB);
    let closed = 0;
    const { port, server } = await started(
      sending(path, () => closed++),
      { sendTimeout: 0 },
    );
    for (let round = 1; round <= 10; round++) {
      const client = await RawClient.open(port);
      client.send(get('/'));
      client.socket.destroy();
      await until(() => closed === round && server.stats().openConnections === 0);
    }
    expect(openFiles('large.bin')).toBe(0);
  });

  // What is done to it while it is sent, to the path and to the size that it had.
  const changes: Array<[name: string, change: (path: string, size: number) => void, report: RegExp | null]> = [
    ['shrinks', (path) => truncateSync(path, 16 * MIB), /ended before its announced length/],
    ['is emptied', (path) => truncateSync(path, 0), /ended before its announced length/],
    [
      'is emptied and filled again',
      (path, size) => {
        truncateSync(path, 0);
        truncateSync(path, size);
      },
      /was written to while it was sent/,
    ],
    ['is written over', (path, size) => writeOver(path, size), /was written to while it was sent/],
    ['is replaced', (path, size) => renameSync(sparseFile(size, OTHER), path), null],
    ['is removed', (path) => unlinkSync(path), null],
  ];

  for (const secure of [false, true]) {
    for (const [name, change, report] of changes) {
      const outcome = report === null ? 'is sent as it was' : 'ends the connection, and the log says why';
      it(`that ${name} while it is sent${secure ? ' over TLS' : ''} ${outcome}`, async () => {
        const size = 24 * MIB;
        const path = sparseFile(size);
        const content = readFileSync(path);
        let closed = 0;
        const tls = secure ? { tls: certificate(temporaryFolder(), 'server') } : {};
        const { port, errors } = await started(
          sending(path, () => closed++),
          tls,
        );
        const client = secure ? await openTls(port) : await RawClient.open(port);
        client.socket.pause();
        client.send(get('/') + get('/', 'Connection: close'));
        await later(100);
        change(path, size);
        client.socket.resume();
        const received = await client.end();
        const bodyAt = received.indexOf('\r\n\r\n') + 4;
        expect(received.toString('latin1', 0, bodyAt)).toContain(`Content-Length: ${size}\r\n`);
        const body = received.subarray(bodyAt, bodyAt + size);
        // Never a byte of anything else; but what sendfile has given the kernel is the file's own memory.
        if (secure || name !== 'is written over') expect(body.equals(content.subarray(0, body.length))).toBe(true);
        if (report === null) {
          expect(body.length).toBe(size);
        } else {
          expect(body.length).toBeLessThan(size);
          expect(received.length).toBe(bodyAt + body.length);
          expect(errors.text).toMatch(report);
        }
        // That of the request behind it, too.
        if (name !== 'is removed') await until(() => closed === 2);
        await until(() => openFiles('large.bin') === 0);
      });
    }
  }

  it('that grows while it is sent is cut at its Content-Length', async () => {
    const path = sparseFile(64 * MIB);
    const { port } = await started(sending(path));
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(get('/', 'Connection: close'));
    await later(50);
    truncateSync(path, 80 * MIB);
    client.socket.resume();
    expect((await client.response()).body.length).toBe(64 * MIB);
    expect((await client.end()).length).toBe(0);
    const descriptor = openSync(path, 'r');
    expect(fstatSync(descriptor).size).toBe(80 * MIB);
    closeSync(descriptor);
  });
});
