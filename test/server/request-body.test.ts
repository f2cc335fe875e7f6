import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Refusal } from '../../src/server/index.js';
import type { Application } from '../../src/types.js';
import { collectGarbage } from './fixtures/collect-garbage.js';
import { descriptorsBackTo, openDescriptors, openFiles } from './fixtures/descriptors.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoBody, gate, later, plain, started, temporaryFolder, until } from './fixtures/started-server.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Up to this size a body stays in memory, */
const IN_MEMORY = 4 * MIB;
/** while all bodies together have no more than this. */
const IN_MEMORY_TOGETHER = 64 * MIB;
const BEYOND_MEMORY = IN_MEMORY + 4;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Answers with the hash of the body, read block by block, and with how many temporary files were open meanwhile. */
function hashing(folder: string): Application {
  return (environ, startResponse) => {
    const hash = createHash('sha256');
    const input = environ['wsgi.input'];
    for (let block = input.read(100_000); block.length > 0; block = input.read(100_000)) hash.update(block);
    startResponse('200 OK', plain());
    return [`${environ.CONTENT_LENGTH} ${hash.digest('hex')} ${openFiles(folder)}`];
  };
}

/** A folder of its own for temporary files. */
function temporaryDirectory(): string {
  const folder = temporaryFolder();
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  onTestFinished(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
  return folder;
}

function chunked(body: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size);
    parts.push(Buffer.from(`${piece.length.toString(16)};note="x"\r\n`), piece, Buffer.from('\r\n'));
  }
  parts.push(Buffer.from('0\r\nX-Trailer: ignored\r\n\r\n'));
  return Buffer.concat(parts);
}

describe('a request body', () => {
  it('takes no memory any more once it is answered, though no other request comes', async () => {
    let bytes: WeakRef<ArrayBufferLike> | undefined;
    const { port } = await started((environ, startResponse) => {
      bytes = new WeakRef(environ['wsgi.input'].read(1).buffer);
      startResponse('200 OK', plain());
      return ['read'];
    });
    const client = await RawClient.open(port);
    client.send(request('PUT', '/', `Content-Length: ${MIB}`));
    await client.sendAll(Buffer.alloc(MIB));
    expect((await client.response()).body.toString()).toBe('read');
    await until(() => {
      collectGarbage();
      return bytes?.deref() === undefined;
    });
  });

  it('of 64 MiB goes through an unlinked temporary file, and leaves nothing behind', async () => {
    const folder = temporaryDirectory();
    const { port } = await started(hashing(folder));
    const body = randomBytes(64 * MIB);
    const client = await RawClient.open(port);
    const before = openDescriptors().length;
    for (let round = 0; round < 2; round++) {
      client.send(request('PUT', '/', `Content-Length: ${body.length}`));
      for (let at = 0; at < body.length; at += MIB) await client.sendAll(body.subarray(at, at + MIB));
      expect(readdirSync(folder)).toEqual([]);
      const text = (await client.response()).body.toString();
      expect(text).toBe(`${body.length} ${sha256(body)} 1`);
    }
    await until(() => openFiles(folder) === 0);
    await descriptorsBackTo(before);
    expect(readdirSync(folder)).toEqual([]);
  });

  for (const [size, files] of [
    [IN_MEMORY - 1, 0],
    [IN_MEMORY, 0],
    [IN_MEMORY + 1, 1],
  ] as const) {
    for (const coding of ['length', 'chunked'] as const) {
      it(`of ${size} bytes by ${coding} takes ${files} files`, async () => {
        const folder = temporaryDirectory();
        const { port } = await started(hashing(folder));
        const body = randomBytes(size);
        const client = await RawClient.open(port);
        const framing = coding === 'length' ? `Content-Length: ${size}` : 'Transfer-Encoding: chunked';
        client.send(request('POST', '/', framing));
        await later(5); // the head by itself, so that the body is collected
        await client.sendAll(coding === 'length' ? body : chunked(body, 10_000));
        expect((await client.response()).body.toString()).toBe(`${size} ${sha256(body)} ${files}`);
        expect((await client.send(get('/')).response()).body.toString()).toBe(`undefined ${sha256(Buffer.alloc(0))} 0`);
      });
    }
  }

  it('goes to a file though it is not large when all bodies together would have too much memory', async () => {
    const folder = temporaryDirectory();
    const answer = gate();
    const { port } = await started(async (environ, startResponse) => {
      const body = environ['wsgi.input'].read();
      await answer.opened;
      startResponse('200 OK', plain());
      return [`${body.length} ${sha256(body)}`];
    });
    const upload = async (size: number) => {
      const client = await RawClient.open(port);
      const body = randomBytes(size);
      client.send(request('POST', '/', `Content-Length: ${size}`));
      // The last byte is sent when all others have been.
      await client.sendAll(body.subarray(0, -1));
      return { client, body };
    };
    const inMemory = IN_MEMORY_TOGETHER / IN_MEMORY;
    const uploads = [];
    for (let count = 0; count < inMemory; count++) uploads.push(await upload(IN_MEMORY));
    await later(50);
    expect(openFiles(folder)).toBe(0);
    for (let count = 0; count < 4; count++) uploads.push(await upload(100 * KIB));
    uploads.push(await upload(10 * KIB));
    await until(() => openFiles(folder) === 4);
    for (const { client, body } of uploads) client.send(body.subarray(-1));
    // Until they are answered they count.
    const late = await upload(100 * KIB);
    await until(() => openFiles(folder) === 5);
    late.client.send(late.body.subarray(-1));
    answer.open();
    for (const { client, body } of [...uploads, late]) {
      expect((await client.response()).body.toString()).toBe(`${body.length} ${sha256(body)}`);
    }
    await until(() => openFiles(folder) === 0);
    const { client, body } = await upload(IN_MEMORY);
    await later(50);
    expect(openFiles(folder)).toBe(0);
    client.send(body.subarray(-1));
    await client.response();
  });

  it('in a file is closed though the application fails, never reads it, or answers late', async () => {
    const folder = temporaryDirectory();
    const answer = gate();
    const { port } = await started((environ, startResponse) => {
      if (environ.PATH_INFO === '/fails') throw new Error('on purpose');
      startResponse('200 OK', plain());
      if (environ.PATH_INFO === '/late') return answer.opened.then(() => [environ['wsgi.input'].read().subarray(-4)]);
      return ['unread'];
    });
    const body = `${'x'.repeat(IN_MEMORY)}tail`;
    const client = await RawClient.open(port);
    const statuses: number[] = [];
    for (const path of ['/fails', '/unread']) {
      client.send(request('POST', path, `Content-Length: ${body.length}`) + body);
      statuses.push((await client.response()).status);
      expect(openFiles(folder)).toBe(0);
    }
    expect(statuses).toEqual([500, 200]);
    client.send(request('POST', '/late', `Content-Length: ${body.length}`) + body);
    await until(() => openFiles(folder) === 1);
    answer.open();
    expect((await client.response()).body.toString()).toBe('tail');
    await until(() => openFiles(folder) === 0);
  });

  it('in a file is closed when its client goes before the answer', async () => {
    const folder = temporaryDirectory();
    const answer = gate();
    const { port, server } = await started(async (_environ, startResponse) => {
      await answer.opened;
      startResponse('200 OK', plain());
      return ['late'];
    });
    const client = await RawClient.open(port);
    client.send(request('POST', '/', `Content-Length: ${BEYOND_MEMORY}`) + 'x'.repeat(BEYOND_MEMORY));
    await until(() => openFiles(folder) === 1);
    client.reset();
    await until(() => server.stats().openConnections === 0);
    answer.open();
    await until(() => openFiles(folder) === 0);
  });

  it('that cannot be stored is refused with 500, once', async () => {
    temporaryDirectory();
    process.env.TMPDIR = '/proc/self/nowhere';
    let ran = 0;
    const refusals: Refusal[] = [];
    const { port, server } = await started(
      (environ, startResponse) => {
        ran++;
        return echoBody(environ, startResponse);
      },
      { onRefused: (refusal) => refusals.push(refusal) },
    );
    const { refused } = server.stats();
    const client = await RawClient.open(port);
    client.send(request('POST', '/', `Content-Length: ${BEYOND_MEMORY}`) + 'x'.repeat(BEYOND_MEMORY) + get('/'));
    const response = await client.response();
    expect([response.status, response.field('connection')]).toEqual([500, 'close']);
    expect((await client.end()).length).toBe(0);
    expect([ran, server.stats().refused - refused]).toEqual([0, 1]);
    expect(refusals).toMatchObject([
      { status: 500, reason: 'The request body could not be stored.', requestLine: 'POST / HTTP/1.1' },
    ]);
  });

  it('up to maxBodySize is taken, beyond it refused with 413, in either framing', async () => {
    const { port } = await started(echoBody, { maxBodySize: 1000 });
    for (const [size, status] of [
      [1000, 200],
      [1001, 413],
    ] as const) {
      const body = Buffer.alloc(size, 'b');
      for (const pause of [false, true]) {
        for (const [framing, bytes] of [
          [`Content-Length: ${size}`, body],
          ['Transfer-Encoding: chunked', chunked(body, 100)],
        ] as const) {
          const client = await RawClient.open(port);
          client.send(request('POST', '/', framing));
          if (pause) await later(5);
          client.send(bytes);
          expect((await client.response()).status).toBe(status);
          client.socket.destroy();
        }
      }
    }
  });

  it('too large is refused while the client is still sending it, and the client gets to read why', async () => {
    const { port, server } = await started(echoBody, { maxBodySize: 1000 });
    const client = await RawClient.open(port);
    client.send(request('POST', '/', `Content-Length: ${20 * MIB}`));
    for (let sent = 0; sent < 20; sent++) client.send(Buffer.alloc(MIB));
    const response = await client.response();
    expect([response.status, response.field('connection')]).toEqual([413, 'close']);
    expect((await client.end()).length).toBe(0);
    client.halfClose();
    await until(() => server.stats().openConnections === 0);
    expect(client.error).toBeUndefined();
  });

  it('awaited by Expect: 100-continue is asked for, once, and not where it is refused', async () => {
    const { port } = await started(echoBody, { maxBodySize: 1000 });
    const client = await RawClient.open(port);
    client.send(request('POST', '/', 'Content-Length: 5', 'Expect: 100-continue'));
    await client.seen('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('12345');
    await client.seen('\r\n\r\n12345');
    expect(client.received.toString().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 200']);

    const refused = await RawClient.open(port);
    refused.send(request('POST', '/', 'Content-Length: 1001', 'Expect: 100-continue'));
    expect((await refused.response()).status).toBe(413);

    const eager = await RawClient.open(port);
    eager.send(`${request('POST', '/', 'Content-Length: 5', 'Expect: 100-continue')}12345`);
    expect((await eager.response()).status).toBe(200);

    const other = await RawClient.open(port);
    other.send(request('POST', '/', 'Content-Length: 5', 'Expect: something-else'));
    expect((await other.response()).status).toBe(417);
  });

  it('is read by every method of wsgi.input, and ends where it ends', async () => {
    const { port } = await started((environ, startResponse) => {
      const input = environ['wsgi.input'];
      const parts = [
        input.readline(),
        input.readline(2),
        input.read(3),
        ...input.readlines(),
        input.read(),
        input.read(9),
      ];
      startResponse('200 OK', plain());
      return [JSON.stringify(parts.map(String))];
    });
    const client = await RawClient.open(port);
    const body = 'first\nsecond\nthird\nlast';
    client.send(request('POST', '/', `Content-Length: ${body.length}`) + body + get('/'));
    expect((await client.response()).body.toString()).toBe(
      JSON.stringify(['first\n', 'se', 'con', 'd\n', 'third\n', 'last', '', '']),
    );
    expect((await client.response()).body.toString()).toBe(JSON.stringify(['', '', '', '', '']));
  });
});
