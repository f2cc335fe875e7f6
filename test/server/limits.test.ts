import { describe, expect, it } from 'vitest';
import { type Refusal, type ServerOptions, serve } from '../../src/server/index.js';
import { MemoryErrors } from '../../src/streams.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoBody, echoPath, gate, later, plain, started, until } from './fixtures/started-server.js';

describe('maxConnectionsPerAddress', () => {
  it('closes at once what comes beyond, and takes others when one has gone', async () => {
    const { port, server } = await started(echoPath, { maxConnectionsPerAddress: 2 });
    const clients = [await RawClient.open(port), await RawClient.open(port)];
    await until(() => server.stats().openConnections === 2);
    const { dropped } = server.stats();
    expect((await (await RawClient.open(port)).end()).length).toBe(0);
    expect(server.stats()).toMatchObject({ openConnections: 2, dropped: dropped + 1 });
    clients[0]!.socket.destroy();
    await until(() => server.stats().openConnections === 1);
    const next = await RawClient.open(port);
    expect((await next.send(get('/next')).response()).body.toString()).toBe('GET /next');
    expect((await clients[1]!.send(get('/second')).response()).status).toBe(200);
  });
});

describe('maxRequestsPerConnection', () => {
  it('tells the client with the last answer that the connection closes', async () => {
    const { port } = await started(echoPath, { maxRequestsPerConnection: 2 });
    const client = await RawClient.open(port);
    client.send(get('/1') + get('/2') + get('/3'));
    expect((await client.response()).field('connection')).toBeUndefined();
    expect((await client.response()).field('connection')).toBe('close');
    expect((await client.end()).length).toBe(0);
  });
});

describe('maxQueuedBytes', () => {
  it('has an application wait earlier, or later', async () => {
    for (const [maxQueuedBytes, least, most] of [
      [4096, 0, 8 << 20],
      [64 << 20, 32 << 20, 128 << 20],
    ] as const) {
      let produced = 0;
      const { port } = await started(
        (_environ, startResponse) => {
          startResponse('200 OK', plain());
          return (function* () {
            for (let block = 0; block < 4096; block++) {
              produced += 32_768;
              yield Buffer.alloc(32_768);
            }
          })();
        },
        { maxQueuedBytes },
      );
      const client = await RawClient.open(port);
      client.socket.pause();
      client.send(get('/'));
      let before = -1;
      while (produced !== before) {
        before = produced;
        await later(300);
      }
      expect([maxQueuedBytes, produced > least, produced < most]).toEqual([maxQueuedBytes, true, true]);
      client.socket.destroy();
    }
  });
});

describe('onRefused', () => {
  it('hears of each refusal: why, of whom, and what the request line was', async () => {
    const refusals: Refusal[] = [];
    const { port } = await started(echoBody, { onRefused: (refusal) => refusals.push(refusal), headersTimeout: 300 });
    const sent = [
      'GET / HTTP/1.1\r\n\r\n',
      '\r\nGET /\x80\x1b HTTP/1.1\r\n\r\n',
      `GET /${'x'.repeat(9000)} HTTP/1.1\r\n`,
      'GET /slow HT',
      `${request('POST', '/chunked', 'Transfer-Encoding: chunked')}x`,
      request('POST', '/expects', 'Expect: more'),
    ];
    const ports: unknown[] = [];
    for (const bytes of sent) {
      const client = await RawClient.open(port);
      ports.push(client.socket.localPort);
      await client.send(bytes).response();
    }
    expect(refusals).toEqual(
      [
        [400, /Host/, 'GET / HTTP/1.1'],
        [400, /target/, 'GET /\x80\x1b HTTP/1.1'],
        [414, /target/, `GET /${'x'.repeat(251)}`],
        [408, /in time/, 'GET /slow HT'],
        [400, /chunk/, 'POST /chunked HTTP/1.1'],
        [417, /expectation/, 'POST /expects HTTP/1.1'],
      ].map(([status, reason, requestLine], index) => ({
        status,
        reason: expect.stringMatching(reason as RegExp),
        requestLine,
        address: '127.0.0.1',
        port: ports[index],
      })),
    );
  });
});

describe("environ['uwsgiref.signal']", () => {
  it('is aborted when the client goes away, with the reason, and makes no noise', async () => {
    let reason: unknown;
    const { port, errors } = await started((environ) => {
      const signal = environ['uwsgiref.signal']!;
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason;
          reject(signal.reason);
        });
      });
    });
    const client = await RawClient.open(port);
    client.send(get('/'));
    await later(50);
    client.reset();
    await until(() => reason !== undefined);
    expect(reason).toMatchObject({ name: 'ClientDisconnectedError' });
    await later(20);
    expect(errors.text).toBe('');
  });

  it('is aborted already where it is asked for too late, and not at all where the answer was complete', async () => {
    const environs: Array<Record<string, unknown>> = [];
    const never = gate();
    const { port, server } = await started(async (environ, startResponse) => {
      environs.push(environ);
      if (environ.PATH_INFO === '/never') await never.opened;
      return echoPath(environ, startResponse);
    });
    const client = await RawClient.open(port);
    await client.send(get('/complete')).response();
    client.send(get('/never'));
    await until(() => environs.length === 2);
    client.reset();
    await until(() => server.stats().openConnections === 0);
    expect(environs.map((environ) => (environ['uwsgiref.signal'] as AbortSignal).aborted)).toEqual([false, true]);
    never.open();
  });

  it('stops what an application waits for', async () => {
    const inner = await started(() => new Promise(() => undefined), { requestTimeout: 0 });
    let failure: unknown;
    const { port, errors } = await started(async (environ, startResponse) => {
      await fetch(inner.server.url, { signal: environ['uwsgiref.signal']! }).catch((error: unknown) => {
        failure = error;
        throw error;
      });
      return echoPath(environ, startResponse);
    });
    const client = await RawClient.open(port);
    client.send(get('/'));
    await until(() => inner.server.stats().openConnections === 1);
    client.reset();
    await until(() => failure !== undefined);
    expect(errors.text).toBe('');
  });
});

describe('closing', () => {
  it('answers a request that was on its way when the server began to drain', async () => {
    const { server, port } = await started(echoPath);
    const client = await RawClient.open(port);
    await client.send(get('/')).response();
    const closing = server.close();
    client.send(get('/late'));
    const response = await client.response();
    expect([response.body.toString(), response.field('connection')]).toEqual(['GET /late', 'close']);
    await closing;
  });
});

describe('options', () => {
  it('are known, as a limit that is misspelt is none', async () => {
    const misspelt = { maxBodysize: 1, port: 0 } as ServerOptions;
    await expect(serve(echoPath, misspelt)).rejects.toThrow(/^serve\(\) has no option 'maxBodysize'$/);
  });

  it('serverHeader is checked', async () => {
    const splitting = serve(echoPath, { port: 0, serverHeader: 'x\r\nSet-Cookie: y' });
    await expect(splitting).rejects.toThrow(/^serverHeader cannot be sent: .* U\+000D at character 1/);
  });

  it.each([
    'maxConnectionsPerAddress',
    'maxRequestsPerConnection',
    'maxQueuedBytes',
    'requestTimeout',
    'minUploadRate',
  ])('%s is checked', async (name) => {
    await expect(serve(echoPath, { [name]: -1, errors: new MemoryErrors() })).rejects.toThrow(
      new RegExp(`^${name} must be a whole number from \\d+ to \\d+, got -1$`),
    );
  });
});
