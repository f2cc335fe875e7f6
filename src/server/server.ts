/** Listening, describing itself and closing: {@link serve} and the {@link Server} it answers. */

import { hostname } from 'node:os';
import type { Application, FileLike, FileWrapperClass } from '../types.js';
import { FileWrapper } from '../util.js';
import { Engine, type Service, type WaitName } from './engine.js';
import { writeFailures } from './failures.js';
import { listenError } from './listening-socket.js';
import type { Address, NativeStats } from './native-addon.js';
import { type CheckedOptions, checkOptions, type ServerOptions, SMALL_FILE_SIZE } from './options.js';
import { type ServerContext, ServerHandler } from './server-handler.js';
import { TlsError } from './tls-files.js';
import type { TlsFiles } from './tls-options.js';

/** Counters of the process, and the open connections of one server. */
export interface ServerStats extends NativeStats {
  /**
   * What they wait for: 'head', 'body' and 'client' for theirs to send or to read, 'answer' and 'application' for ours
   * to begin or to go on, 'disk' for a file that is not in memory, 'idle' for another request, 'close' for the client to
   * see the last answer.
   */
  readonly waits: Readonly<Record<WaitName, number>>;
}

export interface Server {
  /** Where a client on this machine finds the server; `unix:` and the path for a Unix socket. */
  readonly url: string;
  /** Where its socket is bound; a path that begins with '@' is of Linux' abstract namespace. */
  readonly address: Address;
  stats(): ServerStats;
  /**
   * Reads the files of `ServerOptions.tls` again. Connections from now on have the new certificates, those that are open
   * keep theirs.
   *
   * @throws TlsError when one cannot be used; the server goes on with those it has
   */
  reloadCertificates(): Promise<void>;
  /**
   * Stops accepting, lets requests in hand finish and closes idle connections. May be called again: where the times
   * differ, the shorter ones hold.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** Times are in milliseconds. */
export interface CloseOptions {
  /** How long requests in hand have before their connections are cut; default 10000. */
  graceMs?: number;
  /**
   * How long an idle connection may still bring a request, which is answered as its last; default 250. A client that
   * sends one just when its connection is closed has to try again (RFC 9112 §9.3.1); where another process goes on with
   * the socket, and nobody waits for this one's end, there is time for all who would.
   */
  idleMs?: number;
  /**
   * Whether connections that wait to be accepted are taken in and served. Default: unless the socket was given as an
   * `fd`, at which others may accept them.
   */
  takeWaiting?: boolean;
}

/**
 * Serves an application.
 *
 * @throws ListenError when the address cannot be bound or the certificate not be used
 * @throws RangeError when an option is unknown or out of its range
 * @throws EngineUnavailableError when the native engine cannot be loaded
 */
export async function serve(application: Application, options: ServerOptions = {}): Promise<Server> {
  const given = checkOptions(options);
  const checked = { ...given, onError: given.onError ?? writeFailures(given.errors) };
  const { errors, onRefused, onAnswered } = checked;
  const { engine, listener, address } = listenWith(checked, (context) => ({
    errors,
    ...(onRefused && { onRefused }),
    reportsAnswers: onAnswered !== undefined,
    handlerFor: (engine, request) => new ServerHandler(engine, context, request, application),
  }));
  return new ListeningServer(engine, listener, checked.listen.tls, urlOf(checked, address), address);
}

/** Where a listener of the engine was bound. */
export interface Bound {
  readonly engine: Engine;
  readonly listener: number;
  readonly address: Address;
  /** 0 for a Unix socket. */
  readonly port: number;
}

/**
 * Listens with a service of the caller's: what {@link serve} and `WSGIServer` share.
 *
 * @throws ListenError when the address cannot be bound or the certificate not be used
 */
export function listenWith(options: CheckedOptions, serviceOf: (context: ServerContext) => Service): Bound {
  const engine = Engine.get();
  const { listen, errors } = options;
  try {
    const { listener, address } = engine.listen(listen, (address, network) =>
      serviceOf({
        serverName: serverNameOf(options, address),
        serverPort: 'path' in address ? '' : String(address.port),
        serverSoftware: options.software,
        scheme: listen.tls === undefined ? 'http' : 'https',
        asksForCertificate: listen.tls?.ca !== undefined,
        multiprocess: options.multiprocess,
        errors,
        ...(options.onAnswered && { onAnswered: options.onAnswered }),
        ...(options.onError && { onError: options.onError }),
        fileWrapper: fileWrapperFor(listen.smallFileSize ?? SMALL_FILE_SIZE),
        forwardedFields: options.forwardedFields,
        network,
        reportHopByHop: onceForEach((name) => {
          errors.write(`uwsgiref: the hop-by-hop header ${name} of an application is left out\n`);
        }),
      }),
    );
    return { engine, listener, address, port: 'path' in address ? 0 : address.port };
  } catch (error) {
    throw listenError(error, listen);
  }
}

function fileWrapperFor(size: number): FileWrapperClass {
  return class extends FileWrapper {
    static readonly smallFileSize = size;

    // An implicit constructor takes V8 longer.
    constructor(filelike: FileLike, blksize?: number) {
      super(filelike, blksize);
    }
  };
}

class ListeningServer implements Server {
  readonly url: string;
  readonly address: Server['address'];
  readonly #engine: Engine;
  readonly #listener: number;
  readonly #tls: TlsFiles | undefined;
  #closing: Promise<void> | undefined;
  #lastStats: ServerStats | undefined;

  constructor(engine: Engine, listener: number, tls: TlsFiles | undefined, url: string, address: Server['address']) {
    this.#engine = engine;
    this.#listener = listener;
    this.#tls = tls;
    this.url = url;
    this.address = address;
  }

  stats(): ServerStats {
    if (this.#lastStats !== undefined) return this.#lastStats;
    return { ...this.#engine.stats(this.#listener), waits: this.#engine.waits(this.#listener) };
  }

  async reloadCertificates(): Promise<void> {
    if (this.#tls === undefined) throw new TlsError(`${this.url} is served without TLS`);
    if (this.#closing !== undefined) throw new TlsError(`${this.url} is not served any more`);
    this.#engine.replaceCertificates(this.#listener, this.#tls);
  }

  async close({ graceMs = 10_000, idleMs, takeWaiting }: CloseOptions = {}): Promise<void> {
    // The engine gives the listener's number to the next one.
    if (this.#lastStats !== undefined) return;
    const cut = setTimeout(() => this.#engine.closeConnections(this.#listener), graceMs);
    if (this.#closing === undefined) this.#closing = this.#engine.drain(this.#listener, idleMs, takeWaiting);
    else this.#engine.hurry(this.#listener, idleMs);
    await this.#closing;
    clearTimeout(cut);
    const waits = this.#engine.waits(this.#listener);
    this.#lastStats ??= { ...this.#engine.stats(this.#listener), openConnections: 0, waits };
  }
}

function onceForEach(report: (name: string) => void): (name: string) => void {
  const reported = new Set<string>();
  return (name) => {
    const key = name.toLowerCase();
    if (reported.has(key)) return;
    reported.add(key);
    report(name);
  };
}

function urlOf({ listen }: CheckedOptions, address: Address): string {
  if ('path' in address) return `unix:${address.path}`;
  const host = isEverywhere(address.host) ? '127.0.0.1' : address.host;
  return `${listen.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

function serverNameOf({ listen }: CheckedOptions, address: Address): string {
  if (listen.fd === undefined) return listen.host || hostname();
  return 'path' in address || isEverywhere(address.host) ? hostname() : address.host;
}

function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
