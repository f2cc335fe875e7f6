import { describe, expect, it } from 'vitest';
import { Headers } from '../../src/headers.js';
import { type Entry, entryOfRefusal } from '../../src/logging/entry.js';
import { FORMAT_NAMES, formatOf, LogFormatError } from '../../src/logging/format.js';
import type { Environ } from '../../src/types.js';

const TIME = new Date(2026, 10, 21, 10, 42, 7, 125).getTime();

function entryOf(others: Partial<Entry> = {}, environ: Record<string, string> = {}): Entry {
  return {
    time: TIME,
    address: '192.0.2.1',
    method: 'GET',
    target: '/a?b=c',
    protocol: 'HTTP/1.1',
    status: 200,
    bytes: 1234,
    firstByte: 1.5,
    duration: 2012.345,
    aborted: false,
    refusal: '',
    environ: environ as unknown as Environ,
    headers: new Headers([['Content-Type', 'text/plain']]),
    ...others,
  };
}

const REFUSED = entryOfRefusal(
  { status: 400, reason: 'The field line has no colon', requestLine: 'GET /x HTTP/1.1', address: '192.0.2.1', port: 5 },
  TIME,
);
const CLIENT = { HTTP_REFERER: 'http://x.example/', HTTP_USER_AGENT: 'curl/8', HTTP_AUTHORIZATION: 'Basic bWU6aXQ=' };

/** The time between brackets, in whatever zone the tests run. */
const WHEN = /\[21\/Nov\/2026:10:42:07 [+-]\d{4}\]/;

function line(format: string, entry: Entry): string {
  return formatOf(format)(entry).replace(WHEN, '[time]');
}

describe('the formats that have a name', () => {
  it.each<[string, Entry, string]>([
    ['common', entryOf({}, CLIENT), '192.0.2.1 - me [time] "GET /a?b=c HTTP/1.1" 200 1234'],
    [
      'combined',
      entryOf({}, CLIENT),
      '192.0.2.1 - me [time] "GET /a?b=c HTTP/1.1" 200 1234 "http://x.example/" "curl/8"',
    ],
    ['combined', entryOf({ bytes: 0 }), '192.0.2.1 - - [time] "GET /a?b=c HTTP/1.1" 200 - "-" "-"'],
    ['combined', entryOf({ status: 0, bytes: 0 }), '192.0.2.1 - - [time] "GET /a?b=c HTTP/1.1" - - "-" "-"'],
    ['common', REFUSED, '192.0.2.1 - - [time] "GET /x HTTP/1.1" 400 - "The field line has no colon"'],
    ['combined', REFUSED, '192.0.2.1 - - [time] "GET /x HTTP/1.1" 400 - "-" "-" "The field line has no colon"'],
    ['short', entryOf(), '10:42:07 200 GET /a?b=c 1234 B, 2012.3 ms'],
    ['short', entryOf({ bytes: 12_345, aborted: true }), '10:42:07 200 GET /a?b=c 12 kB, 2012.3 ms aborted'],
    ['short', entryOf({ bytes: 12_345_678, status: 0 }), '10:42:07 --- GET /a?b=c 12 MB, 2012.3 ms'],
    ['short', REFUSED, '10:42:07 400 GET /x 0 B, 0.0 ms The field line has no colon'],
  ])('%s', (format, entry, expected) => {
    expect(line(format, entry)).toBe(expected);
  });

  it.each([
    [200, 32],
    [304, 36],
    [404, 33],
    [503, 31],
    [0, 31],
  ])('coloured has a colour for %i, whoever reads it', (status, colour) => {
    const text = line('coloured', entryOf({ status }));
    expect(text).toContain(`\x1b[${colour}m${status || '---'}\x1b[0m`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that make the colours
    expect(text.replace(/\x1b\[\d+m/g, '')).toBe(line('short', entryOf({ status })));
  });

  it('json has all there is, and what is absent not at all', () => {
    const known = {
      time: new Date(TIME).toISOString(),
      address: '192.0.2.1',
      method: 'GET',
      target: '/a?b=c',
      protocol: 'HTTP/1.1',
      status: 200,
      bytes: 1234,
      firstByteMs: 1.5,
      durationMs: 2012.345,
    };
    expect(JSON.parse(line('json', entryOf()))).toEqual(known);
    const client = { ...CLIENT, HTTP_HOST: 'a.example', 'uwsgiref.request_id': '7' };
    expect(JSON.parse(line('json', entryOf({ aborted: true }, client)))).toEqual({
      ...known,
      host: 'a.example',
      user: 'me',
      referer: 'http://x.example/',
      agent: 'curl/8',
      requestId: '7',
      aborted: true,
    });
    expect(JSON.parse(line('json', REFUSED))).toMatchObject({ status: 400, refused: 'The field line has no colon' });
  });

  it('json is the same to the byte, though members are taken from the line before', () => {
    const json = formatOf('json');
    const one = entryOf(
      { bytes: 0, firstByte: 0, duration: 0.05 },
      { HTTP_HOST: 'a.example', HTTP_USER_AGENT: 'curl/8', 'uwsgiref.request_id': '7' },
    );
    const other = entryOf(
      { time: TIME + 1, address: '2001:db8::1', method: 'POST', target: '/"', protocol: 'HTTP/1.0', status: 404 },
      { HTTP_HOST: 'b"', HTTP_USER_AGENT: 'w' },
    );
    const strange = entryOf({ protocol: 'X', refusal: 'why' }, { HTTP_HOST: '' });
    const time = new Date(TIME).toISOString();
    const lines = [
      `{"time":"${time}","address":"192.0.2.1","method":"GET","target":"/a?b=c","protocol":"HTTP/1.1","status":200,"bytes":0,` +
        '"firstByteMs":0.000,"durationMs":0.050,"host":"a.example","agent":"curl/8","requestId":"7"}',
      `{"time":"${new Date(TIME + 1).toISOString()}","address":"2001:db8::1","method":"POST","target":"/\\"",` +
        '"protocol":"HTTP/1.0","status":404,"bytes":1234,"firstByteMs":1.500,"durationMs":2012.345,"host":"b\\"","agent":"w"}',
      `{"time":"${time}","address":"192.0.2.1","method":"GET","target":"/a?b=c","protocol":"X","status":200,"bytes":1234,` +
        '"firstByteMs":1.500,"durationMs":2012.345,"refused":"why"}',
    ];
    expect([one, one, other, strange, other, one].map(json)).toEqual([0, 0, 1, 2, 1, 0].map((index) => lines[index]));
  });

  it('makes the time anew each second', () => {
    const common = formatOf('common');
    const seconds = [0, 1, 60].map(
      (later) => /:(\d\d:\d\d) /.exec(common(entryOf({ time: TIME + later * 1000 })))?.[1],
    );
    expect(seconds).toEqual(['42:07', '42:08', '43:07']);
  });
});

describe('format strings', () => {
  // The names and meanings are those of gunicorn's setting access_log_format.
  it.each([
    ['%(h)s', '192.0.2.1'],
    ['%(l)s', '-'],
    ['%(u)s', 'me'],
    ['%(t)s', '[time]'],
    ['%(r)s', 'GET /a?b=c HTTP/1.1'],
    ['%(m)s %(U)s %(q)s %(H)s', 'GET /a b=c HTTP/1.1'],
    ['%(s)s %(B)s %(b)s', '200 1234 1234'],
    ['%(f)s %(a)s', 'http://x.example/ curl/8'],
    ['%(T)s %(M)s %(D)s %(L)s', '2 2012 2012345 2.012345'],
    ['%(p)s', `<${process.pid}>`],
    ['%({user-agent}i)s %({X-None}i)s', 'curl/8 -'],
    ['%({content-type}o)s %({X-None}o)s', 'text/plain -'],
    ['%({HTTP_REFERER}e)s %({NONE}e)s', 'http://x.example/ -'],
    ['%(F)s %(X)s', '0.001500 -'],
    ['"%(m)s" %% {x} %(s)s.', '"GET" % {x} 200.'],
  ])('%s', (format, expected) => {
    expect(line(format, entryOf({}, CLIENT))).toBe(expected);
  });

  it('have something for what is not there', () => {
    const all = '%(u)s %(s)s %(b)s %(B)s %(f)s %(a)s %({X}i)s %({X}o)s %({X}e)s %(X)s';
    expect(line(all, entryOf({ status: 0, bytes: 0, headers: null, aborted: true }))).toBe('- - - 0 - - - - - aborted');
    expect(line(all, REFUSED)).toBe('- 400 - 0 - - - - - The field line has no colon');
    expect(line('%(U)s|%(q)s', entryOf({ target: '/plain' }))).toBe('/plain|');
  });

  it.each(['%(zz)s', '%(constructor)s', '%({x}z)s', '%(h)s 100%', '%(h)s %(s)', 'apache', ''])(
    '%s is refused',
    (format) => {
      expect(() => formatOf(format)).toThrow(LogFormatError);
      expect(() => formatOf(format)).toThrow(/^The access log's format [^\n]+$/);
    },
  );
});

describe('what a client sends', () => {
  const every = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
  const hostile = `${every}\u202e\u2028`;
  const entry = entryOf(
    { address: hostile, method: hostile, target: hostile, protocol: hostile },
    {
      HTTP_REFERER: hostile,
      HTTP_USER_AGENT: hostile,
      HTTP_HOST: hostile,
      HTTP_X_REQUEST_ID: hostile,
      REMOTE_USER: hostile,
    },
  );
  const formats = [
    ...FORMAT_NAMES,
    '%(h)s %(r)s %(m)s %(U)s %(q)s %(H)s %(u)s %(f)s %(a)s %({Host}i)s %({HTTP_HOST}e)s',
  ];

  it.each(formats)('neither ends nor disguises a line, and controls no terminal: %s', (format) => {
    const lines = [entry, { ...REFUSED, method: hostile, target: hostile }].map(formatOf(format));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the formats' own
    for (const text of lines) expect(text.replace(/\x1b\[\d+m/g, '')).toMatch(/^[ -~]+$/);
  });

  it('does not leave its quotes, and can be read back', () => {
    const text = formatOf('combined')(entryOf({ target: '/"\\\n\x1b\xe9\u202e' }));
    expect(text).toContain('"GET /\\"\\\\\\x0a\\x1b\\xe9\\u202e HTTP/1.1"');
    const { address, target, agent } = JSON.parse(formatOf('json')(entry)) as Record<string, string>;
    expect([address, target, agent]).toEqual([hostile, hostile, hostile]);
  });

  it('cannot pose as another field by an address that middleware has from a proxy', () => {
    expect(line('common', entryOf({ address: 'x - - "GET' }))).toMatch(/^x\\x20-\\x20-\\x20\\"GET - - \[time\]/);
  });

  it('cannot pose as another field by a name of a user', () => {
    const credentials = Buffer.from('x - [now] "GET:it').toString('base64');
    expect(line('common', entryOf({}, { HTTP_AUTHORIZATION: `Basic ${credentials}` }))).toBe(
      '192.0.2.1 - x\\x20-\\x20[now]\\x20\\"GET [time] "GET /a?b=c HTTP/1.1" 200 1234',
    );
  });

  it.each([
    ['GET /a b HTTP/1.1', 'GET', '/a b', 'HTTP/1.1'],
    ['GET /x', 'GET', '/x', ''],
    ['\x16\x03\x01', '\x16\x03\x01', '', ''],
    ['', '', '', ''],
  ])('%j, which was refused, is told as far as it came', (requestLine, method, target, protocol) => {
    const refused = entryOfRefusal({ status: 400, reason: 'r', requestLine, address: '', port: 0 }, TIME);
    expect(refused).toMatchObject({ method, target, protocol, address: 'unix:' });
    const told = requestLine === '' ? '-' : requestLine.replace('\x16\x03\x01', '\\x16\\x03\\x01');
    expect(line('common', refused)).toBe(`unix: - - [time] "${told}" 400 - "r"`);
  });
});
