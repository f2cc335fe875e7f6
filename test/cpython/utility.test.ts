import { describe, expect, it } from 'vitest';
import { MemoryErrors, MemoryInput } from '../../src/streams.js';
import type { Environ } from '../../src/types.js';
import {
  applicationUri,
  FileWrapper,
  guessScheme,
  isHopByHop,
  requestUri,
  setupTestingDefaults,
  shiftPathInfo,
} from '../../src/util.js';

function testingEnviron(given: Record<string, unknown> = {}): Environ {
  const environ: Partial<Environ> = { ...given };
  setupTestingDefaults(environ);
  return environ;
}

/** @param makeIt a fresh iterator */
function compareGenericIter<T>(makeIt: () => IterableIterator<T>, match: T[]): void {
  const iterator = makeIt();
  expect(iterator[Symbol.iterator]()).toBe(iterator);
  for (const item of match) expect(iterator.next()).toEqual({ done: false, value: item });
  expect(iterator.next().done).toBe(true);
}

/** A StringIO: a file in memory that knows whether it is closed. */
class StringFile extends MemoryInput {
  closed = false;
  close(): void {
    this.closed = true;
  }
}

describe('UtilityTests', () => {
  function checkShift(
    scriptName: string,
    pathInfo: string,
    part: string | null,
    scriptNameOut: string,
    pathInfoOut: string,
  ): void {
    const environ = testingEnviron({ SCRIPT_NAME: scriptName, PATH_INFO: pathInfo });
    const message = `${scriptName} ${pathInfo}`;
    expect(shiftPathInfo(environ), message).toBe(part);
    expect(environ.PATH_INFO, message).toBe(pathInfoOut);
    expect(environ.SCRIPT_NAME, message).toBe(scriptNameOut);
  }

  function checkDefault(key: string, value: unknown): void {
    // Check defaulting when empty.
    const found = testingEnviron()[key];
    if (value instanceof MemoryErrors) expect(found, key).toBeInstanceOf(MemoryErrors);
    else if (value instanceof MemoryInput) expect(found, key).toBeInstanceOf(MemoryInput);
    else expect(found, key).toEqual(value);

    // Check existing value.
    expect(testingEnviron({ [key]: null })[key], key).toBeNull();
  }

  function checkCrossDefault(key: string, value: string, given: Record<string, unknown>): void {
    expect(testingEnviron(given)[key]).toBe(value);
  }

  function checkAppURI(uri: string, given: Record<string, unknown> = {}): void {
    expect(applicationUri(testingEnviron(given))).toBe(uri);
  }

  function checkReqURI(uri: string, given: Record<string, unknown> = {}, query = true): void {
    expect(requestUri(testingEnviron(given), query)).toBe(uri);
  }

  function checkFW(text: string, size: number, match: string[]): void {
    const makeIt = () => new FileWrapper(new StringFile(text), size);
    compareGenericIter(
      makeIt,
      match.map((block) => Buffer.from(block)),
    );

    const file = new StringFile(text);
    const wrapper = new FileWrapper(file, size);
    expect(wrapper.filelike).toBe(file);
    expect(file.closed).toBe(false);

    for (const _block of wrapper);
    expect(file.closed).toBe(false);

    wrapper.close?.();
    expect(file.closed).toBe(true);
  }

  it('testSimpleShifts', () => {
    checkShift('', '/', '', '/', '');
    checkShift('', '/x', 'x', '/x', '');
    checkShift('/', '', null, '/', '');
    checkShift('/a', '/x/y', 'x', '/a/x', '/y');
    checkShift('/a', '/x/', 'x', '/a/x', '/');
  });

  it('testNormalizedShifts', () => {
    checkShift('/a/b', '/../y', '..', '/a', '/y');
    checkShift('', '/../y', '..', '', '/y');
    checkShift('/a/b', '//y', 'y', '/a/b/y', '');
    checkShift('/a/b', '//y/', 'y', '/a/b/y', '/');
    checkShift('/a/b', '/./y', 'y', '/a/b/y', '');
    checkShift('/a/b', '/./y/', 'y', '/a/b/y', '/');
    checkShift('/a/b', '///./..//y/.//', '..', '/a', '/y/');
    checkShift('/a/b', '///', '', '/a/b/', '');
    checkShift('/a/b', '/.//', '', '/a/b/', '');
    checkShift('/a/b', '/x//', 'x', '/a/b/x', '/');
    checkShift('/a/b', '/.', null, '/a/b', '');
  });

  it('testDefaults', () => {
    const defaults: Array<[key: string, value: unknown]> = [
      ['SERVER_NAME', '127.0.0.1'],
      ['SERVER_PORT', '80'],
      ['SERVER_PROTOCOL', 'HTTP/1.0'],
      ['HTTP_HOST', '127.0.0.1'],
      ['REQUEST_METHOD', 'GET'],
      ['SCRIPT_NAME', ''],
      ['PATH_INFO', '/'],
      ['wsgi.version', [1, 0]],
      ['wsgi.run_once', false],
      ['wsgi.multithread', false],
      ['wsgi.multiprocess', false],
      ['wsgi.input', new MemoryInput()],
      ['wsgi.errors', new MemoryErrors()],
      ['wsgi.url_scheme', 'http'],
    ];
    for (const [key, value] of defaults) checkDefault(key, value);
  });

  it('testCrossDefaults', () => {
    checkCrossDefault('HTTP_HOST', 'foo.bar', { SERVER_NAME: 'foo.bar' });
    checkCrossDefault('wsgi.url_scheme', 'https', { HTTPS: 'on' });
    checkCrossDefault('wsgi.url_scheme', 'https', { HTTPS: '1' });
    checkCrossDefault('wsgi.url_scheme', 'https', { HTTPS: 'yes' });
    checkCrossDefault('wsgi.url_scheme', 'http', { HTTPS: 'foo' });
    checkCrossDefault('SERVER_PORT', '80', { HTTPS: 'foo' });
    checkCrossDefault('SERVER_PORT', '443', { HTTPS: 'on' });
  });

  it('testGuessScheme', () => {
    expect(guessScheme({})).toBe('http');
    expect(guessScheme({ HTTPS: 'foo' })).toBe('http');
    expect(guessScheme({ HTTPS: 'on' })).toBe('https');
    expect(guessScheme({ HTTPS: 'yes' })).toBe('https');
    expect(guessScheme({ HTTPS: '1' })).toBe('https');
  });

  it('testAppURIs', () => {
    checkAppURI('http://127.0.0.1/');
    checkAppURI('http://127.0.0.1/spam', { SCRIPT_NAME: '/spam' });
    checkAppURI('http://127.0.0.1/sp%E4m', { SCRIPT_NAME: '/sp\xe4m' });
    checkAppURI('http://spam.example.com:2071/', { HTTP_HOST: 'spam.example.com:2071', SERVER_PORT: '2071' });
    checkAppURI('http://spam.example.com/', { SERVER_NAME: 'spam.example.com' });
    checkAppURI('http://127.0.0.1/', { HTTP_HOST: '127.0.0.1', SERVER_NAME: 'spam.example.com' });
    checkAppURI('https://127.0.0.1/', { HTTPS: 'on' });
    checkAppURI('http://127.0.0.1:8000/', { SERVER_PORT: '8000', HTTP_HOST: null });
  });

  it('testReqURIs', () => {
    checkReqURI('http://127.0.0.1/');
    checkReqURI('http://127.0.0.1/spam', { SCRIPT_NAME: '/spam' });
    checkReqURI('http://127.0.0.1/sp%E4m', { SCRIPT_NAME: '/sp\xe4m' });
    const spammity = { SCRIPT_NAME: '/spammity', PATH_INFO: '/spam' };
    checkReqURI('http://127.0.0.1/spammity/spam', spammity);
    checkReqURI('http://127.0.0.1/spammity/sp%E4m', { ...spammity, PATH_INFO: '/sp\xe4m' });
    checkReqURI('http://127.0.0.1/spammity/spam;ham', { ...spammity, PATH_INFO: '/spam;ham' });
    checkReqURI('http://127.0.0.1/spammity/spam;cookie=1234,5678', {
      ...spammity,
      PATH_INFO: '/spam;cookie=1234,5678',
    });
    checkReqURI('http://127.0.0.1/spammity/spam?say=ni', { ...spammity, QUERY_STRING: 'say=ni' });
    checkReqURI('http://127.0.0.1/spammity/spam?s%E4y=ni', { ...spammity, QUERY_STRING: 's%E4y=ni' });
    checkReqURI('http://127.0.0.1/spammity/spam', { ...spammity, QUERY_STRING: 'say=ni' }, false);
  });

  it('testFileWrapper', () => {
    checkFW('xyz'.repeat(50), 120, ['xyz'.repeat(40), 'xyz'.repeat(10)]);
  });

  it('testHopByHop', () => {
    const title = (name: string) => name.toLowerCase().replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
    const spellings = (names: string) =>
      names.split(' ').flatMap((name) => [name, title(name), name.toUpperCase(), name.toLowerCase()]);

    for (const hop of spellings(
      'Connection Keep-Alive Proxy-Authenticate Proxy-Authorization TE Trailers Transfer-Encoding Upgrade',
    )) {
      expect(isHopByHop(hop), hop).toBe(true);
    }

    // Not comprehensive, just a few random header names.
    for (const hop of spellings('Accept Cache-Control Date Pragma Via Warning')) {
      expect(isHopByHop(hop), hop).toBe(false);
    }

    // The original has it among the latter: RFC 2616 §13.5.1 calls the field "Trailers", which RFC 9110 §6.6.2 does not.
    for (const hop of spellings('Trailer')) expect(isHopByHop(hop), hop).toBe(true);
  });
});
