import { AssertionError } from 'node:assert';
import { describe, expect, it, vi } from 'vitest';
import { BaseCGIHandler, BaseHandler, ClientDisconnectedError, SimpleHandler } from '../src/handlers.js';
import { HeaderError } from '../src/headers.js';
import { MemoryErrors, MemoryInput } from '../src/streams.js';
import type { Application, Chunk, Environ, HeaderList, ResponseBody, Write } from '../src/types.js';
import { FileWrapper, setupTestingDefaults } from '../src/util.js';

const DATE: [string, string] = ['Date', 'Mon, 05 Jun 2006 18:49:54 GMT'];
const ERROR_PAGE = 'A server error occurred.  Please contact the administrator.';

/** Standard output in memory. */
class Output {
  bytes = Buffer.alloc(0);
  get text(): string {
    return this.bytes.toString('latin1');
  }
  write(data: Uint8Array): unknown {
    this.bytes = Buffer.concat([this.bytes, data]);
    return undefined;
  }
}

/** A CGI handler over memory: it answers errors, as a server's would. */
class MemoryHandler extends BaseCGIHandler {
  override osEnviron: Record<string, string> = { HOME: '/my/home', SERVER_NAME: 'from-the-process' };
  declare stdout: Output;
  declare stderr: MemoryErrors;

  constructor(environ: Partial<Environ> = {}) {
    setupTestingDefaults(environ);
    super(new MemoryInput(), new Output(), new MemoryErrors(), environ, true, true);
  }
}

/** The same, but errors come out of `run`. */
class ThrowingHandler extends MemoryHandler {
  override handleError(error?: unknown): void {
    throw error;
  }
}

/** Flushing this one takes until `drain()` is called: a connection that is full. */
class SlowHandler extends MemoryHandler {
  waiting: Array<() => void> = [];
  override _flush(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
  drain(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** The connection breaks after so many writes. */
class BreakingHandler extends MemoryHandler {
  writesLeft = 2;
  override _write(data: Uint8Array): void {
    if (this.writesLeft-- === 0) throw new ClientDisconnectedError('gone');
    super._write(data);
  }
}

const hello: Application = (_environ, startResponse) => {
  startResponse('200 OK', [['Content-Type', 'text/plain'], DATE]);
  return ['Hello, world!'];
};

function answering(body: ResponseBody | Promise<ResponseBody>, headers: HeaderList = []): Application {
  return (_environ, startResponse) => {
    startResponse('200 OK', headers);
    return body;
  };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('environ', () => {
  it('is the process environment, the CGI variables and the wsgi variables, in that precedence', () => {
    const handler = new MemoryHandler({ X: 'Y' });
    handler.setupEnviron();
    const expected: Partial<Environ> = { X: 'Y', HOME: '/my/home' };
    setupTestingDefaults(expected);
    expect(handler.environ).toEqual({
      ...expected,
      'wsgi.input': handler.getStdin(),
      'wsgi.errors': handler.getStderr(),
      'wsgi.version': [1, 0],
      'wsgi.run_once': false,
      'wsgi.url_scheme': 'http',
      'wsgi.multithread': true,
      'wsgi.multiprocess': true,
      'wsgi.file_wrapper': FileWrapper,
    });
  });

  it('does not touch the shared process environment', () => {
    const handler = new MemoryHandler({ X: 'Y' });
    handler.setupEnviron();
    expect(handler.osEnviron).toEqual({ HOME: '/my/home', SERVER_NAME: 'from-the-process' });
  });

  it('guesses the scheme', () => {
    const secure = new MemoryHandler({ HTTPS: 'on' });
    secure.setupEnviron();
    expect(secure.environ?.['wsgi.url_scheme']).toBe('https');
  });

  it('names the server software of an origin server alone, unless it is named', () => {
    const softwareOf = (originServer: boolean, environ: Partial<Environ> = {}): unknown => {
      const handler = new MemoryHandler(environ);
      handler.originServer = originServer;
      handler.serverSoftware = 'Foo/1';
      handler.setupEnviron();
      return handler.environ?.SERVER_SOFTWARE;
    };
    expect(softwareOf(true)).toBe('Foo/1');
    expect(softwareOf(true, { SERVER_SOFTWARE: 'Bar/2' })).toBe('Bar/2');
    expect(softwareOf(false)).toBeUndefined();
  });

  it('offers no file wrapper where there is none', () => {
    const handler = new MemoryHandler();
    handler.wsgiFileWrapper = null;
    handler.setupEnviron();
    expect(handler.environ).not.toHaveProperty(['wsgi.file_wrapper']);
  });
});

describe('configuration', () => {
  it('is on the prototype, so that an instance carries only what differs', () => {
    expect(Object.keys(new BaseHandler())).not.toContain('httpVersion');
    expect(new BaseHandler().httpVersion).toBe('1.0');
    expect(Object.keys(new MemoryHandler())).toContain('originServer');
  });

  it.each(['_flush', 'getStdin', 'getStderr', 'addCgiVars'] as const)('%s must be overridden', (method) => {
    expect(() => new BaseHandler()[method]()).toThrow(`BaseHandler must override ${method}()`);
  });

  it('_write must be overridden', () => {
    expect(() => new BaseHandler()._write(Buffer.from('x'))).toThrow('BaseHandler must override _write()');
  });

  it('a method that needs a request says so without one', () => {
    expect(() => new BaseHandler().getScheme()).toThrow(/no request/);
    expect(() => new BaseHandler().finishContent()).toThrow(/no response/);
  });
});

describe('a synchronous response', () => {
  function run(application: Application): string {
    const handler = new ThrowingHandler();
    expect(handler.run(application)).toBeUndefined();
    return handler.stdout.text;
  }

  it('of one block has a Content-Length', () => {
    expect(run(answering(['http']))).toBe('Status: 200 OK\r\nContent-Length: 4\r\n\r\nhttp');
  });

  it('counts bytes, not characters', () => {
    expect(run(answering(['\u0442\u0435\u0441\u0442']))).toBe(
      'Status: 200 OK\r\nContent-Length: 8\r\n\r\n\xd1\x82\xd0\xb5\xd1\x81\xd1\x82',
    );
  });

  it('of several blocks has none', () => {
    expect(run(answering(['ht', Buffer.from('tp')]))).toBe('Status: 200 OK\r\n\r\nhttp');
  });

  it('written by write() has none', () => {
    const application: Application = (_environ, startResponse) => {
      startResponse('200 OK', [])('http');
      return [];
    };
    expect(run(application)).toBe('Status: 200 OK\r\n\r\nhttp');
  });

  it('without a body has a Content-Length of 0', () => {
    expect(run(answering([]))).toBe('Status: 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect(run(answering(new Set<string>()))).toBe('Status: 200 OK\r\nContent-Length: 0\r\n\r\n');
  });

  it('keeps the Content-Length that the application set, for HEAD', () => {
    expect(run(answering([], [['content-length', '12345']]))).toBe('Status: 200 OK\r\ncontent-length: 12345\r\n\r\n');
  });

  it('of a generator is sent as it comes', () => {
    function* blocks(): Generator<string> {
      yield 'a';
      yield 'b';
    }
    expect(run(answering(blocks()))).toBe('Status: 200 OK\r\n\r\nab');
  });

  it('adds its defaults to the very list of the application', () => {
    const headers: HeaderList = [['X', 'y']];
    run(answering(['http'], headers));
    expect(headers).toEqual([
      ['X', 'y'],
      ['Content-Length', '4'],
    ]);
  });

  it('forgets the request at the end, so that a handler can be used again', () => {
    const handler = new ThrowingHandler();
    void handler.run(hello);
    expect(handler).toMatchObject({ environ: null, status: null, headers: null, result: null });
    expect(handler).toMatchObject({ headersSent: false, bytesSent: 0 });
    const first = handler.stdout.text;
    void handler.run(hello);
    expect(handler.stdout.text).toBe(first + first);
  });
});

describe('the preamble', () => {
  const cases = ['1.0', '1.1'].flatMap((version) =>
    ['HTTP/0.9', 'HTTP/1.0', 'HTTP/1.1'].flatMap((protocol) =>
      ['FooBar/1.0', null].map((software) => ({ version, protocol, software })),
    ),
  );

  it.each(cases)('of HTTP/$version from $software to $protocol', ({ version, protocol, software }) => {
    const run = (originServer: boolean): string => {
      const handler = new ThrowingHandler({ SERVER_PROTOCOL: protocol });
      handler.originServer = originServer;
      handler.httpVersion = version;
      handler.serverSoftware = software;
      void handler.run(answering([]));
      return handler.stdout.text;
    };
    expect(run(false)).toBe('Status: 200 OK\r\nContent-Length: 0\r\n\r\n');
    if (protocol === 'HTTP/0.9') {
      expect(run(true)).toBe('');
    } else {
      const server = software === null ? '' : `Server: ${software}\\r\\n`;
      expect(run(true)).toMatch(
        new RegExp(
          `^HTTP/${version} 200 OK\\r\\nDate: \\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT\\r\\n` +
            `${server}Content-Length: 0\\r\\n\\r\\n$`,
        ),
      );
    }
  });

  it('leaves Date and Server to an application that sets them', () => {
    const handler = new ThrowingHandler();
    handler.originServer = true;
    handler.serverSoftware = 'Foo/1';
    void handler.run(answering(['x'], [DATE, ['server', 'mine']]));
    expect(handler.stdout.text).toBe(
      `HTTP/1.0 200 OK\r\nDate: ${DATE[1]}\r\nserver: mine\r\nContent-Length: 1\r\n\r\nx`,
    );
  });

  it('needs SERVER_PROTOCOL', () => {
    const handler = new SimpleHandler(new MemoryInput(), new Output(), new MemoryErrors(), {});
    handler.osEnviron = {};
    void handler.run(hello);
    expect((handler.stderr as MemoryErrors).text).toMatch(/environ has no SERVER_PROTOCOL/);
  });
});

describe('startResponse', () => {
  function refusal(call: (startResponse: (...args: never[]) => Write) => void): unknown {
    let refused: unknown;
    const handler = new ThrowingHandler();
    try {
      void handler.run((_environ, startResponse) => {
        call(startResponse as (...args: never[]) => Write);
        return [];
      });
    } catch (error) {
      refused = error;
    }
    expect(handler.stdout.text.startsWith('Status')).toBe(refused === undefined);
    return refused;
  }
  const starting = (...args: unknown[]) => refusal((startResponse) => startResponse(...(args as never[])));

  it.each([
    ['200', /at least 4 characters/],
    ['20X OK', /3-digit code/],
    ['200OK', /space after/],
    [200, /must be a string/],
  ])('refuses the status %j', (status, message) => {
    expect(starting(status, [])).toBeInstanceOf(AssertionError);
    expect(String(starting(status, []))).toMatch(message);
  });

  it.each(['200 O\nK', '200 O\rK', '200 \0', '200 \u007f', '200 \u20ac'])('refuses what %j would send', (status) => {
    expect(starting(status, [])).toBeInstanceOf(HeaderError);
  });

  it.each([
    ['a tuple of strings', ['Content-Type', 'text/plain'], /headers\[0\] must be a \[name, value\] pair/],
    ['an object', { 'Content-Type': 'text/plain' }, /must be an array/],
    ['a triple', [['a', 'b', 'c']], /headers\[0\]/],
    [
      'a numeric value',
      [
        ['a', 'b'],
        ['Content-Length', 12],
      ],
      /must be a string, got 12 for 'Content-Length' \(headers\[1\]\)/,
    ],
    ['a numeric name', [[12, 'b']], /name must be a string/],
    ['a hop-by-hop field', [['Connection', 'close']], /Hop-by-hop header, 'Connection: close', not allowed/],
    ['Trailer', [['trailer', 'X']], /Hop-by-hop/],
  ])('refuses %s as headers', (_what, headers, message) => {
    expect(starting('200 OK', headers)).toBeInstanceOf(AssertionError);
    expect(String(starting('200 OK', headers))).toMatch(message);
  });

  it.each([
    ['a line feed in a value', ['X-Name', 'a\nSet-Cookie: b']],
    ['a line feed in a name', ['X-Name\nSet-Cookie', 'b']],
    ['a space in a name', ['X Name', 'b']],
    ['no name', ['', 'b']],
    ['NUL', ['X-Name', '\0']],
    ['a character that is no byte', ['X-Name', '\u20ac']],
  ])('refuses %s', (_what, field) => {
    expect(starting('200 OK', [['Fine', 'yes'], field])).toBeInstanceOf(HeaderError);
    expect(String(starting('200 OK', [['Fine', 'yes'], field]))).toMatch(/headers\[1\]/);
  });

  it('refuses a control character that comes into the list later', () => {
    const headers: HeaderList = [];
    const handler = new ThrowingHandler();
    const run = () =>
      handler.run((_environ, startResponse) => {
        startResponse('200 OK', headers);
        headers.push(['X', 'a\r\nSet-Cookie: b']);
        return ['x'];
      });
    expect(run).toThrow(HeaderError);
    expect(handler.stdout.text).not.toMatch(/Set-Cookie/);
  });

  it('lets a subclass decide about hop-by-hop fields', () => {
    const refused: string[] = [];
    class Lenient extends ThrowingHandler {
      protected override refuseHopByHop(name: string, value: string): void {
        refused.push(`${name}: ${value}`);
      }
    }
    void new Lenient().run(answering([], [['Connection', 'close']]));
    expect(refused).toEqual(['Connection: close']);
  });

  it('may be called once', () => {
    const twice = refusal((startResponse) => {
      const start = startResponse as unknown as (status: string, headers: HeaderList) => Write;
      start('200 OK', []);
      start('201 Created', []);
    });
    expect(twice).toBeInstanceOf(AssertionError);
    expect(String(twice)).toMatch(/Headers already set!/);
  });

  it('replaces a response that has not been sent when there was an error', () => {
    const handler = new ThrowingHandler();
    void handler.run((_environ, startResponse) => {
      startResponse('200 OK', [['X', 'y']]);
      startResponse('503 Sorry', [], new Error('no database'));
      return ['sorry'];
    });
    expect(handler.stdout.text).toBe('Status: 503 Sorry\r\nContent-Length: 5\r\n\r\nsorry');
  });

  it('throws that error when the headers are out', () => {
    const trouble = new Error('no database');
    const run = () =>
      new ThrowingHandler().run((_environ, startResponse) => {
        startResponse('200 OK', [])('begun');
        startResponse('503 Sorry', [], trouble);
        return ['sorry'];
      });
    expect(run).toThrow(trouble);
  });

  it('keeps nothing of a call that it refused', () => {
    const handler = new ThrowingHandler();
    void handler.run((_environ, startResponse) => {
      expect(() => startResponse('200', [])).toThrow(AssertionError);
      startResponse('200 OK', []);
      return ['fine'];
    });
    expect(handler.stdout.text).toMatch(/^Status: 200 OK\r\n/);
  });
});

describe('write', () => {
  it('refuses what is no chunk', () => {
    const handler = new ThrowingHandler();
    expect(() => handler.run(answering([12 as unknown as Chunk]))).toThrow(/must be a Uint8Array or a string, got 12/);
  });

  it('needs startResponse first', () => {
    expect(() => new ThrowingHandler().run(() => ['x'])).toThrow(/write\(\) before startResponse\(\)/);
  });

  it('after the end of the run is refused', () => {
    let write: Write = () => undefined;
    const handler = new ThrowingHandler();
    void handler.run((_environ, startResponse) => {
      write = startResponse('200 OK', []);
      return [];
    });
    expect(() => write('late')).toThrow(AssertionError);
    expect(handler.stdout.text).not.toMatch(/late/);
  });
});

describe('what an application returns', () => {
  it.each([
    ['a string', 'Hello', /Return \[body\]/],
    ['bytes', Buffer.from('Hello'), /Return \[body\]/],
    ['nothing', undefined, /must return an iterable of chunks/],
    ['null', null, /must return an iterable of chunks/],
    ['an object', { a: 1 }, /got \{ a: 1 \}/],
  ])('must not be %s', (_what, result, message) => {
    const handler = new MemoryHandler();
    void handler.run(answering(result as unknown as ResponseBody));
    expect(handler.stderr.text).toMatch(message);
    expect(handler.stdout.text).toMatch(/^Status: 500 /);
  });
});

describe('errors', () => {
  it('before output are logged and answered with the error page', () => {
    const handler = new MemoryHandler();
    const run = handler.run(() => {
      throw new TypeError('the trouble');
    });
    expect(run).toBeUndefined();
    expect(handler.stdout.text).toBe(
      'Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\n' +
        `Content-Length: ${ERROR_PAGE.length}\r\n\r\n${ERROR_PAGE}`,
    );
    expect(handler.stderr.text).toMatch(/^TypeError: the trouble\n\s+at /);
  });

  it('after startResponse, too', () => {
    const handler = new MemoryHandler();
    void handler.run((_environ, startResponse) => {
      startResponse('200 OK', [['X-Secret', 'never sent']]);
      throw new Error('late');
    });
    expect(handler.stdout.text).toMatch(/^Status: 500 /);
    expect(handler.stdout.text).not.toMatch(/X-Secret/);
  });

  it('leave the shared error headers alone', () => {
    const failing: Application = () => {
      throw new Error('x');
    };
    void new MemoryHandler().run(failing);
    expect(BaseHandler.prototype.errorHeaders).toEqual([['Content-Type', 'text/plain']]);
  });

  it('after output are logged, and the response stays as it is', () => {
    const handler = new MemoryHandler();
    void handler.run((_environ, startResponse) => {
      startResponse('200 OK', [])('Some output');
      throw new Error('too late');
    });
    expect(handler.stdout.text).toBe('Status: 200 OK\r\n\r\nSome output');
    expect(handler.stderr.text).toMatch(/too late/);
  });

  it('in a transport leave the state for who looks into it', () => {
    const handler = new MemoryHandler();
    handler.stdout.write = () => {
      throw new RangeError('disk full');
    };
    void handler.run(hello);
    expect(handler.stderr.text).toMatch(/disk full/);
    for (const field of ['result', 'headers', 'status', 'environ'] as const) expect(handler[field]).not.toBeNull();
  });

  it.each([undefined, null, 0, 'text'])('may be %j', (thrown) => {
    const handler = new MemoryHandler();
    void handler.run((_environ, startResponse) => {
      startResponse('200 OK', []);
      throw thrown;
    });
    expect(handler.stdout.text).toMatch(/^Status: 500 /);
    expect(handler.stderr.text).not.toBe('');
  });

  it('while an error is answered close, and come out of run', () => {
    const close = vi.fn();
    class Hopeless extends MemoryHandler {
      override errorOutput(): ResponseBody {
        throw new Error('the second');
      }
    }
    const handler = new Hopeless();
    const failing = Object.assign(
      (function* (): Generator<string> {
        yield* [];
        throw new Error('the first');
      })(),
      { close },
    );
    expect(() => handler.run(answering(failing))).toThrow('the second');
    expect(close).toHaveBeenCalledTimes(1);
    expect(handler.environ).toBeNull();
  });

  it('show only so many frames', () => {
    const handler = new MemoryHandler();
    handler.tracebackLimit = 2;
    void handler.run(() => {
      throw new Error('two\nlines', { cause: new Error('the cause') });
    });
    expect(handler.stderr.text).toMatch(/^Error: two\nlines\n {4}at .*\n {4}at .*\nCaused by: Error: the cause\n/);
    expect(handler.stderr.text.match(/^ {4}at /gm)).toHaveLength(4);
  });

  it('reach errorOutput, which may be asynchronous', async () => {
    class Verbose extends MemoryHandler {
      override async errorOutput(environ: Environ, startResponse: Parameters<Application>[1]): Promise<ResponseBody> {
        startResponse('500 Oops', [], this.currentError);
        return [`${environ.PATH_INFO}: ${(this.currentError as Error).message}`];
      }
    }
    const handler = new Verbose();
    await handler.run(() => {
      throw new Error('the trouble');
    });
    expect(handler.stdout.text).toBe('Status: 500 Oops\r\nContent-Length: 14\r\n\r\n/: the trouble');
    expect(handler.currentError).toBeUndefined();
  });
});

describe('a client that is gone', () => {
  it.each(['EPIPE', 'ECONNRESET', 'ECONNABORTED'])('ends the run quietly: %s', (code) => {
    const handler = new MemoryHandler();
    handler.stdout.write = () => {
      throw Object.assign(new Error(`write ${code}`), { code });
    };
    const close = vi.fn();
    void handler.run(answering(Object.assign(['x'], { close })));
    expect(handler.stderr.text).toBe('');
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('is noticed when flushing, too', () => {
    const handler = new MemoryHandler();
    Object.assign(handler.stdout, {
      flush: () => {
        throw Object.assign(new Error('EPIPE'), { code: 'EPIPE' });
      },
    });
    void handler.run(hello);
    expect(handler.stderr.text).toBe('');
  });

  it('is not what an application fails for when its own connection breaks', () => {
    const handler = new MemoryHandler();
    void handler.run(() => {
      throw Object.assign(new Error('database gone'), { code: 'ECONNRESET' });
    });
    expect(handler.stdout.text).toMatch(/^Status: 500 /);
    expect(handler.stderr.text).toMatch(/database gone/);
  });

  it('lets generators clean up', () => {
    const events: string[] = [];
    function* blocks(): Generator<string> {
      try {
        yield 'a';
        yield 'b';
        events.push('never');
      } finally {
        events.push('finally');
      }
    }
    const body = Object.assign(blocks(), { close: () => events.push('close') as unknown as undefined });
    const handler = new BreakingHandler();
    handler.writesLeft = 3;
    expect(handler.run(answering(body))).toBeUndefined();
    expect(events).toEqual(['finally', 'close']);
    expect(handler.stderr.text).toBe('');
  });

  it('while the error page is sent is no error of the server', () => {
    const handler = new BreakingHandler();
    handler.writesLeft = 0;
    const run = handler.run(() => {
      throw new Error('the trouble');
    });
    expect(run).toBeUndefined();
    expect(handler.stderr.text).toMatch(/^Error: the trouble/);
    expect(handler.stderr.text).not.toMatch(/gone/);
  });
});

describe('close', () => {
  function closing(body: Iterable<Chunk> | AsyncIterable<Chunk>, events: string[]): ResponseBody {
    return Object.assign(body, { close: () => void events.push('close') });
  }

  it('of the result is called once, after the last block', () => {
    const events: string[] = [];
    const handler = new MemoryHandler();
    void handler.run(answering(closing(['x'], events)));
    expect(events).toEqual(['close']);
  });

  it('is called once when the iteration fails', () => {
    const events: string[] = [];
    function* crashing(): Generator<string> {
      yield 'blah';
      throw new Error('crash');
    }
    const handler = new MemoryHandler();
    void handler.run(answering(closing(crashing(), events)));
    expect(events).toEqual(['close']);
    expect(handler.stderr.text).toMatch(/crash/);
  });

  it('does not call return() of an iterator that failed or ended by itself', () => {
    const returned = vi.fn();
    const ending = (last: () => IteratorResult<string>): Iterable<string> => {
      const steps = [() => ({ done: false, value: 'a' }) as const, last];
      return { [Symbol.iterator]: () => ({ next: () => steps.shift()?.() ?? last(), return: returned }) };
    };
    const failing = () => {
      throw new Error('x');
    };
    void new MemoryHandler().run(answering(ending(() => ({ done: true, value: undefined }))));
    void new MemoryHandler().run(answering(ending(failing)));
    expect(returned).not.toHaveBeenCalled();
  });

  it('that throws is logged, and the response stands', () => {
    const handler = new MemoryHandler();
    const body = Object.assign(['x'], {
      close: () => {
        throw new Error('cannot close');
      },
    });
    void handler.run(answering(body));
    expect(handler.stdout.text).toBe('Status: 200 OK\r\nContent-Length: 1\r\n\r\nx');
    expect(handler.stderr.text).toMatch(/cannot close/);
    expect(handler.result).toBeNull();
  });

  it('is called although return() throws', () => {
    const events: string[] = [];
    function* blocks(): Generator<string> {
      try {
        yield 'a';
        yield 'b';
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: the point of the test
        throw new Error('in finally');
      }
    }
    const handler = new BreakingHandler();
    handler.writesLeft = 3;
    void handler.run(answering(closing(blocks(), events)));
    expect(events).toEqual(['close']);
    expect(handler.stderr.text).toMatch(/in finally/);
  });

  it('that is asynchronous is waited for before the request is forgotten', async () => {
    const events: string[] = [];
    const handler = new MemoryHandler();
    const body = Object.assign(['x'], {
      close: async () => {
        await settled();
        events.push(`closed with status ${handler.status}`);
      },
    });
    await handler.run(answering(body));
    expect(events).toEqual(['closed with status 200 OK']);
    expect(handler.status).toBeNull();
  });

  it('that rejects is logged', async () => {
    const handler = new MemoryHandler();
    await handler.run(answering(Object.assign(['x'], { close: () => Promise.reject(new Error('cannot close')) })));
    expect(handler.stderr.text).toMatch(/cannot close/);
    expect(handler.result).toBeNull();
  });

  it('that rejects after an error hides neither', async () => {
    const handler = new MemoryHandler();
    const body = Object.assign([12 as unknown as Chunk], { close: () => Promise.reject(new Error('cannot close')) });
    await handler.run(answering(body));
    expect(handler.stderr.text).toMatch(/cannot close[\s\S]*must be a Uint8Array/);
    expect(handler.stdout.text).toMatch(/^Status: 500 /);
  });
});

describe('an asynchronous application', () => {
  it('may promise its body', async () => {
    const handler = new MemoryHandler();
    const done = handler.run(async (_environ, startResponse) => {
      await settled();
      startResponse('200 OK', []);
      return ['later'];
    });
    expect(done).toBeInstanceOf(Promise);
    expect(handler.stdout.text).toBe('');
    await done;
    expect(handler.stdout.text).toBe('Status: 200 OK\r\nContent-Length: 5\r\n\r\nlater');
  });

  it('may return any thenable', async () => {
    const handler = new MemoryHandler();
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: the point of the test
      then: (resolve: (body: ResponseBody) => void) => resolve(['x']),
    } as unknown as Promise<ResponseBody>;
    await handler.run(answering(thenable));
    expect(handler.stdout.text).toMatch(/x$/);
  });

  it('may fail', async () => {
    const handler = new MemoryHandler();
    await handler.run(() => Promise.reject(new Error('rejected')));
    expect(handler.stdout.text).toMatch(/^Status: 500 /);
    expect(handler.stderr.text).toMatch(/rejected/);
  });

  it('may answer with an asynchronous iterable', async () => {
    async function* blocks(): AsyncGenerator<string> {
      yield 'a';
      await settled();
      yield 'b';
    }
    const handler = new MemoryHandler();
    await handler.run(answering(blocks()));
    expect(handler.stdout.text).toBe('Status: 200 OK\r\n\r\nab');
  });

  it('may answer with an asynchronous iterable without blocks', async () => {
    async function* blocks(): AsyncGenerator<string> {
      yield* [];
    }
    const handler = new MemoryHandler();
    await handler.run(answering(blocks()));
    expect(handler.stdout.text).toBe('Status: 200 OK\r\nContent-Length: 0\r\n\r\n');
  });

  it('may fail within its blocks', async () => {
    const close = vi.fn();
    async function* blocks(): AsyncGenerator<string> {
      yield 'a';
      throw new Error('half way');
    }
    const handler = new MemoryHandler();
    await handler.run(answering(Object.assign(blocks(), { close })));
    expect(handler.stdout.text).toBe('Status: 200 OK\r\n\r\na');
    expect(handler.stderr.text).toMatch(/half way/);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('is told when its client is gone', async () => {
    const events: string[] = [];
    async function* blocks(): AsyncGenerator<string> {
      try {
        for (;;) yield 'tick';
      } finally {
        await settled();
        events.push('finally');
      }
    }
    const handler = new BreakingHandler();
    handler.writesLeft = 5;
    await handler.run(answering(Object.assign(blocks(), { close: () => void events.push('close') })));
    expect(events).toEqual(['finally', 'close']);
    expect(handler.stderr.text).toBe('');
  });

  it('can be closed by its server while a block is awaited, and still only once', async () => {
    const events: string[] = [];
    let wake: (() => void) | undefined;
    class Aborting extends BreakingHandler {
      async abort(): Promise<void> {
        this.writesLeft = 0;
        await this.closeResult();
      }
    }
    const body = Object.assign(
      (async function* (): AsyncGenerator<string> {
        try {
          yield 'first';
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          yield 'second';
        } finally {
          events.push('finally');
        }
      })(),
      {
        close: () => {
          events.push('close');
          wake?.();
        },
      },
    );
    const handler = new Aborting();
    handler.writesLeft = 100;
    const done = handler.run(answering(body));
    await settled();
    await handler.abort();
    await done;
    expect(events).toEqual(['close', 'finally']);
    expect(handler.stderr.text).toBe('');
  });

  it('passes on what goes wrong while its error is answered', async () => {
    const handler = new ThrowingHandler();
    await expect(handler.run(() => Promise.reject(new Error('rejected')))).rejects.toThrow('rejected');
    expect(handler.environ).toBeNull();
  });
});

describe('a connection that is full', () => {
  it('is waited for before the next block is asked for', async () => {
    const asked: string[] = [];
    function* blocks(): Generator<string> {
      for (const name of ['a', 'b', 'c']) {
        asked.push(name);
        yield name;
      }
    }
    const handler = new SlowHandler();
    const done = handler.run(answering(blocks()));
    await settled();
    expect(asked).toEqual(['a']);
    handler.drain();
    await settled();
    expect(asked).toEqual(['a', 'b']);
    handler.drain();
    await settled();
    handler.drain();
    await done;
    expect(handler.stdout.text).toBe('Status: 200 OK\r\n\r\nabc');
  });

  it('is waited for between the blocks of an array and after the last', async () => {
    const handler = new SlowHandler();
    let done = false;
    void (handler.run(answering(['a', 'b'])) as Promise<void>).then(() => {
      done = true;
    });
    expect(handler.stdout.text).toMatch(/\r\n\r\na$/);
    handler.drain();
    await settled();
    expect(handler.stdout.text).toMatch(/\r\n\r\nab$/);
    expect(done).toBe(false);
    handler.drain();
    await settled();
    expect(done).toBe(true);
  });

  it('is waited for after write(), before the first block', async () => {
    const handler = new SlowHandler();
    const done = handler.run((_environ, startResponse) => {
      startResponse('200 OK', [])('written');
      return new Set(['iterated']);
    });
    await settled();
    expect(handler.stdout.text).toMatch(/written$/);
    handler.drain();
    await settled();
    expect(handler.stdout.text).toMatch(/writteniterated$/);
    handler.drain();
    await done;
  });

  it('is waited for after write() although there are no blocks', async () => {
    const handler = new SlowHandler();
    const done = handler.run((_environ, startResponse) => {
      startResponse('200 OK', [])('written');
      return [];
    });
    expect(done).toBeInstanceOf(Promise);
    handler.drain();
    await done;
    expect(handler.status).toBeNull();
  });

  it.each([
    [['a'], 1],
    [new Set(['a']), 2],
  ])('is waited for at the end, where a transport asks for that: %j', async (body, drains) => {
    class Finishing extends SlowHandler {
      override finishContent(): void {
        super.finishContent();
        this.waitFor(this._flush());
      }
    }
    const handler = new Finishing();
    const done = handler.run(answering(body));
    for (let drained = 0; drained < drains; drained++) {
      await settled();
      expect(handler.status).toBe('200 OK');
      handler.drain();
    }
    await done;
    expect(handler.status).toBeNull();
  });

  it('may break while it is waited for', async () => {
    const events: string[] = [];
    class Breaking extends MemoryHandler {
      override _flush(): Promise<void> {
        return Promise.reject(new ClientDisconnectedError('gone'));
      }
    }
    function* blocks(): Generator<string> {
      try {
        yield 'a';
        yield 'b';
      } finally {
        events.push('finally');
      }
    }
    const handler = new Breaking();
    await handler.run(answering(Object.assign(blocks(), { close: () => void events.push('close') })));
    expect(events).toEqual(['finally', 'close']);
    expect(handler.stderr.text).toBe('');
  });

  it('may break when the application has failed already', async () => {
    class Breaking extends MemoryHandler {
      override _flush(): Promise<void> {
        return Promise.reject(new ClientDisconnectedError('gone'));
      }
    }
    const handler = new Breaking();
    void handler.run((_environ, startResponse) => {
      startResponse('200 OK', [])('begun');
      throw new Error('failed');
    });
    // An unhandled rejection would fail the test run.
    await settled();
    expect(handler.stderr.text).toMatch(/failed/);
  });
});

describe('sendfile', () => {
  const body = () => new FileWrapper(new MemoryInput('file body'), 4);

  it('is not tried for other bodies', () => {
    const handler = new MemoryHandler();
    const sendfile = vi.spyOn(handler, 'sendfile');
    void handler.run(hello);
    expect(sendfile).not.toHaveBeenCalled();
  });

  it('that declines leaves the file to be read', () => {
    const handler = new MemoryHandler();
    const sendfile = vi.spyOn(handler, 'sendfile');
    void handler.run(answering(body()));
    expect(sendfile).toHaveBeenCalledTimes(1);
    expect(handler.stdout.text).toBe('Status: 200 OK\r\n\r\nfile body');
  });

  it('that sends is all there is', () => {
    const handler = new MemoryHandler();
    vi.spyOn(handler, 'sendfile').mockImplementation(() => {
      handler.sendHeaders();
      return true;
    });
    expect(handler.run(answering(body()))).toBeUndefined();
    expect(handler.stdout.text).toBe('Status: 200 OK\r\n\r\n');
  });

  it.each([
    [true, 'Status: 200 OK\r\n\r\n'],
    [false, 'Status: 200 OK\r\n\r\nfile body'],
  ])('may promise %j', async (sent, output) => {
    const close = vi.fn();
    const handler = new MemoryHandler();
    vi.spyOn(handler, 'sendfile').mockImplementation(async () => {
      if (sent) handler.sendHeaders();
      await settled();
      expect(close).not.toHaveBeenCalled();
      return sent;
    });
    await handler.run(answering(Object.assign(body(), { close })));
    expect(handler.stdout.text).toBe(output);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('that fails closes the file', async () => {
    const close = vi.fn();
    const handler = new MemoryHandler();
    vi.spyOn(handler, 'sendfile').mockImplementation(() => Promise.reject(new Error('disk trouble')));
    await handler.run(answering(Object.assign(body(), { close })));
    expect(close).toHaveBeenCalledTimes(1);
    expect(handler.stderr.text).toMatch(/disk trouble/);
    expect(handler.stdout.text).toMatch(/^Status: 500 /);
  });
});

describe('SimpleHandler', () => {
  it('is an HTTP/1.0 origin server', () => {
    const output = new Output();
    const environ = { SERVER_PROTOCOL: 'HTTP/1.0' };
    void new SimpleHandler(new MemoryInput(), output, new MemoryErrors(), environ).run(hello);
    expect(output.text).toBe(
      `HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nDate: ${DATE[1]}\r\nContent-Length: 13\r\n\r\nHello, world!`,
    );
  });

  it('takes multithread and multiprocess', () => {
    const handler = new SimpleHandler(new MemoryInput(), new Output(), new MemoryErrors(), {}, false, true);
    handler.setupEnviron();
    expect(handler.environ).toMatchObject({ 'wsgi.multithread': false, 'wsgi.multiprocess': true });
    const byDefault = new SimpleHandler(new MemoryInput(), new Output(), new MemoryErrors(), {});
    byDefault.setupEnviron();
    expect(byDefault.environ).toMatchObject({ 'wsgi.multithread': true, 'wsgi.multiprocess': false });
  });

  it('writes on after a partial write, and warns', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const output = new Output();
    const partial = {
      write: (data: Uint8Array) => {
        output.write(data.subarray(0, 7));
        return Math.min(7, data.length);
      },
    };
    const environ = { SERVER_PROTOCOL: 'HTTP/1.0' };
    void new SimpleHandler(new MemoryInput(), partial, new MemoryErrors(), environ).run(hello);
    expect(output.text).toMatch(/^HTTP\/1.0 200 OK\r\nContent-Type[\s\S]*Content-Length: 13\r\n\r\nHello, world!$/);
    // Once, however many writes there were.
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/should not do partial writes/), 'DeprecationWarning']]);
    warn.mockRestore();
  });

  it('waits for an output that has a promise for it, and takes its failure for the client’s', async () => {
    let flush = () => {};
    const output = Object.assign(new Output(), {
      flush: vi.fn<() => Promise<void>>(() => new Promise((resolve) => (flush = resolve))),
    });
    const errors = new MemoryErrors();
    const handler = new SimpleHandler(new MemoryInput(), output, errors, { SERVER_PROTOCOL: 'HTTP/1.0' });
    const running = handler.run(hello);
    expect(handler.environ).not.toBeNull();
    flush();
    await running;
    expect(handler.environ).toBeNull();

    output.flush.mockRejectedValueOnce(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await handler.run(hello);
    expect(errors.text).toBe('');
  });

  it('checks its own Server field as it checks an application’s', () => {
    const errors = new MemoryErrors();
    const handler = new SimpleHandler(new MemoryInput(), new Output(), errors, { SERVER_PROTOCOL: 'HTTP/1.0' });
    handler.serverSoftware = 'Software\r\nX-Split: yes';
    void handler.run(hello);
    expect(handler.stdout).toMatchObject({ text: expect.not.stringContaining('X-Split') });
    expect(errors.text).toMatch(/HeaderError: The value of header 'Server' holds the control character U\+000D/);
  });
});
