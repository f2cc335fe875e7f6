import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DiskFile, type FileRegion, openFile } from '../../src/files.js';
import { serve } from '../../src/server/index.js';
import { MemoryErrors } from '../../src/streams.js';
import type { Application } from '../../src/types.js';
import { certificate } from './fixtures/certificate.js';
import { openFiles } from './fixtures/descriptors.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { plain, type StartedServer, started, temporaryFolder, until } from './fixtures/started-server.js';
import { openTls } from './fixtures/tls-client.js';

const SMALL = 16 * 1024;
const content = randomBytes(SMALL + 1);

function file(size: number, folder = temporaryFolder()): string {
  const path = join(folder, 'small.bin');
  writeFileSync(path, content.subarray(0, size));
  return path;
}

function sending(path: string, region: FileRegion = {}): Application {
  return (environ, startResponse) => {
    startResponse('200 OK', plain());
    return new environ['wsgi.file_wrapper']!(openFile(path, region));
  };
}

/** Gets the file, and answers how much of it has left by sendfile. */
async function sentByCall({ port, server }: StartedServer, size: number): Promise<number> {
  const client = await RawClient.open(port);
  const before = server.stats().sendfileBytes;
  const { body } = await client.send(get('/')).response();
  expect(body.equals(content.subarray(0, size))).toBe(true);
  await until(() => openFiles('small.bin') === 0);
  return server.stats().sendfileBytes - before;
}

describe('a small file', () => {
  it('leaves with its head, and a larger one by sendfile', async () => {
    expect(await sentByCall(await started(sending(file(1))), 1)).toBe(0);
    expect(await sentByCall(await started(sending(file(SMALL))), SMALL)).toBe(0);
    // What the socket has no room for at first may be small enough for the other way.
    expect(await sentByCall(await started(sending(file(SMALL + 1))), SMALL + 1)).toBeGreaterThan(0);
  });

  it('is what smallFileSize says', async () => {
    const path = file(1000);
    expect(await sentByCall(await started(sending(path), { smallFileSize: 1000 }), 1000)).toBe(0);
    expect(await sentByCall(await started(sending(path), { smallFileSize: 999 }), 1000)).toBe(1000);
    expect(await sentByCall(await started(sending(path), { smallFileSize: 0 }), 1000)).toBe(1000);
  });

  it.runIf(existsSync('/dev/shm'))('may lie in memory', async () => {
    const folder = mkdtempSync('/dev/shm/uwsgiref-');
    onTestFinished(() => rmSync(folder, { recursive: true }));
    expect(await sentByCall(await started(sending(file(5000, folder))), 5000)).toBe(0);
  });

  it('may be a region of a large one', async () => {
    const { port, server } = await started(sending(file(SMALL + 1), { offset: 777, length: 5000 }));
    const client = await RawClient.open(port);
    const before = server.stats().sendfileBytes;
    expect((await client.send(get('/')).response()).body.equals(content.subarray(777, 5777))).toBe(true);
    expect(server.stats().sendfileBytes).toBe(before);
  });

  it('is cut, or ends the connection, where its Content-Length says something else', async () => {
    const path = file(1000);
    const { port, errors } = await started((environ, startResponse) => {
      startResponse('200 OK', plain(['Content-Length', environ.QUERY_STRING!]));
      return new environ['wsgi.file_wrapper']!(openFile(path));
    });
    const client = await RawClient.open(port);
    for (let round = 0; round < 2; round++) {
      expect((await client.send(get('/?10')).response()).body.equals(content.subarray(0, 10))).toBe(true);
    }
    const received = await client.send(get('/?1001') + get('/?10')).end();
    expect(received.subarray(received.indexOf('\r\n\r\n') + 4).equals(content.subarray(0, 1000))).toBe(true);
    expect(errors.text).toContain('less than its Content-Length');
  });

  it('that has shrunk is never filled up, and ends the connection', async () => {
    for (const there of [0, 500]) {
      const path = file(there);
      const { port, errors } = await started((environ, startResponse) => {
        startResponse('200 OK', plain());
        return new environ['wsgi.file_wrapper']!(new DiskFile(openSync(path, 'r'), 1000));
      });
      const client = await RawClient.open(port);
      const received = await client.send(get('/') + get('/')).end();
      expect(received.toString('latin1')).toContain('Content-Length: 1000\r\n');
      expect(received.subarray(received.indexOf('\r\n\r\n') + 4).equals(content.subarray(0, there))).toBe(true);
      expect(errors.text).toContain('A file ended before its announced length');
      await until(() => openFiles('small.bin') === 0);
    }
  });

  it('is not sent to HEAD', async () => {
    const { port } = await started(sending(file(1000)));
    const client = await RawClient.open(port);
    for (let round = 0; round < 2; round++) {
      const response = await client.send(request('HEAD', '/')).response('HEAD');
      expect(response.field('content-length')).toBe('1000');
    }
    expect(client.received.length).toBe(0);
  });

  it('keeps its place among pipelined requests, before a client that reads late', async () => {
    const [small, large] = [file(SMALL), file(SMALL + 1)];
    const { port } = await started((environ, startResponse) =>
      sending(environ.PATH_INFO === '/large' ? large : small)(environ, startResponse),
    );
    const client = await RawClient.open(port);
    client.socket.pause();
    const rounds = 300;
    client.send((get('/') + get('/large') + get('/')).repeat(rounds));
    setTimeout(() => client.socket.resume(), 200);
    for (let round = 0; round < rounds; round++) {
      for (const size of [SMALL, SMALL + 1, SMALL]) {
        expect((await client.response()).body.equals(content.subarray(0, size))).toBe(true);
      }
    }
    await until(() => openFiles('small.bin') === 0);
  });

  it('goes over TLS', async () => {
    const { port } = await started(sending(file(SMALL)), { tls: certificate(temporaryFolder(), 'server') });
    const client = await openTls(port);
    for (let round = 0; round < 3; round++) {
      expect((await client.send(get('/')).response()).body.equals(content.subarray(0, SMALL))).toBe(true);
    }
  });
});

it('smallFileSize is checked', async () => {
  await expect(serve(sending('/none'), { smallFileSize: -1, errors: new MemoryErrors() })).rejects.toThrow(
    /^smallFileSize must be a whole number from 0 to 1048576, got -1$/,
  );
});
