import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../src/server/index.js';
import type { Application } from '../../src/types.js';
import { certificate } from './fixtures/certificate.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoBody, gate, later, plain, started, temporaryFolder, until } from './fixtures/started-server.js';
import { openTls } from './fixtures/tls-client.js';

/** One timeout short, all others off, so that only the one in question can end a connection. */
function only(name: keyof typeof OFF, value = 300) {
  return { ...OFF, [name]: value };
}

const OFF = {
  headersTimeout: 0,
  requestTimeout: 0,
  bodyTimeout: 0,
  minUploadRate: 0,
  sendTimeout: 0,
  minDownloadRate: 0,
  keepAliveTimeout: 0,
};

describe('headersTimeout', () => {
  it('answers 408 to a head that is not complete in time, however steadily it comes', async () => {
    const { port } = await started(echoBody, only('headersTimeout'));
    const client = await RawClient.open(port);
    client.send('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    while (client.receivedBytes === 0) {
      client.send('a');
      await later(20);
    }
    const response = await client.response();
    expect([response.status, response.field('connection')]).toEqual([408, 'close']);
    expect((await client.end()).length).toBe(0);
  });

  it('closes a connection that says nothing at all', async () => {
    const { port } = await started(echoBody, only('headersTimeout'));
    const client = await RawClient.open(port);
    expect((await client.end()).length).toBe(0);
  });

  it('counts for a second head, too', async () => {
    const { port } = await started(echoBody, only('headersTimeout'));
    const client = await RawClient.open(port);
    client.send(`${get('/')}GET /second HT`);
    expect((await client.response()).status).toBe(200);
    expect((await client.response()).status).toBe(408);
  });

  it('lets an application take its time, and a body', async () => {
    const slow = gate();
    const { port } = await started(async (environ, startResponse) => {
      await slow.opened;
      return echoBody(environ, startResponse);
    }, only('headersTimeout'));
    const client = await RawClient.open(port);
    client.send(`${request('POST', '/', 'Content-Length: 2')}a`);
    await later(500);
    client.send('b');
    await later(500);
    slow.open();
    expect((await client.response()).body.toString()).toBe('ab');
  });
});

describe('bodyTimeout', () => {
  it('answers 408 to a body that stops coming', async () => {
    for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
      const { port } = await started(echoBody, only('bodyTimeout'));
      const client = await RawClient.open(port);
      client.send(request('POST', '/', framing));
      await later(20);
      client.send('5\r\nab');
      const response = await client.response();
      expect([response.status, response.field('connection')]).toEqual([408, 'close']);
      expect((await client.end()).length).toBe(0);
    }
  });

  it('lets a body come slowly that does not stop', async () => {
    const { port } = await started(echoBody, only('bodyTimeout', 600));
    const client = await RawClient.open(port);
    client.send(request('POST', '/', 'Content-Length: 12'));
    for (const byte of 'slow but fine'.slice(0, 12)) {
      await later(100);
      client.send(byte);
    }
    expect((await client.response()).body.toString()).toBe('slow but fin');
  });
});

describe('keepAliveTimeout', () => {
  it('is not held against a request that came in time, while the loop was kept from reading it', async () => {
    const { port } = await started(echoBody, only('keepAliveTimeout'));
    const client = await RawClient.open(port);
    for (let round = 0; round < 3; round++) {
      await client.send(get('/')).response();
      client.send(get('/'));
      // The kernel has the request; when the loop goes on, it looks at its timers first.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
      expect((await client.response()).status).toBe(200);
    }
  });

  it('closes a connection that is idle behind a response, without a word', async () => {
    const { port } = await started(echoBody, only('keepAliveTimeout'));
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).status).toBe(200);
    expect((await client.end()).length).toBe(0);
  });

  it('spares a connection that is used, and one that waits for its answer', async () => {
    const slow = gate();
    const { port } = await started(
      async (environ, startResponse) => {
        if (environ.PATH_INFO === '/slow') await slow.opened;
        return echoBody(environ, startResponse);
      },
      only('keepAliveTimeout', 600),
    );
    const client = await RawClient.open(port);
    for (let round = 0; round < 8; round++) {
      expect((await client.send(get('/')).response()).status).toBe(200);
      await later(100);
    }
    client.send(get('/slow'));
    await later(900);
    slow.open();
    expect((await client.response()).status).toBe(200);
  });
});

describe('sendTimeout', () => {
  it('closes the connection of a client that does not read, and ends the application', async () => {
    let closed = 0;
    const { port, server } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      const blocks = (function* () {
        for (;;) yield Buffer.alloc(100_000);
      })();
      return { [Symbol.iterator]: () => blocks, close: () => void closed++ };
    }, only('sendTimeout'));
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(get('/'));
    await until(() => server.stats().openConnections === 0);
    await until(() => closed === 1);
  });

  it('spares a client that reads slower than the kernel fills its buffers again, but steadily', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'socket');
    const answering = (options: ServerOptions, size: number) =>
      started(
        (_environ, startResponse) => {
          startResponse('200 OK', plain());
          return [Buffer.alloc(size)];
        },
        { ...only('sendTimeout', 1000), ...options },
      );
    const reading = async (client: RawClient, bytesASecond: number, size: number) => {
      const begun = performance.now();
      client.sink = () => {
        const due = begun + (1000 * client.receivedBytes) / bytesASecond;
        client.socket.pause();
        setTimeout(() => client.socket.resume(), due - performance.now());
      };
      client.send(get('/'));
      await client.receive(size);
      expect(client.receivedBytes).toBeGreaterThan(size);
    };
    const byTcp = await answering({}, 6_500_000);
    const byTls = await answering({ tls: certificate(folder, 'server') }, 6_500_000);
    await answering({ path }, 600_000);
    await Promise.all([
      reading(await RawClient.open(byTcp.port), 1_000_000, 6_500_000),
      reading(await openTls(byTls.port), 1_000_000, 6_500_000),
      reading(await RawClient.open(path), 100_000, 600_000),
    ]);
  });

  it('does not count while the application takes its time', async () => {
    const { port } = await started(async function* (_environ, startResponse) {
      startResponse('200 OK', plain());
      yield 'a';
      await later(1000);
      yield 'b';
    }, only('sendTimeout'));
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).body.toString()).toBe('ab');
  });
});

describe('requestTimeout', () => {
  /** Answers /fast at once and anything else never; `heard` is what becomes of the signal. */
  function never() {
    const heard: unknown[] = [];
    const application: Application = (environ, startResponse) => {
      if (environ.PATH_INFO === '/fast') return echoBody(environ, startResponse);
      const signal = environ['uwsgiref.signal']!;
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          heard.push(signal.reason);
          reject(signal.reason);
        });
      });
    };
    return { application, heard };
  }

  it('answers 504 for an application that does not, and tells it', async () => {
    const { application, heard } = never();
    const { port, server, errors } = await started(application, only('requestTimeout'));
    const { refused } = server.stats();
    const client = await RawClient.open(port);
    expect((await client.send(get('/fast')).response()).status).toBe(200);
    const response = await client.send(get('/never?x')).response();
    expect([response.status, response.field('connection')]).toEqual([504, 'close']);
    expect((await client.end()).length).toBe(0);
    // An application has had it.
    expect(server.stats().refused - refused).toBe(0);
    expect(heard).toEqual([expect.objectContaining({ name: 'TimeoutError' })]);
    expect(errors.text).toMatch(
      /^uwsgiref: no answer to GET \/never\?x in time, request \w+-\w+; its client got a 504\n$/,
    );
  });

  it('is not prolonged by what the client sends meanwhile', async () => {
    const { application } = never();
    const { port } = await started(application, only('requestTimeout'));
    const client = await RawClient.open(port);
    client.send(get('/never'));
    while (client.receivedBytes === 0) {
      client.send(get('/fast'));
      await later(30);
    }
    expect((await client.response()).status).toBe(504);
  });

  it('lets an answer that has begun take its time', async () => {
    const slow = gate();
    const { port } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      return (async function* () {
        yield 'begun, ';
        await slow.opened;
        yield 'ended';
      })();
    }, only('requestTimeout'));
    const client = await RawClient.open(port);
    client.send(get('/'));
    await later(900);
    slow.open();
    expect((await client.response()).body.toString()).toBe('begun, ended');
  });

  it('takes no notice of an answer that comes too late, and closes it', async () => {
    const slow = gate();
    let closed = 0;
    const { port, errors } = await started(async (_environ, startResponse) => {
      await slow.opened;
      startResponse('200 OK', plain());
      return Object.assign(['late'], { close: () => void closed++ });
    }, only('requestTimeout'));
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).status).toBe(504);
    slow.open();
    await until(() => closed === 1);
    expect((await client.end()).length).toBe(0);
    expect(errors.text.split('\n')).toHaveLength(2);
  });

  it('answers a HEAD without a body', async () => {
    const { application } = never();
    const { port } = await started(application, only('requestTimeout'));
    const client = await RawClient.open(port);
    expect((await client.send(request('HEAD', '/never')).response('HEAD')).status).toBe(504);
    expect((await client.end()).length).toBe(0);
  });
});

describe('minUploadRate', () => {
  it('answers 408 to a body that trickles in', async () => {
    const { port } = await started(echoBody, only('minUploadRate', 1000));
    const client = await RawClient.open(port);
    client.send(request('POST', '/', 'Content-Length: 1000000'));
    while (client.receivedBytes === 0) {
      client.send('a');
      await later(100);
    }
    expect((await client.response()).status).toBe(408);
  }, 30_000);

  it('spares one that comes at that rate', async () => {
    const { port } = await started(echoBody, only('minUploadRate', 1000));
    const client = await RawClient.open(port);
    client.send(request('POST', '/', 'Content-Length: 14000'));
    for (let piece = 0; piece < 14; piece++) {
      client.send('a'.repeat(1000));
      await later(500);
    }
    expect((await client.response()).body.length).toBe(14_000);
  }, 30_000);
});

describe('minDownloadRate', () => {
  it('closes the connection of a client that takes a byte now and then', async () => {
    const { port, server } = await started(
      (_environ, startResponse) => {
        startResponse('200 OK', plain());
        return [Buffer.alloc(64 << 20)];
      },
      only('minDownloadRate', 1 << 20),
    );
    const client = await RawClient.open(port);
    client.sink = () => {
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 300);
    };
    client.send(get('/'));
    await until(() => server.stats().openConnections === 0);
    expect(client.receivedBytes).toBeLessThan(64 << 20);
  }, 30_000);
});

describe('an answer that takes its time', () => {
  // These waits are over when the application has the request, whatever it does with it at once.
  for (const timeout of ['headersTimeout', 'bodyTimeout', 'keepAliveTimeout'] as const) {
    it(`is not ended by ${timeout}, though it began as soon as the request was there`, async () => {
      const { port } = await started((environ, startResponse) => {
        if (environ.REQUEST_METHOD === 'GET') return echoBody(environ, startResponse);
        startResponse('200 OK', plain());
        return (async function* () {
          yield 'begun, ';
          await later(900);
          yield 'ended';
        })();
      }, only(timeout));
      const client = await RawClient.open(port);
      if (timeout === 'keepAliveTimeout') await client.send(get('/')).response();
      client.send(request('POST', '/', 'Content-Length: 4'));
      if (timeout === 'bodyTimeout') await later(20);
      client.send('body');
      expect((await client.response()).body.toString()).toBe('begun, ended');
    });
  }
});
