/** The one engine of this process: hands each request to the application of its listener. */

import { getSystemErrorName } from 'node:util';
import { describeError } from '../show.js';
import type { Environ, ErrorStream } from '../types.js';
import { AnswerReports } from './answer-reports.js';
import { report } from './failures.js';
import type { Network } from './forwarded.js';
import {
  type Address,
  type EngineCallbacks,
  type ListenOptions,
  type NativeStats,
  openEngine,
} from './native-addon.js';
import type { Refusal } from './options.js';
import { Outbox } from './outbox.js';
import { FIELD_COUNT, FIELD_PLACES, FIELDS, LISTENER } from './request-record.js';
import type { EngineAccess, ReceivedRequest, ServerHandler } from './server-handler.js';
import { checkTlsFiles, TlsError } from './tls-files.js';
import type { TlsFiles } from './tls-options.js';

/** Who answers the requests of a listener. */
export interface Service {
  /** Where an operator is told of what no client is. */
  readonly errors: ErrorStream;
  /** Makes the handler of a request; its serve() runs it, now or later. */
  handlerFor(engine: EngineAccess, request: ReceivedRequest): ServerHandler;
  /** Whether the handlers' onAnswered() is to be called. */
  readonly reportsAnswers?: boolean;
  /** The engine has answered a request by itself, with an error. */
  onRefused?(refusal: Refusal): void;
}

/** What operators are told, by the engine's number: `net::Notice`. */
const NOTICES = [
  'A file ended before its announced length; the connection was closed',
  'A file could not be read; the connection was closed',
  'An application wrote more than its Content-Length; the surplus was cut',
  'An application wrote less than its Content-Length; the connection was closed',
  'A request body could not be written to its temporary file',
  'Nearly all file descriptors are in use; connections wait until some are closed. Raise the limit: ulimit -n',
  'Connections cannot be accepted for now, and wait',
  'A file was written to while it was sent; the connection was closed',
];

/** `net::Drain`'s own. Milliseconds. */
const DRAIN_IDLE = 250;

/** What a connection waits for, by `net::Wait`. */
export const WAITS = ['application', 'head', 'idle', 'body', 'answer', 'client', 'disk', 'close'] as const;
export type WaitName = (typeof WAITS)[number];

export class Engine implements EngineCallbacks {
  static #instance: Engine | undefined;
  readonly #access: EngineAccess;
  readonly #reports: AnswerReports;
  readonly #request: ReceivedRequest;
  readonly #services: Array<Service | undefined> = [];
  readonly #drained = new Map<number, () => void>();

  /** @throws EngineUnavailableError when the addon or uSockets cannot be loaded */
  static get(): Engine {
    Engine.#instance ??= new Engine();
    return Engine.#instance;
  }

  private constructor() {
    const native = openEngine({
      onRequests: (text, count, body) => this.onRequests(text, count, body),
      onReady: (slot, generation) => this.onReady(slot, generation),
      onGone: (slot, generation, why) => this.onGone(slot, generation, why),
      onRefused: (listener, status, reason, requestLine, address, port) =>
        this.onRefused(listener, status, reason, requestLine, address, port),
      onNotice: (listener, notice, errorNumber) => this.onNotice(listener, notice, errorNumber),
      onDrained: (listener) => this.onDrained(listener),
      onAnswered: () => this.onAnswered(),
    });
    const { record, recordPlaces } = native.layout;
    this.#access = { native, outbox: new Outbox(native), handlers: [] };
    this.#reports = new AnswerReports(native);
    this.#request = {
      places: new Uint32Array(native.shared, record, recordPlaces),
      start: 0,
      text: '',
      body: undefined,
    };
  }

  /**
   * Listens, with `serviceAt` told the address that was bound, and whom the listener trusts.
   *
   * @throws TlsError when a certificate cannot be used
   */
  listen(
    options: ListenOptions,
    serviceAt: (address: Address, network: Network) => Service,
  ): { listener: number; address: Address } {
    const { native } = this.#access;
    if (options.tls !== undefined) checkTlsFiles(options.tls, native);
    const bound = native.listen(options);
    this.#services[bound.listener] = serviceAt(bound.address, {
      addressText: native.addressText,
      trusts: (text) => native.trusts(bound.listener, text),
      isHost: native.isHost,
    });
    return bound;
  }

  /**
   * Reads the certificates again, for the connections that are accepted from now on.
   *
   * @throws TlsError when one cannot be used; the listener keeps those it has
   */
  replaceCertificates(listener: number, files: TlsFiles): void {
    checkTlsFiles(files, this.#access.native);
    try {
      this.#access.native.replaceCertificates(listener, files);
    } catch (error) {
      throw new TlsError((error as Error).message, { cause: error });
    }
  }

  /**
   * Stops accepting; resolves when the last connection is closed.
   *
   * @param idleMs how long a connection without a request stays, in milliseconds
   * @param takeWaiting whether connections that wait to be accepted are taken in though others could accept them
   */
  drain(listener: number, idleMs = DRAIN_IDLE, takeWaiting = false): Promise<void> {
    return new Promise((resolve) => {
      this.#drained.set(listener, resolve);
      this.#access.native.drain(listener, idleMs, takeWaiting ? 1 : 0);
    });
  }

  /** Gives idle connections of a listener that drains less time. */
  hurry(listener: number, idleMs = DRAIN_IDLE): void {
    if (this.#drained.has(listener)) this.#access.native.drain(listener, idleMs, 0);
  }

  /** Takes a place among the processes that accept at the same sockets; before this one listens at them. */
  joinScoreboard(fd: number, place: number): void {
    this.#access.native.joinScoreboard(fd, place);
  }

  /** Ends the connections that are left. */
  closeConnections(listener: number): void {
    this.#access.native.closeConnections(listener);
  }

  stats(listener: number): NativeStats {
    return this.#access.native.stats(listener);
  }

  /** How many of a listener's connections wait for what, by the names of {@link WAITS}. */
  waits(listener: number): Record<WaitName, number> {
    const counts = this.#access.native.waits(listener) ?? [];
    return Object.fromEntries(WAITS.map((name, kind) => [name, counts[kind] ?? 0])) as Record<WaitName, number>;
  }

  /** The requests whose answers are not over, of listeners that report answers. */
  inFlight(): Array<{ environ: Environ; elapsed: number }> {
    const { native } = this.#access;
    return this.#reports.awaited
      .map(({ received: environ, slot, generation }) => ({ environ, elapsed: native.elapsed(slot, generation) }))
      .filter(({ elapsed }) => elapsed >= 0);
  }

  onRequests(text: string, count: number, body?: Buffer): void {
    this.#reports.read();
    const request = this.#request;
    request.text = text;
    request.body = body;
    request.start = 0;
    if (count === 1) {
      this.#serve(this.#receive());
      return;
    }
    // All records are read before any application runs: what one of these does may bring further requests in.
    const handlers: ServerHandler[] = [];
    for (let index = 0; index < count; index++) handlers.push(this.#receive());
    for (const handler of handlers) this.#serve(handler);
  }

  /** Makes the handler of the request that comes next in the records. */
  #receive(): ServerHandler {
    const request = this.#request;
    const { places, start } = request;
    const service = this.#services[places[start + LISTENER]!]!;
    const handler = service.handlerFor(this.#access, request);
    // It would be kept until the next request comes, which may be long.
    request.body = undefined;
    if (service.reportsAnswers) this.#reports.await(handler);
    request.start = start + FIELDS + places[start + FIELD_COUNT]! * FIELD_PLACES;
    return handler;
  }

  #serve(handler: ServerHandler): void {
    const later = handler.serve();
    if (later !== undefined) later.catch((error: unknown) => console.error(describeError(error, null)));
  }

  onReady(slot: number, generation: number): void {
    const handler = this.#access.handlers[slot];
    if (handler?.generation === generation) handler.onReady();
  }

  onGone(slot: number, generation: number, why: number): void {
    const handler = this.#access.handlers[slot];
    if (handler?.generation === generation) handler.onGone(why);
  }

  onRefused(
    listener: number,
    status: number,
    reason: string,
    requestLine: string,
    address: string,
    port: number,
  ): void {
    const service = this.#services[listener];
    try {
      service?.onRefused?.({ status, reason, requestLine, address, port });
    } catch (error) {
      report(service!.errors, `onRefused failed: ${describeError(error, null)}`);
    }
  }

  onNotice(listener: number, notice: number, errorNumber: number): void {
    const cause = errorNumber === 0 ? '' : ` (${getSystemErrorName(-errorNumber)})`;
    const service = this.#services[listener];
    if (service !== undefined) report(service.errors, `${NOTICES[notice]}${cause}`);
  }

  onAnswered(): void {
    this.#reports.read();
  }

  onDrained(listener: number): void {
    this.#reports.read();
    this.#services[listener] = undefined;
    this.#drained.get(listener)?.();
    this.#drained.delete(listener);
  }
}
