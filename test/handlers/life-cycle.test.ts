import { AssertionError } from 'node:assert';
import { describe, expect, it, vi } from 'vitest';
import { BaseCGIHandler, ClientDisconnectedError, SimpleHandler } from '../../src/handlers.js';
import { MemoryErrors, MemoryInput } from '../../src/streams.js';
import type { Application, Chunk, HeaderList, ResponseBody, StartResponse } from '../../src/types.js';
import { FileWrapper } from '../../src/util.js';

/** A gateway over memory, which counts how often it is closed. */
class Gateway extends BaseCGIHandler {
  override osEnviron = {};
  output = '';
  closes = 0;
  /** Body bytes, as a server would log them. */
  logged = 0;
  declare stderr: MemoryErrors;

  constructor() {
    super(new MemoryInput(), { write: () => undefined }, new MemoryErrors(), { SERVER_PROTOCOL: 'HTTP/1.1' });
  }
  override _write(data: Uint8Array): void {
    this.output += Buffer.from(data).toString('latin1');
  }
  override close(): void | Promise<void> {
    this.closes++;
    this.logged = this.bytesSent;
    return super.close();
  }
}

const later = () => new Promise((resolve) => setImmediate(resolve));

async function* asynchronous(blocks: Iterable<Chunk>): AsyncGenerator<Chunk> {
  for (const block of blocks) {
    await later();
    yield block;
  }
}

function run(application: Application): string {
  const handler = new Gateway();
  expect(handler.run(application)).toBeUndefined();
  expect(handler.stderr.text).toBe('');
  return handler.output;
}

describe('startResponse', () => {
  const again = (first: (startResponse: StartResponse) => void, excInfo?: unknown): string =>
    run((_environ, startResponse) => {
      first(startResponse);
      startResponse('503 Sorry', [], excInfo);
      return ['sorry'];
    });
  const SORRY = 'Status: 503 Sorry\r\nContent-Length: 5\r\n\r\nsorry';

  it.each([undefined, null])('takes %j for no excInfo', (excInfo) => {
    const refused = again((startResponse) => {
      startResponse('200 OK', []);
      expect(() => startResponse('503 Sorry', [], excInfo)).toThrow(AssertionError);
    }, new Error('which is one'));
    expect(refused).toBe(SORRY);
  });

  it.each([new Error('trouble'), 'trouble', 0, false])('takes %j, which can be thrown, for one', (excInfo) => {
    expect(again((startResponse) => void startResponse('200 OK', [['X', 'y']]), excInfo)).toBe(SORRY);
  });

  it('with excInfo may be the first, and may come again', () => {
    const twice = again((startResponse) => {
      startResponse('500 One', [['X', 'y']], new Error('one'));
      startResponse('500 Two', [['X', 'y']], new Error('two'));
    }, new Error('three'));
    expect(twice).toBe(SORRY);
  });

  it('with excInfo keeps the response there is where the new one is refused', () => {
    const refused = run((_environ, startResponse) => {
      startResponse('200 OK', [['X', 'y']]);
      expect(() => startResponse('503', [], new Error('trouble'))).toThrow(AssertionError);
      expect(() => startResponse('503 Sorry', [['Connection', 'close']], new Error('trouble'))).toThrow(AssertionError);
      return ['fine'];
    });
    expect(refused).toBe('Status: 200 OK\r\nX: y\r\nContent-Length: 4\r\n\r\nfine');
  });

  it('behind the head throws what it is given, and an application that catches it goes on', () => {
    const trouble = new Error('trouble');
    const application: Application = (_environ, startResponse) =>
      (function* (): Generator<string> {
        startResponse('200 OK', []);
        yield 'a';
        expect(() => startResponse('503 Sorry', [])).toThrow(/already set/);
        try {
          startResponse('503 Sorry', [], trouble);
        } catch (error) {
          yield String(error === trouble);
        }
      })();
    expect(run(application)).toBe('Status: 200 OK\r\n\r\natrue');
  });

  it('that was replaced leaves its write() as good as the new one', () => {
    const application: Application = (_environ, startResponse) => {
      const write = startResponse('200 OK', []);
      startResponse('503 Sorry', [], new Error('trouble'));
      write('sorry');
      return [];
    };
    expect(run(application)).toBe('Status: 503 Sorry\r\n\r\nsorry');
  });
});

describe('write()', () => {
  it('of nothing sends the head all the same', () => {
    const trouble = new Error('trouble');
    const application: Application = (_environ, startResponse) => {
      startResponse('200 OK', [])('');
      expect(() => startResponse('503 Sorry', [], trouble)).toThrow(trouble);
      return ['a'];
    };
    expect(run(application)).toBe('Status: 200 OK\r\n\r\na');
  });

  it('and blocks leave in the order in which they come, and count together', async () => {
    const application: Application = async (_environ, startResponse) => {
      const write = startResponse('200 OK', []);
      await later();
      write('1');
      return (function* (): Generator<string> {
        write('2');
        yield '3';
        write('4');
      })();
    };
    const handler = new Gateway();
    await handler.run(application);
    expect(handler.output).toBe('Status: 200 OK\r\n\r\n1234');
    expect(handler.logged).toBe(4);
  });
});

const BODIES: Array<[string, (...blocks: string[]) => ResponseBody]> = [
  ['an array', (...blocks) => blocks],
  ['an iterable', (...blocks) => new Set(blocks)],
  ['an asynchronous iterable', (...blocks) => asynchronous(blocks)],
];

// CPython leaves this to the server, and so it is here; the production server cuts, or ends the connection.
describe.each(['9', '2'])('a Content-Length of %s for a body of 5', (length) => {
  const headers: HeaderList = [
    ['Date', 'Mon, 05 Jun 2006 18:49:54 GMT'],
    ['Content-Length', length],
  ];
  const HEAD = `HTTP/1.0 200 OK\r\nDate: ${headers[0]![1]}\r\nContent-Length: ${length}\r\n\r\n`;

  async function outputOf(application: Application): Promise<string> {
    const parts: Uint8Array[] = [];
    const stdout = { write: (data: Uint8Array) => void parts.push(data) };
    const errors = new MemoryErrors();
    await new SimpleHandler(new MemoryInput(), stdout, errors, { SERVER_PROTOCOL: 'HTTP/1.0' }).run(application);
    expect(errors.text).toBe('');
    return Buffer.concat(parts).toString();
  }

  it.each(BODIES)('goes out with the body as it is: %s', async (_what, bodyOf) => {
    for (const blocks of [['hello'], ['he', 'llo']]) {
      const application: Application = (_environ, startResponse) => {
        startResponse('200 OK', headers.slice());
        return bodyOf(...blocks);
      };
      expect(await outputOf(application)).toBe(`${HEAD}hello`);
    }
  });

  it('goes out with what write() writes as it is', async () => {
    const application: Application = (_environ, startResponse) => {
      startResponse('200 OK', headers.slice())('hello');
      return [];
    };
    expect(await outputOf(application)).toBe(`${HEAD}hello`);
  });
});

/** One way in which a run may end. */
interface End {
  Handler?: new () => Gateway;
  /** The application's result, before it is made one that can be closed; `open` does that earlier, where it matters. */
  body: () => unknown;
  application?: (body: ResponseBody) => Application;
  output: string;
  /** The first line of each error in the log. */
  log?: string[];
  thrown?: string;
  /** As in CPython, a handler that failed behind the head is not closed: a server can see how far it came. */
  closes: 0 | 1;
}

const HEAD = 'Status: 200 OK\r\n\r\n';
const ONE = 'Status: 200 OK\r\nContent-Length: 1\r\n\r\na';
const NONE = 'Status: 200 OK\r\nContent-Length: 0\r\n\r\n';
const ERROR =
  'Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 59\r\n\r\n' +
  'A server error occurred.  Please contact the administrator.';

function* failing(...blocks: string[]): Generator<string> {
  yield* blocks;
  throw new Error('in a block');
}
async function* failingLater(...blocks: string[]): AsyncGenerator<string> {
  yield* asynchronous(blocks) as AsyncGenerator<string>;
  throw new Error('in a block');
}
function* generated(): Generator<string> {
  yield 'a';
  yield 'b';
}
const file = () => new FileWrapper({ read: vi.fn(() => Buffer.alloc(0)).mockReturnValueOnce(Buffer.from('file')) });

const starting =
  (body: ResponseBody): Application =>
  (_environ, startResponse) => {
    startResponse('200 OK', []);
    return body;
  };

/** The output breaks after so many writes, of which the head is two. */
const breaking = (writes: number, error: () => Error) =>
  class extends Gateway {
    left = writes;
    override _write(data: Uint8Array): void {
      if (this.left-- === 0) throw error();
      super._write(data);
    }
  };
const flushing = (flush: () => void | Promise<void>) =>
  class extends Gateway {
    override _flush(): void | Promise<void> {
      return flush();
    }
  };
const sending = (send: (handler: Gateway) => boolean | Promise<boolean>) =>
  class extends Gateway {
    override sendfile(): boolean | Promise<boolean> {
      return send(this);
    }
  };
const raise = (error: Error): never => {
  throw error;
};
const gone = () => new ClientDisconnectedError('gone');
const broken = () => new Error('disk full');

/** A transport that wants no body, as the production server's is for HEAD. */
class Bodiless extends Gateway {
  override _flush(): void {
    throw new ClientDisconnectedError('no body wanted');
  }
  protected override recover(): undefined | Promise<void> {
    return this.close() as undefined | Promise<void>;
  }
}
class Hopeless extends Gateway {
  override errorOutput(): ResponseBody {
    throw new Error('the second');
  }
}

const ENDS: Record<string, End> = {
  'an array': { body: () => ['a'], output: ONE, closes: 1 },
  'no blocks': { body: () => [], output: NONE, closes: 1 },
  'a generator': { body: generated, output: `${HEAD}ab`, closes: 1 },
  'asynchronous blocks': { body: () => asynchronous('ab'), output: `${HEAD}ab`, closes: 1 },
  'no asynchronous blocks': { body: () => asynchronous([]), output: NONE, closes: 1 },
  'a promised body': {
    body: () => ['a'],
    application: (body) => async (environ, startResponse) => {
      await later();
      return starting(body)(environ, startResponse);
    },
    output: ONE,
    closes: 1,
  },
  'blocks behind write()': {
    body: () => ['b'],
    application: (body) => (_environ, startResponse) => {
      startResponse('200 OK', [])('a');
      return body;
    },
    output: `${HEAD}ab`,
    closes: 1,
  },
  'a client that is waited for': {
    Handler: flushing(async () => void (await later())),
    body: generated,
    output: `${HEAD}ab`,
    closes: 1,
  },

  'an error before the first block': { body: failing, output: ERROR, log: ['Error: in a block'], closes: 1 },
  'an error before the first asynchronous block': {
    body: failingLater,
    output: ERROR,
    log: ['Error: in a block'],
    closes: 1,
  },
  'an error behind a block': {
    body: () => failing('a'),
    output: `${HEAD}a`,
    log: ['Error: in a block'],
    closes: 0,
  },
  'an error behind an asynchronous block': {
    body: () => failingLater('a'),
    output: `${HEAD}a`,
    log: ['Error: in a block'],
    closes: 0,
  },
  'a block that is none': { body: () => [12], output: ERROR, log: [expect.stringMatching(/got 12$/)], closes: 1 },
  'a block that is none behind another': {
    body: () => ['a', 12],
    output: `${HEAD}a`,
    log: [expect.stringMatching(/got 12$/)],
    closes: 0,
  },
  'nothing to iterate over': {
    body: () => ({}),
    output: ERROR,
    log: [expect.stringMatching(/must return an iterable/)],
    closes: 1,
  },
  'no startResponse': {
    body: () => ['a'],
    application: (body) => () => body,
    output: ERROR,
    log: [expect.stringMatching(/before startResponse/)],
    closes: 1,
  },
  'no startResponse, and no blocks': {
    body: () => [],
    application: (body) => () => body,
    output: ERROR,
    log: [expect.stringMatching(/There is no response/)],
    closes: 1,
  },
  'an error while the error is answered': {
    Handler: Hopeless,
    body: failing,
    output: '',
    log: ['Error: in a block'],
    thrown: 'the second',
    closes: 1,
  },
  'a client that is gone when the error is answered': {
    Handler: breaking(0, gone),
    body: failing,
    output: '',
    log: ['Error: in a block'],
    closes: 1,
  },

  'an output that breaks at the head': {
    Handler: breaking(0, broken),
    body: generated,
    output: '',
    log: ['Error: disk full'],
    closes: 0,
  },
  'an output that breaks at a block': {
    Handler: breaking(3, broken),
    body: generated,
    output: `${HEAD}a`,
    log: ['Error: disk full'],
    closes: 0,
  },
  'an output that breaks at an asynchronous block': {
    Handler: breaking(3, broken),
    body: () => asynchronous('ab'),
    output: `${HEAD}a`,
    log: ['Error: disk full'],
    closes: 0,
  },
  'a flush that throws': {
    Handler: flushing(() => raise(broken())),
    body: () => ['a'],
    output: ONE,
    log: ['Error: disk full'],
    closes: 0,
  },
  'a flush that rejects': {
    Handler: flushing(() => Promise.reject(broken())),
    body: () => ['a'],
    output: ONE,
    log: ['Error: disk full'],
    closes: 0,
  },

  'a client that is gone at the head': { Handler: breaking(0, gone), body: () => ['a'], output: '', closes: 0 },
  'a client that is gone at a block': { Handler: breaking(3, gone), body: generated, output: `${HEAD}a`, closes: 0 },
  'a client that is gone at an asynchronous block': {
    Handler: breaking(3, gone),
    body: () => asynchronous('ab'),
    output: `${HEAD}a`,
    closes: 0,
  },
  'a client that is gone at a flush': {
    Handler: flushing(() => raise(gone())),
    body: generated,
    output: `${HEAD}a`,
    closes: 0,
  },
  'a client that is gone while it is waited for': {
    Handler: flushing(() => Promise.reject(gone())),
    body: generated,
    output: `${HEAD}a`,
    closes: 0,
  },

  'a response that has no body': { Handler: Bodiless, body: generated, output: `${HEAD}a`, closes: 1 },
  'a response that has no body, of asynchronous blocks': {
    Handler: Bodiless,
    body: () => asynchronous('ab'),
    output: `${HEAD}a`,
    closes: 1,
  },

  'a file that is sent': {
    Handler: sending((handler) => {
      handler.sendHeaders();
      return true;
    }),
    body: file,
    output: HEAD,
    closes: 1,
  },
  'a file that is sent later': {
    Handler: sending(async (handler) => {
      handler.sendHeaders();
      await later();
      return true;
    }),
    body: file,
    output: HEAD,
    closes: 1,
  },
  'a file that is read': { Handler: sending(() => false), body: file, output: `${HEAD}file`, closes: 1 },
  'a file that is read later': { Handler: sending(async () => false), body: file, output: `${HEAD}file`, closes: 1 },
  'a file that fails before the head': {
    Handler: sending(() => raise(broken())),
    body: file,
    output: ERROR,
    log: ['Error: disk full'],
    closes: 1,
  },
  'a file that fails later, before the head': {
    Handler: sending(() => Promise.reject(broken())),
    body: file,
    output: ERROR,
    log: ['Error: disk full'],
    closes: 1,
  },
  'a file that fails behind the head': {
    Handler: sending(async (handler) => {
      handler.sendHeaders();
      throw broken();
    }),
    body: file,
    output: HEAD,
    log: ['Error: disk full'],
    closes: 0,
  },
  'a file whose client is gone': {
    Handler: sending((handler) => {
      handler.sendHeaders();
      throw gone();
    }),
    body: file,
    output: HEAD,
    closes: 0,
  },
  'a file whose client is gone later': {
    Handler: sending(async (handler) => {
      handler.sendHeaders();
      throw gone();
    }),
    body: file,
    output: HEAD,
    closes: 0,
  },
};

interface Close {
  close?: () => void | Promise<void>;
  log: string[];
}
const closed = vi.fn();
const CLOSES: Array<[string, Close]> = [
  ['that has no close()', { log: [] }],
  ['whose close() returns', { close: closed, log: [] }],
  [
    'whose close() promises',
    {
      close: async () => {
        await later();
        closed();
      },
      log: [],
    },
  ],
  [
    'whose close() throws',
    {
      close: () => {
        closed();
        throw new Error('in close()');
      },
      log: ['Error: in close()'],
    },
  ],
  [
    'whose close() rejects',
    {
      close: async () => {
        await later();
        closed();
        throw new Error('in close()');
      },
      log: ['Error: in close()'],
    },
  ],
];

describe.each(Object.entries(ENDS))('a run that ends with %s', (_what, end) => {
  const { Handler = Gateway, body, application = starting, output, log = [], thrown, closes } = end;

  it.each(CLOSES)('closes a result %s', async (_how, { close, log: closingLog }) => {
    closed.mockClear();
    const result = close === undefined ? body() : Object.assign(body() as object, { close });
    const handler = new Handler();
    let outcome: unknown;
    try {
      await handler.run(application(result as ResponseBody));
    } catch (error) {
      outcome = (error as Error).message;
    }

    expect(closed).toHaveBeenCalledTimes(close === undefined ? 0 : 1);
    expect(handler.closes).toBe(closes);
    expect(outcome).toBe(thrown);
    expect(handler.output).toBe(output);
    const errors: string[] = handler.stderr.text.match(/^\w*Error.*/gm) ?? [];
    expect(errors.filter((line) => !closingLog.includes(line))).toEqual(log);
    expect(errors).toHaveLength(log.length + closingLog.length);
  });
});
