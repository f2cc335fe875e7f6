import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FileRegion, openFile } from '../../src/files.js';
import type { Application, Environ, FileLike, HeaderList } from '../../src/types.js';
import { descriptorsBackTo, openDescriptors, openFiles } from './fixtures/descriptors.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { gate, plain, started, temporaryFolder, until } from './fixtures/started-server.js';

const content = randomBytes(300_000);

function file(bytes: Uint8Array = content): string {
  const path = join(temporaryFolder(), 'sent.bin');
  writeFileSync(path, bytes);
  return path;
}

function wrap(environ: Environ, filelike: FileLike, blockSize?: number) {
  return new environ['wsgi.file_wrapper']!(filelike, blockSize);
}

/** Answers with a region of the file. */
function sending(path: string, region: FileRegion = {}, ...fields: HeaderList): Application {
  return (environ, startResponse) => {
    startResponse('200 OK', plain(...fields));
    return wrap(environ, openFile(path, region));
  };
}

describe('a file', () => {
  it('leaves by sendfile, with its length, and is closed', async () => {
    const path = file();
    const { port, server } = await started(sending(path));
    const before = server.stats().sendfileBytes;
    const client = await RawClient.open(port);
    const response = await client.send(get('/')).response();
    expect(response.framing).toBe('length');
    expect(response.body.equals(content)).toBe(true);
    expect(server.stats().sendfileBytes - before).toBe(content.length);
    await until(() => openFiles('sent.bin') === 0);
    // The connection goes on behind it.
    expect((await client.send(get('/')).response()).body.equals(content)).toBe(true);
  });

  it('leaves in part where its region says so', async () => {
    const path = file();
    const { port } = await started((environ, startResponse) => {
      const [offset, length] = environ.QUERY_STRING!.split(',').map(Number) as [number, number];
      return sending(path, { offset, length })(environ, startResponse);
    });
    const client = await RawClient.open(port);
    const { length } = content;
    for (const [offset, size] of [
      [0, 1],
      [1, 99_999],
      [length - 1, 1],
      [length - 10, 20],
      [length, 5],
      [7, 0],
    ] as const) {
      const { body } = await client.send(get(`/?${offset},${size}`)).response();
      expect(body.equals(content.subarray(offset, offset + size))).toBe(true);
    }
  });

  it('without a region leaves from where its descriptor stands', async () => {
    const path = file();
    const { port, server } = await started((environ, startResponse) => {
      const descriptor = openSync(path, 'r');
      readSync(descriptor, Buffer.alloc(1000), 0, 1000, null);
      startResponse('200 OK', plain());
      return wrap(environ, {
        read: () => expect.unreachable('sendfile was due'),
        fileno: () => descriptor,
        close: () => closeSync(descriptor),
      });
    });
    const before = server.stats().sendfileBytes;
    const client = await RawClient.open(port);
    const { body } = await client.send(get('/')).response();
    expect(body.equals(content.subarray(1000))).toBe(true);
    expect(server.stats().sendfileBytes - before).toBe(content.length - 1000);
    await until(() => openFiles('sent.bin') === 0);
  });

  it('without a descriptor is read and written block by block', async () => {
    let at = 0;
    let closed = 0;
    const sizes: unknown[] = [];
    const { port, server } = await started((environ, startResponse) => {
      startResponse('200 OK', plain());
      const filelike = {
        read(size = 0) {
          sizes.push(size);
          at += size;
          return content.subarray(at - size, at);
        },
        close: () => void closed++,
      };
      return wrap(environ, filelike, 4096);
    });
    const before = server.stats().sendfileBytes;
    const client = await RawClient.open(port);
    const response = await client.send(get('/')).response();
    expect(response.framing).toBe('chunked');
    expect(response.body.equals(content)).toBe(true);
    expect(new Set(sizes)).toEqual(new Set([4096]));
    expect(server.stats().sendfileBytes).toBe(before);
    await until(() => closed === 1);
  });

  it('that is none, but a pipe, is read block by block', async () => {
    let left = 3;
    const pipe = openSync('/dev/null', 'r');
    const { port } = await started((environ, startResponse) => {
      startResponse('200 OK', plain());
      return wrap(environ, { read: () => Buffer.from(left-- > 0 ? 'block' : ''), fileno: () => pipe });
    });
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).body.toString()).toBe('blockblockblock');
    closeSync(pipe);
  });

  it('whose descriptor is closed already is not sent from whatever has that number now', async () => {
    const path = file();
    const { port, errors } = await started((environ, startResponse) => {
      startResponse('200 OK', plain());
      const opened = openFile(path);
      opened.close();
      return wrap(environ, opened);
    });
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).status).toBe(500);
    expect(errors.text).toContain('The file is closed');
  });

  it('that is empty is an empty body', async () => {
    const { port } = await started(sending(file(Buffer.alloc(0))));
    const client = await RawClient.open(port);
    for (let round = 0; round < 2; round++) {
      const response = await client.send(get('/')).response();
      expect([response.framing, response.body.length]).toEqual(['length', 0]);
    }
    await until(() => openFiles('sent.bin') === 0);
  });

  it('is not sent to HEAD, which is told its length', async () => {
    const { port, server } = await started(sending(file()));
    const before = server.stats().sendfileBytes;
    const client = await RawClient.open(port);
    for (let round = 0; round < 2; round++) {
      const response = await client.send(request('HEAD', '/')).response('HEAD');
      expect(response.field('content-length')).toBe(String(content.length));
    }
    expect(client.received.length).toBe(0);
    expect(server.stats().sendfileBytes).toBe(before);
    await until(() => openFiles('sent.bin') === 0);
  });

  it('goes to a client of HTTP/1.0, which may keep the connection', async () => {
    const { port } = await started(sending(file()));
    const keeps = await RawClient.open(port);
    for (let round = 0; round < 2; round++) {
      keeps.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      expect((await keeps.response()).body.equals(content)).toBe(true);
    }
    const closes = await RawClient.open(port);
    closes.send('GET / HTTP/1.0\r\n\r\n');
    const response = await closes.response();
    expect(response.field('content-length')).toBe(String(content.length));
    expect(response.body.equals(content)).toBe(true);
    expect((await closes.end()).length).toBe(0);
  });

  it('may be sent as soon as the one before it has left', async () => {
    const large = Buffer.alloc(20_000_000, 'large');
    const [first, second] = [file(large), file()];
    const left = gate();
    const { port } = await started(async (environ, startResponse) => {
      if (environ.PATH_INFO === '/second') {
        await left.opened;
        return sending(second)(environ, startResponse);
      }
      const opened = openFile(first);
      startResponse('200 OK', plain());
      return Object.assign(wrap(environ, opened), {
        close() {
          opened.close();
          left.open();
        },
      });
    });
    const client = await RawClient.open(port);
    client.send(get('/first') + get('/second'));
    expect((await client.response()).body.equals(large)).toBe(true);
    expect((await client.response()).body.equals(content)).toBe(true);
  });

  it('that is small arrives together with its head', async () => {
    const { port } = await started(sending(file(Buffer.from('small file'))));
    const client = await RawClient.open(port);
    const pieces: Buffer[] = [];
    client.sink = (bytes) => pieces.push(bytes);
    client.send(get('/', 'Connection: close'));
    await client.end();
    expect(pieces.map((piece) => piece.toString().slice(-10))).toEqual(['small file']);
  });

  it('shorter than the declared Content-Length ends the connection short', async () => {
    const { port } = await started(sending(file(), {}, ['Content-Length', String(content.length + 5)]));
    const client = await RawClient.open(port);
    const received = await client.send(get('/') + get('/')).end();
    const body = received.subarray(received.indexOf('\r\n\r\n') + 4);
    expect(body.equals(content)).toBe(true);
    await until(() => openFiles('sent.bin') === 0);
  });

  it('longer than the declared Content-Length is cut', async () => {
    const { port } = await started(sending(file(), {}, ['Content-Length', '1000']));
    const client = await RawClient.open(port);
    client.send(get('/') + get('/'));
    for (let round = 0; round < 2; round++) {
      expect((await client.response()).body.equals(content.subarray(0, 1000))).toBe(true);
    }
    await until(() => openFiles('sent.bin') === 0);
  });

  it('waits for its turn behind a slow pipelined request, and holds nothing up behind it', async () => {
    const slow = gate();
    const path = file();
    const { port } = await started((environ, startResponse) => {
      const send = () => sending(path)(environ, startResponse);
      return environ.PATH_INFO === '/slow' ? slow.opened.then(send) : send();
    });
    const client = await RawClient.open(port);
    client.send(get('/slow') + get('/') + get('/'));
    await until(() => openFiles('sent.bin') === 2);
    slow.open();
    for (let round = 0; round < 3; round++) expect((await client.response()).body.equals(content)).toBe(true);
    await until(() => openFiles('sent.bin') === 0);
  });

  it('returned before startResponse, or after write(), is no file any more', async () => {
    const path = file(Buffer.from('-file'));
    const { port, errors } = await started((environ, startResponse) => {
      if (environ.PATH_INFO === '/early') return wrap(environ, openFile(path));
      const write = startResponse('200 OK', plain());
      write('written');
      return wrap(environ, openFile(path));
    });
    const before = openDescriptors().length;
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).body.toString()).toBe('written-file');
    expect((await client.send(get('/early')).response()).status).toBe(500);
    expect(errors.text).toContain('startResponse');
    await descriptorsBackTo(before + 2);
    await until(() => openFiles('sent.bin') === 0);
  });
});
