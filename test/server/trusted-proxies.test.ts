import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../src/server/index.js';
import type { Environ } from '../../src/types.js';
import { requestUri } from '../../src/util.js';
import { certificate } from './fixtures/certificate.js';
import { curl } from './fixtures/curl.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { echoPath, plain, started, temporaryFolder } from './fixtures/started-server.js';

const X_FORWARDED = [
  'X-Forwarded-For: 203.0.113.7',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: public.test:8443',
] as const;
const FORWARDED = 'Forwarded: for="[2001:db8::7]:61000";proto=https;host=other.test';

/** The environ of a request with these fields, and of it what they may tell. */
async function environOf(options: ServerOptions, ...fields: string[]) {
  let seen: Environ | undefined;
  const server = await started((environ, startResponse) => {
    seen = environ;
    startResponse('200 OK', plain());
    return [];
  }, options);
  const client = await RawClient.open(options.path ?? server.port);
  expect((await client.send(get('/path?query', ...fields)).response()).status).toBe(200);
  const { REMOTE_ADDR, REMOTE_PORT, HTTP_HOST } = seen!;
  return {
    environ: seen!,
    client,
    port: server.port,
    told: [REMOTE_ADDR, REMOTE_PORT, seen!['wsgi.url_scheme'], HTTP_HOST],
  };
}

describe('a trusted proxy', () => {
  for (const trusted of ['127.0.0.1', '127.0.0.0/8', '0.0.0.0/0', '::ffff:127.0.0.1', '::ffff:0:0/96']) {
    it(`is one whose address is in trustedProxies: ${trusted}`, async () => {
      const trustedProxies = ['192.0.2.1', 'fd00::/8', trusted];
      const { environ, told, port } = await environOf({ trustedProxies }, ...X_FORWARDED);
      expect(told).toEqual(['203.0.113.7', '', 'https', 'public.test:8443']);
      expect(requestUri(environ)).toBe('https://public.test:8443/path?query');
      // What the server is itself stays, and so do the fields.
      expect([environ.SERVER_NAME, environ.SERVER_PORT]).toEqual(['127.0.0.1', String(port)]);
      expect(environ.HTTP_X_FORWARDED_FOR).toBe('203.0.113.7');
      expect(environ).not.toHaveProperty('HTTPS');
    });
  }

  it('is known by its IPv4 address at a server for both', async () => {
    const { told } = await environOf({ host: '::', trustedProxies: ['127.0.0.1'] }, ...X_FORWARDED);
    expect(told[0]).toBe('203.0.113.7');
  });

  it('is every peer of a Unix socket, where unix: is said', async () => {
    for (const [trusted, address] of [
      ['unix:', '203.0.113.7'],
      ['unix', '203.0.113.7'],
      ['127.0.0.1', ''],
    ] as const) {
      const path = join(temporaryFolder(), 'socket');
      const { told } = await environOf({ path, trustedProxies: [trusted] }, ...X_FORWARDED);
      expect([trusted, told[0]]).toEqual([trusted, address]);
    }
  });

  it('is believed for each request of its connection by the fields of that one', async () => {
    const seen: unknown[] = [];
    const { port } = await started(
      (environ, startResponse) => {
        seen.push([environ.REMOTE_ADDR, environ['wsgi.url_scheme'], environ.HTTP_HOST]);
        return echoPath(environ, startResponse);
      },
      { trustedProxies: ['127.0.0.1'] },
    );
    const client = await RawClient.open(port);
    client.send(get('/', ...X_FORWARDED) + get('/') + get('/', 'X-Forwarded-For: 203.0.113.8'));
    for (let each = 0; each < 3; each++) await client.response();
    expect(seen).toEqual([
      ['203.0.113.7', 'https', 'public.test:8443'],
      ['127.0.0.1', 'http', 'example.test'],
      ['203.0.113.8', 'http', 'example.test'],
    ]);
  });

  it('is believed for a request with a body, in one piece or in several', async () => {
    for (const pieces of [['body'], ['bo', 'dy']]) {
      const { port } = await started(
        (environ, startResponse) => {
          startResponse('200 OK', plain());
          return [`${environ.REMOTE_ADDR} ${environ['wsgi.input'].read()}`];
        },
        { trustedProxies: ['127.0.0.1'] },
      );
      const client = await RawClient.open(port);
      client.send(`POST / HTTP/1.1\r\nHost: a\r\n${X_FORWARDED[0]}\r\nContent-Length: 4\r\n\r\n`);
      for (const piece of pieces) client.send(piece);
      expect((await client.response()).body.toString()).toBe('203.0.113.7 body');
    }
  });

  it('may add to the field by a line of its own', async () => {
    const { told } = await environOf(
      { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] },
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-For: 203.0.113.7',
      'X-Forwarded-For: 10.0.0.5',
    );
    expect(told[0]).toBe('203.0.113.7');
  });

  it('is believed over the host of an absolute target, too', async () => {
    const { port } = await started(
      (environ, startResponse) => {
        startResponse('200 OK', plain());
        return [environ.HTTP_HOST ?? ''];
      },
      { trustedProxies: ['127.0.0.1'] },
    );
    const client = await RawClient.open(port);
    client.send(get('http://absolute.test/', ...X_FORWARDED) + get('http://absolute.test/'));
    expect((await client.response()).body.toString()).toBe('public.test:8443');
    expect((await client.response()).body.toString()).toBe('absolute.test');
  });

  it('may say over TLS that its client asked without', async () => {
    const tls = certificate(temporaryFolder(), 'server');
    const { server } = await started(
      (environ, startResponse) => {
        startResponse('200 OK', plain());
        return [`${environ['wsgi.url_scheme']} ${environ.REMOTE_ADDR}`];
      },
      { tls, trustedProxies: ['127.0.0.1'] },
    );
    const fields = ['-H', 'X-Forwarded-Proto: http', '-H', 'X-Forwarded-For: 203.0.113.7'];
    expect((await curl(['-k', ...fields, server.url])).output.toString()).toBe('http 203.0.113.7');
    expect((await curl(['-k', server.url])).output.toString()).toBe('https 127.0.0.1');
  });

  it('is believed by the fields that forwardedFields names, and no others', async () => {
    const trustedProxies = ['127.0.0.1'];
    const x = ['203.0.113.7', '', 'https', 'public.test:8443'];
    const standard = ['2001:db8::7', '61000', 'https', 'other.test'];
    expect((await environOf({ trustedProxies }, FORWARDED, ...X_FORWARDED)).told).toEqual(x);
    const named = { trustedProxies, forwardedFields: 'x-forwarded' } as const;
    expect((await environOf(named, FORWARDED, ...X_FORWARDED)).told).toEqual(x);
    const other = { trustedProxies, forwardedFields: 'forwarded' } as const;
    expect((await environOf(other, FORWARDED, ...X_FORWARDED)).told).toEqual(standard);
    const { told, client } = await environOf(other, ...X_FORWARDED);
    expect(told).toEqual(['127.0.0.1', String(client.socket.localPort), 'http', 'example.test']);
  });

  it('may have as many connections as there may be', async () => {
    const limit = { maxConnectionsPerAddress: 1 };
    const { port } = await started(echoPath, { ...limit, trustedProxies: ['127.0.0.1'] });
    const clients = [await RawClient.open(port), await RawClient.open(port), await RawClient.open(port)];
    for (const client of clients) expect((await client.send(get('/')).response()).status).toBe(200);
    const others = await started(echoPath, { ...limit, trustedProxies: ['192.0.2.1'] });
    expect((await (await RawClient.open(others.port)).send(get('/')).response()).status).toBe(200);
    expect((await (await RawClient.open(others.port)).end()).length).toBe(0);
  });

  it('that writes nonsense is not believed, and served all the same', async () => {
    const { told, client } = await environOf(
      { trustedProxies: ['127.0.0.1'] },
      'X-Forwarded-For: \xff, ]["',
      'X-Forwarded-Proto: javascript',
      'X-Forwarded-Host: a/b',
    );
    expect(told).toEqual(['127.0.0.1', String(client.socket.localPort), 'http', 'example.test']);
  });
});

describe('a peer that is not trusted', () => {
  for (const trustedProxies of [undefined, [], ['10.0.0.0/8', '127.0.0.2', '::1', 'unix:']]) {
    it(`changes nothing by such fields: ${trustedProxies}`, async () => {
      const options = trustedProxies === undefined ? {} : { trustedProxies };
      const { environ, told, client } = await environOf(options, FORWARDED, ...X_FORWARDED);
      expect(told).toEqual(['127.0.0.1', String(client.socket.localPort), 'http', 'example.test']);
      const { HTTP_X_FORWARDED_FOR, HTTP_X_FORWARDED_PROTO, HTTP_X_FORWARDED_HOST, HTTP_FORWARDED } = environ;
      expect([HTTP_X_FORWARDED_FOR, HTTP_X_FORWARDED_PROTO, HTTP_X_FORWARDED_HOST]).toEqual([
        '203.0.113.7',
        'https',
        'public.test:8443',
      ]);
      expect(HTTP_FORWARDED).toBe(FORWARDED.slice('Forwarded: '.length));
    });
  }

  it('cannot pose by names with underscores', async () => {
    const { environ } = await environOf({ trustedProxies: ['127.0.0.1'] }, 'X_Forwarded_For: 6.6.6.6');
    expect(environ.REMOTE_ADDR).toBe('127.0.0.1');
    expect(environ).not.toHaveProperty('HTTP_X_FORWARDED_FOR');
  });
});

describe('the options for proxies', () => {
  it.each<[options: Record<string, unknown>, message: RegExp]>([
    [
      { trustedProxies: ['10.0.0.1/8'] },
      /^trustedProxies must hold addresses .*'10\.0\.0\.0\/8'.*, got '10\.0\.0\.1\/8'$/,
    ],
    [{ trustedProxies: ['127.0.0.1', ''] }, /^trustedProxies must hold .*'unix:', got ''$/],
    [{ trustedProxies: ['localhost'] }, /^trustedProxies must hold .*, got 'localhost'$/],
    [{ trustedProxies: ['*'] }, /^trustedProxies must hold .*, got '\*'$/],
    [{ trustedProxies: ['::1 '] }, /^trustedProxies must hold .*, got '::1 '$/],
    [{ trustedProxies: '127.0.0.1' }, /^trustedProxies must be an array of strings, got '127\.0\.0\.1'$/],
    [{ trustedProxies: [1] }, /^trustedProxies must be an array of strings, got \[ 1 \]$/],
    [{ trustedProxies: null }, /^trustedProxies must be an array of strings, got null$/],
    [{ forwardedFields: 'X-Forwarded' }, /^forwardedFields must be 'x-forwarded' or 'forwarded', got 'X-Forwarded'$/],
    [{ proxyProtocol: 1 }, /^proxyProtocol must be true or false, got 1$/],
    [{ proxyProtocol: true }, /^proxyProtocol true needs trustedProxies/],
    [{ proxyProtocol: true, trustedProxies: [] }, /^proxyProtocol true needs trustedProxies/],
  ])('%j is refused', async (options, message) => {
    const error = await started(echoPath, options as ServerOptions).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(RangeError);
    expect((error as RangeError).message).toMatch(message);
  });

  it('are what they are by default', async () => {
    const options = { trustedProxies: [], forwardedFields: 'x-forwarded', proxyProtocol: false } as const;
    expect((await environOf(options, ...X_FORWARDED)).told[0]).toBe('127.0.0.1');
  });
});
