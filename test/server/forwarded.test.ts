import { afterAll, describe, expect, it } from 'vitest';
import { believe, type ForwardedFields, type Network } from '../../src/server/forwarded.js';
import { openEngine } from '../../src/server/native-addon.js';
import { show } from '../../src/show.js';
import type { Environ } from '../../src/types.js';

const nothing = () => {};
const engine = openEngine({
  onRequests: nothing,
  onReady: nothing,
  onGone: nothing,
  onRefused: nothing,
  onNotice: nothing,
  onDrained: nothing,
  onAnswered: nothing,
});
const { listener } = engine.listen({ host: '127.0.0.1', port: 0, trustedProxies: ['10.0.0.0/8', 'fd00::/8'] });
afterAll(() => engine.drain(listener, 0, 0));

const network: Network = {
  addressText: engine.addressText,
  trusts: (text) => engine.trusts(listener, text),
  isHost: engine.isHost,
};

const PEER = { REMOTE_ADDR: '10.0.0.1', REMOTE_PORT: '5000', 'wsgi.url_scheme': 'http', HTTP_HOST: 'own.test' };

/** What of the environ is not as the peer itself had it. */
function believed(which: ForwardedFields, fields: Record<string, string>): Partial<Environ> {
  const environ = { ...PEER, ...fields } as Partial<Environ> as Environ;
  believe(which, environ, network);
  const received: Record<string, unknown> = { ...PEER, ...fields };
  return Object.fromEntries(Object.entries(environ).filter(([key, value]) => received[key] !== value));
}

/** What each value of a field is believed to say; of those that are `ignored`, nothing. */
function table(
  which: ForwardedFields,
  key: string,
  { says, ignored }: { says: Array<[value: string, expected: Partial<Environ>]>; ignored: string[] },
): void {
  for (const [value, expected] of says) {
    it(show(value), () => expect(believed(which, { [key]: value })).toEqual(expected));
  }
  for (const value of ignored) {
    it(`${show(value)} is ignored`, () => expect(believed(which, { [key]: value })).toEqual({}));
  }
}

const client = (REMOTE_ADDR: string, REMOTE_PORT = '') => ({ REMOTE_ADDR, REMOTE_PORT });
const https = { 'wsgi.url_scheme': 'https' };
const long = 'x'.repeat(1 << 20);

describe('X-Forwarded-For', () => {
  table('x-forwarded', 'HTTP_X_FORWARDED_FOR', {
    says: [
      ['203.0.113.7', client('203.0.113.7')],
      ['203.0.113.7:61000', client('203.0.113.7', '61000')],
      ['2001:db8::7', client('2001:db8::7')],
      ['[2001:db8::7]', client('2001:db8::7')],
      ['[2001:db8::7]:61000', client('2001:db8::7', '61000')],
      ['2001:DB8:0:0::7', client('2001:db8::7')],
      ['::ffff:203.0.113.7', client('203.0.113.7')],
      ['[::ffff:203.0.113.7]:1', client('203.0.113.7', '1')],
      // From the right, over hops that are trusted, to the first that is not.
      ['203.0.113.7, 10.1.1.1', client('203.0.113.7')],
      ['203.0.113.7,10.1.1.1:80 ,\t[fd00::2]:81', client('203.0.113.7')],
      ['6.6.6.6, 203.0.113.7', client('203.0.113.7')],
      ['10.9.9.9, 203.0.113.7, ::ffff:10.1.1.1', client('203.0.113.7')],
      ['junk, 203.0.113.7', client('203.0.113.7')],
      [`${'1.1.1.1,'.repeat(100_000)}203.0.113.7`, client('203.0.113.7')],
      [', ,203.0.113.7,,', client('203.0.113.7')],
      // A chain of proxies alone begins with the first of them.
      ['10.3.3.3, 10.2.2.2', client('10.3.3.3')],
      // One who cannot be told ends the walk: whoever is known is the one before.
      ['203.0.113.7, unknown, 10.2.2.2', client('10.2.2.2')],
      ['203.0.113.7, 1.2.3, 10.2.2.2', client('10.2.2.2')],
      ['6.6.6.6, 203.0.113.7 10.2.2.2', {}],
    ],
    ignored: [
      '',
      ' ',
      ',',
      'unknown',
      '_hidden',
      'localhost',
      '203.0.113',
      '203.0.113.256',
      '203.0.113.07',
      '203.0.113.7/32',
      '203.0.113.7:',
      '203.0.113.7:65536',
      '203.0.113.7:-1',
      '203.0.113.7:80:80',
      '203.0.113.7;80',
      '"203.0.113.7"',
      'for=203.0.113.7',
      '[203.0.113.7]',
      '[2001:db8::7',
      '2001:db8::7]',
      '[2001:db8::7]61000',
      '[[2001:db8::7]]',
      '2001:db8::7::',
      'fe80::1%eth0',
      '[]',
      '[]:80',
      ':80',
      '::gggg',
      '1.2.3.4\0',
      '1.2.3.4\xa0',
      '1.2.3.4\u0661',
      '203.0.113.7 203.0.113.8',
      '<script>',
      '__proto__',
      long,
      `[${':'.repeat(1 << 20)}`,
      `a${' '.repeat(1 << 20)}b`,
    ],
  });

  it('says who the client is, and nothing else does', () => {
    expect(believed('x-forwarded', { HTTP_X_REAL_IP: '6.6.6.6', HTTP_FORWARDED: 'for=6.6.6.6' })).toEqual({});
    expect(believed('x-forwarded', { X_FORWARDED_FOR: '6.6.6.6' })).toEqual({});
  });
});

describe('X-Forwarded-Proto', () => {
  table('x-forwarded', 'HTTP_X_FORWARDED_PROTO', {
    says: [
      ['https', https],
      ['HTTPS', https],
      ['http', {}],
      // The last is what the trusted proxy has written.
      ['http, https', https],
      ['https, http', {}],
      ['https,', https],
    ],
    ignored: ['', 'httpss', 'ws', 'wss', 'https:', 'https http', 'ftp', 'on', 'javascript', 'https, junk', long],
  });

  it('may take https back', () => {
    const environ = { 'wsgi.url_scheme': 'https', HTTP_X_FORWARDED_PROTO: 'http' } as Partial<Environ> as Environ;
    believe('x-forwarded', environ, network);
    expect(environ['wsgi.url_scheme']).toBe('http');
  });
});

describe('X-Forwarded-Host', () => {
  table('x-forwarded', 'HTTP_X_FORWARDED_HOST', {
    says: [
      ['example.com', { HTTP_HOST: 'example.com' }],
      ['example.com:8443', { HTTP_HOST: 'example.com:8443' }],
      ['[2001:db8::1]:80', { HTTP_HOST: '[2001:db8::1]:80' }],
      ['evil.test, example.com', { HTTP_HOST: 'example.com' }],
    ],
    ignored: [
      '',
      'example.com, a b',
      'a b',
      'a/b',
      'user@example.com',
      'http://example.com',
      'example.com:port',
      'example.com:65536',
      '2001:db8::1',
      'ex\xe4mple',
      'a"b',
      'a\\b',
      'a?b',
      'a#b',
      '<script>',
    ],
  });
});

describe('Forwarded', () => {
  table('forwarded', 'HTTP_FORWARDED', {
    says: [
      ['for=203.0.113.7', client('203.0.113.7')],
      ['For="203.0.113.7:61000"', client('203.0.113.7', '61000')],
      ['for="[2001:db8:cafe::17]:4711"', client('2001:db8:cafe::17', '4711')],
      ['for="[2001:DB8::17]"', client('2001:db8::17')],
      ['for="203.0.113.7:_hidden"', client('203.0.113.7')],
      ['for="203\\.0.113.7"', client('203.0.113.7')],
      [
        'for=203.0.113.7;proto=https;host=example.com;by=10.0.0.1',
        { ...client('203.0.113.7'), ...https, HTTP_HOST: 'example.com' },
      ],
      [
        'by=_proxy;HOST="example.com:8443" ; Proto=HTTPS ;for=203.0.113.7',
        { ...client('203.0.113.7'), ...https, HTTP_HOST: 'example.com:8443' },
      ],
      ['for=203.0.113.7;secret="a;b,c=\\"d\\\\"', client('203.0.113.7')],
      ['for=203.0.113.7;', client('203.0.113.7')],
      [';;for=203.0.113.7', client('203.0.113.7')],
      [',, for=203.0.113.7 ,,', client('203.0.113.7')],
      // From the right, over hops that are trusted, to the first that is not.
      ['for=6.6.6.6, for=203.0.113.7', client('203.0.113.7')],
      ['for=6.6.6.6,for=203.0.113.7,for="[fd00::2]"', client('203.0.113.7')],
      // How the client asked says the proxy that it asked.
      [
        'for=6.6.6.6;proto=ftp;host=evil.test, for=203.0.113.7;proto=https;host=a.test, for=10.2.2.2;proto=http;host=b.test',
        { ...client('203.0.113.7'), ...https, HTTP_HOST: 'a.test' },
      ],
      ['for=6.6.6.6;proto=https;host=evil.test, for=203.0.113.7', client('203.0.113.7')],
      // A client that is not told is not the one before it in the list, either.
      ['for=unknown;proto=https', https],
      ['for=6.6.6.6;host=evil.test, for=_hidden;proto=https', https],
      ['for=6.6.6.6, proto=https;host=a.test', { ...https, HTTP_HOST: 'a.test' }],
      ['for=6.6.6.6, for=unknown;proto=https, for=10.2.2.2;host=b.test', { ...client('10.2.2.2'), ...https }],
      ['for=10.3.3.3;proto=https, for=10.2.2.2', { ...client('10.3.3.3'), ...https }],
      // Of a malformed element the others still count.
      ['for=203.0.113.7;proto=wss;host="a b"', client('203.0.113.7')],
      ['for="203.0.113.7:99999";proto=https', https],
      ['for="2001:db8::17"', {}],
      ['for="[203.0.113.7]"', {}],
      [`for=203.0.113.7;x="${long}"`, client('203.0.113.7')],
      [`${';'.repeat(1 << 20)}for=203.0.113.7`, client('203.0.113.7')],
      [`for=203.0.113.7${' '.repeat(1 << 20)}`, client('203.0.113.7')],
      ['__proto__=x;constructor=y;for=203.0.113.7', client('203.0.113.7')],
    ],
    // Malformed as a whole: nobody can tell which proxy wrote what.
    ignored: [
      '',
      'junk',
      '=',
      'for=',
      'for =203.0.113.7',
      'for= 203.0.113.7',
      'for=203.0.113.7:80',
      'for=[2001:db8::17]',
      'for=203.0.113.7;proto',
      'for=203.0.113.7 proto=https',
      'for=203.0.113.7;for=203.0.113.8',
      'for=203.0.113.7;FOR=203.0.113.8',
      'proto=http;proto=https',
      'for="203.0.113.7',
      'for="203.0.113.7\\"',
      'for="203.0.113.7"x',
      "for='203.0.113.7'",
      'for="unclosed, for=203.0.113.7',
      'for="unclosed, for="[2001:db8::17]";proto=https',
      'for="\0"',
      'for="\x7f"',
      '/=x',
      long,
      `for="${long}`,
    ],
  });

  it('alone says who the client is', () => {
    expect(believed('forwarded', { HTTP_X_FORWARDED_FOR: '6.6.6.6', HTTP_X_FORWARDED_PROTO: 'https' })).toEqual({});
  });
});
