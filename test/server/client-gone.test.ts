import { describe, expect, it } from 'vitest';
import { descriptorsBackTo, openDescriptors } from './fixtures/descriptors.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoPath, gate, later, plain, started, until } from './fixtures/started-server.js';

describe('a client that is gone', () => {
  it('ends the iteration and has close() called once, where the iteration waits for the client', async () => {
    let closed = 0;
    let cleaned = 0;
    let yielded = 0;
    const block = Buffer.alloc(256 * 1024);
    const { port, errors } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      const blocks = (function* () {
        try {
          for (;;) {
            yielded++;
            yield block;
          }
        } finally {
          cleaned++;
        }
      })();
      return { [Symbol.iterator]: () => blocks, close: () => void closed++ };
    });
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(get('/'));
    await until(() => yielded > 1);
    await later(20);
    client.reset();
    await until(() => closed > 0);
    await later(20);
    expect({ closed, cleaned, errors: errors.text }).toEqual({ closed: 1, cleaned: 1, errors: '' });
  });

  it('ends an asynchronous iteration with its next block, and close() is called once', async () => {
    const next = gate();
    let closed = 0;
    let cleaned = 0;
    let beyond = false;
    const { port, server, errors } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      const blocks = (async function* () {
        try {
          yield 'first';
          await next.opened;
          yield 'second';
          beyond = true;
        } finally {
          cleaned++;
        }
      })();
      return Object.assign(blocks, { close: () => void closed++ });
    });
    const client = await RawClient.open(port);
    client.send(get('/'));
    await client.seen('first');
    client.reset();
    await until(() => server.stats().openConnections === 0);
    next.open();
    await until(() => closed > 0);
    await later(20);
    expect({ closed, cleaned, beyond, errors: errors.text }).toEqual({
      closed: 1,
      cleaned: 1,
      beyond: false,
      errors: '',
    });
  });

  it('before an application has answered makes its later answer harmless', async () => {
    const answer = gate();
    let begun = 0;
    let closed = 0;
    const { port, server, errors } = await started((environ, startResponse) => {
      if (environ.PATH_INFO === '/ok') return echoPath(environ, startResponse);
      begun++;
      return answer.opened.then(() => {
        startResponse('200 OK', plain());
        return Object.assign(['late'], { close: () => void closed++ });
      });
    });
    const client = await RawClient.open(port);
    client.send(get('/'));
    await until(() => begun === 1);
    client.reset();
    await until(() => server.stats().openConnections === 0);
    // The engine's place of that request is taken by another one by now, which must not get the late answer.
    const other = await RawClient.open(port);
    other.send(get('/other'));
    await until(() => begun === 2);
    answer.open();
    await until(() => closed === 2);
    expect((await other.response()).body.toString()).toBe('late');
    expect((await other.send(get('/ok')).response()).body.toString()).toBe('GET /ok');
    expect(other.received.length).toBe(0);
    expect(errors.text).toBe('');
  });

  it('makes a later write() harmless to the server', async () => {
    const proceed = gate();
    const outcomes: unknown[] = [];
    const { port, server } = await started(async (_environ, startResponse) => {
      const write = startResponse('200 OK', plain());
      write('first');
      await proceed.opened;
      for (let index = 0; index < 3; index++) {
        try {
          write('later');
          outcomes.push('written');
        } catch (error) {
          outcomes.push((error as Error).name);
        }
      }
      return [];
    });
    const client = await RawClient.open(port);
    client.send(get('/'));
    await client.seen('first');
    client.reset();
    await until(() => server.stats().openConnections === 0);
    proceed.open();
    await until(() => outcomes.length === 3);
    expect(outcomes).toEqual(Array(3).fill('ClientDisconnectedError'));
  });

  it('takes its pipelined requests along', async () => {
    const proceed = gate();
    let begun = 0;
    let closed = 0;
    const { port, server, errors } = await started(async (_environ, startResponse) => {
      begun++;
      await proceed.opened;
      startResponse('200 OK', plain());
      return Object.assign(['x'], { close: () => void closed++ });
    });
    const client = await RawClient.open(port);
    client.send(get('/a') + get('/b') + get('/c'));
    await until(() => begun === 3);
    client.reset();
    await until(() => server.stats().openConnections === 0);
    proceed.open();
    await until(() => closed === 3);
    expect(errors.text).toBe('');
  });

  it('in the midst of its head or body leaves nothing behind', async () => {
    let ran = 0;
    const { port, server } = await started((environ, startResponse) => {
      ran++;
      return echoPath(environ, startResponse);
    });
    const before = openDescriptors().length;
    const beginnings = [
      'GET / HT',
      `${request('POST', '/', 'Content-Length: 10')}abc`,
      `${request('POST', '/', 'Transfer-Encoding: chunked')}5\r\nab`,
      // Large enough for a temporary file.
      request('POST', '/', 'Content-Length: 2000000') + 'x'.repeat(1_000_000),
    ];
    for (const beginning of beginnings) {
      for (const leave of ['halfClose', 'reset'] as const) {
        const client = await RawClient.open(port);
        await client.sendAll(Buffer.from(beginning));
        await until(() => server.stats().openConnections === 1);
        await later(10);
        client[leave]();
        await until(() => server.stats().openConnections === 0);
        client.socket.destroy();
      }
    }
    expect(ran).toBe(0);
    await descriptorsBackTo(before);
  });

  it('at once after its request costs the server no more than that', async () => {
    let closed = 0;
    // Without a timeout, so that nothing but the broken connection itself can end it.
    const { port, server, errors } = await started(
      (_environ, startResponse) => {
        startResponse('200 OK', plain());
        return Object.assign([Buffer.alloc(1024 * 1024)], { close: () => void closed++ });
      },
      { sendTimeout: 0 },
    );
    const client = await RawClient.open(port);
    client.send(get('/'));
    client.socket.destroy();
    await until(() => closed === 1 && server.stats().openConnections === 0);
    expect(errors.text).toBe('');
  });

  it('that closes while its answer is on the way costs no other client anything', async () => {
    const { port, server, errors } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      return [Buffer.alloc(1024 * 1024)];
    });
    for (let round = 0; round < 30; round++) {
      const client = await RawClient.open(port);
      client.send(get('/') + get('/'));
      await client.receive(round * 1000);
      if (round % 2) client.reset();
      else client.socket.destroy();
    }
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).body.length).toBe(1024 * 1024);
    client.socket.destroy();
    await until(() => server.stats().openConnections === 0);
    expect(errors.text).toBe('');
  });

  it('may have one of its requests answered right when the application of another hears of it', async () => {
    const gone = gate();
    let begun = 0;
    const { port, server, errors } = await started(
      (environ, startResponse) => {
        if (environ.PATH_INFO === '/ok') return echoPath(environ, startResponse);
        begun++;
        environ['uwsgiref.signal']!.addEventListener('abort', gone.open);
        return gone.opened.then(() => {
          startResponse('200 OK', plain());
          return [Buffer.alloc(100_000)];
        });
      },
      { headersTimeout: 300, keepAliveTimeout: 300 },
    );
    const other = await RawClient.open(port);
    await other.send(get('/ok')).response();
    const client = await RawClient.open(port);
    client.send(get('/a') + get('/b'));
    await until(() => begun === 2);
    client.reset();
    await until(() => server.stats().openConnections === 1);
    // A deadline of the connection that is gone would come meanwhile.
    for (let round = 0; round < 8; round++) {
      expect((await other.send(get('/ok')).response()).body.toString()).toBe('GET /ok');
      await later(100);
    }
    expect(errors.text).toBe('');
  });
});
