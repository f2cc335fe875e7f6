import { describe, expect, it } from 'vitest';
import { bindSocket } from '../../src/server/index.js';
import type { Application } from '../../src/types.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoBody, echoPath, freePort, gate, later, plain, started, until } from './fixtures/started-server.js';

/** So long that a test which waits for it fails. */
const NEVER = { graceMs: 3_600_000 };

describe('close()', () => {
  it('closes idle connections, and is over when they are', async () => {
    const { server, port } = await started(echoPath);
    const clients = await Promise.all([RawClient.open(port), RawClient.open(port), RawClient.open(port)]);
    for (const client of clients.slice(1)) await client.send(get('/')).response();
    await until(() => server.stats().openConnections === 3);
    await server.close(NEVER);
    for (const client of clients) expect((await client.end()).length).toBe(0);
    expect(server.stats().openConnections).toBe(0);
    await expect(RawClient.open(port)).rejects.toThrow('ECONNREFUSED');
  });

  it('lets a request in hand finish, and says with its answer that the connection closes', async () => {
    const slow = gate();
    let begun = 0;
    const { server, port } = await started(async (environ, startResponse) => {
      begun++;
      await slow.opened;
      return echoPath(environ, startResponse);
    });
    const client = await RawClient.open(port);
    client.send(get('/one') + get('/two'));
    await until(() => begun === 2);
    let over = false;
    const closing = server.close(NEVER).then(() => {
      over = true;
    });
    await later(30);
    expect(over).toBe(false);
    slow.open();
    expect((await client.response()).body.toString()).toBe('GET /one');
    const last = await client.response();
    expect([last.body.toString(), last.field('connection')]).toEqual(['GET /two', 'close']);
    expect((await client.end()).length).toBe(0);
    await closing;
  });

  it('closes the connection of an answer that had begun, when that ends', async () => {
    const slow = gate();
    const { server, port } = await started(async function* (_environ, startResponse) {
      startResponse('200 OK', plain());
      yield 'begun ';
      await slow.opened;
      yield 'ended';
    });
    const client = await RawClient.open(port);
    client.send(get('/'));
    await client.seen('begun');
    const closing = server.close(NEVER);
    slow.open();
    expect((await client.response()).body.toString()).toBe('begun ended');
    expect((await client.end()).length).toBe(0);
    await closing;
  });

  it('lets a client that reads slowly have all of its answer', async () => {
    const { server, port } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      return [Buffer.alloc(20_000_000)];
    });
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(get('/'));
    await later(50);
    const closing = server.close(NEVER);
    await later(20);
    client.socket.resume();
    expect((await client.response()).body.length).toBe(20_000_000);
    await closing;
  });

  it('lets a request body that is arriving arrive', async () => {
    const { server, port } = await started(echoBody);
    const client = await RawClient.open(port);
    client.send(`${request('POST', '/', 'Content-Length: 6')}abc`);
    await later(20);
    const closing = server.close(NEVER);
    client.send('def');
    const response = await client.response();
    expect([response.body.toString(), response.field('connection')]).toEqual(['abcdef', 'close']);
    await closing;
  });

  it('cuts what has not finished after graceMs', async () => {
    let closed = 0;
    const { server, port } = await started(async function* (_environ, startResponse) {
      startResponse('200 OK', plain());
      try {
        for (;;) {
          yield 'on and on';
          await later(5);
        }
      } finally {
        closed++;
      }
    });
    const client = await RawClient.open(port);
    client.send(get('/'));
    await client.seen('on and on');
    const waiting = await RawClient.open(port);
    waiting.send('GET / HT');
    await later(20);
    await server.close({ graceMs: 50 });
    expect(server.stats().openConnections).toBe(0);
    await client.end();
    await waiting.end();
    await until(() => closed === 1);
  });

  it('may be called again, to the same effect', async () => {
    const { server } = await started(echoPath);
    await Promise.all([server.close(), server.close(), server.close({ graceMs: 1 })]);
    await server.close();
    expect(server.stats().openConnections).toBe(0);
  });

  it('keeps its counters, whoever listens next', async () => {
    const { server } = await started(echoPath);
    await (await fetch(server.url)).text();
    await server.close({ graceMs: 0 });
    const { requests } = server.stats();
    const next = await started(echoPath);
    const client = await RawClient.open(next.port);
    await client.send(get('/')).response();
    expect(server.stats()).toMatchObject({ requests, openConnections: 0 });
    expect(next.server.stats().openConnections).toBe(1);
  });

  it('leaves other servers alone', async () => {
    const first = await started(echoPath);
    const second = await started(echoPath);
    const client = await RawClient.open(second.port);
    await client.send(get('/')).response();
    await first.server.close({ graceMs: 0 });
    expect((await client.send(get('/still')).response()).body.toString()).toBe('GET /still');
  });

  it('frees the port for the next server', async () => {
    const port = await freePort();
    for (let round = 0; round < 5; round++) {
      const { server } = await started(echoPath, { port });
      const client = await RawClient.open(port);
      await client.send(get('/', ...(round % 2 ? ['Connection: close'] : []))).response();
      await server.close();
    }
  });

  it('lets an idle connection bring a request for as long as it is told to', async () => {
    const { server, port } = await started(echoPath);
    const [client, silent] = [await RawClient.open(port), await RawClient.open(port)];
    for (const each of [client, silent]) await each.send(get('/')).response();
    const closing = server.close({ ...NEVER, idleMs: 1500 });
    // Twice as long as it would be without being told.
    await later(600);
    const response = await client.send(get('/late')).response();
    expect([response.body.toString(), response.field('connection')]).toEqual(['GET /late', 'close']);
    expect((await silent.end()).length).toBe(0);
    await closing;
  });

  it('closes idle connections at once where they have no time', async () => {
    const { server, port } = await started(echoPath);
    const client = await RawClient.open(port);
    await client.send(get('/')).response();
    const closing = server.close({ ...NEVER, idleMs: 0 });
    expect(server.stats().openConnections).toBe(0);
    await closing;
  });

  it('takes less time where it is told so later', async () => {
    const { server, port } = await started(echoPath);
    const client = await RawClient.open(port);
    await client.send(get('/')).response();
    const closing = server.close({ ...NEVER, idleMs: 3_600_000 });
    await Promise.all([closing, server.close()]);
    expect((await client.end()).length).toBe(0);
  });

  it('takes in who waits at a socket that it shares, if told to', async () => {
    for (const [takeWaiting, taken] of [
      [true, 1],
      [undefined, 0],
    ] as const) {
      const socket = bindSocket({ port: 0 });
      const { port } = socket.address as { port: number };
      const waiting = await RawClient.open(port);
      waiting.send(get('/waited'));
      const { server } = await started(echoPath, { fd: socket.fd });
      const closing = server.close({ ...NEVER, ...(takeWaiting && { takeWaiting }) });
      expect(server.stats().openConnections).toBe(taken);
      if (taken > 0) expect((await waiting.response()).body.toString()).toBe('GET /waited');
      await closing;
    }
  });
});

describe('maxConnections', () => {
  it('closes what comes beyond, and takes new connections when others have gone', async () => {
    const { server, port } = await started(echoPath, { maxConnections: 3 });
    const clients: RawClient[] = [];
    for (let index = 0; index < 3; index++) {
      const client = await RawClient.open(port);
      await client.send(get('/')).response();
      clients.push(client);
    }
    for (let round = 0; round < 3; round++) {
      const beyond = await RawClient.open(port);
      expect((await beyond.end()).length).toBe(0);
    }
    expect(server.stats().openConnections).toBe(3);
    for (const client of clients) expect((await client.send(get('/')).response()).status).toBe(200);
    clients[0]!.socket.destroy();
    await until(() => server.stats().openConnections === 2);
    const next = await RawClient.open(port);
    expect((await next.send(get('/next')).response()).body.toString()).toBe('GET /next');
  });

  it('resets a connection whose end would make a cut answer look whole', async () => {
    const never = gate();
    const { server, port } = await started(async function* (_environ, startResponse) {
      startResponse('200 OK', plain());
      yield 'begun';
      await never.opened;
    });
    const client = await RawClient.open(port);
    client.send('GET / HTTP/1.0\r\n\r\n');
    await client.seen('begun');
    await server.close({ graceMs: 0 });
    await client.end();
    expect(client.error?.code).toBe('ECONNRESET');
    never.open();
  });
});

describe('an answer that ends its connection', () => {
  const large = Buffer.alloc(3 << 20, 'large');
  const application: Application = (environ, startResponse) => {
    if (environ.PATH_INFO === '/large') {
      startResponse('200 OK', plain());
      return [large];
    }
    startResponse('200 OK', plain(['Content-Length', '10']));
    return ['short'];
  };

  // Its request waits for the answers before it. With a reset the kernel would throw away what the client has not read.
  it('takes nothing of those before it from a client that is still sending', async () => {
    const { port, server } = await started(application);
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(get('/large') + get('/short') + request('POST', '/large', 'Content-Length: 4000000'));
    client.socket.write(Buffer.alloc(4_000_000));
    await later(300);
    client.socket.resume();
    expect((await client.response()).body.equals(large)).toBe(true);
    expect((await client.end()).toString()).toMatch(/Content-Length: 10\r\n\r\n.*short$/is);
    await until(() => server.stats().openConnections === 0);
  });
});
