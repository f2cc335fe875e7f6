import { AssertionError } from 'node:assert';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { BaseCGIHandler } from '../src/handlers.js';
import { MemoryErrors, MemoryInput } from '../src/streams.js';
import type { Application, Chunk, Environ, HeaderList, ResponseBody, StartResponse, Write } from '../src/types.js';
import { setupTestingDefaults } from '../src/util.js';
import { validator, WSGIWarning } from '../src/validate.js';
import { collectGarbage } from './server/fixtures/collect-garbage.js';

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

/** The violation that a promise is rejected for. */
async function rejection(promise: unknown): Promise<string> {
  const outcome = await Promise.resolve(promise).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(AssertionError);
  return (outcome as AssertionError).message;
}

async function* awaited(...blocks: unknown[]): AsyncGenerator<Chunk> {
  for (const block of blocks) yield block as Chunk;
}

/** An application that promises its body. */
const promising =
  (application: Application): Application =>
  async (environ, startResponse) =>
    application(environ, startResponse);

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
    expect(warnings()).toEqual([]);
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

  it('may start its response with the first block that is awaited', async () => {
    const body = call((_environ, start) =>
      (async function* (): AsyncGenerator<string> {
        await Promise.resolve();
        start('200 OK', HTML);
        yield 'late';
      })(),
    ) as AsyncIterable<Chunk>;
    const seen: Chunk[] = [];
    for await (const block of body) seen.push(block);
    expect(seen).toEqual(['late']);
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

  it('hides whatever else the write() of the gateway has', () => {
    const start: StartResponse = () => Object.assign(() => undefined, { flush: () => undefined });
    let write: Write | undefined;
    validator((_environ, given) => {
      write = given('200 OK', HTML);
      return [];
    })(environ(), start);
    expect(write).not.toHaveProperty('flush');
  });

  it('an application that promises is held to the same', async () => {
    const within = (use: (start: (...args: unknown[]) => Write) => unknown) =>
      rejection(
        call(async (_environ, start) => {
          await Promise.resolve();
          use(start as unknown as (...args: unknown[]) => Write);
          return [];
        }),
      );
    expect(await within((start) => start('200 OK'))).toMatch(/got 1 arguments/);
    expect(await within((start) => start(200, HTML))).toMatch(/Status must be a string, got 200/);
    expect(await within((start) => start('200 OK', []))).toMatch(/No Content-Type/);
    expect(await within((start) => start('200 OK', [['a', 'b\0'], ...HTML]))).toMatch(/Bad header value/);
    expect(await within((start) => start('200 OK', HTML)(12 as unknown as Chunk))).toMatch(/write\(\) got 12/);
  });

  it('a gateway is held to its environ before anything is promised', () => {
    const application = validator(promising(answering([])));
    expect(violation(() => application(environ({ SERVER_NAME: undefined }), startResponse))).toMatch(/SERVER_NAME/);
  });

  it.each([undefined, null, new Error('caught'), new TypeError('caught')])('takes the excInfo %j', (excInfo) => {
    expect(
      violation(() =>
        call((_environ, start) => {
          start('500 Oops', HTML, excInfo);
          return [];
        }),
      ),
    ).toBe('none');
    expect(warnings()).toEqual([]);
  });

  it('says nothing of a startResponse that the gateway refused', () => {
    const refusing: StartResponse = () => {
      throw new Error('refused by the gateway');
    };
    expect(() => validator(answering([]))(environ(), refusing)).toThrow('refused by the gateway');
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
    [{ 'wsgi.url_scheme': 'HTTP', SERVER_PORT: '80' }, /must be 'http' or 'https', got 'HTTP'/],
    [{ 'wsgi.url_scheme': undefined, SERVER_PORT: '80' }, /must be 'http' or 'https', got undefined/],
    [{ 'wsgi.input': {} }, /wsgi.input must have the method read,/],
    [{ 'wsgi.input': null }, /wsgi.input must have the method read,/],
    [{ 'wsgi.errors': null }, /wsgi.errors must have the method flush,/],
    [{ SCRIPT_NAME: 'a' }, /SCRIPT_NAME must begin with a slash/],
    [{ SCRIPT_NAME: '/' }, /SCRIPT_NAME must not be '\/'/],
    [{ PATH_INFO: 'a' }, /PATH_INFO must begin with a slash/],
    [{ SCRIPT_NAME: '', PATH_INFO: undefined }, /must have SCRIPT_NAME or PATH_INFO/],
    [{ CONTENT_LENGTH: '-1' }, /whole number of bytes/],
    [{ CONTENT_LENGTH: 'many' }, /whole number of bytes/],
    [{ CONTENT_LENGTH: '1.5' }, /whole number of bytes/],
    [{ SCRIPT_NAME: null }, /SCRIPT_NAME must be a string, got null/],
    [{ HTTP_COOKIE: Buffer.from('a=b') }, /HTTP_COOKIE must be a string, got <Buffer/],
  ])('must not be %j', (given, message) => {
    expect(violation(() => call(answering([]), environ(given)))).toMatch(message);
  });

  it.each([
    ['wsgi.input', 'read'],
    ['wsgi.input', 'readline'],
    ['wsgi.input', 'readlines'],
    ['wsgi.input', Symbol.iterator],
    ['wsgi.errors', 'flush'],
    ['wsgi.errors', 'write'],
    ['wsgi.errors', 'writelines'],
  ])('has in %s the method %s', (key, method) => {
    const whole = key === 'wsgi.input' ? new MemoryInput() : new MemoryErrors();
    const lacking = Object.create(whole, { [method]: { value: undefined } });
    expect(violation(() => call(answering([]), environ({ [key]: lacking })))).toMatch(
      `${key} must have the method ${String(method)}, got `,
    );
  });

  it.each([
    { 'extension.key': 12 },
    { SCRIPT_NAME: '/a', PATH_INFO: undefined },
    { CONTENT_LENGTH: '' },
    { CONTENT_LENGTH: '12' },
    { 'wsgi.url_scheme': 'https' },
    { SCRIPT_NAME: '', PATH_INFO: '' },
    { SCRIPT_NAME: '/a', PATH_INFO: '/' },
  ])('may be %j', (given) => {
    expect(violation(() => call(answering([]), environ(given)))).toBe('none');
  });

  it.each(['GET', 'HEAD', 'POST', 'OPTIONS', 'PATCH', 'PUT', 'DELETE', 'TRACE'])('knows %s', (method) => {
    call(answering([]), environ({ REQUEST_METHOD: method }));
    expect(warnings()).toEqual([]);
  });

  it.each([
    [{ REQUEST_METHOD: 'get' }, /Unknown REQUEST_METHOD: 'get'/],
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
    [null, /must be a string, got null/],
    [Buffer.from('200 OK'), /must be a string, got <Buffer/],
    ['', /three characters/],
    [' ', /three characters/],
    ['OK', /three characters/],
    ['20 OK', /three characters/],
    ['2000', /three characters/],
    ['20X OK', /number from 100 up/],
    ['099 Low', /number from 100 up/],
  ])('must not be %j', (status, message) => {
    expect(violation(() => call(answering([], status)))).toMatch(message);
  });

  it.each(['100 Continue', '200 ', '599 Own', '999 Highest'])('may be %j', (status) => {
    expect(violation(() => call(answering([], status)))).toBe('none');
    expect(warnings()).toEqual([]);
  });

  it.each(['200', '200\tOK', ' 200 OK'])('is doubtful: %j', (status) => {
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
    ['null', null, /must be an array/],
    ['an object', { 'Content-Type': 'text/plain' }, /must be an array/],
    ['a single name', [['a']], /must be a \[name, value\] pair/],
    ['status', [['status', '200']], /not as a header/],
    ['STATUS', [['STATUS', '200']], /not as a header/],
    ['a colon in a name', [['a:', 'b']], /may not contain/],
    ['a line feed in a name', [['a\n', 'b']], /may not contain/],
    ['a digit to begin with', [['1a', 'b']], /Bad header name/],
    ['a dot', [['a.b', 'b']], /Bad header name/],
    ['a space in a name', [['a b', 'b']], /Bad header name/],
    ['a letter beyond ASCII', [['\xe4', 'b']], /Bad header name/],
    ['no name', [['', 'b']], /Bad header name/],
    ['a hyphen to begin with', [['-a', 'b']], /Bad header name/],
    ['a hyphen to end with', [['a-', 'b']], /may not end in/],
    ['an underscore to end with', [['a_', 'b']], /may not end in/],
    ['a line feed in a value', [['a', 'b\nc']], /Bad header value: 'b\\nc' \(bad char: '\\n'\)/],
    ['a tab in a value', [['a', 'b\tc']], /Bad header value/],
    ['NUL in a value', [['a', '\0']], /bad char: '\\x00'/],
    ['a carriage return in a value', [['a', 'b\r']], /bad char: '\\r'/],
    ['the last control character in a value', [['a', 'b\x1f']], /bad char: '\\x1F'/],
    ['no Content-Type', [['a', 'b']], /No Content-Type header found/],
  ])('must not be: %s', (_what, headers, message) => {
    expect(violation(() => call(answering([], '200 OK', headers)))).toMatch(message);
  });

  it.each([
    ['a colon and spaces in a value', ['a', ' b: c ']],
    ['no value', ['a', '']],
    ['bytes beyond ASCII in a value', ['a', '\xe4']],
    ['digits, hyphens and underscores in a name', ['X-a_1-B2', 'b']],
    ['a name twice', ['content-type', 'text/html']],
  ])('may be: %s', (_what, field) => {
    expect(violation(() => call(answering([], '200 OK', [...HTML, field])))).toBe('none');
    expect(warnings()).toEqual([]);
  });

  it.each(['content-type', 'CONTENT-TYPE'])('have a Content-Type in any case: %s', (name) => {
    expect(violation(() => call(answering([], '200 OK', [[name, 'text/html']])))).toBe('none');
    expect(violation(() => call(answering([], '204 No Content', [[name, 'text/html']])))).toMatch(
      /must not have content/,
    );
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

  it.each([
    ['text', /Return \[body\]/],
    [Buffer.from('text'), /Return \[body\]/],
    [undefined, /must return an iterable/],
    [null, /must return an iterable/],
    [false, /must return an iterable/],
    [{}, /must return an iterable/],
  ])('must not be promised to be %j', async (body, message) => {
    expect(await rejection(call(promising(answering(body))))).toMatch(message);
  });

  it.each([12, undefined, ['a']])('must not yield %j', (block) => {
    const body = call(answering([block])) as Iterable<Chunk>;
    expect(violation(() => [...body])).toMatch(/^The body yielded .*; a block must be a Uint8Array or a string/);
  });

  it('must not yield promises: a body whose blocks have to be awaited is an asynchronous iterable', () => {
    const body = call(answering([Promise.resolve('a')])) as Iterable<Chunk>;
    expect(violation(() => [...body])).toMatch(/^The body yielded Promise/);
  });

  it.each([12, undefined, ['a']])('must not yield %j when it is awaited either', async (block) => {
    const body = call(answering(awaited('a', block))) as AsyncIterable<Chunk>;
    const iterator = body[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 'a' });
    expect(await rejection(iterator.next())).toMatch(/^The body yielded .*; a block must be a Uint8Array or a string/);
  });

  it.each([[['a']], [[]]])('%j must not be read before startResponse was called', async (blocks) => {
    const body = call(() => blocks) as Iterable<Chunk>;
    expect(violation(() => [...body])).toMatch(/startResponse has not been called/);
    const later = call(() => awaited(...blocks)) as AsyncIterable<Chunk>;
    expect(await rejection(later[Symbol.asyncIterator]().next())).toMatch(/startResponse has not been called/);
    const promised = (await call(promising(() => blocks))) as Iterable<Chunk>;
    expect(violation(() => [...promised])).toMatch(/startResponse has not been called/);
  });

  it('must not be read after it was closed', async () => {
    const body = call(answering(['a'])) as Iterable<Chunk> & { close(): void };
    body.close();
    expect(violation(() => [...body])).toMatch(/read after it was closed/);
    const later = call(answering(awaited('a', 'b'))) as AsyncIterable<Chunk> & { close(): void };
    const iterator = later[Symbol.asyncIterator]();
    await iterator.next();
    later.close();
    expect(await rejection(iterator.next())).toMatch(/read after it was closed/);
  });

  it('is closed with its wrapper', async () => {
    const close = vi.fn(async () => undefined);
    const blocks = Object.assign(['a'], { close });
    await call(answering(blocks)).close?.();
    const later = Object.assign(awaited('a'), { close });
    await (await call(promising(answering(later)))).close?.();
    expect(close.mock.contexts).toEqual([blocks, later]);
    expect(call(answering(['a'])).close?.()).toBeUndefined();
  });

  it('may fail to close', async () => {
    const rejecting = call(answering(Object.assign(['a'], { close: () => Promise.reject(new Error('no')) })));
    await expect(rejecting.close?.()).rejects.toThrow('no');
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

  it('that is forgotten without being closed is reported', async () => {
    const finalizeGarbage = async (): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        collectGarbage();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await finalizeGarbage();
    emitWarning.mockClear();

    const applications = [answering(['a']), answering(awaited('a')), promising(answering(['a']))];
    for (const application of applications) await (async () => (await call(application)).close?.())();
    await finalizeGarbage();
    expect(allWarnings()).toEqual([]);

    for (const [index, application] of applications.entries()) {
      await (async () => void (await call(application)))();
      await vi.waitFor(async () => {
        await finalizeGarbage();
        expect(allWarnings()).toEqual(Array(index + 1).fill(GARBAGE));
      });
    }
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

  it('has nothing else', () => {
    const given = Object.assign(new MemoryInput(), { seek: () => undefined, fileno: () => 0 });
    withInput((input) => {
      for (const name of ['seek', 'fileno', 'text']) expect(input).not.toHaveProperty(name);
    }, given);
  });

  it('is held to the same by an application that promises', async () => {
    const reading = call(async (given, start) => {
      start('200 OK', HTML);
      return [(given['wsgi.input'] as unknown as LooseInput).read() as Buffer];
    });
    expect(await rejection(reading)).toMatch(/read\(\) must be given a size/);
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
    expect(violation(() => withInput((input) => [...input], wrong))).toMatch(/readline\(\) must yield a Buffer/);
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
        const stream = given['wsgi.errors'] as unknown as Record<
          'write' | 'writelines' | 'close',
          (data?: unknown) => void
        >;
        // MemoryErrors has it.
        expect(stream).not.toHaveProperty('text');
        given['wsgi.errors'].write('a');
        given['wsgi.errors'].writelines(['b', 'c']);
        given['wsgi.errors'].flush();
        expect(violation(() => stream.write(Buffer.from('d')))).toMatch(/takes a string/);
        expect(violation(() => stream.writelines([1]))).toMatch(/takes a string, got 1/);
        expect(violation(() => stream.close())).toMatch(/must not be closed/);
        return [];
      },
      environ({ 'wsgi.errors': errors }),
    );
    expect(errors.text).toBe('abc');
    expect(flush).toHaveBeenCalledTimes(1);
  });
});
