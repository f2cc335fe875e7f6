import { AssertionError } from 'node:assert';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { BaseCGIHandler } from '../src/handlers.js';
import { MemoryErrors, MemoryInput } from '../src/streams.js';
import type { Application, Chunk, Environ, HeaderList, ResponseBody, StartResponse, Write } from '../src/types.js';
import { setupTestingDefaults } from '../src/util.js';
import { validator, WSGIWarning } from '../src/validate.js';

let emitWarning: MockInstance<typeof process.emitWarning>;

beforeEach(() => {
  emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});
afterEach(() => {
  emitWarning.mockRestore();
});

const GARBAGE = 'WSGIWarning: Iterator garbage collected without being closed; the gateway must call close()';

// Most tests here leave bodies unclosed, and the garbage collector comes when it likes.
function warnings(): string[] {
  return allWarnings().filter((warning) => warning !== GARBAGE);
}

function allWarnings(): string[] {
  return emitWarning.mock.calls.map(([warning]) => String(warning));
}

function environ(given: Record<string, unknown> = {}): Environ {
  const filled: Partial<Environ> = { QUERY_STRING: '', ...given };
  setupTestingDefaults(filled);
  for (const [key, value] of Object.entries(given)) if (value === undefined) delete filled[key];
  return filled as Environ;
}

const HTML: HeaderList = [['Content-Type', 'text/html']];

function answering(body: unknown, status: unknown = '200 OK', headers: unknown = HTML): Application {
  return (_environ, startResponse) => {
    startResponse(status as string, headers as HeaderList);
    return body as ResponseBody;
  };
}

const written: Chunk[] = [];
const startResponse: StartResponse = () => (data) => void written.push(data);

function call(application: Application, given: Environ = environ()): ResponseBody {
  return validator(application)(given, startResponse) as ResponseBody;
}

function violation(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError);
    return (error as AssertionError).message;
  }
  return 'none';
}

describe('what is fine', () => {
  it('passes through', () => {
    const body = call(answering(['a', Buffer.from('b')])) as Iterable<Chunk>;
    expect([...body].map(String)).toEqual(['a', 'b']);
    expect(warnings()).toEqual([]);
  });

  it('passes write() through', () => {
    written.length = 0;
    call((_environ, start) => {
      start('200 OK', HTML)('written');
      return [];
    });
    expect(written).toEqual(['written']);
  });

  it('passes through a handler, under which it only hides what the body is', () => {
    const parts: Uint8Array[] = [];
    const errors = new MemoryErrors();
    const output = { write: (data: Uint8Array) => void parts.push(data) };
    const handler = new BaseCGIHandler(new MemoryInput(), output, errors, environ());
    handler.osEnviron = {};
    expect(handler.run(validator(answering(['Hello'])))).toBeUndefined();
    expect(errors.text).toBe('');
    expect(Buffer.concat(parts).toString()).toBe('Status: 200 OK\r\nContent-Type: text/html\r\n\r\nHello');
  });

  it('may be asynchronous', async () => {
    async function* blocks(): AsyncGenerator<string> {
      yield 'a';
      yield 'b';
    }
    const application: Application = async (_environ, start) => {
      start('200 OK', HTML);
      return blocks();
    };
    const body = (await validator(application)(environ(), startResponse)) as AsyncIterable<Chunk>;
    const seen: Chunk[] = [];
    for await (const block of body) seen.push(block);
    expect(seen).toEqual(['a', 'b']);
  });

  it('may fail', async () => {
    const failing = validator(() => Promise.reject(new Error('rejected')));
    await expect(failing(environ(), startResponse)).rejects.toThrow('rejected');
  });

  it('may start its response with the first block', () => {
    const body = call((_environ, start) =>
      (function* (): Generator<string> {
        start('200 OK', HTML);
        yield 'late';
      })(),
    ) as Iterable<Chunk>;
    expect([...body]).toEqual(['late']);
  });
});

describe('calling', () => {
  it.each([[[]], [[environ()]], [[environ(), startResponse, 1]]])('an application takes two arguments', (args) => {
    const application = validator(answering([])) as unknown as (...args: unknown[]) => unknown;
    expect(violation(() => application(...args))).toMatch(/takes environ and startResponse, got \d arguments/);
  });

  it.each([[['200 OK']], [['200 OK', HTML, null, 1]]])('startResponse takes two or three', (args) => {
    const application: Application = (_environ, start) => {
      (start as unknown as (...args: unknown[]) => Write)(...args);
      return [];
    };
    expect(violation(() => call(application))).toMatch(/startResponse takes status, headers and perhaps excInfo/);
  });

  it('passes as many arguments to startResponse as there were', () => {
    const start = vi.fn(startResponse);
    const trouble = new Error('x');
    validator((_environ, given) => {
      given('200 OK', HTML);
      given('500 Oops', HTML, trouble);
      return [];
    })(environ(), start);
    expect(start.mock.calls).toEqual([
      ['200 OK', HTML],
      ['500 Oops', HTML, trouble],
    ]);
  });

  it.each([[12], [undefined], [['a']]])('write() refuses %j', (data) => {
    const application: Application = (_environ, start) => {
      start('200 OK', HTML)(data as unknown as Chunk);
      return [];
    };
    expect(violation(() => call(application))).toMatch(/^write\(\) got .*; a block must be a Uint8Array or a string/);
  });

  it('write() takes one argument', () => {
    const application: Application = (_environ, start) => {
      (start('200 OK', HTML) as (...args: unknown[]) => void)('a', 'b');
      return [];
    };
    expect(violation(() => call(application))).toMatch(/write\(\) takes one argument/);
  });

  it('doubts an excInfo that is no Error', () => {
    call((_environ, start) => {
      start('500 Oops', HTML, 'text');
      return [];
    });
    expect(warnings()).toEqual(["WSGIWarning: excInfo should be the Error that was caught, got 'text'"]);
  });
});

describe('environ', () => {
  class NotPlain {}

  it.each([
    ['an instance', new NotPlain(), /must be a plain object/],
    ['null', null, /must be a plain object/],
    ['a map', new Map(), /must be a plain object/],
  ])('must not be %s', (_what, given, message) => {
    expect(violation(() => call(answering([]), given as unknown as Environ))).toMatch(message);
  });

  it('may have no prototype', () => {
    expect(violation(() => call(answering([]), Object.assign(Object.create(null), environ())))).toBe('none');
  });

  it.each([
    'REQUEST_METHOD',
    'SERVER_NAME',
    'SERVER_PORT',
    'wsgi.version',
    'wsgi.input',
    'wsgi.errors',
    'wsgi.multithread',
    'wsgi.multiprocess',
    'wsgi.run_once',
  ])('must have %s', (key) => {
    expect(violation(() => call(answering([]), environ({ [key]: undefined })))).toMatch(`environ has no ${key}`);
  });

  it.each([
    [{ HTTP_CONTENT_TYPE: 'text/plain' }, /the key is CONTENT_TYPE/],
    [{ HTTP_CONTENT_LENGTH: '1' }, /the key is CONTENT_LENGTH/],
    [{ SERVER_PORT: 80 }, /SERVER_PORT must be a string, got 80/],
    [{ 'wsgi.version': '1.0' }, /array of two numbers/],
    [{ 'wsgi.version': [1] }, /array of two numbers/],
    [{ 'wsgi.version': ['1', '0'] }, /array of two numbers/],
    [{ 'wsgi.url_scheme': 'gopher', SERVER_PORT: '70' }, /must be 'http' or 'https', got 'gopher'/],
    [{ 'wsgi.input': {} }, /wsgi.input must have the method read,/],
    [{ 'wsgi.input': null }, /wsgi.input must have the method read,/],
    [{ 'wsgi.input': { read() {}, readline() {}, readlines() {} } }, /the method Symbol\(Symbol.iterator\)/],
    [{ 'wsgi.errors': { flush() {}, write() {} } }, /the method writelines/],
    [{ SCRIPT_NAME: 'a' }, /SCRIPT_NAME must begin with a slash/],
    [{ SCRIPT_NAME: '/' }, /SCRIPT_NAME must not be '\/'/],
    [{ PATH_INFO: 'a' }, /PATH_INFO must begin with a slash/],
    [{ SCRIPT_NAME: '', PATH_INFO: undefined }, /must have SCRIPT_NAME or PATH_INFO/],
    [{ CONTENT_LENGTH: '-1' }, /whole number of bytes/],
    [{ CONTENT_LENGTH: 'many' }, /whole number of bytes/],
  ])('must not be %j', (given, message) => {
    expect(violation(() => call(answering([]), environ(given)))).toMatch(message);
  });

  it.each([
    { 'extension.key': 12 },
    { SCRIPT_NAME: '/a', PATH_INFO: undefined },
    { CONTENT_LENGTH: '' },
    { CONTENT_LENGTH: '12' },
    { 'wsgi.url_scheme': 'https' },
  ])('may be %j', (given) => {
    expect(violation(() => call(answering([]), environ(given)))).toBe('none');
  });

  it.each([
    [{ QUERY_STRING: undefined }, /environ has no QUERY_STRING/],
    [{ REQUEST_METHOD: 'BREW' }, /Unknown REQUEST_METHOD: 'BREW'/],
  ])('is doubtful: %j', (given, message) => {
    call(answering([]), environ(given));
    expect(warnings()).toEqual([expect.stringMatching(message)]);
    expect(emitWarning.mock.calls[0]?.[0]).toBeInstanceOf(WSGIWarning);
  });
});

describe('status', () => {
  it.each([
    [200, /must be a string/],
    ['', /three characters/],
    ['20 OK', /three characters/],
    ['2000', /three characters/],
    ['20X OK', /number from 100 up/],
    ['099 Low', /number from 100 up/],
  ])('must not be %j', (status, message) => {
    expect(violation(() => call(answering([], status)))).toMatch(message);
  });

  it.each(['200', '200\tOK'])('is doubtful: %j', (status) => {
    expect(violation(() => call(answering([], status)))).toBe('none');
    expect(warnings()).toEqual([expect.stringMatching(/Status should be three digits/)]);
  });
});

describe('headers', () => {
  it.each([
    ['no array', ['Content-Type', 'text/plain'].values(), /must be an array/],
    ['no pairs', ['Content-Type', 'text/plain'], /must be a \[name, value\] pair, got 'Content-Type'/],
    ['a triple', [['a', 'b', 'c']], /must be a \[name, value\] pair/],
    ['a numeric name', [[1, 'b']], /name must be a string, got 1/],
    ['a numeric value', [['a', 1]], /value must be a string, got 1/],
    ['Status', [['status', '200']], /not as a header/],
    ['a colon in a name', [['a:', 'b']], /may not contain/],
    ['a line feed in a name', [['a\n', 'b']], /may not contain/],
    ['a digit to begin with', [['1a', 'b']], /Bad header name/],
    ['a dot', [['a.b', 'b']], /Bad header name/],
    ['a hyphen to end with', [['a-', 'b']], /may not end in/],
    ['an underscore to end with', [['a_', 'b']], /may not end in/],
    ['a line feed in a value', [['a', 'b\nc']], /Bad header value: 'b\\nc' \(bad char: '\\n'\)/],
    ['a tab in a value', [['a', 'b\tc']], /Bad header value/],
    ['no Content-Type', [['a', 'b']], /No Content-Type header found/],
  ])('must not be: %s', (_what, headers, message) => {
    expect(violation(() => call(answering([], '200 OK', headers)))).toMatch(message);
  });

  it.each(['204 No Content', '304 Not Modified'])('of %s have no Content-Type', (status) => {
    expect(violation(() => call(answering([], status)))).toMatch(/must not have content/);
    expect(violation(() => call(answering([], status, [])))).toBe('none');
  });
});

describe('the body', () => {
  it.each([
    ['text', /Return \[body\]/],
    [Buffer.from('text'), /Return \[body\]/],
    [undefined, /must return an iterable/],
    [null, /must return an iterable/],
    [false, /must return an iterable/],
    [{}, /must return an iterable/],
  ])('must not be %j', (body, message) => {
    expect(violation(() => call(answering(body)))).toMatch(message);
  });

  it('must not be promised either', async () => {
    const application = (async () => 'text') as unknown as Application;
    await expect(validator(application)(environ(), startResponse)).rejects.toThrow(/Return \[body\]/);
  });

  it.each([12, undefined, ['a']])('must not yield %j', (block) => {
    const body = call(answering([block])) as Iterable<Chunk>;
    expect(violation(() => [...body])).toMatch(/^The body yielded .*; a block must be a Uint8Array or a string/);
  });

  it.each([[['a']], [[]]])('%j must not be read before startResponse was called', (blocks) => {
    const body = call(() => blocks) as Iterable<Chunk>;
    expect(violation(() => [...body])).toMatch(/startResponse has not been called/);
  });

  it('must not be read after it was closed', () => {
    const body = call(answering(['a'])) as Iterable<Chunk> & { close(): void };
    body.close();
    expect(violation(() => [...body])).toMatch(/read after it was closed/);
  });

  it('is closed with its wrapper', async () => {
    const close = vi.fn(async () => undefined);
    const blocks = Object.assign(['a'], { close });
    await call(answering(blocks)).close?.();
    expect(close.mock.contexts).toEqual([blocks]);
  });

  it('is told to return when it is left early', async () => {
    const events: string[] = [];
    function* blocks(): Generator<string> {
      try {
        yield 'a';
        yield 'b';
      } finally {
        events.push('sync');
      }
    }
    async function* asyncBlocks(): AsyncGenerator<string> {
      try {
        yield 'a';
        yield 'b';
      } finally {
        events.push('async');
      }
    }
    for (const _block of call(answering(blocks())) as Iterable<Chunk>) break;
    for await (const _block of call(answering(asyncBlocks())) as AsyncIterable<Chunk>) break;
    for (const _block of call(answering(['a', 'b'])) as Iterable<Chunk>) break;
    const bare = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 'a' }) }) };
    for await (const _block of call(answering(bare)) as AsyncIterable<Chunk>) break;
    expect(events).toEqual(['sync', 'async']);
  });

  it('of awaited blocks is checked in the same way', async () => {
    async function* blocks(): AsyncGenerator<unknown> {
      yield 12;
    }
    const iterator = (call(answering(blocks())) as AsyncIterable<Chunk>)[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toThrow(/The body yielded 12/);
  });

  it('that is forgotten without being closed is reported', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const collectGarbage = async (): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await collectGarbage();
    emitWarning.mockClear();

    await (() => call(answering(['closed'])).close?.())();
    await collectGarbage();
    expect(allWarnings()).toEqual([]);

    (() => void call(answering(['forgotten'])))();
    await vi.waitFor(async () => {
      await collectGarbage();
      expect(allWarnings()).toEqual([GARBAGE]);
    });
  });
});

describe('wsgi.input', () => {
  type LooseInput = Record<'read' | 'readline' | 'readlines' | 'close', (...args: unknown[]) => unknown> &
    Iterable<Buffer>;

  function withInput(use: (input: LooseInput) => unknown, input: unknown = new MemoryInput('a\nb\n')): unknown {
    let outcome: unknown;
    call(
      (given, start) => {
        start('200 OK', HTML);
        outcome = use(given['wsgi.input'] as unknown as LooseInput);
        return [];
      },
      environ({ 'wsgi.input': input }),
    );
    return outcome;
  }

  it('passes through', () => {
    expect(withInput((input) => String(input.read(3)))).toBe('a\nb');
    expect(withInput((input) => String(input.readline()))).toBe('a\n');
    expect(withInput((input) => String(input.readline(1)))).toBe('a');
    expect(withInput((input) => (input.readlines() as Buffer[]).map(String))).toEqual(['a\n', 'b\n']);
    expect(withInput((input) => (input.readlines(1) as Buffer[]).map(String))).toEqual(['a\n']);
    expect(withInput((input) => [...input].map(String))).toEqual(['a\n', 'b\n']);
  });

  it.each([
    ['read without a size', (input: LooseInput) => input.read()],
    ['read with two', (input: LooseInput) => input.read(1, 2)],
    ['readline with two', (input: LooseInput) => input.readline(1, 2)],
    ['readlines with two', (input: LooseInput) => input.readlines(1, 2)],
    ['close', (input: LooseInput) => input.close()],
  ])('refuses %s', (_what, use) => {
    expect(violation(() => withInput(use))).toMatch(/^wsgi\.input/);
  });

  it('must return Buffers', () => {
    const wrong = {
      read: () => 'text',
      readline: () => new Uint8Array(1),
      readlines: () => ['text'],
      *[Symbol.iterator]() {},
    };
    expect(violation(() => withInput((input) => input.read(1), wrong))).toMatch(/read\(\) must yield a Buffer/);
    expect(violation(() => withInput((input) => input.readline(), wrong))).toMatch(/readline\(\) must yield a Buffer/);
    expect(violation(() => withInput((input) => input.readlines(), wrong))).toMatch(
      /readlines\(\) must yield a Buffer/,
    );
    const none = { ...wrong, readlines: () => 'text' };
    expect(violation(() => withInput((input) => input.readlines(), none))).toMatch(/must return an array/);
  });
});

describe('wsgi.errors', () => {
  it('takes text alone, and is not closed', () => {
    const errors = new MemoryErrors();
    const flush = vi.spyOn(errors, 'flush');
    call(
      (given, start) => {
        start('200 OK', HTML);
        const stream = given['wsgi.errors'] as unknown as Record<'write' | 'close', (data?: unknown) => void>;
        given['wsgi.errors'].write('a');
        given['wsgi.errors'].writelines(['b', 'c']);
        given['wsgi.errors'].flush();
        expect(violation(() => stream.write(Buffer.from('d')))).toMatch(/takes a string/);
        expect(violation(() => stream.close())).toMatch(/must not be closed/);
        return [];
      },
      environ({ 'wsgi.errors': errors }),
    );
    expect(errors.text).toBe('abc');
    expect(flush).toHaveBeenCalledTimes(1);
  });
});
