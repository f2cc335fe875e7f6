/** The one engine of this process: hands each request to the application of its listener. */

import type { Application } from '../types.js';
import { describeError } from '../show.js';
import { type EngineCallbacks, type ListenOptions, type NativeEngine, type NativeStats, openEngine } from './native-addon.js';
import { LISTENER } from './request-record.js';
import { type ServerContext, ServerHandler } from './server-handler.js';

/** Who answers the requests of a listener. */
export interface Service {
  readonly context: ServerContext;
  /** Makes the handler of the request that `native.record` and `text` describe. */
  handlerFor(native: NativeEngine, text: string, body: Buffer | undefined): ServerHandler;
  /** Runs it, now or later. */
  run(handler: ServerHandler): void | Promise<void>;
}

/** A service that runs one application. */
export class ApplicationService implements Service {
  readonly context: ServerContext;
  readonly #application: Application;

  constructor(application: Application, context: ServerContext) {
    this.#application = application;
    this.context = context;
  }

  handlerFor(native: NativeEngine, text: string, body: Buffer | undefined): ServerHandler {
    return new ServerHandler(native, this.context, text, body);
  }

  run(handler: ServerHandler): void | Promise<void> {
    return handler.run(this.#application);
  }
}

/** What operators are told, by the engine's number: `net::Notice`. */
const NOTICES = [
  'A file ended before its announced length; the connection was closed',
  'A file could not be read; the connection was closed',
  'An application wrote more than its Content-Length; the surplus was cut',
  'An application wrote less than its Content-Length; the connection was closed',
  'A request body could not be written to its temporary file',
];

export class Engine implements EngineCallbacks {
  static #instance: Engine | undefined;
  readonly #native: NativeEngine;
  readonly #services: Array<Service | undefined> = [];
  /** The handlers of requests in hand, by slot: who hears when the client has room again, or is gone. */
  readonly #handlers: Array<ServerHandler | undefined> = [];
  readonly #drained = new Map<number, () => void>();

  /** @throws EngineUnavailableError when the addon or uSockets cannot be loaded */
  static get(): Engine {
    Engine.#instance ??= new Engine();
    return Engine.#instance;
  }

  private constructor() {
    this.#native = openEngine({
      onRequest: (text, body) => this.onRequest(text, body),
      onReady: (slot, generation) => this.onReady(slot, generation),
      onGone: (slot, generation) => this.onGone(slot, generation),
      onNotice: (notice, errorNumber) => this.onNotice(notice, errorNumber),
      onDrained: (listener) => this.onDrained(listener),
    });
  }

  /** Listens, with `serviceAt` told the port that was bound. */
  listen(options: ListenOptions, serviceAt: (port: number) => Service): { listener: number; port: number } {
    const bound = this.#native.listen(options);
    this.#services[bound.listener] = serviceAt(bound.port);
    return bound;
  }

  /** Stops accepting; resolves when the last connection is closed. */
  drain(listener: number): Promise<void> {
    return new Promise((resolve) => {
      this.#drained.set(listener, resolve);
      this.#native.drain(listener);
    });
  }

  /** Ends the connections that are left. */
  closeConnections(listener: number): void {
    this.#native.closeConnections(listener);
  }

  stats(listener: number): NativeStats {
    return this.#native.stats(listener);
  }

  onRequest(text: string, body?: Buffer): void {
    const native = this.#native;
    const service = this.#services[native.record[LISTENER]!]!;
    const handler = service.handlerFor(native, text, body);
    this.#handlers[handler.slot] = handler;
    const later = service.run(handler);
    if (later !== undefined) later.catch((error: unknown) => console.error(describeError(error, null)));
  }

  onReady(slot: number, generation: number): void {
    const handler = this.#handlers[slot];
    if (handler?.generation === generation) handler.onReady();
  }

  onGone(slot: number, generation: number): void {
    const handler = this.#handlers[slot];
    if (handler?.generation === generation) handler.onGone();
  }

  onNotice(notice: number, errorNumber: number): void {
    const cause = errorNumber === 0 ? '' : ` (errno ${errorNumber})`;
    process.stderr.write(`uwsgiref: ${NOTICES[notice]}${cause}\n`);
  }

  onDrained(listener: number): void {
    this.#services[listener] = undefined;
    this.#drained.get(listener)?.();
    this.#drained.delete(listener);
  }
}
