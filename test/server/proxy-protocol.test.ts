import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../src/server/index.js';
import type { Application } from '../../src/types.js';
import { curl } from './fixtures/curl.js';
import { BINARY, binary, endpoints, LOCAL, PROXY, TCP4, TCP6, TEXT, UNIX } from './fixtures/proxy-header.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { later, plain, started, temporaryFolder, until } from './fixtures/started-server.js';

const TRUSTING = { trustedProxies: ['127.0.0.1'], proxyProtocol: true };
const UNTRUSTING = { trustedProxies: ['192.0.2.1'], proxyProtocol: true };
const CLIENT = '203.0.113.7 61000';
const V2_TO = [0xfd00, 0, 0, 0, 0, 0, 0, 1];

/** Answers with who asked, and the body that came. */
const whoAsked: Application = (environ, startResponse) => {
  startResponse('200 OK', plain());
  const { REMOTE_ADDR, REMOTE_PORT } = environ;
  return [`${REMOTE_ADDR} ${REMOTE_PORT}`, environ['wsgi.input'].read()];
};

async function answerTo(client: RawClient): Promise<string> {
  const { status, body } = await client.response();
  return status === 200 ? body.toString() : String(status);
}

/** The answer to a request behind `header`, on a connection of its own. */
async function asked(where: number | string, header: string): Promise<string> {
  return answerTo((await RawClient.open(where)).send(header + get('/')));
}

describe('a PROXY header from a trusted peer', () => {
  it.each([
    ['text, IPv4', TEXT, CLIENT],
    ['text, IPv6', 'PROXY TCP6 2001:DB8::7 2001:db8::1 61000 80\r\n', '2001:db8::7 61000'],
    ['text, IPv4 as IPv6', 'PROXY TCP6 ::ffff:203.0.113.7 ::1 61000 80\r\n', CLIENT],
    ['binary, IPv4', BINARY, CLIENT],
    [
      'binary, IPv6',
      binary(PROXY, TCP6, endpoints([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7], 61_000, V2_TO, 80)),
      '2001:db8::7 61000',
    ],
    [
      'binary, IPv4 as IPv6',
      binary(PROXY, TCP6, endpoints([0, 0, 0, 0, 0, 0xffff, 0xcb00, 0x7107], 61_000, V2_TO, 80)),
      CLIENT,
    ],
    ['binary, with additions', binary(PROXY, TCP4, `${BINARY.slice(16)}\x04\0\x05GET /`), CLIENT],
    ['binary, a Unix socket', binary(PROXY, UNIX, '/run/client'.padEnd(216, '\0')), ' '],
  ])('says who the client is: %s', async (_what, header, expected) => {
    const { port } = await started(whoAsked, TRUSTING);
    expect(await asked(port, header)).toBe(expected);
  });

  it.each([
    ['LOCAL', binary(LOCAL, 0)],
    ['LOCAL, with what it should not have', binary(LOCAL, TCP4, BINARY.slice(16))],
    ['unspecified', binary(PROXY, 0)],
    ['unspecified, with additions', binary(PROXY, 0, 'x'.repeat(300))],
    ['datagrams', binary(PROXY, 0x12, BINARY.slice(16))],
    ['UNKNOWN', 'PROXY UNKNOWN\r\n'],
    ['UNKNOWN, with what is to be ignored', 'PROXY UNKNOWN 203.0.113.7 192.0.2.1 61000 80\r\n'],
  ])('may leave the client to be whoever connects: %s', async (_what, header) => {
    const { port } = await started(whoAsked, TRUSTING);
    const client = await RawClient.open(port);
    client.send(header + get('/'));
    expect(await answerTo(client)).toBe(`127.0.0.1 ${client.socket.localPort}`);
  });

  for (const [what, header] of [
    ['text', TEXT],
    ['binary', BINARY],
  ] as const) {
    it(`may arrive in pieces: ${what}`, async () => {
      const { port } = await started(whoAsked, TRUSTING);
      const bytes = header + get('/');
      const answers = await Promise.all(
        Array.from({ length: header.length + 1 }, async (_each, cut) => {
          const client = await RawClient.open(port);
          client.send(bytes.slice(0, cut));
          await later(20);
          return answerTo(client.send(bytes.slice(cut)));
        }),
      );
      expect(new Set(answers)).toEqual(new Set([CLIENT]));
    });

    it(`may arrive byte by byte: ${what}`, async () => {
      const { port } = await started(whoAsked, TRUSTING);
      const client = await RawClient.open(port);
      for (const byte of header + get('/')) {
        client.send(byte);
        await later(1);
      }
      expect(await answerTo(client)).toBe(CLIENT);
    });

    it(`holds for all requests of the connection: ${what}`, async () => {
      const { port } = await started(whoAsked, TRUSTING);
      const client = await RawClient.open(port);
      client.send(header + get('/') + get('/') + request('POST', '/', 'Content-Length: 4'));
      await later(20);
      client.send('body');
      expect(await answerTo(client)).toBe(CLIENT);
      expect(await answerTo(client)).toBe(CLIENT);
      expect(await answerTo(client)).toBe(`${CLIENT}body`);
      expect(await answerTo(client.send(get('/')))).toBe(CLIENT);
    });

    it(`is a bad request the second time: ${what}`, async () => {
      let ran = 0;
      const { port } = await started((environ, startResponse) => {
        ran++;
        return whoAsked(environ, startResponse);
      }, TRUSTING);
      for (const second of [TEXT.replace('203.0.113.7', '6.6.6.6'), BINARY, binary(LOCAL, 0), 'PROXY UNKNOWN\r\n']) {
        ran = 0;
        // Behind the first.
        expect(await asked(port, header + second)).toBe('400');
        expect(ran).toBe(0);
        // Before a later request, pipelined or not.
        const client = await RawClient.open(port);
        client.send(header + get('/') + second + get('/'));
        expect([await answerTo(client), await answerTo(client)]).toEqual([CLIENT, '400']);
        const another = await RawClient.open(port);
        expect(await answerTo(another.send(header + get('/')))).toBe(CLIENT);
        expect(await answerTo(another.send(second + get('/')))).toBe('400');
        expect((await another.end()).length).toBe(0);
        expect(ran).toBe(2);
      }
    });
  }

  it('is demanded: what begins otherwise is refused, and nothing of it is a request', async () => {
    let ran = 0;
    const { port, server } = await started((environ, startResponse) => {
      ran++;
      return whoAsked(environ, startResponse);
    }, TRUSTING);
    const { refused } = server.stats();
    const malformed = [
      '',
      '\r\n',
      ' ',
      'proxy TCP4 203.0.113.7 192.0.2.1 61000 80\r\n',
      'PROXY TCP4 203.0.113.7 192.0.2.1 61000 80\n',
      'PROXY TCP4 203.0.113.7 192.0.2.1 61000 65536\r\n',
      'PROXY TCP4 203.0.113.07 192.0.2.1 61000 80\r\n',
      'PROXY TCP4 2001:db8::7 2001:db8::1 61000 80\r\n',
      'PROXY TCP6 203.0.113.7 192.0.2.1 61000 80\r\n',
      'PROXY UDP4 203.0.113.7 192.0.2.1 61000 80\r\n',
      `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`,
      binary(PROXY, TCP4, BINARY.slice(17)),
      binary(PROXY, 0x41, BINARY.slice(16)),
      binary(0x22, TCP4, BINARY.slice(16)),
      binary(0x11, TCP4, BINARY.slice(16)),
      binary(PROXY, TCP4, 'x'.repeat(4081)),
    ];
    for (const header of malformed) {
      const client = await RawClient.open(port);
      client.send(header + get('/'));
      const response = await client.response();
      expect([header, response.status, response.field('connection')]).toEqual([header, 400, 'close']);
      expect(response.body.toString()).toMatch(/PROXY header/);
      client.send(TEXT + get('/'));
      expect((await client.end()).length).toBe(0);
    }
    expect([ran, server.stats().refused - refused]).toEqual([0, malformed.length]);
  });

  it('is refused as soon as its bad byte has come', async () => {
    const { port } = await started(whoAsked, TRUSTING);
    for (const bytes of ['G', 'PROXY TCP4 256', `${BINARY.slice(0, 12)}\x31`, 'PROXY TCP6 :::']) {
      const client = await RawClient.open(port);
      expect([bytes, await answerTo(client.send(bytes))]).toEqual([bytes, '400']);
    }
  });

  it('that ends with the connection is nothing', async () => {
    const { port, server } = await started(whoAsked, TRUSTING);
    const { refused, requests } = server.stats();
    for (const bytes of ['', 'PROXY TCP4 203', BINARY.slice(0, 20), TEXT, BINARY]) {
      const client = await RawClient.open(port);
      client.send(bytes).halfClose();
      expect([bytes, (await client.end()).length]).toEqual([bytes, 0]);
    }
    await until(() => server.stats().openConnections === 0);
    expect([server.stats().refused - refused, server.stats().requests - requests]).toEqual([0, 0]);
  });

  it('leaves a connection idle, which close() ends', async () => {
    const { port, server } = await started(whoAsked, TRUSTING);
    const client = await RawClient.open(port);
    client.send(TEXT);
    await later(20);
    await server.close({ graceMs: 3_600_000 });
    expect((await client.end()).length).toBe(0);
  });

  it('is what curl sends', async () => {
    const { server, port } = await started(whoAsked, TRUSTING);
    const before = server.stats();
    const { code, output } = await curl(['--haproxy-protocol', `${server.url}/[1-2]`]);
    expect([code, output.toString()]).toEqual([0, expect.stringMatching(/^(127\.0\.0\.1 \d+){2}$/)]);
    expect(server.stats().connections - before.connections).toBe(1);
    expect((await curl(['-o', '/dev/null', '-w', '%{http_code}', `http://127.0.0.1:${port}/`])).output.toString()).toBe(
      '400',
    );
  });
});

describe('a peer that is not trusted', () => {
  it('is served without a header', async () => {
    const { port } = await started(whoAsked, UNTRUSTING);
    const client = await RawClient.open(port);
    client.send(get('/'));
    expect(await answerTo(client)).toBe(`127.0.0.1 ${client.socket.localPort}`);
  });

  it('sends a bad request where it sends a header', async () => {
    const { port } = await started(whoAsked, UNTRUSTING);
    for (const header of [TEXT, BINARY, binary(LOCAL, 0), 'PROXY UNKNOWN\r\n']) {
      expect(await asked(port, header)).toBe('400');
    }
  });

  it('is everybody without the option', async () => {
    const { port } = await started(whoAsked, { trustedProxies: ['127.0.0.1'] });
    expect(await asked(port, TEXT)).toBe('400');
    expect(await asked(port, BINARY)).toBe('400');
    expect(await asked(port, '')).toMatch(/^127\.0\.0\.1 \d+$/);
  });
});

describe('a peer of a Unix socket', () => {
  it('is trusted by the name unix:', async () => {
    const path = join(temporaryFolder(), 'socket');
    await started(whoAsked, { path, trustedProxies: ['unix:'], proxyProtocol: true });
    expect(await asked(path, TEXT)).toBe(CLIENT);
    expect(await asked(path, BINARY)).toBe(CLIENT);
    expect(await asked(path, binary(LOCAL, 0))).toBe(' ');
    expect(await asked(path, '')).toBe('400');
  });

  it('is not trusted by any address', async () => {
    const path = join(temporaryFolder(), 'socket');
    await started(whoAsked, { path, trustedProxies: ['0.0.0.0/0', '::/0'], proxyProtocol: true });
    expect(await asked(path, TEXT)).toBe('400');
    expect(await asked(path, '')).toBe(' ');
  });
});

describe('headersTimeout', () => {
  const only = (milliseconds: number) => ({
    ...TRUSTING,
    ...{ headersTimeout: milliseconds, bodyTimeout: 0, sendTimeout: 0, keepAliveTimeout: 0 },
  });

  it('answers 408 to a header that is not complete in time, however steadily it comes', async () => {
    const { port } = await started(whoAsked, only(300));
    const client = await RawClient.open(port);
    client.send('PROXY UNKNOWN ');
    for (let sent = 0; sent < 80 && client.receivedBytes === 0; sent++) {
      client.send('x');
      await later(20);
    }
    expect(await answerTo(client)).toBe('408');
    expect((await client.end()).length).toBe(0);
  });

  it('counts from the opening of the connection, though a whole header has come', async () => {
    const { port } = await started(whoAsked, only(600));
    const client = await RawClient.open(port);
    const silent = await RawClient.open(port);
    await later(400);
    client.send(`${TEXT}GET / HTTP/1.1\r\n`);
    await silent.end();
    // Its own time is over before that of one that was opened later.
    await later(50);
    expect([client.ended, await answerTo(client)]).toEqual([true, '408']);
  });

  it('closes a connection that says nothing behind its header', async () => {
    const { port } = await started(whoAsked, only(300));
    const client = await RawClient.open(port);
    client.send(TEXT);
    expect((await client.end()).length).toBe(0);
  });
});

describe('maxConnectionsPerAddress', () => {
  it('counts a connection as that of the client that its header names', async () => {
    const { port, server } = await started(whoAsked, { ...TRUSTING, maxConnectionsPerAddress: 2 });
    const other = TEXT.replace('203.0.113.7', '203.0.113.8');
    const open = async (header: string) => {
      const client = await RawClient.open(port);
      client.send(header + get('/'));
      return client;
    };
    const { dropped } = server.stats();
    // A place that is given back more or less often than it was taken would show in a later round.
    for (let round = 0; round < 3; round++) {
      const clients = [await open(TEXT), await open(BINARY), await open(other)];
      for (const client of clients) expect((await client.response()).status).toBe(200);
      expect((await (await open(TEXT)).end()).length).toBe(0);
      // The proxy itself may have as many as it likes.
      for (let each = 0; each < 3; each++) clients.push(await open(binary(LOCAL, 0)));
      for (const client of clients.slice(3)) expect((await client.response()).status).toBe(200);
      clients[0]!.socket.destroy();
      await until(() => server.stats().openConnections === 5);
      clients.push(await open(TEXT));
      expect(await answerTo(clients.at(-1)!)).toBe(CLIENT);
      for (const client of clients) client.socket.destroy();
      await until(() => server.stats().openConnections === 0);
    }
    expect(server.stats().dropped - dropped).toBe(3);
  });
});

describe('onRefused', () => {
  it('names the proxy that sent a malformed header, and the client behind a good one', async () => {
    const refusals: Refusal[] = [];
    const { port } = await started(whoAsked, { ...TRUSTING, onRefused: (refusal) => refusals.push(refusal) });
    expect(await asked(port, 'PROXY nonsense\r\n')).toBe('400');
    expect(await asked(port, `${TEXT}GET\n`)).toBe('400');
    expect(refusals).toMatchObject([
      {
        status: 400,
        reason: expect.stringContaining('PROXY header'),
        requestLine: 'PROXY nonsense',
        address: '127.0.0.1',
      },
      { status: 400, requestLine: 'GET', address: '203.0.113.7', port: 61_000 },
    ]);
  });
});

describe('behind a PROXY header', () => {
  const FROM = 'X-Forwarded-For: 198.51.100.9';

  async function askedWithField(header: string, trustedProxies = ['127.0.0.1', '10.0.0.0/8']): Promise<string> {
    const { port } = await started(whoAsked, { ...TRUSTING, trustedProxies });
    return answerTo((await RawClient.open(port)).send(header + get('/', FROM)));
  }

  it('the client speaks, and is not believed for the sake of its proxy', async () => {
    expect(await askedWithField(TEXT)).toBe(CLIENT);
    expect(await askedWithField(BINARY)).toBe(CLIENT);
    expect(await askedWithField('PROXY UNKNOWN\r\n')).toMatch(/^127\.0\.0\.1 /);
    expect(await askedWithField(binary(PROXY, UNIX, '\0'.repeat(216)), ['127.0.0.1', 'unix:'])).toBe(' ');
  });

  it('a client that is a trusted proxy itself is believed', async () => {
    expect(await askedWithField('PROXY TCP4 10.1.2.3 192.0.2.1 61000 80\r\n')).toBe('198.51.100.9 ');
  });

  it('a proxy that speaks for itself is believed', async () => {
    expect(await askedWithField(binary(LOCAL, 0))).toBe('198.51.100.9 ');
  });
});
