import { expect, vi } from 'vitest';
import { Headers } from '../../../src/headers.js';
import { MemoryErrors, MemoryInput } from '../../../src/streams.js';
import type {
  Application,
  Chunk,
  Environ,
  ErrorStream,
  ResponseBody,
  StartResponse,
  Write,
} from '../../../src/types.js';
import { FileWrapper } from '../../../src/util.js';
import {
  answering,
  ERROR,
  ERROR_PAGE,
  ERROR_PREAMBLE,
  environOf,
  failing,
  file,
  HELLO,
  hello,
  Least,
  later,
  logOf,
  NOW,
  outputOf,
  PREAMBLE,
} from './least-handler.js';
import type { Method } from './members.js';

/** Of each method, what an override does that calls super, and one that does not. */
export const methods: Record<Method, Record<string, () => void | Promise<void>>> = {
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
