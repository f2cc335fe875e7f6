import { describe, expect, it, vi } from 'vitest';
import { MemoryErrors, MemoryInput } from '../src/streams.js';
import type { Environ, FileLike } from '../src/types.js';
import {
  applicationUri,
  DiskFile,
  FileWrapper,
  guessScheme,
  isHopByHop,
  openFile,
  requestUri,
  setupTestingDefaults,
  shiftPathInfo,
} from '../src/util.js';

function environ(given: Partial<Environ> | Record<string, unknown> = {}): Partial<Environ> {
  const filled: Partial<Environ> = { ...given };
  setupTestingDefaults(filled);
  return filled;
}

describe('shiftPathInfo', () => {
  it.each([
    ['', '/', '', '/', ''],
    ['', '/x', 'x', '/x', ''],
    ['/', '', null, '/', ''],
    ['/a', '/x/y', 'x', '/a/x', '/y'],
    ['/a', '/x/', 'x', '/a/x', '/'],
    ['/a/b', '/../y', '..', '/a', '/y'],
    ['', '/../y', '..', '', '/y'],
    ['/a/b', '//y', 'y', '/a/b/y', ''],
    ['/a/b', '//y/', 'y', '/a/b/y', '/'],
    ['/a/b', '/./y', 'y', '/a/b/y', ''],
    ['/a/b', '/./y/', 'y', '/a/b/y', '/'],
    ['/a/b', '///./..//y/.//', '..', '/a', '/y/'],
    ['/a/b', '///', '', '/a/b/', ''],
    ['/a/b', '/.//', '', '/a/b/', ''],
    ['/a/b', '/x//', 'x', '/a/b/x', '/'],
    ['/a/b', '/.', null, '/a/b', ''],
    ['//a', '/x', 'x', '//a/x', ''],
    ['///a', '/x', 'x', '/a/x', ''],
    ['a', '/../..', '..', '.', '/..'],
    ['..', '/..', '..', '../..', ''],
  ])('from %j, %j takes %j and leaves %j, %j', (scriptName, pathInfo, name, scriptNameAfter, pathInfoAfter) => {
    const shifted = environ({ SCRIPT_NAME: scriptName, PATH_INFO: pathInfo });
    expect(shiftPathInfo(shifted)).toBe(name);
    expect([shifted.SCRIPT_NAME, shifted.PATH_INFO]).toEqual([scriptNameAfter, pathInfoAfter]);
  });

  it('takes absent variables for empty ones', () => {
    expect(shiftPathInfo({})).toBeNull();
    const shifted = { PATH_INFO: '/x' };
    expect(shiftPathInfo(shifted)).toBe('x');
    expect(shifted).toEqual({ SCRIPT_NAME: '/x', PATH_INFO: '' });
  });

  it('needs a slash', () => {
    expect(() => shiftPathInfo({ PATH_INFO: 'x' })).toThrow(/must begin with a slash/);
  });
});

describe('setupTestingDefaults', () => {
  const defaults: Record<string, unknown> = {
    SERVER_NAME: '127.0.0.1',
    SERVER_PORT: '80',
    SERVER_PROTOCOL: 'HTTP/1.0',
    HTTP_HOST: '127.0.0.1',
    REQUEST_METHOD: 'GET',
    SCRIPT_NAME: '',
    PATH_INFO: '/',
    'wsgi.version': [1, 0],
    'wsgi.run_once': false,
    'wsgi.multithread': false,
    'wsgi.multiprocess': false,
    'wsgi.url_scheme': 'http',
  };

  it('fills an empty environ', () => {
    const { 'wsgi.input': input, 'wsgi.errors': errors, ...rest } = environ();
    expect(rest).toEqual(defaults);
    expect(input).toBeInstanceOf(MemoryInput);
    expect(errors).toBeInstanceOf(MemoryErrors);
  });

  it.each(Object.keys(defaults))('leaves %s alone', (key) => {
    expect(environ({ [key]: null })[key]).toBeNull();
  });

  it('adds no PATH_INFO to a SCRIPT_NAME', () => {
    expect(environ({ SCRIPT_NAME: '/a' })).not.toHaveProperty('PATH_INFO');
  });

  it.each([
    ['HTTP_HOST', 'foo.bar', { SERVER_NAME: 'foo.bar' }],
    ['wsgi.url_scheme', 'https', { HTTPS: 'on' }],
    ['wsgi.url_scheme', 'https', { HTTPS: '1' }],
    ['wsgi.url_scheme', 'https', { HTTPS: 'yes' }],
    ['wsgi.url_scheme', 'http', { HTTPS: 'foo' }],
    ['SERVER_PORT', '80', { HTTPS: 'foo' }],
    ['SERVER_PORT', '443', { HTTPS: 'on' }],
    ['SERVER_PORT', undefined, { 'wsgi.url_scheme': 'gopher' }],
  ])('makes %s %j of %j', (key, value, given) => {
    expect(environ(given)[key]).toBe(value);
  });
});

describe('guessScheme', () => {
  it.each([
    [undefined, 'http'],
    ['foo', 'http'],
    ['ON', 'http'],
    ['on', 'https'],
    ['yes', 'https'],
    ['1', 'https'],
  ])('of HTTPS=%j is %s', (https, scheme) => {
    expect(guessScheme(https === undefined ? {} : { HTTPS: https })).toBe(scheme);
  });
});

describe('applicationUri', () => {
  it.each([
    ['http://127.0.0.1/', {}],
    ['http://127.0.0.1/spam', { SCRIPT_NAME: '/spam' }],
    ['http://127.0.0.1/sp%E4m', { SCRIPT_NAME: '/sp\xe4m' }],
    ['http://127.0.0.1/a%3Bb', { SCRIPT_NAME: '/a;b' }],
    ['http://spam.example.com:2071/', { HTTP_HOST: 'spam.example.com:2071', SERVER_PORT: '2071' }],
    ['http://spam.example.com/', { SERVER_NAME: 'spam.example.com' }],
    ['http://127.0.0.1/', { HTTP_HOST: '127.0.0.1', SERVER_NAME: 'spam.example.com' }],
    ['https://127.0.0.1/', { HTTPS: 'on' }],
    ['https://127.0.0.1:80/', { HTTPS: 'on', SERVER_PORT: '80', HTTP_HOST: null }],
    ['https://127.0.0.1/', { HTTPS: 'on', HTTP_HOST: null }],
    ['http://127.0.0.1:8000/', { SERVER_PORT: '8000', HTTP_HOST: null }],
  ])('is %s for %j', (uri, given) => {
    expect(applicationUri(environ(given))).toBe(uri);
  });

  it.each(['wsgi.url_scheme', 'SERVER_NAME', 'SERVER_PORT'])('needs %s', (key) => {
    const lacking = environ({ HTTP_HOST: '' });
    delete lacking[key];
    expect(() => applicationUri(lacking)).toThrow(`environ has no ${key}`);
  });

  it('refuses what is no byte', () => {
    expect(() => applicationUri(environ({ SCRIPT_NAME: '/a\u20ac' }))).toThrow(
      /environ.SCRIPT_NAME holds "€" at character 2/,
    );
  });
});

describe('requestUri', () => {
  const spam = { SCRIPT_NAME: '/spammity', PATH_INFO: '/spam' };

  it.each([
    ['http://127.0.0.1/', {}],
    ['http://127.0.0.1/spam', { SCRIPT_NAME: '/spam' }],
    ['http://127.0.0.1/spammity/spam', spam],
    ['http://127.0.0.1/spammity/sp%E4m', { ...spam, PATH_INFO: '/sp\xe4m' }],
    ['http://127.0.0.1/spammity/spam;cookie=1234,5678', { ...spam, PATH_INFO: '/spam;cookie=1234,5678' }],
    ['http://127.0.0.1/spammity/a%20%3F%25%0Ab~', { ...spam, PATH_INFO: '/a ?%\nb~' }],
    ['http://127.0.0.1/spam', { SCRIPT_NAME: '', PATH_INFO: '/spam' }],
    ['http://127.0.0.1/spammity/spam?say=ni', { ...spam, QUERY_STRING: 'say=ni' }],
    ['http://127.0.0.1/spammity/spam?s%E4y=ni', { ...spam, QUERY_STRING: 's%E4y=ni' }],
  ])('is %s for %j', (uri, given) => {
    expect(requestUri(environ(given))).toBe(uri);
  });

  it('can leave out the query', () => {
    expect(requestUri(environ({ ...spam, QUERY_STRING: 'say=ni' }), false)).toBe('http://127.0.0.1/spammity/spam');
  });

  it('refuses what is no byte', () => {
    expect(() => requestUri(environ({ PATH_INFO: '/\u{1f600}' }))).toThrow(RangeError);
  });
});

describe('isHopByHop', () => {
  it.each(
    'Connection Keep-Alive Proxy-Authenticate Proxy-Authorization TE Trailer Trailers Transfer-Encoding Upgrade'.split(
      ' ',
    ),
  )('%s', (name) => {
    for (const spelling of [name, name.toUpperCase(), name.toLowerCase()]) expect(isHopByHop(spelling)).toBe(true);
  });

  it.each('Accept Cache-Control Date Pragma Via Warning Content-Length'.split(' '))('not %s', (name) => {
    for (const spelling of [name, name.toUpperCase(), name.toLowerCase()]) expect(isHopByHop(spelling)).toBe(false);
  });
});

describe('FileWrapper', () => {
  it('iterates over blocks, once', () => {
    const wrapper = new FileWrapper(new MemoryInput('xyz'.repeat(50)), 120);
    expect(wrapper[Symbol.iterator]()).toBe(wrapper);
    expect([...wrapper].map(String)).toEqual(['xyz'.repeat(40), 'xyz'.repeat(10)]);
    expect([...wrapper]).toEqual([]);
  });

  it('ends where a stream has null, as those of Node have', () => {
    const file = { read: () => null };
    expect([...new FileWrapper(file as unknown as FileLike)]).toEqual([]);
  });

  it('reads 8192 bytes at a time by default', () => {
    const sizes = [...new FileWrapper(new MemoryInput(Buffer.alloc(10_000)))].map((block) => block.length);
    expect(sizes).toEqual([8192, 1808]);
  });

  it('closes where the file closes', () => {
    const close = vi.fn();
    const file = { read: () => Buffer.alloc(0), close };
    const wrapper = new FileWrapper(file);
    expect([...wrapper]).toEqual([]);
    expect(close).not.toHaveBeenCalled();
    wrapper.close?.();
    expect(close.mock.contexts).toEqual([file]);
    expect(Object.hasOwn(new FileWrapper(new MemoryInput()), 'close')).toBe(false);
  });
});

it('util has the files of file_wrapper, too', () => {
  const file = openFile(import.meta.filename);
  expect(file).toBeInstanceOf(DiskFile);
  file.close();
});
