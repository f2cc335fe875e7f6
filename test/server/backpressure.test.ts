import { describe, expect, it } from 'vitest';
import { get, RawClient } from './fixtures/raw-client.js';
import { later, plain, started, until } from './fixtures/started-server.js';

const MIB = 1024 * 1024;
const TOTAL = 64 * MIB;
const BLOCK = 256 * 1024;
/** What the kernel buffers between two sockets of this machine, and the engine and a client beside it, at most. */
const BOUND = 16 * MIB;

/** Waits until `value` has not moved for a while. */
async function settled(value: () => number): Promise<number> {
  for (let last = -1; ; ) {
    const now = value();
    if (now === last && now > 0) return now;
    last = now;
    await later(100);
  }
}

describe('a client that stops reading', () => {
  const block = Buffer.alloc(BLOCK, 'x');
  let produced = 0;
  function* blocks() {
    for (produced = 0; produced < TOTAL; ) {
      produced += BLOCK;
      yield block;
    }
  }
  async function* blocksLater() {
    yield* blocks();
  }

  for (const [kind, body] of [
    ['a generator', blocks],
    ['an asynchronous generator', blocksLater],
  ] as const) {
    it(`stops ${kind}, and starts it again when it reads on`, async () => {
      const { port } = await started((_environ, startResponse) => {
        startResponse('200 OK', plain());
        return body();
      });
      const client = await RawClient.open(port);
      client.socket.pause();
      client.send(get('/', 'Connection: close'));
      expect(await settled(() => produced)).toBeLessThan(BOUND);
      client.socket.resume();
      const response = await client.response();
      expect(response.framing).toBe('chunked');
      expect(response.body.length).toBe(TOTAL);
      expect(produced).toBe(TOTAL);
    });
  }

  it('has one large body given to the kernel bit by bit, and gets all of it', async () => {
    const body = Buffer.alloc(TOTAL);
    for (let at = 0; at < TOTAL; at += 4096) body.writeUInt32BE(at, at);
    let closed = 0;
    const { port } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      return Object.assign([body], { close: () => void closed++ });
    });
    const client = await RawClient.open(port);
    client.socket.pause();
    const before = process.memoryUsage.rss();
    client.send(get('/'));
    await later(200);
    expect(process.memoryUsage.rss() - before).toBeLessThan(BOUND);
    client.socket.resume();
    const response = await client.response();
    expect(response.body.equals(body)).toBe(true);
    await until(() => closed === 1);
  });

  it('gets an array of many blocks in their order', async () => {
    const { port } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      return Array.from({ length: 256 }, (_, index) => Buffer.alloc(64 * 1024, index));
    });
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(get('/'));
    await later(50);
    client.socket.resume();
    const { body, framing } = await client.response();
    expect(framing).toBe('length');
    expect(body.length).toBe(256 * 64 * 1024);
    for (let index = 0; index < 256; index++) {
      expect([body[index * 65536], body[index * 65536 + 65535]]).toEqual([index, index]);
    }
  });

  it('is not read from either, so that pipelined requests cannot pile up answers', async () => {
    let ran = 0;
    const body = Buffer.alloc(64 * 1024);
    const { port } = await started((_environ, startResponse) => {
      ran++;
      startResponse('200 OK', plain());
      return [body];
    });
    const client = await RawClient.open(port);
    client.socket.pause();
    const count = 1000;
    client.send(get('/').repeat(count));
    expect(await settled(() => ran)).toBeLessThan(BOUND / body.length);
    let received = 0;
    client.sink = (bytes) => {
      received += bytes.length;
    };
    client.socket.resume();
    await until(() => received >= count * body.length);
    expect(ran).toBe(count);
  });

  it('does not keep others waiting', async () => {
    const { port } = await started((environ, startResponse) => {
      startResponse('200 OK', plain());
      return environ.PATH_INFO === '/all' ? blocks() : ['quick'];
    });
    const stalled = await RawClient.open(port);
    stalled.socket.pause();
    stalled.send(get('/all'));
    await until(() => produced > 0);
    const client = await RawClient.open(port);
    for (let round = 0; round < 20; round++) {
      expect((await client.send(get('/')).response()).body.toString()).toBe('quick');
    }
  });
});
