import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { mount } from '../../src/mount.js';
import { type StaticOptions, staticFiles } from '../../src/static/index.js';
import type { Application } from '../../src/types.js';
import { certificate } from '../server/fixtures/certificate.js';
import { openFiles } from '../server/fixtures/descriptors.js';
import { get, RawClient, request } from '../server/fixtures/raw-client.js';
import type { RawResponse } from '../server/fixtures/response-reader.js';
import { later, started, temporaryFolder, until } from '../server/fixtures/started-server.js';
import { openTls } from '../server/fixtures/tls-client.js';

/** Whatever shows before that shows at once. */
const FOR_LONG = 60_000;
const SHORTLY = 60;
const SMALL = 1000;
const LARGE = 200_000;

const content = (size: number, seed: string) => Buffer.alloc(size, createHash('sha256').update(seed).digest());

interface Site {
  root: string;
  path: string;
  client: RawClient;
  port: number;
}

/** A directory with one file in it, asked for until it is kept. */
async function site(bytes: Buffer, options: StaticOptions = {}, warm = true): Promise<Site> {
  const root = join(temporaryFolder(), 'www');
  mkdirSync(root);
  const path = join(root, 'kept.bin');
  writeFileSync(path, bytes);
  const { port } = await started(staticFiles(root, { openFileCache: { revalidateMs: FOR_LONG }, ...options }));
  // What has just changed is not kept.
  await later(40);
  const client = await RawClient.open(port);
  for (let round = 0; warm && round < 3; round++) {
    expect((await client.send(get('/kept.bin')).response()).body.equals(bytes)).toBe(true);
  }
  return { root, path, client, port };
}

/** Asks in every way, and makes sure that all of the answers are of one state of the file. */
async function expectFile({ client }: Site, bytes: Buffer, former?: string, path = '/kept.bin'): Promise<string> {
  const whole = await client.send(get(path)).response();
  expect(whole.status).toBe(200);
  expect(whole.field('content-length')).toBe(String(bytes.length));
  expect(whole.body.equals(bytes)).toBe(true);
  const etag = whole.field('etag')!;
  const head = await client.send(request('HEAD', path)).response('HEAD');
  expect([head.field('content-length'), head.field('etag')]).toEqual([String(bytes.length), etag]);
  expect((await client.send(get(path, `If-None-Match: ${etag}`)).response()).status).toBe(304);
  if (former !== undefined) {
    expect((await client.send(get(path, `If-None-Match: ${former}`)).response()).body.equals(bytes)).toBe(true);
  }
  if (bytes.length > 10) {
    const part = await client.send(get(path, 'Range: bytes=5-9')).response();
    expect(part.field('content-range')).toBe(`bytes 5-9/${bytes.length}`);
    expect(part.body.equals(bytes.subarray(5, 10))).toBe(true);
    const parts = await client.send(get(path, 'Range: bytes=0-0,5-9')).response();
    expect(parts.body.includes(bytes.subarray(5, 10))).toBe(true);
  }
  return etag;
}

describe('a file', () => {
  it('stays open from the second request on, and as long as somebody asks for it', async () => {
    const { client, path } = await site(content(SMALL, 'a'), { openFileCache: { revalidateMs: SHORTLY } }, false);
    await client.send(get('/kept.bin')).response();
    await until(() => openFiles(path) === 0);
    for (let round = 0; round < 10; round++) await client.send(get('/kept.bin')).response();
    expect(openFiles(path)).toBe(1);
    // Through many a revalidation.
    for (let round = 0; round < 20; round++) {
      await later(SHORTLY / 4);
      await client.send(get('/kept.bin')).response();
    }
    expect(openFiles(path)).toBe(1);
    await until(() => openFiles(path) === 0);
  });

  it('does not stay open where the cache is off', async () => {
    const { client, path } = await site(content(SMALL, 'a'), { openFileCache: false });
    for (let round = 0; round < 5; round++) {
      await client.send(get('/kept.bin')).response();
      expect(openFiles(path)).toBe(0);
    }
  });

  it.each([0, 1, SMALL, 16_384, 16_385, LARGE])('of %i bytes is answered in every way', async (size) => {
    const bytes = content(size, 'a');
    const here = await site(bytes);
    for (let round = 0; round < 3; round++) await expectFile(here, bytes);
  });

  it('is sent through TLS', async () => {
    const root = temporaryFolder();
    const files = [content(SMALL, 'a'), content(LARGE, 'b')];
    for (const [index, bytes] of files.entries()) writeFileSync(join(root, `${index}.bin`), bytes);
    const { port } = await started(staticFiles(root), { tls: certificate(temporaryFolder(), 'server') });
    const client = await openTls(port);
    for (let round = 0; round < 4; round++) {
      for (const [index, bytes] of files.entries()) {
        expect((await client.send(get(`/${index}.bin`)).response()).body.equals(bytes)).toBe(true);
      }
    }
  });
});

const CHANGES: Array<[name: string, change: (path: string, bytes: Buffer) => Buffer | null]> = [
  [
    'replaced by another of the same size',
    (path, { length }) => {
      writeFileSync(`${path}.new`, content(length, 'new'));
      renameSync(`${path}.new`, path);
      return content(length, 'new');
    },
  ],
  [
    'replaced by another with the same size and time',
    (path, { length }) => {
      const { atime, mtime } = statSync(path);
      writeFileSync(`${path}.new`, content(length, 'new'));
      utimesSync(`${path}.new`, atime, mtime);
      renameSync(`${path}.new`, path);
      return content(length, 'new');
    },
  ],
  [
    'appended to',
    (path, bytes) => {
      appendFileSync(path, 'more');
      return Buffer.concat([bytes, Buffer.from('more')]);
    },
  ],
  [
    'cut',
    (path, bytes) => {
      truncateSync(path, 77);
      return bytes.subarray(0, 77);
    },
  ],
  [
    'emptied',
    (path) => {
      truncateSync(path);
      return Buffer.alloc(0);
    },
  ],
  [
    'written over in place',
    (path, { length }) => {
      writeFileSync(path, content(length, 'new'), { flag: 'r+' });
      return content(length, 'new');
    },
  ],
  [
    'written over, and its time set back',
    (path, { length }) => {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, content(length, 'new'), { flag: 'r+' });
      utimesSync(path, atime, mtime);
      return content(length, 'new');
    },
  ],
  [
    'removed',
    (path) => {
      unlinkSync(path);
      return null;
    },
  ],
  [
    'removed, with another name left',
    (path) => {
      linkSync(path, `${path}.other`);
      unlinkSync(path);
      return null;
    },
  ],
  [
    'removed, and there again',
    (path) => {
      unlinkSync(path);
      writeFileSync(path, 'again');
      return Buffer.from('again');
    },
  ],
  [
    'moved away',
    (path) => {
      renameSync(path, `${path}.old`);
      return null;
    },
  ],
];

describe.each([
  ['small', SMALL],
  ['large', LARGE],
])('a %s file is at once', (_name, size) => {
  it.each(CHANGES)('%s', async (_change, change) => {
    const bytes = content(size, 'old');
    const here = await site(bytes);
    const former = await expectFile(here, bytes);
    const changed = change(here.path, bytes);
    if (changed === null) {
      expect((await here.client.send(get('/kept.bin')).response()).status).toBe(404);
      return;
    }
    // An ETag has size and time, and somebody has set that back.
    const isTold = former !== (await here.client.send(request('HEAD', '/kept.bin')).response('HEAD')).field('etag');
    for (let round = 0; round < 4; round++) await expectFile(here, changed, isTold ? former : undefined);
  });
});

describe('what only a look at the path shows is seen when that is looked up again', () => {
  const options: StaticOptions = { openFileCache: { revalidateMs: SHORTLY }, precompressed: true };

  /** Asks until the answer satisfies, and as often as it takes to keep it. */
  async function eventually(
    { client }: Site,
    path: string,
    satisfies: (response: RawResponse) => boolean,
    ...fields: string[]
  ): Promise<void> {
    for (let since = 0; since < 4; ) {
      const response = await client.send(get(path, ...fields)).response();
      since = satisfies(response) ? since + 1 : 0;
      await later(5);
    }
  }

  it('a directory takes the place of another', async () => {
    const here = await site(content(SMALL, 'a'), options, false);
    for (const name of ['now', 'next']) {
      mkdirSync(join(here.root, name));
      writeFileSync(join(here.root, name, 'page.html'), name);
    }
    await eventually(here, '/now/page.html', ({ body }) => body.toString() === 'now');
    renameSync(join(here.root, 'now'), join(here.root, 'former'));
    await eventually(here, '/now/page.html', ({ status }) => status === 404);
    renameSync(join(here.root, 'next'), join(here.root, 'now'));
    await eventually(here, '/now/page.html', ({ body }) => body.toString() === 'next');
  });

  it('a symbolic link leads elsewhere, and outside', async () => {
    const here = await site(content(SMALL, 'a'), options, false);
    const link = (target: string) => {
      rmSync(join(here.root, 'link'), { force: true });
      symlinkSync(target, join(here.root, 'link'));
    };
    writeFileSync(join(here.root, '..', 'secret'), 'secret');
    writeFileSync(join(here.root, 'one'), 'one');
    writeFileSync(join(here.root, 'two'), 'two');
    link('one');
    await eventually(here, '/link', ({ body }) => body.toString() === 'one');
    link('two');
    await eventually(here, '/link', ({ body }) => body.toString() === 'two');
    link('../secret');
    await eventually(here, '/link', ({ status }) => status === 404);
  });

  it('a compressed sibling comes, is outdated, and goes', async () => {
    const here = await site(content(SMALL, 'a'), options, false);
    const path = join(here.root, 'app.js');
    const is = (coding?: string) => (response: RawResponse) =>
      response.status === 200 && response.field('content-encoding') === coding;
    const ask = (coding?: string) => eventually(here, '/app.js', is(coding), 'Accept-Encoding: gzip, br');
    writeFileSync(path, 'script');
    await ask();
    writeFileSync(`${path}.gz`, gzipSync('script'));
    await ask('gzip');
    writeFileSync(`${path}.br`, brotliCompressSync('script'));
    await ask('br');
    unlinkSync(`${path}.br`);
    await ask('gzip');
    const future = new Date(Date.now() + 10_000);
    utimesSync(path, future, future);
    await ask();
    // Others have what they asked for all the while.
    await eventually(here, '/app.js', is());
    await eventually(here, '/app.js', is(), 'Accept-Encoding: br;q=0, zstd');
  });

  it('an index comes before another', async () => {
    const here = await site(content(SMALL, 'a'), { ...options, index: ['index.html', 'index.htm'] }, false);
    writeFileSync(join(here.root, 'index.htm'), 'second');
    await eventually(here, '/', ({ body }) => body.toString() === 'second');
    writeFileSync(join(here.root, 'index.html'), 'first');
    await eventually(here, '/', ({ body }) => body.toString() === 'first');
  });

  it('a file takes the place of the fallback, for its own path', async () => {
    const here = await site(content(SMALL, 'a'), { ...options, fallback: '.app.html' }, false);
    writeFileSync(join(here.root, '.app.html'), 'app');
    for (const path of ['/one', '/two', '/one', '/two']) {
      await eventually(here, path, ({ body }) => body.toString() === 'app');
    }
    expect(openFiles(join(here.root, '.app.html'))).toBe(1);
    writeFileSync(join(here.root, 'one'), 'one');
    // There at once: what is not found is not remembered.
    expect((await here.client.send(get('/one')).response()).body.toString()).toBe('one');
    // No other path leads to what is kept.
    writeFileSync(join(here.root, '.hidden'), 'hidden');
    await eventually(here, '/.app.html', ({ status }) => status === 404);
    await eventually(here, '/.hidden', ({ body }) => body.toString() !== 'hidden');
  });
});

describe('what is kept', () => {
  it('is bounded', async () => {
    const root = temporaryFolder();
    const names = Array.from({ length: 20 }, (_, index) => `bounded-${index}.txt`);
    for (const name of names) writeFileSync(join(root, name), name);
    const { port } = await started(staticFiles(root, { openFileCache: { max: 5, revalidateMs: SHORTLY } }));
    const client = await RawClient.open(port);
    for (let round = 0; round < 5; round++) {
      for (const name of names) {
        for (let time = 0; time < 3; time++) {
          expect((await client.send(get(`/${name}`)).response()).body.toString()).toBe(name);
          expect(openFiles('bounded-')).toBeLessThanOrEqual(5);
        }
      }
    }
    expect(openFiles('bounded-')).toBeGreaterThan(0);
    await until(() => openFiles('bounded-') === 0);
  });

  it('is let go while it is sent, and sent whole', async () => {
    const bytes = content(20_000_000, 'a');
    const here = await site(bytes, { openFileCache: { revalidateMs: SHORTLY } });
    const slow = await RawClient.open(here.port);
    slow.socket.pause();
    slow.send(get('/kept.bin'));
    await later(SHORTLY);
    writeFileSync(`${here.path}.new`, 'new');
    renameSync(`${here.path}.new`, here.path);
    const { body } = await here.client.send(get('/kept.bin')).response();
    expect(body.toString()).toBe('new');
    expect(openFiles(`${here.path} (deleted)`)).toBe(1);
    slow.socket.resume();
    expect((await slow.response()).body.equals(bytes)).toBe(true);
    await until(() => openFiles(here.path) === 0);
  });

  it('is given back by clients that do not wait for it', async () => {
    const here = await site(content(20_000_000, 'a'), { openFileCache: { revalidateMs: SHORTLY } });
    for (let round = 0; round < 10; round++) {
      const client = await RawClient.open(here.port);
      client.socket.pause();
      await client.sendAll(Buffer.from(get('/kept.bin').repeat(3)));
      await later(5);
      client.reset();
    }
    await until(() => openFiles(here.path) === 0);
  });

  it('is whole for clients that read late, however much of it waits', async () => {
    const bytes = content(65_536, 'a');
    const here = await site(bytes);
    const clients = await Promise.all(Array.from({ length: 24 }, () => RawClient.open(here.port)));
    for (const client of clients) {
      client.socket.pause();
      client.send(get('/kept.bin').repeat(40));
    }
    await later(200);
    await Promise.all(
      clients.map(async (client) => {
        client.socket.resume();
        for (let round = 0; round < 40; round++) expect((await client.response()).body.equals(bytes)).toBe(true);
      }),
    );
  });
});

describe('a middleware', () => {
  const bytes = content(SMALL, 'a');

  /** Four answers of a file, which is kept meanwhile, through a middleware. */
  async function answers(middleware: (app: Application) => Application, size = SMALL): Promise<RawResponse[]> {
    const root = temporaryFolder();
    writeFileSync(join(root, 'kept.bin'), content(size, 'a'));
    const { port } = await started(middleware(staticFiles(root, { openFileCache: { revalidateMs: SHORTLY } })));
    const client = await RawClient.open(port);
    const responses: RawResponse[] = [];
    for (let round = 0; round < 4; round++) responses.push(await client.send(get('/kept.bin')).response());
    await until(() => openFiles(root) === 0);
    return responses;
  }

  it('may change the fields, of its own answer alone', async () => {
    let count = 0;
    const responses = await answers((app) => (environ, startResponse) => {
      const mine = ++count;
      return app(environ, (status, headers) => {
        headers.push(['X-Count', String(mine)]);
        if (mine === 3) headers.splice(0, 1);
        return startResponse(mine === 4 ? '203 Non-Authoritative Information' : status, headers);
      });
    });
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 203]);
    for (const [index, response] of responses.entries()) {
      expect(response.field('x-count')).toBe(String(index + 1));
      expect(response.field('last-modified') === undefined).toBe(index === 2);
      expect(response.body.equals(bytes)).toBe(true);
    }
  });

  it.each([SMALL, LARGE])('may read the body of %i bytes itself', async (size) => {
    const responses = await answers(
      (app) => async (environ, startResponse) => {
        const body = await app(environ, startResponse);
        await later(1);
        const blocks = [...(body as Iterable<Uint8Array>)].map((block) => Buffer.from(block));
        await body.close?.();
        return [Buffer.concat(blocks)];
      },
      size,
    );
    for (const { body } of responses) expect(body.equals(content(size, 'a'))).toBe(true);
  });

  it('may let the body be', async () => {
    const responses = await answers((app) => async (environ, startResponse) => {
      const body = await app(environ, () => () => undefined);
      await body.close?.();
      startResponse('404 Not Found', []);
      return [];
    });
    expect(responses.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  });

  it('may stand before it at another path', async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, 'kept.bin'), bytes);
    const files = staticFiles(root);
    const { port } = await started(mount({ '/one': files, '/two': files }));
    const client = await RawClient.open(port);
    for (const path of ['/one/kept.bin', '/two/kept.bin', '/one/kept.bin', '/two/kept.bin']) {
      expect((await client.send(get(path)).response()).body.equals(bytes)).toBe(true);
    }
    expect((await client.send(get('/kept.bin')).response()).status).toBe(404);
  });
});

describe('a client that is gone while its answer is under way', () => {
  // The answers that wait in the outbox are given when that is full. If one of them ends the connection then, the file of
  // the answer that needs the room is closed before the engine gets it.
  it('takes nothing of the file from the others', async () => {
    const root = temporaryFolder();
    const [kept, other] = [content(LARGE, 'kept'), content(LARGE, 'other')];
    writeFileSync(join(root, 'kept.bin'), kept);
    const sizes = Array.from({ length: 20 }, (_, index) => 20 + index);
    for (const size of sizes) writeFileSync(join(root, `other-${size}.bin`), other);
    const files = staticFiles(root, { openFileCache: { revalidateMs: FOR_LONG } });
    let asked = 0;
    const application = mount({
      '/files': (environ, startResponse) => {
        asked++;
        return files(environ, startResponse);
      },
      '/short': (_environ, startResponse) => {
        startResponse('200 Short', [['Content-Length', '5000']]);
        return [Buffer.alloc(4096)];
      },
      '/full': (_environ, startResponse) => {
        startResponse('200 Full', [['Content-Length', '4096']]);
        return [Buffer.alloc(4096)];
      },
    });
    const { port } = await started(application, { maxPipelined: 64 });
    await later(40);
    const client = await RawClient.open(port);
    for (let round = 0; round < 3; round++) {
      for (const path of ['/short', '/full'])
        await (await RawClient.open(port)).send(get(path, 'Connection: close')).end();
      expect((await client.send(get('/files/kept.bin')).response()).body.equals(kept)).toBe(true);
    }
    // One of these fills it.
    for (const size of sizes) {
      const before = asked;
      const gone = await RawClient.open(port);
      gone.send(get('/short') + get('/full').repeat(size) + get('/files/kept.bin'));
      await gone.end();
      expect(asked).toBe(before + 1);
      // It is kept from the second time on, and would have the number of a file that was closed.
      for (let round = 0; round < 2; round++) {
        expect((await client.send(get(`/files/other-${size}.bin`)).response()).body.equals(other)).toBe(true);
      }
      expect((await client.send(get('/files/kept.bin')).response()).body.equals(kept)).toBe(true);
    }
  });
});

/** Writes version after version as fast as it can, in a thread of its own; each is its number again and again. */
const WRITER = `
  const { renameSync, writeFileSync } = require('node:fs');
  const { path, size, way, over } = require('node:worker_threads').workerData;
  for (let number = 1; Atomics.load(over, 0) === 0; number++) {
    const version = Buffer.alloc(8);
    version.writeBigUInt64BE(BigInt(number));
    if (way === 'in place') {
      writeFileSync(path, Buffer.alloc(size, version), { flag: 'r+' });
    } else {
      writeFileSync(path + '.new', Buffer.alloc(size + (number % 3) * 800, version));
      renameSync(path + '.new', path);
    }
    if (number % 50 === 0) Atomics.wait(over, 0, 0, number % 100 === 0 ? 60 : 3);
  }
`;

describe('while somebody writes all the time', () => {
  it.each([
    ['small', 3000, 'aside and renamed'],
    ['large', 150_000, 'aside and renamed'],
    ['small', 3000, 'in place'],
  ])('each answer is a %s file (%i bytes), whole, while others are written %s', async (_name, size, way) => {
    const here = await site(Buffer.alloc(size), { openFileCache: { revalidateMs: SHORTLY } });
    const over = new Int32Array(new SharedArrayBuffer(4));
    const writer = new Worker(WRITER, { eval: true, workerData: { path: here.path, size, way, over } });
    const ended = once(writer, 'exit');
    const versions = new Map<string, string>();
    let count = 0;

    const download = async () => {
      const client = await RawClient.open(here.port);
      let former = '"none"';
      while (versions.size < 100 || count < 1000) {
        const response = await client.send(get('/kept.bin', `If-None-Match: ${former}`)).response();
        count++;
        if (response.status === 304) continue;
        const { status, body } = response;
        expect([status, response.field('content-length')]).toEqual([200, String(body.length)]);
        const etag = response.field('etag')!;
        const version = body.toString('hex', 0, 8);
        // Between the time of a write in place and its bytes nobody can tell which of them are there.
        if (way !== 'in place') {
          expect(body.equals(Buffer.alloc(body.length, version, 'hex'))).toBe(true);
          expect(versions.get(etag) ?? version).toBe(version);
        }
        versions.set(etag, version);
        if (count % 3 === 0) former = etag;
      }
    };
    await Promise.all(Array.from({ length: 8 }, download));
    Atomics.store(over, 0, 1);
    await ended;
    const last = await here.client.send(get('/kept.bin')).response();
    expect(last.body.equals(readFileSync(here.path))).toBe(true);
  });
});
