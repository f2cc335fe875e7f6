/** The handler of the production server: {@link BaseHandler}'s life cycle over a connection of the native engine. */

import { fail } from 'node:assert';
import { DiskFile, FileParts } from '../files.js';
import { BaseHandler, ClientDisconnectedError } from '../handlers.js';
import { HeaderError } from '../headers.js';
import { checkRate } from '../rate.js';
import { describeError } from '../show.js';
import { DescriptorErrors, DescriptorInput, MemoryInput } from '../streams.js';
import type { Application, ErrorStream, FileLike, InputStream } from '../types.js';
import type { FileWrapper } from '../util.js';
import { type Answerer, type EnvironDefaults, RequestEnviron } from './environ.js';
import { AnswerTimeoutError, report } from './failures.js';
import { isEngineFile } from './held-file.js';
import { ERROR_KINDS, GONE, type NativeEngine, NO_BODY, NOT_A_FILE, REFUSED, TIMED_OUT } from './native-addon.js';
import type { ServerOptions } from './options.js';
import { headText, type Outbox } from './outbox.js';
import { GENERATION, SLOT } from './request-record.js';

// How far the answer has crossed into the engine. While it is kept nothing has: the head, and perhaps a first block,
// wait here, so that a common answer crosses in one call.
const KEPT = 0;
const STREAMING = 1;
const FINISHED = 2;

/** The answer is complete, and no further block is worth producing: an endless body would be produced for ever. */
class NoBodyWanted extends ClientDisconnectedError {}

/** Why the engine refuses a head, by its number: `http::ResponseError`. */
const REFUSALS = [
  '',
  'has a status that is not three digits, a space and a reason, or one of the 1xx',
  'has a field name that is not a token',
  'has a field value with a control character',
  'has a Content-Length that is not a decimal number',
  'has two different Content-Length fields',
];

/** What the requests of one listener have in common. */
export interface ServerContext extends EnvironDefaults {
  /** An application sent a hop-by-hop field, which the engine leaves out. */
  reportHopByHop(name: string): void;
  /** See {@link ServerOptions.onAnswered}. */
  readonly onAnswered?: ServerOptions['onAnswered'];
  /** See {@link ServerOptions.onError}; without it errors go to `wsgi.errors`, as in CPython. */
  readonly onError?: ServerOptions['onError'];
}

/** How a handler answers. */
export interface EngineAccess {
  readonly native: NativeEngine;
  readonly outbox: Outbox;
  /** Who hears of a request in hand that the client has room again, or is gone; by slot. */
  readonly handlers: Array<ServerHandler | undefined>;
}

/** A request in the engine's own terms: the record that begins at `start` of `places`. Holds during `onRequests`. */
export interface ReceivedRequest {
  readonly places: Uint32Array;
  start: number;
  text: string;
  body: Buffer | undefined;
}

/** Runs one request that the engine has handed over. It must be made within `onRequests`; run() may come later. */
export class ServerHandler extends BaseHandler implements Answerer {
  /** Names the request to the engine, together with {@link generation}. */
  readonly slot: number;
  readonly generation: number;
  /** The request, before anybody changed it. */
  readonly received: RequestEnviron;
  readonly #access: EngineAccess;
  readonly #context: ServerContext;
  readonly #application: Application | undefined;

  #phase: typeof KEPT | typeof STREAMING | typeof FINISHED = KEPT;
  #kept: Uint8Array | null = null;
  /** What the connection had no room for, in order, and what to do when it has left. */
  #waiting: Uint8Array[] | null = null;
  #finishing = false;
  #wake: (() => void) | null = null;
  #fail: ((error: Error) => void) | null = null;
  /** Why nobody waits for the answer any more. */
  #gone: ClientDisconnectedError | null = null;
  #abort: AbortController | null = null;
  #bodiless = false;

  constructor(engine: EngineAccess, context: ServerContext, request: ReceivedRequest, application?: Application) {
    super();
    this.#access = engine;
    this.#context = context;
    this.#application = application;
    const { places, start, text, body } = request;
    this.slot = places[start + SLOT]!;
    this.generation = places[start + GENERATION]!;
    engine.handlers[this.slot] = this;
    this.received = new RequestEnviron(this, text, body, places, start, engine.native.cgiKeys, context);
  }

  /** Runs the application that the handler was made for. */
  serve(): void | Promise<void> {
    if (this.#application !== undefined) return this.run(this.#application);
  }

  /** Runs the application, and makes sure that the engine is told an end of the answer whatever happens. */
  override run(application: Application): void | Promise<void> {
    let later: void | Promise<void>;
    try {
      later = super.run(application);
    } catch (error) {
      this.abandon(error);
      return;
    }
    if (later === undefined) this.#release();
    else return later.catch((error: unknown) => this.abandon(error)).then(() => this.#release());
  }

  /** As the others have it, but an answer that has no body is complete, and not a failure, where its blocks end early. */
  protected override recover(error: unknown): undefined | Promise<void> {
    if (error instanceof NoBodyWanted) return this.close() as undefined | Promise<void>;
    // What an application throws because it heeds the signal is no failure.
    return super.recover(this.#gone !== null && isAbort(error, this.#gone) ? this.#gone : error);
  }

  /** `environ['uwsgiref.signal']`. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#gone !== null) this.#abort.abort(this.#gone);
    return this.#abort.signal;
  }

  /** `environ['uwsgiref.pace']`. */
  pace(bytesPerSecond: number): void {
    this.#access.native.pace(this.slot, this.generation, checkRate("environ['uwsgiref.pace']()", bytesPerSecond));
  }

  override setupEnviron(): void {
    this.environ = this.received;
  }

  override getStdin(): InputStream {
    return this.received['wsgi.input'];
  }

  override getStderr(): ErrorStream {
    return this.#context.errors;
  }

  override logException(error: unknown): void {
    const { onError } = this.#context;
    if (onError === undefined) super.logException(error);
    else onError({ error, environ: this.received });
  }

  /** The engine drops such a field; that an application sent it is worth one line. */
  protected override refuseHopByHop(name: string): void {
    this.#context.reportHopByHop(name);
  }

  /** The head crosses with the first block, or with the end. */
  override sendHeaders(): void {
    this.headersSent = true;
  }

  override _write(data: Uint8Array): void {
    if (this.#gone !== null) throw this.#gone;
    if (this.#phase === KEPT) {
      if (this.#kept === null) {
        this.#kept = data;
        return;
      }
      this.#start();
    }
    this.#deliver(data);
  }

  /**
   * Sends what is kept, so that a client sees a block before the application is asked for the next (PEP 3333). The
   * blocks of an array are all there already, and nobody waits for the first.
   */
  override _flush(): void | Promise<void> {
    if (this.#phase === KEPT) {
      if (Array.isArray(this.result)) return;
      this.#start();
      // Not out of a write() that the application itself calls.
      if (this.#bodiless && this.result !== null) {
        this.#finish();
        throw new NoBodyWanted('A response to HEAD, a 204 and a 304 have no body');
      }
    }
    return this.#room();
  }

  override finishContent(): void {
    if (!this.headersSent) {
      // An application that never called startResponse has nothing to be sent.
      if (this.status === null) fail('The application returned without calling startResponse()');
      this.sendHeaders();
    }
    if (this.#phase === KEPT) this.#respond();
    else this.#finish();
    const room = this.#room();
    if (room !== undefined) this.waitFor(room);
  }

  /** Sends a file that the engine holds, or that has a descriptor; any other is read block by block. */
  override sendfile(): boolean | Promise<boolean> {
    const file: FileLike = (this.result as FileWrapper).filelike;
    if (this.status === null || this.#phase !== KEPT || this.#kept !== null) return false;
    if (isEngineFile(file) && file.isWhole) {
      if (this.#access.outbox.putFile(this.slot, this.generation, this.status, this.headers!, file)) {
        this.headersSent = true;
        this.#phase = FINISHED;
        return true;
      }
    }
    if (file instanceof FileParts) return this.headers!.has('Content-Length') && this.#sendParts(file);
    if (typeof file.fileno !== 'function') return false;
    const sent = this.#access.native.sendFile(
      this.slot,
      this.generation,
      this.#head(),
      this.headers!.length,
      file.fileno(),
      file.offset ?? -1,
      file.length ?? -1,
      file instanceof DiskFile ? 1 : 0,
    );
    if (sent === NOT_A_FILE) return false;
    this.#check(sent);
    this.headersSent = true;
    this.#phase = FINISHED;
    return sent === 1 ? true : this.#untilReady().then(() => true);
  }

  /** What stands between the parts is written, as the blocks of any other answer. */
  async #sendParts({ parts }: FileParts): Promise<true> {
    this.headersSent = true;
    this.#start();
    for (const part of this.#bodiless ? [] : parts) {
      if (part instanceof DiskFile) {
        const { slot, generation } = this;
        const sent = this.#access.native.sendPart(slot, generation, part.fileno(), part.offset, part.length);
        if (this.#check(sent) === 0) await this.#untilReady();
      } else {
        this.#deliver(part);
        await this.#room();
      }
    }
    this.#finish();
    return true;
  }

  override close(): void | Promise<void> {
    const closing = super.close();
    // The answer is complete. How long the application takes to close is its own affair, and may be for ever.
    if (closing !== undefined) this.#letGo(new Error('The request is over, and its body is no longer kept'));
    return closing;
  }

  override handleError(error: unknown): void | Promise<void> {
    // What is kept has not been sent, and an error page can take its place.
    if (this.#phase === KEPT) {
      this.#kept = null;
      this.headersSent = false;
    }
    return super.handleError(error);
  }

  /** The engine has room again, or a file has left. */
  onReady(): void {
    try {
      this.#drain();
      if (this.#waiting === null) this.#wake?.();
    } catch (error) {
      this.#fail?.(error as Error);
    }
  }

  /** Nobody waits for the answer any more. */
  onGone(why: number): void {
    if (why === TIMED_OUT) {
      this.#gone = new AnswerTimeoutError('The application did not begin its answer in time');
      this.#log(this.#gone);
    } else {
      this.#gone = new ClientDisconnectedError('The client closed the connection');
    }
    this.#abort?.abort(this.#gone);
    // What the application has open is closed now, not when it produces its next block, which may be never.
    void this.closeResult();
    this.#letGo(this.#gone);
    this.#fail?.(this.#gone);
  }

  /** The answer is over, and this is how it went; see {@link Answer}. */
  onAnswered(
    status: number,
    bytes: number,
    firstByte: number,
    duration: number,
    complete: boolean,
    time: number,
  ): void {
    // The engine has answered in the application's place.
    const timedOut = this.#gone instanceof AnswerTimeoutError;
    try {
      this.#context.onAnswered?.({
        time,
        environ: this.received,
        headers: this.headers,
        status: timedOut ? 504 : status,
        bytes,
        firstByte,
        duration,
        complete: complete || timedOut,
      });
    } catch (error) {
      report(this.#context.errors, `onAnswered failed: ${describeError(error, null)}`);
    }
  }

  #respond(): void {
    const body = this.#kept ?? undefined;
    if (this.#access.outbox.put(this.slot, this.generation, this.status!, this.headers!, body)) {
      this.#kept = null;
      this.#phase = FINISHED;
      return;
    }
    const taken = this.#check(
      this.#access.native.respond(this.slot, this.generation, this.#head(), this.headers!.length, body),
    );
    this.#kept = null;
    this.#phase = FINISHED;
    if (body !== undefined && taken < body.length) {
      this.#waiting = [body.subarray(taken)];
      this.#finishing = true;
    }
  }

  #start(): void {
    const { result } = this;
    const length = Array.isArray(result) ? byteLengthOf(result) : -1;
    const answer = this.#access.native.start(this.slot, this.generation, this.#head(), this.headers!.length, length);
    this.#bodiless = this.#check(answer) === NO_BODY;
    this.#phase = STREAMING;
    const kept = this.#kept;
    this.#kept = null;
    if (kept !== null) this.#deliver(kept);
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#waiting !== null) {
      this.#waiting.push(bytes);
      return;
    }
    const taken = this.#check(this.#access.native.write(this.slot, this.generation, bytes));
    if (taken < bytes.length) this.#waiting = [bytes.subarray(taken)];
  }

  #finish(): void {
    if (this.#waiting !== null) {
      this.#finishing = true;
      return;
    }
    this.#phase = FINISHED;
    this.#access.native.finish(this.slot, this.generation);
  }

  /** Writes what waits, as far as there is room. */
  #drain(): void {
    const blocks = this.#waiting;
    if (blocks === null) return;
    this.#waiting = null;
    for (const [index, block] of blocks.entries()) {
      this.#deliver(block);
      if (this.#waiting !== null) {
        this.#waiting = [...(this.#waiting as Uint8Array[]), ...blocks.slice(index + 1)];
        return;
      }
    }
    if (this.#finishing) this.#finish();
  }

  #room(): undefined | Promise<void> {
    return this.#waiting === null ? undefined : this.#untilReady();
  }

  #untilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      this.#fail = reject;
    });
  }

  /** Status and fields as the engine reads them; they have been checked, so that none contains a line feed. */
  #head(): string {
    return headText(this.status!, this.headers!);
  }

  #check(answer: number): number {
    if (answer >= 0) return answer;
    if (answer === GONE) throw new ClientDisconnectedError('The client closed the connection');
    if (answer > REFUSED) throw new Error(`The engine refuses the answer (${answer}); was it given twice?`);
    const code = REFUSED - answer;
    const kind = code % ERROR_KINDS;
    const field = this.headers?.items()[(code - kind) / ERROR_KINDS];
    throw new HeaderError(`The response ${REFUSALS[kind]}: ${kind === 1 ? this.status : field?.join(': ')}`);
  }

  /** Gives the request up: logs why, and has its connection closed. */
  abandon(error: unknown): void {
    this.#log(error);
    this.#release();
  }

  /** Logs an error, though the log itself may fail. */
  #log(error: unknown): void {
    try {
      this.logException(error);
    } catch (logError) {
      const both = `${describeError(error, null)}\nand wsgi.errors failed: ${describeError(logError, null)}\n`;
      new DescriptorErrors().write(both);
    }
  }

  #release(): void {
    if (this.#phase !== FINISHED || this.#waiting !== null) this.#access.native.abort(this.slot, this.generation);
    this.#phase = FINISHED;
    this.#waiting = null;
    this.#letGo();
  }

  /** Keeps nothing that another request could have. What is not read yet of the request's body is lost. */
  #letGo(lost?: Error): void {
    if (this.#access.handlers[this.slot] === this) this.#access.handlers[this.slot] = undefined;
    const input = this.received['wsgi.input'];
    if (input instanceof DescriptorInput) input.close(lost);
    // The engine counts the body until the exchange is over, and an application may go on for long.
    else if (lost !== undefined && input instanceof MemoryInput) input.letGo(lost);
  }
}

/** Whether an error is the signal's own reason, or what the platform makes of an abort. */
function isAbort(error: unknown, reason: Error): boolean {
  return error === reason || (error instanceof Error && (error.name === 'AbortError' || error.cause === reason));
}

function byteLengthOf(blocks: readonly unknown[]): number {
  let length = 0;
  for (const block of blocks) length += Buffer.byteLength(block as Uint8Array | string);
  return length;
}
