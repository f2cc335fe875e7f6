/**
 * The life of a WSGI response: begun by `startResponse`, sent block by block, finished or failed, closed. This is the
 * only place where that state is kept; CGI, tests and servers differ in what they override.
 *
 *     run ── setupEnviron ── application ── finishResponse ─┬─ sendfile ─────────────────┬─ close
 *      │                                                    └─ write … ── finishContent ─┘
 *      └── on an error: handleError ── errorOutput, an application like any other
 *
 * Every step is synchronous until something answers with a promise: the application, its iterable, its `close()`, or a
 * transport that has to wait for the client. From there on the rest of the response is a promise too, and no promise
 * is made before.
 */

import { fail } from 'node:assert';
import { checkField, checkPair, checkStatus, Headers } from '../headers.js';
import { PreparedHead } from '../prepared-head.js';
import { isAsyncIterable, isIterable, promiseOf } from '../protocols.js';
import { describeError, show } from '../show.js';
import type {
  Application,
  Chunk,
  Environ,
  ErrorStream,
  FileWrapperClass,
  HeaderList,
  InputStream,
  ResponseBody,
  StartResponse,
  Write,
} from '../types.js';
import { FileWrapper, guessScheme } from '../util.js';
import { readEnviron } from './read-environ.js';

/** Done already, or done when the promise is. */
type MaybeLater = undefined | Promise<void>;

/** What blocks are asked for from, one at a time. */
type Blocks = Iterator<Chunk> | AsyncIterator<Chunk>;

/** The client has gone away. A transport throws this from `_write`, `_flush` or `sendfile`; a run ends quietly on it. */
export class ClientDisconnectedError extends Error {
  override name = 'ClientDisconnectedError';
}

/**
 * Runs one application for one request. Abstract in the sense of `wsgiref`: `_write`, `_flush`, `getStdin`,
 * `getStderr` and `addCgiVars` throw until a subclass overrides them; everything else may be overridden.
 */
export class BaseHandler {
  // Configuration, for subclasses and instances to override. The defaults are on the prototype, below.
  declare wsgiVersion: readonly [major: number, minor: number];
  declare wsgiMultithread: boolean;
  declare wsgiMultiprocess: boolean;
  declare wsgiRunOnce: boolean;
  /** Whether output goes straight to the client, so that it begins with a status line, or to a CGI-like gateway. */
  declare originServer: boolean;
  /** The version in the status line. */
  declare httpVersion: string;
  /** For the Server field and `SERVER_SOFTWARE`; null for neither. */
  declare serverSoftware: string | null;
  /** What every environ starts from. Shared: never change it in place. */
  declare osEnviron: Readonly<Record<string, string>>;

  // Collaborators.
  /** `wsgi.file_wrapper`; null to offer none. */
  declare wsgiFileWrapper: FileWrapperClass | null;
  declare headersClass: new (
    headers: HeaderList,
    checked?: boolean,
  ) => Headers;

  // The answer to an error.
  /** How many stack frames {@link logException} prints, innermost first; null for all. */
  declare tracebackLimit: number | null;
  declare errorStatus: string;
  declare errorHeaders: HeaderList;
  declare errorBody: Chunk;

  // State: of one run, from `setupEnviron` to `close`.
  environ: Environ | null = null;
  status: string | null = null;
  headers: Headers | null = null;
  headersSent = false;
  /** Bytes of the body handed to `_write` so far. */
  bytesSent = 0;
  result: ResponseBody | null = null;
  /** While an error is being answered, that error: what Python has in `sys.exc_info()`. */
  currentError: unknown = undefined;
  /** What the last `_flush` asked to wait for. */
  private flushing: MaybeLater = undefined;
  /** The iterator over `result` while it rests between two blocks, so that `return()` is due if no more are wanted. */
  private resting: Blocks | null = null;
  /** The result whose `close()` has been called. */
  private closedResult: ResponseBody | null = null;

  /**
   * Runs the application and sends its response.
   *
   * @returns nothing when the response is complete, or a promise of that when something was asynchronous
   * @throws what went wrong while an error was being answered; every other error has been logged and answered
   */
  run(application: Application): void | Promise<void> {
    try {
      this.setupEnviron();
      return this.answerWith(application)?.catch((error: unknown) => this.recover(error));
    } catch (error) {
      return this.recover(error);
    }
  }

  /** Sets `environ`. */
  setupEnviron(): void {
    const environ = { ...this.osEnviron } as unknown as Environ;
    this.environ = environ;
    this.addCgiVars();

    environ['wsgi.input'] = this.getStdin();
    environ['wsgi.errors'] = this.getStderr();
    environ['wsgi.version'] = this.wsgiVersion;
    environ['wsgi.run_once'] = this.wsgiRunOnce;
    environ['wsgi.url_scheme'] = this.getScheme();
    environ['wsgi.multithread'] = this.wsgiMultithread;
    environ['wsgi.multiprocess'] = this.wsgiMultiprocess;
    if (this.wsgiFileWrapper !== null) environ['wsgi.file_wrapper'] = this.wsgiFileWrapper;
    if (this.originServer && this.serverSoftware) environ.SERVER_SOFTWARE ??= this.serverSoftware;
  }

  /** `wsgi.url_scheme`. */
  getScheme(): string {
    return guessScheme(this.requestEnviron());
  }

  /**
   * The `startResponse` that applications call (PEP 3333).
   *
   * @throws AssertionError when a response was begun before and there is no `excInfo`, or when status or headers are
   *   not what WSGI asks for
   * @throws HeaderError when one of them holds what may not be sent
   * @throws excInfo when the headers have been sent already
   */
  startResponse(status: string, headers: HeaderList, excInfo?: unknown): Write {
    if (excInfo !== undefined && excInfo !== null) {
      if (this.headersSent) throw excInfo;
    } else if (this.headers !== null) {
      fail('Headers already set! Pass the error as excInfo to replace a response that has not been sent');
    }
    checkStatus(status);
    this.checkHeaders(headers);
    this.status = status;
    this.headers = new this.headersClass(headers, true);
    return this.write.bind(this);
  }

  /** Called for a hop-by-hop field in the application's headers: those are the gateway's alone (PEP 3333). */
  protected refuseHopByHop(name: string, value: string): void {
    fail(`Hop-by-hop header, '${name}: ${value}', not allowed; the gateway decides about the connection`);
  }

  /**
   * PEP 3333's `write()`: sends one block, with the headers before the first. It cannot wait; when `_flush` asks for
   * that, the iteration waits before it asks for its next block.
   *
   * @throws AssertionError when `data` is no chunk, or no response was begun
   */
  write(data: Chunk): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    if (!(bytes instanceof Uint8Array)) fail(`write() argument must be a Uint8Array or a string, got ${show(data)}`);
    if (this.status === null) fail('write() before startResponse()');

    if (this.headersSent) {
      this.bytesSent += bytes.length;
    } else {
      // Known before the headers go, for the Content-Length of a body of one block.
      this.bytesSent = bytes.length;
      this.sendHeaders();
    }
    this._write(bytes);
    const flushing = promiseOf(this._flush());
    if (flushing !== undefined) this.waitFor(flushing);
  }

  /** Sends `result`, then closes. On an error it closes `result` alone and passes the error on. */
  finishResponse(): void | Promise<void> {
    let unfinished: MaybeLater;
    try {
      unfinished = this.sendResult() ?? this.takeFlushing();
    } catch (error) {
      const closing = this.closeResult();
      if (closing === undefined) throw error;
      return closing.then(() => Promise.reject(error));
    }
    return unfinished === undefined ? this.close() : this.finishResponseLater(unfinished);
  }

  /** Whether `result` was made by `wsgi.file_wrapper`, so that {@link sendfile} may be tried. */
  resultIsFile(): boolean {
    return this.wsgiFileWrapper !== null && this.result instanceof this.wsgiFileWrapper;
  }

  /**
   * Override to transmit a file by the platform's own means. It is called only when {@link resultIsFile}, and must
   * call {@link sendHeaders} before it sends anything.
   *
   * @returns true when it sent the whole file; false to have it read and written block by block instead
   */
  sendfile(): boolean | Promise<boolean> {
    return false;
  }

  /** Makes sure that the headers are out, even of a response without a body. */
  finishContent(): void {
    if (this.headersSent) return;
    // An application that answers HEAD may have said how long the body would be.
    this.responseHeaders().setDefault('Content-Length', '0');
    this.sendHeaders();
  }

  /** Sends status and headers; called once, before anything of the body. */
  sendHeaders(): void {
    this.cleanupHeaders();
    this.headersSent = true;
    if (!this.originServer || this.clientIsModern()) {
      this.sendPreamble();
      this._write(this.responseHeaders().toBytes());
    }
  }

  /** Override to change headers or add defaults before they are sent. */
  cleanupHeaders(): void {
    if (!this.responseHeaders().has('Content-Length')) this.setContentLength();
  }

  /** Sets Content-Length where it is known: the first block of an array of one is the whole body. */
  setContentLength(): void {
    if (Array.isArray(this.result) && this.result.length === 1) {
      this.responseHeaders().set('Content-Length', String(this.bytesSent));
    }
  }

  /** Sends the status, with Date and Server where this is an origin server. */
  sendPreamble(): void {
    if (!this.originServer) {
      this._write(Buffer.from(`Status: ${this.status}\r\n`, 'latin1'));
    } else if (this.clientIsModern()) {
      const headers = this.responseHeaders();
      let preamble = `HTTP/${this.httpVersion} ${this.status}\r\n`;
      // toUTCString() has the form of RFC 9110 §5.6.7's IMF-fixdate.
      if (!headers.has('Date')) preamble += `Date: ${new Date().toUTCString()}\r\n`;
      if (this.serverSoftware && !headers.has('Server')) {
        checkField('Server', this.serverSoftware);
        preamble += `Server: ${this.serverSoftware}\r\n`;
      }
      this._write(Buffer.from(preamble, 'latin1'));
    }
  }

  /** Whether the client knows of status and headers: HTTP/0.9 had neither. */
  clientIsModern(): boolean {
    const protocol = this.requestEnviron().SERVER_PROTOCOL;
    if (typeof protocol !== 'string') {
      throw new TypeError('environ has no SERVER_PROTOCOL; the gateway must set it in addCgiVars() (PEP 3333)');
    }
    return protocol.toUpperCase() !== 'HTTP/0.9';
  }

  /** Closes `result` and forgets the request. Subclasses may also end the connection. */
  close(): void | Promise<void> {
    const closing = this.closeResult();
    if (closing === undefined) this.reset();
    else return closing.then(() => this.reset());
  }

  /** Prints an error with its stack to {@link getStderr}. */
  logException(error: unknown): void {
    const stderr = this.getStderr();
    stderr.write(`${describeError(error, this.tracebackLimit)}\n`);
    stderr.flush();
  }

  /**
   * Logs an error and, where nothing has been sent yet, answers with {@link errorOutput}. Where something has, the
   * response stays as it is, and a server has to make it known as incomplete.
   */
  handleError(error: unknown = this.currentError): void | Promise<void> {
    this.logException(error);
    if (!this.headersSent) return this.answerWith((environ, startResponse) => this.errorOutput(environ, startResponse));
  }

  /**
   * The application that produces the error page; `currentError` says what it is about. Telling the client as much is
   * not advisable, so the default does not.
   */
  errorOutput(_environ: Environ, startResponse: StartResponse): ResponseBody | Promise<ResponseBody> {
    startResponse(this.errorStatus, this.errorHeaders.slice(), this.currentError);
    return [this.errorBody];
  }

  /**
   * Override to take output. It may be kept until `_flush`.
   *
   * @throws ClientDisconnectedError when nobody will read it
   */
  _write(_data: Uint8Array): void {
    this.mustOverride('_write');
  }

  /** Override to send what `_write` kept. The promise, if any, says: the connection is full, wait. */
  _flush(): void | Promise<void> {
    this.mustOverride('_flush');
  }

  /** Override to return `wsgi.input`. */
  getStdin(): InputStream {
    return this.mustOverride('getStdin');
  }

  /** Override to return `wsgi.errors`. */
  getStderr(): ErrorStream {
    return this.mustOverride('getStderr');
  }

  /** Override to put the CGI variables into `environ`. */
  addCgiVars(): void {
    this.mustOverride('addCgiVars');
  }

  /**
   * Ends what `result` has open: its iterator where that has not come to its end, and `result` itself where that has a
   * `close()`; once, however often this is called. What they throw is logged: the response is what it is by then.
   */
  protected closeResult(): MaybeLater {
    const { resting, result } = this;
    const closable = typeof result?.close === 'function' && result !== this.closedResult;
    this.resting = null;
    this.closedResult = result;

    const returning = resting?.return && this.attempt(() => resting.return?.());
    if (!closable) return returning;
    const close = () => this.attempt(() => result.close?.());
    return returning === undefined ? close() : returning.then(close);
  }

  /**
   * Puts off the next block, and the end of the run, until `flushing` is over. The last such wait will do: a transport
   * sends in order.
   */
  protected waitFor(flushing: Promise<void>): void {
    this.flushing = flushing;
    // Where the application fails first nobody comes to wait, and this must not count as an unhandled rejection.
    flushing.catch(() => undefined);
  }

  /** Calls an application and sends what it returns. */
  private answerWith(application: Application): MaybeLater {
    const result = application(this.requestEnviron(), this.startResponse.bind(this));
    const later = promiseOf(result);
    if (later !== undefined) return this.answerLater(later);
    this.result = result as ResponseBody;
    return promiseOf(this.finishResponse());
  }

  private async answerLater(result: Promise<ResponseBody>): Promise<void> {
    this.result = await result;
    await this.finishResponse();
  }

  private async finishResponseLater(unfinished: Promise<void>): Promise<void> {
    try {
      await unfinished;
      await this.takeFlushing();
    } catch (error) {
      await this.closeResult();
      throw error;
    }
    await this.close();
  }

  private sendResult(): MaybeLater {
    if (!this.resultIsFile()) return this.sendBlocks();
    const sent = this.sendfile();
    if (sent === true) return undefined;
    return sent === false ? this.sendBlocks() : this.sendBlocksUnless(sent);
  }

  private async sendBlocksUnless(sent: Promise<boolean>): Promise<void> {
    if (!(await sent)) await this.sendBlocks();
  }

  /** Writes `result` block by block, then finishes the content. */
  private sendBlocks(): MaybeLater {
    const result: unknown = this.result;
    if (Array.isArray(result)) return this.sendArray(result);
    // Both would go out, one character or byte at a time.
    if (typeof result === 'string' || result instanceof Uint8Array) fail('Return [body], not the body itself');
    if (isIterable(result)) return this.sendIterator(result[Symbol.iterator]());
    if (isAsyncIterable(result)) return this.sendBlocksLater(result[Symbol.asyncIterator]());
    fail(`The application must return an iterable of chunks, such as ['body'], got ${show(result)}`);
  }

  private sendArray(blocks: Chunk[]): MaybeLater {
    for (let index = 0; index < blocks.length; index++) {
      if (this.flushing !== undefined) return this.sendBlocksLater(blocks.slice(index).values());
      this.write(blocks[index] as Chunk);
    }
    this.finishContent();
    return undefined;
  }

  private sendIterator(blocks: Iterator<Chunk>): MaybeLater {
    for (;;) {
      if (this.flushing !== undefined) return this.sendBlocksLater(blocks);
      this.resting = null;
      const step = blocks.next();
      if (step.done) break;
      this.resting = blocks;
      this.write(step.value);
    }
    this.finishContent();
    return undefined;
  }

  /** As {@link sendIterator}, for blocks that have to be awaited, or that have to wait for the client. */
  private async sendBlocksLater(blocks: Blocks): Promise<void> {
    for (;;) {
      this.resting = blocks;
      if (this.flushing !== undefined) await this.takeFlushing();
      this.resting = null;
      const step = await blocks.next();
      if (step.done) break;
      this.resting = blocks;
      this.write(step.value);
    }
    this.finishContent();
  }

  private takeFlushing(): MaybeLater {
    const { flushing } = this;
    this.flushing = undefined;
    return flushing;
  }

  private checkHeaders(headers: HeaderList): void {
    if (!Array.isArray(headers)) fail(`Headers must be an array of [name, value] pairs, got ${show(headers)}`);
    if (PreparedHead.of(headers) !== undefined) return;
    for (let index = 0; index < headers.length; index++) {
      const field = headers[index];
      checkPair(field, index);
      if (checkField(field[0], field[1], index).hopByHop) this.refuseHopByHop(field[0], field[1]);
    }
  }

  /** The end of a run that failed. */
  protected recover(error: unknown): MaybeLater {
    if (error instanceof ClientDisconnectedError) return undefined;
    this.currentError = error ?? new Error(`The application threw ${error}; throw an Error instead`);
    try {
      return promiseOf(this.handleError(this.currentError))?.catch((second: unknown) => this.giveUp(second));
    } catch (second) {
      return this.giveUp(second);
    }
  }

  /** An error came up while another was being answered: there is nothing left but to close, and to let the server know. */
  private giveUp(error: unknown): MaybeLater {
    const closing = promiseOf(this.close());
    if (error instanceof ClientDisconnectedError) return closing;
    if (closing === undefined) throw error;
    return closing.then(() => Promise.reject(error));
  }

  /** Runs a closing step that must not stop the ones after it. */
  private attempt(step: () => unknown): MaybeLater {
    try {
      return promiseOf(step())?.then(
        () => undefined,
        (error: unknown) => this.logClosingError(error),
      );
    } catch (error) {
      this.logClosingError(error);
      return undefined;
    }
  }

  private logClosingError(error: unknown): void {
    if (!(error instanceof ClientDisconnectedError)) this.logException(error);
  }

  private reset(): void {
    this.environ = null;
    this.status = null;
    this.headers = null;
    this.headersSent = false;
    this.bytesSent = 0;
    this.result = null;
    this.currentError = undefined;
    this.flushing = undefined;
    this.resting = null;
    this.closedResult = null;
  }

  private requestEnviron(): Environ {
    return this.environ ?? fail('There is no request: call run(), or setupEnviron() first');
  }

  private responseHeaders(): Headers {
    return this.headers ?? fail('There is no response: startResponse() has not been called');
  }

  private mustOverride(method: string): never {
    throw new Error(`${this.constructor.name} must override ${method}()`);
  }
}

// On the prototype, as class attributes are in Python: an instance carries only what differs, and a subclass overrides
// one with an ordinary field.
Object.assign(BaseHandler.prototype, {
  wsgiVersion: [1, 0],
  wsgiMultithread: true,
  wsgiMultiprocess: true,
  wsgiRunOnce: false,
  originServer: true,
  httpVersion: '1.0',
  serverSoftware: null,
  osEnviron: readEnviron(),
  wsgiFileWrapper: FileWrapper,
  headersClass: Headers,
  tracebackLimit: null,
  errorStatus: '500 Internal Server Error',
  errorHeaders: [['Content-Type', 'text/plain']],
  errorBody: Buffer.from('A server error occurred.  Please contact the administrator.'),
} satisfies Partial<BaseHandler>);
