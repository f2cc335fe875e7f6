import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BaseCGIHandler, BaseHandler, SimpleHandler } from '../../src/handlers.js';
import { Headers } from '../../src/headers.js';
import { MemoryErrors, MemoryInput } from '../../src/streams.js';
import type { Application, Chunk, Environ, ErrorStream, ResponseBody, StartResponse, Write } from '../../src/types.js';
import { FileWrapper } from '../../src/util.js';

const NOW = 'Mon, 05 Jun 2006 18:49:54 GMT';
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOW) }));
afterEach(() => void vi.useRealTimers());

/** The least that a subclass has to override; all else is the base class's. */
class Least extends BaseHandler {
  output = '';
  readonly errors = new MemoryErrors();
  override osEnviron: Readonly<Record<string, string>> = { HOME: '/of/the/process' };

  override getStdin(): MemoryInput {
    return new MemoryInput('posted');
  }
  override getStderr(): ErrorStream {
    return this.errors;
  }
  override addCgiVars(): void {
    Object.assign(this.environ!, { SERVER_PROTOCOL: 'HTTP/1.0', REMOTE_ADDR: '127.0.0.1' });
  }
  override _write(data: Uint8Array): void {
    this.output += Buffer.from(data).toString('latin1');
  }
  override _flush(): void | Promise<void> {}
}

const answering =
  (body: ResponseBody): Application =>
  (_environ, startResponse) => {
    startResponse('200 OK', []);
    return body;
  };
const hello = answering(['hello']);
const file: Application = (environ, startResponse) =>
  answering(new FileWrapper(new MemoryInput('file')))(environ, startResponse);
const failing: Application = () => {
  throw new Error('the trouble');
};

async function* later(): AsyncGenerator<string> {
  yield 'later';
}

const PREAMBLE = `HTTP/1.0 200 OK\r\nDate: ${NOW}\r\n`;
const HELLO = `${PREAMBLE}Content-Length: 5\r\n\r\nhello`;
const ERROR_PREAMBLE = `HTTP/1.0 500 Internal Server Error\r\nDate: ${NOW}\r\n`;
const ERROR_PAGE = 'A server error occurred.  Please contact the administrator.';
const ERROR = `${ERROR_PREAMBLE}Content-Type: text/plain\r\nContent-Length: 59\r\n\r\n${ERROR_PAGE}`;

/** What a client gets. */
function outputOf(handler: Least, application = hello): string {
  expect(handler.run(application)).toBeUndefined();
  return handler.output;
}

/** What the application gets. */
function environOf(handler: BaseHandler): Environ {
  let given: Environ | undefined;
  void handler.run((environ, startResponse) => {
    given = environ;
    return hello(environ, startResponse);
  });
  return given ?? expect.unreachable();
}

/** What the log says of an application that fails. */
function logOf(handler: Least): string {
  void handler.run(failing);
  return handler.errors.text;
}

it('Least has what the base class alone would do', () => {
  expect(outputOf(new Least())).toBe(HELLO);
  expect(outputOf(new Least(), failing)).toBe(ERROR);
  expect(logOf(new Least())).toMatch(/^Error: the trouble\n {4}at /);
});

type Public = Exclude<keyof BaseHandler, State>;
type Method = { [Name in Public]: BaseHandler[Name] extends (...args: never[]) => unknown ? Name : never }[Public];
type Attribute = Exclude<Public, Method>;
type State = (typeof STATE)[number];
// Read by subclasses, and set by the base class.
const STATE = ['environ', 'status', 'headers', 'headersSent', 'bytesSent', 'result', 'currentError'] as const;

/** Of each method, what an override does that calls super, and one that does not. */
const methods: Record<Method, Record<string, () => void | Promise<void>>> = {
  run: {
    'with super may run another application'() {
      class Wrapping extends Least {
        override run(application: Application): void | Promise<void> {
          return super.run((environ, startResponse) => [
            ...(application(environ, startResponse) as string[]),
            ' again',
          ]);
        }
      }
      expect(outputOf(new Wrapping())).toBe(`${PREAMBLE}\r\nhello again`);
    },
    'without super may answer itself'() {
      class Silent extends Least {
        override run(): void {
          this._write(Buffer.from('closed for today'));
        }
      }
      expect(outputOf(new Silent())).toBe('closed for today');
    },
  },

  setupEnviron: {
    'with super may add to the environ'() {
      class Adding extends Least {
        override setupEnviron(): void {
          super.setupEnviron();
          this.environ!['request.id'] = 7;
        }
      }
      expect(environOf(new Adding())).toMatchObject({
        'request.id': 7,
        'wsgi.version': [1, 0],
        HOME: '/of/the/process',
      });
    },
    'without super has its environ given to the application as it is'() {
      const own = { SERVER_PROTOCOL: 'HTTP/1.0' } as Environ;
      class Replacing extends Least {
        override setupEnviron(): void {
          this.environ = own;
        }
      }
      expect(environOf(new Replacing())).toBe(own);
      expect(Object.keys(own)).toEqual(['SERVER_PROTOCOL']);
    },
  },

  addCgiVars: {
    'with super has both variables'() {
      class Adding extends Least {
        override addCgiVars(): void {
          super.addCgiVars();
          this.environ!.REMOTE_USER = 'somebody';
        }
      }
      expect(environOf(new Adding())).toMatchObject({ REMOTE_ADDR: '127.0.0.1', REMOTE_USER: 'somebody' });
    },
    'without super stands above the process, and below the gateway'() {
      class Replacing extends Least {
        override addCgiVars(): void {
          Object.assign(this.environ!, {
            SERVER_PROTOCOL: 'HTTP/1.0',
            HOME: '/of/the/request',
            'wsgi.run_once': 'forged',
          });
        }
      }
      const environ = environOf(new Replacing());
      expect(environ).toMatchObject({ HOME: '/of/the/request', 'wsgi.run_once': false });
      expect(environ).not.toHaveProperty('REMOTE_ADDR');
    },
  },

  getScheme: {
    'with super may fall back on the guess'() {
      class Proxied extends Least {
        forwarded: string | null = null;
        override getScheme(): string {
          return this.forwarded ?? super.getScheme();
        }
      }
      expect(environOf(new Proxied())['wsgi.url_scheme']).toBe('http');
      expect(environOf(Object.assign(new Proxied(), { forwarded: 'https' }))['wsgi.url_scheme']).toBe('https');
    },
    'without super needs no HTTPS variable'() {
      class Secure extends Least {
        override getScheme(): string {
          return 'https';
        }
      }
      expect(environOf(new Secure())['wsgi.url_scheme']).toBe('https');
    },
  },

  getStdin: {
    'with super may wrap the input'() {
      class Wrapping extends Least {
        override getStdin(): MemoryInput {
          return new MemoryInput(Buffer.concat([super.getStdin().read(), Buffer.from(', and more')]));
        }
      }
      expect(String(environOf(new Wrapping())['wsgi.input'].read())).toBe('posted, and more');
    },
    'without super gives another'() {
      const input = new MemoryInput();
      class Replacing extends Least {
        override getStdin(): MemoryInput {
          return input;
        }
      }
      expect(environOf(new Replacing())['wsgi.input']).toBe(input);
    },
  },

  getStderr: {
    'with super may wrap what applications and the log write to'() {
      class Prefixing extends Least {
        override getStderr(): ErrorStream {
          const errors = super.getStderr();
          return {
            write: (text) => errors.write(`[7] ${text}`),
            writelines() {},
            flush: () => errors.write('flushed'),
          };
        }
      }
      const handler = new Prefixing();
      environOf(handler)['wsgi.errors'].write('said\n');
      expect(logOf(handler)).toMatch(/^\[7\] said\n\[7\] Error: the trouble\n[\s\S]*\nflushed$/);
    },
    'without super is where applications and the log write to'() {
      const other = new MemoryErrors();
      class Replacing extends Least {
        override getStderr(): ErrorStream {
          return other;
        }
      }
      expect(environOf(new Replacing())['wsgi.errors']).toBe(other);
      expect(logOf(new Replacing())).toBe('');
      expect(other.text).toMatch(/^Error: the trouble\n/);
    },
  },

  startResponse: {
    'with super may change the response of the application, and of an error'() {
      class Adding extends Least {
        override startResponse(status: string, headers: Array<[string, string]>, excInfo?: unknown): Write {
          return super.startResponse(status.toUpperCase(), [...headers, ['X-Request', '7']], excInfo);
        }
      }
      expect(outputOf(new Adding())).toBe(`${PREAMBLE}X-Request: 7\r\nContent-Length: 5\r\n\r\nhello`);
      expect(outputOf(new Adding(), failing)).toMatch(
        /^HTTP\/1.0 500 INTERNAL SERVER ERROR\r\n[\s\S]*\r\nX-Request: 7\r\n/,
      );
    },
    'without super checks nothing, and gives a write() of its own'() {
      const written: Chunk[] = [];
      class Lax extends Least {
        override startResponse(status: string): Write {
          this.status = status;
          this.headers = new Headers();
          return (data) => void written.push(data);
        }
      }
      const application: Application = (_environ, startResponse) => {
        startResponse('2000', [])('kept');
        return ['hello'];
      };
      expect(outputOf(new Lax(), application)).toMatch(/^HTTP\/1.0 2000\r\n[\s\S]*hello$/);
      expect(written).toEqual(['kept']);
    },
  },

  write: {
    'with super has every block, whichever way it comes': async () => {
      class Shouting extends Least {
        override write(data: Chunk): void {
          super.write(String(data).toUpperCase());
        }
      }
      const writing: Application = (_environ, startResponse) => {
        startResponse('200 OK', [])('written, ');
        return ['and more'];
      };
      expect(outputOf(new Shouting())).toMatch(/HELLO$/);
      expect(outputOf(new Shouting(), answering(new Set(['iterated'])))).toMatch(/ITERATED$/);
      expect(outputOf(new Shouting(), writing)).toMatch(/WRITTEN, AND MORE$/);
      expect(outputOf(new Shouting(), failing)).toMatch(/A SERVER ERROR OCCURRED/);
      const handler = new Shouting();
      await handler.run(answering(later()));
      expect(handler.output).toMatch(/LATER$/);
    },
    'without super may keep blocks back'() {
      class Dropping extends Least {
        override write(): void {}
      }
      expect(outputOf(new Dropping())).toBe(`${PREAMBLE}Content-Length: 0\r\n\r\n`);
    },
  },

  sendfile: {
    'with super declines, and the file is written block by block'() {
      const asked = vi.fn();
      class Declining extends Least {
        override sendfile(): boolean | Promise<boolean> {
          asked(this.headersSent);
          return super.sendfile();
        }
      }
      expect(outputOf(new Declining(), file)).toBe(`${PREAMBLE}\r\nfile`);
      expect(asked.mock.calls).toEqual([[false]]);
    },
    'without super is all that is sent'() {
      class Sending extends Least {
        override sendfile(): boolean {
          this.sendHeaders();
          this._write((this.result as FileWrapper).filelike.read(2));
          return true;
        }
      }
      expect(outputOf(new Sending(), file)).toBe(`${PREAMBLE}\r\nfi`);
    },
  },

  finishResponse: {
    'with super may change the result': async () => {
      class Forgiving extends Least {
        override finishResponse(): void | Promise<void> {
          if (typeof this.result === 'string') this.result = [this.result];
          return super.finishResponse();
        }
      }
      expect(outputOf(new Forgiving(), answering('hello'))).toBe(HELLO);
      const errorPage = Object.assign(new Forgiving(), { errorOutput: answering('sorry').bind(null) });
      expect(outputOf(errorPage, failing)).toMatch(/\r\nContent-Length: 5\r\n\r\nsorry$/);
      const promised = new Forgiving();
      await promised.run(async (environ, startResponse) => answering('later')(environ, startResponse));
      expect(promised.output).toMatch(/\r\nContent-Length: 5\r\n\r\nlater$/);
    },
    'without super sends what it likes, and closes'() {
      class HeadAlone extends Least {
        override finishResponse(): void | Promise<void> {
          this.finishContent();
          return this.close();
        }
      }
      const handler = new HeadAlone();
      expect(outputOf(handler)).toBe(`${PREAMBLE}Content-Length: 0\r\n\r\n`);
      expect(handler.environ).toBeNull();
    },
  },

  finishContent: {
    'with super comes behind the last block, whichever way it came': async () => {
      class Trailing extends Least {
        override finishContent(): void {
          super.finishContent();
          this._write(Buffer.from('.'));
        }
      }
      expect(outputOf(new Trailing())).toBe(`${HELLO}.`);
      expect(outputOf(new Trailing(), answering(new Set(['iterated'])))).toMatch(/iterated\.$/);
      expect(outputOf(new Trailing(), file)).toMatch(/file\.$/);
      expect(outputOf(new Trailing(), answering([]))).toBe(`${PREAMBLE}Content-Length: 0\r\n\r\n.`);
      const handler = new Trailing();
      await handler.run(answering(later()));
      expect(handler.output).toMatch(/later\.$/);
    },
    'without super leaves a response without blocks unsent'() {
      class Leaving extends Least {
        override finishContent(): void {}
      }
      expect(outputOf(new Leaving(), answering([]))).toBe('');
    },
  },

  setContentLength: {
    'with super may go on where the length is known'() {
      class Echoing extends Least {
        override setContentLength(): void {
          super.setContentLength();
          this.headers!.set('X-Length', this.headers!.get('Content-Length', 'unknown'));
        }
      }
      expect(outputOf(new Echoing())).toBe(`${PREAMBLE}Content-Length: 5\r\nX-Length: 5\r\n\r\nhello`);
      expect(outputOf(new Echoing(), answering(['a', 'b']))).toBe(`${PREAMBLE}X-Length: unknown\r\n\r\nab`);
    },
    'without super is asked where the application gave no length'() {
      class Unknown extends Least {
        override setContentLength(): void {
          this.headers!.set('X-Length', 'unknown');
        }
      }
      const long: Application = (_environ, startResponse) => {
        startResponse('200 OK', [['Content-Length', '5']]);
        return ['hello'];
      };
      expect(outputOf(new Unknown())).toBe(`${PREAMBLE}X-Length: unknown\r\n\r\nhello`);
      expect(outputOf(new Unknown(), long)).toBe(HELLO);
    },
  },

  cleanupHeaders: {
    'with super may add defaults'() {
      class Defaulting extends Least {
        override cleanupHeaders(): void {
          super.cleanupHeaders();
          this.headers!.setDefault('X-Frame-Options', 'DENY');
        }
      }
      expect(outputOf(new Defaulting())).toBe(`${PREAMBLE}Content-Length: 5\r\nX-Frame-Options: DENY\r\n\r\nhello`);
    },
    'without super leaves the headers alone'() {
      class Leaving extends Least {
        override cleanupHeaders(): void {}
      }
      expect(outputOf(new Leaving())).toBe(`${PREAMBLE}\r\nhello`);
    },
  },

  sendPreamble: {
    'with super may add to it'() {
      class Adding extends Least {
        override sendPreamble(): void {
          super.sendPreamble();
          this._write(Buffer.from('Via: 1.0 gateway\r\n'));
        }
      }
      expect(outputOf(new Adding())).toBe(`${PREAMBLE}Via: 1.0 gateway\r\nContent-Length: 5\r\n\r\nhello`);
    },
    'without super begins the head in its own way'() {
      class Own extends Least {
        override sendPreamble(): void {
          this._write(Buffer.from(`ICY ${this.status}\r\n`));
        }
      }
      expect(outputOf(new Own())).toBe('ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello');
    },
  },

  sendHeaders: {
    'with super knows the first block, and whether there is one'() {
      class Watching extends Least {
        readonly seen: number[] = [];
        override sendHeaders(): void {
          this.seen.push(this.bytesSent);
          super.sendHeaders();
        }
      }
      const handler = new Watching();
      expect(outputOf(handler)).toBe(HELLO);
      void handler.run(answering([]));
      void handler.run(answering(['one', ' and another']));
      expect(handler.seen).toEqual([5, 0, 3]);
    },
    'without super may send no head'() {
      class Headless extends Least {
        override sendHeaders(): void {
          this.headersSent = true;
        }
      }
      expect(outputOf(new Headless(), answering(['a', 'b']))).toBe('ab');
      expect(outputOf(new Headless(), answering([]))).toBe('');
    },
  },

  resultIsFile: {
    'with super may narrow what is sent as a file'() {
      class Narrowing extends Least {
        sent = 0;
        override resultIsFile(): boolean {
          return super.resultIsFile() && (this.result as FileWrapper).blksize > 1;
        }
        override sendfile(): boolean {
          this.sent++;
          return false;
        }
      }
      const small = answering(new FileWrapper(new MemoryInput('file'), 1));
      const sentOf = (application: Application): number => {
        const handler = new Narrowing();
        void handler.run(application);
        return handler.sent;
      };
      expect([hello, file, small].map(sentOf)).toEqual([0, 1, 0]);
    },
    'without super may have anything sent as a file'() {
      class Widening extends Least {
        override resultIsFile(): boolean {
          return Array.isArray(this.result);
        }
        override sendfile(): boolean {
          this._write(Buffer.from('by sendfile'));
          return true;
        }
      }
      expect(outputOf(new Widening())).toBe('by sendfile');
      expect(outputOf(new Widening(), file)).toMatch(/\r\n\r\nfile$/);
    },
  },

  clientIsModern: {
    'with super may doubt a client'() {
      class Doubting extends Least {
        believe = false;
        override clientIsModern(): boolean {
          return this.believe && super.clientIsModern();
        }
      }
      expect(outputOf(new Doubting())).toBe('hello');
      expect(outputOf(Object.assign(new Doubting(), { believe: true }))).toBe(HELLO);
    },
    'without super decides for head and preamble'() {
      class Modern extends Least {
        override addCgiVars(): void {
          this.environ!.SERVER_PROTOCOL = 'HTTP/0.9';
        }
        override clientIsModern(): boolean {
          return true;
        }
      }
      expect(outputOf(new Modern())).toBe(HELLO);
    },
  },

  logException: {
    'with super may say more'() {
      class Saying extends Least {
        override logException(error: unknown): void {
          this.errors.write(`${this.environ!.REMOTE_ADDR}: `);
          super.logException(error);
        }
      }
      expect(logOf(new Saying())).toMatch(/^127\.0\.0\.1: Error: the trouble\n {4}at /);
    },
    'without super has every error, that of close(), too'() {
      const logged: string[] = [];
      class Collecting extends Least {
        override logException(error: unknown): void {
          logged.push((error as Error).message);
        }
      }
      expect(logOf(new Collecting())).toBe('');
      const closing = Object.assign([], {
        close: () => {
          throw new Error('in close()');
        },
      });
      outputOf(new Collecting(), answering(closing));
      expect(logged).toEqual(['the trouble', 'in close()']);
    },
  },

  handleError: {
    'with super may count'() {
      class Counting extends Least {
        readonly seen: unknown[] = [];
        override handleError(error?: unknown): void | Promise<void> {
          this.seen.push(error, this.currentError);
          return super.handleError(error);
        }
      }
      const handler = new Counting();
      expect(outputOf(handler, failing)).toBe(ERROR);
      expect(handler.seen).toEqual([new Error('the trouble'), new Error('the trouble')]);
    },
    'without super may log nothing, and let the error out of run'() {
      class Rethrowing extends Least {
        override handleError(error?: unknown): void {
          throw error;
        }
      }
      const handler = new Rethrowing();
      expect(() => handler.run(failing)).toThrow('the trouble');
      expect([handler.output, handler.errors.text]).toEqual(['', '']);
    },
  },

  errorOutput: {
    'with super may add to the page'() {
      class Adding extends Least {
        override errorOutput(environ: Environ, startResponse: StartResponse): ResponseBody {
          return [...(super.errorOutput(environ, startResponse) as string[]), ` (${environ.REMOTE_ADDR})`];
        }
      }
      expect(outputOf(new Adding(), failing)).toBe(
        `${ERROR_PREAMBLE}Content-Type: text/plain\r\n\r\n${ERROR_PAGE} (127.0.0.1)`,
      );
    },
    'without super is an application that knows of the error'() {
      class Telling extends Least {
        override errorOutput(_environ: Environ, startResponse: StartResponse): ResponseBody {
          startResponse('503 Sorry', [], this.currentError);
          return [(this.currentError as Error).message];
        }
      }
      const late: Application = (_environ, startResponse) => {
        startResponse('200 OK', []);
        throw new Error('the trouble');
      };
      expect(outputOf(new Telling(), late)).toBe(
        `HTTP/1.0 503 Sorry\r\nDate: ${NOW}\r\nContent-Length: 11\r\n\r\nthe trouble`,
      );
    },
  },

  close: {
    'with super has the state before, and none behind': async () => {
      class Logging extends Least {
        override close(): void | Promise<void> {
          this.errors.write(`${this.status} ${this.bytesSent}\n`);
          const closing = super.close();
          this.errors.write(`${this.status} ${this.bytesSent}\n`);
          return closing;
        }
      }
      const handler = new Logging();
      outputOf(handler);
      expect(handler.errors.text).toBe('200 OK 5\nnull 0\n');
      const asynchronous = new Logging();
      await asynchronous.run(answering(later()));
      expect(asynchronous.errors.text).toBe('200 OK 5\nnull 0\n');
    },
    'without super keeps the state, and what the application has open'() {
      const closed = vi.fn();
      class Keeping extends Least {
        override close(): void {
          this.errors.write('kept');
        }
      }
      const handler = new Keeping();
      outputOf(handler, answering(Object.assign(['hello'], { close: closed })));
      expect([handler.errors.text, handler.status, closed.mock.calls.length]).toEqual(['kept', '200 OK', 0]);
    },
    'is called when an error page fails, too'() {
      const closed = vi.fn();
      class Hopeless extends Least {
        override errorOutput(): ResponseBody {
          throw new Error('the second');
        }
        override close(): void | Promise<void> {
          closed();
          return super.close();
        }
      }
      expect(() => new Hopeless().run(failing)).toThrow('the second');
      expect(closed).toHaveBeenCalledTimes(1);
    },
  },

  _write: {
    'with super may change all that leaves'() {
      class Lowering extends Least {
        override _write(data: Uint8Array): void {
          super._write(Buffer.from(Buffer.from(data).toString().toLowerCase()));
        }
      }
      expect(outputOf(new Lowering(), answering(['Hello']))).toBe(HELLO.toLowerCase());
    },
    'without super has all that leaves, in order, and the block as it is'() {
      const block = Buffer.from('hello');
      const written: Uint8Array[] = [];
      class Keeping extends Least {
        override _write(data: Uint8Array): void {
          written.push(data);
        }
      }
      expect(outputOf(new Keeping(), answering([block]))).toBe('');
      expect(Buffer.concat(written).toString()).toBe(HELLO);
      expect(written.at(-1)).toBe(block);
    },
  },

  _flush: {
    'with super comes behind each block'() {
      class Marking extends Least {
        override _flush(): void | Promise<void> {
          this.output += '|';
          return super._flush();
        }
      }
      expect(outputOf(new Marking(), answering(['a', new Uint8Array(), 'b']))).toBe(`${PREAMBLE}\r\na||b|`);
      expect(outputOf(new Marking(), answering([]))).not.toMatch(/\|/);
    },
    'without super may have the run wait': async () => {
      class Waiting extends Least {
        override async _flush(): Promise<void> {
          await Promise.resolve();
          this.output += '|';
        }
      }
      const handler = new Waiting();
      await handler.run(answering(['a', 'b']));
      expect(handler.output).toBe(`${PREAMBLE}\r\na|b|`);
    },
  },
};

describe.each(Object.entries(methods))('%s', (_name, overrides) => {
  for (const [how, check] of Object.entries(overrides)) it(how, check);
});

/** A collaborator of each kind. */
class OtherFile {
  constructor(readonly filelike: { read(size?: number): Uint8Array }) {}
  [Symbol.iterator](): Iterator<Chunk> {
    return [this.filelike.read()].values();
  }
}
class OtherHeaders extends Headers {
  override toBytes(): Uint8Array {
    return Buffer.from(this.toString().replaceAll(': ', ':'));
  }
}

interface Override<Value> {
  value: Value;
  /** Where it can be seen from outside. */
  effect(handler: Least): unknown;
  expected: unknown;
  byDefault: unknown;
}

/** Which results a handler tries to send as files. */
function sentAsFile(handler: Least): boolean[] {
  const sendfile = vi.spyOn(handler, 'sendfile');
  return [FileWrapper, OtherFile].map((Wrapper) => {
    sendfile.mockClear();
    void handler.run(answering(new Wrapper(new MemoryInput('file'))));
    return sendfile.mock.calls.length > 0;
  });
}
const inEnviron = (key: string) => (handler: Least) => environOf(handler)[key];
const software = (handler: Least) => [environOf(handler).SERVER_SOFTWARE, handler.output];
const wrapper = (handler: Least) => [environOf(handler)['wsgi.file_wrapper'], ...sentAsFile(handler)];
// Two stand for more.
const frames = (handler: Least) =>
  logOf(handler)
    .match(/^ {4}at /gm)!
    .slice(0, 2).length;
const errorOf = (handler: Least) => outputOf(handler, failing);

const attributes: { [Name in Attribute]: Array<Override<BaseHandler[Name]>> } = {
  wsgiVersion: [{ value: [1, 1], effect: inEnviron('wsgi.version'), expected: [1, 1], byDefault: [1, 0] }],
  wsgiMultithread: [{ value: false, effect: inEnviron('wsgi.multithread'), expected: false, byDefault: true }],
  wsgiMultiprocess: [{ value: false, effect: inEnviron('wsgi.multiprocess'), expected: false, byDefault: true }],
  wsgiRunOnce: [{ value: true, effect: inEnviron('wsgi.run_once'), expected: true, byDefault: false }],
  originServer: [
    {
      value: false,
      effect: (handler) => outputOf(handler),
      expected: 'Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello',
      byDefault: HELLO,
    },
    {
      value: false,
      effect: (handler) => outputOf(Object.assign(handler, { clientIsModern: () => false })),
      expected: 'Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello',
      byDefault: 'hello',
    },
    {
      value: false,
      effect: (handler) => software(Object.assign(handler, { serverSoftware: 'Own/1' })),
      expected: [undefined, 'Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
      byDefault: ['Own/1', `${PREAMBLE}Server: Own/1\r\nContent-Length: 5\r\n\r\nhello`],
    },
  ],
  httpVersion: [
    {
      value: '1.1',
      effect: (handler) => outputOf(handler),
      expected: HELLO.replace('HTTP/1.0', 'HTTP/1.1'),
      byDefault: HELLO,
    },
  ],
  serverSoftware: [
    {
      value: 'Own/1',
      effect: software,
      expected: ['Own/1', `${PREAMBLE}Server: Own/1\r\nContent-Length: 5\r\n\r\nhello`],
      byDefault: [undefined, HELLO],
    },
  ],
  osEnviron: [
    {
      value: { HOME: '/elsewhere', REMOTE_ADDR: 'covered' },
      effect: (handler) => [environOf(handler).HOME, environOf(handler).REMOTE_ADDR],
      expected: ['/elsewhere', '127.0.0.1'],
      byDefault: ['/of/the/process', '127.0.0.1'],
    },
  ],
  wsgiFileWrapper: [
    { value: OtherFile, effect: wrapper, expected: [OtherFile, false, true], byDefault: [FileWrapper, true, false] },
    { value: null, effect: wrapper, expected: [undefined, false, false], byDefault: [FileWrapper, true, false] },
  ],
  headersClass: [
    {
      value: OtherHeaders,
      effect: (handler) => outputOf(handler),
      expected: `${PREAMBLE}Content-Length:5\r\n\r\nhello`,
      byDefault: HELLO,
    },
  ],
  tracebackLimit: [
    { value: 1, effect: frames, expected: 1, byDefault: 2 },
    { value: 0, effect: logOf, expected: 'Error: the trouble\n', byDefault: expect.stringMatching(/\n {4}at .*\n/) },
  ],
  errorStatus: [
    {
      value: '503 Sorry',
      effect: errorOf,
      expected: ERROR.replace('500 Internal Server Error', '503 Sorry'),
      byDefault: ERROR,
    },
  ],
  errorHeaders: [
    {
      value: [['Retry-After', '7']],
      effect: errorOf,
      expected: ERROR.replace('Content-Type: text/plain', 'Retry-After: 7'),
      byDefault: ERROR,
    },
  ],
  errorBody: [
    {
      value: 'sorry',
      effect: errorOf,
      expected: `${ERROR_PREAMBLE}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nsorry`,
      byDefault: ERROR,
    },
  ],
};

describe.each(Object.entries<Override<unknown>[]>(attributes))('%s', (name, overrides) => {
  it.each(overrides)('$value, as a field of a subclass', ({ value, effect, expected, byDefault }) => {
    class Subclass extends Least {
      constructor() {
        super();
        // What a field is; its name cannot come from a table.
        Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
      }
    }
    expect(effect(new Least())).toEqual(byDefault);
    expect(effect(new Subclass())).toEqual(expected);
  });

  it.each(overrides)('$value, of an instance', ({ value, effect, expected }) => {
    expect(effect(Object.assign(new Least(), { [name]: value }))).toEqual(expected);
  });
});

describe('the tables', () => {
  const tested = [...Object.keys(methods), ...Object.keys(attributes)].sort();
  // Which members are not public the source alone knows.
  const source = readFileSync(new URL('../../src/handlers/base.ts', import.meta.url), 'utf8');
  const internal = [...source.matchAll(/^ {2}(?:private|protected) (?:async )?(\w+)/gm)].map((match) => match[1]!);

  it('have every public method and attribute', () => {
    const members = Object.getOwnPropertyNames(BaseHandler.prototype);
    expect(members).toEqual(expect.arrayContaining(['constructor', 'closeResult', 'reset']));
    expect(members.filter((name) => name !== 'constructor' && !internal.includes(name)).sort()).toEqual(tested);
    expect(Object.keys(BaseHandler.prototype).sort()).toEqual(Object.keys(attributes).sort());
  });

  it('leave out nothing but the state of a run', () => {
    expect(Object.keys(new BaseHandler()).filter((name) => !internal.includes(name))).toEqual(STATE);
  });

  it("have every member of CPython's", () => {
    const script = 'from wsgiref.handlers import BaseHandler; print(*(n for n in dir(BaseHandler) if n[:2] != "__"))';
    const theirs = execFileSync('python3', ['-c', script], { encoding: 'utf8' }).trim().split(' ');
    expect(theirs).toContain('setup_environ');
    const names = theirs
      // TypeScript has types for this one.
      .filter((name) => name !== '_convert_string_type')
      .map((name) => name.replace(/(?<=\w)_([a-z])/g, (_match, letter: string) => letter.toUpperCase()));
    expect([...tested, ...STATE]).toEqual(expect.arrayContaining(names));
  });
});

describe.each([
  ['SimpleHandler', SimpleHandler, `HTTP/1.0 200 OK\r\nDate: ${NOW}\r\n`],
  ['BaseCGIHandler', BaseCGIHandler, 'Status: 200 OK\r\n'],
])('%s', (_name, Handler, preamble) => {
  const output = () => {
    const parts: Uint8Array[] = [];
    return { write: (data: Uint8Array) => void parts.push(data), text: () => Buffer.concat(parts).toString() };
  };
  const made = (Class: typeof Handler = Handler) => {
    const handler = new Class(new MemoryInput('given'), output(), new MemoryErrors(), { SERVER_PROTOCOL: 'HTTP/1.0' });
    return Object.assign(handler, { osEnviron: {} });
  };
  const WHOLE = `${preamble}Content-Length: 5\r\n\r\nhello`;

  it('has no other attributes than are tested here', () => {
    const known = [
      ...Object.keys(new BaseHandler()),
      'wsgiMultithread',
      'wsgiMultiprocess',
      'originServer',
      'osEnviron',
    ];
    expect(Object.keys(made()).filter((name) => !known.includes(name))).toEqual([
      'stdin',
      'stdout',
      'stderr',
      'baseEnv',
    ]);
  });

  it('takes each from the instance when it runs', () => {
    const stdin = new MemoryInput('another');
    const stdout = output();
    const stderr = new MemoryErrors();
    const baseEnv = { SERVER_PROTOCOL: 'HTTP/1.0', HOME: '/of/the/request' };
    const handler = Object.assign(made(), { stdin, stdout, stderr, baseEnv });
    const environ = environOf(handler);
    expect(environ).toMatchObject(baseEnv);
    expect(environ['wsgi.input']).toBe(stdin);
    expect(environ['wsgi.errors']).toBe(stderr);
    expect(stdout.text()).toBe(WHOLE);
    void handler.run(failing);
    expect(stderr.text).toMatch(/^Error: the trouble\n/);
  });

  it('takes each from the field of a subclass', () => {
    const stdout = output();
    const stdin = new MemoryInput('another');
    const stderr = new MemoryErrors();
    class Subclass extends Handler {
      override stdin = stdin;
      override stdout = stdout;
      override stderr = stderr;
      override baseEnv = { SERVER_PROTOCOL: 'HTTP/1.0', HOME: '/of/the/subclass' };
    }
    const environ = environOf(made(Subclass));
    expect(environ.HOME).toBe('/of/the/subclass');
    expect(environ['wsgi.input']).toBe(stdin);
    expect(environ['wsgi.errors']).toBe(stderr);
    expect(stdout.text()).toBe(WHOLE);
  });

  it('does not change the environ that it was given', () => {
    const handler = made();
    environOf(handler).SERVER_PROTOCOL = 'changed';
    expect(handler.baseEnv).toEqual({ SERVER_PROTOCOL: 'HTTP/1.0' });
  });

  it('lets each of its steps be overridden around super', () => {
    const stdout = output();
    class Around extends Handler {
      override getStdin(): MemoryInput {
        return new MemoryInput(`${super.getStdin().read()} and wrapped`);
      }
      override getStderr(): ErrorStream {
        const errors = super.getStderr();
        return { write: (text) => errors.write(`[7] ${text}`), writelines() {}, flush: () => errors.flush() };
      }
      override addCgiVars(): void {
        super.addCgiVars();
        this.environ!.REMOTE_USER = 'somebody';
      }
      override _write(data: Uint8Array): void {
        super._write(Buffer.from(Buffer.from(data).toString().toUpperCase()));
      }
      override _flush(): void | Promise<void> {
        super._write(Buffer.from('|'));
        return super._flush();
      }
    }
    const flush = vi.fn();
    const handler = Object.assign(made(Around), { stdout: { ...stdout, flush } });
    const environ = environOf(handler);
    expect(String(environ['wsgi.input'].read())).toBe('given and wrapped');
    expect(environ).toMatchObject({ REMOTE_USER: 'somebody', SERVER_PROTOCOL: 'HTTP/1.0' });
    expect(stdout.text()).toBe(`${WHOLE.toUpperCase()}|`);
    expect(flush).toHaveBeenCalledTimes(1);
    void handler.run(failing);
    expect((handler.stderr as MemoryErrors).text).toMatch(/^\[7\] Error: the trouble\n/);
  });
});
