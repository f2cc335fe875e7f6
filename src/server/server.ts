/** Listening, describing itself and closing: {@link serve} and the {@link Server} it answers. */

import { hostname } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type { Application } from '../types.js';
import { FileWrapper } from '../util.js';
import { Engine, type Service } from './engine.js';
import type { NativeStats } from './native-addon.js';
import { type CheckedOptions, checkOptions, type ServerOptions } from './options.js';
import { type ServerContext, ServerHandler } from './server-handler.js';
import { TlsError } from './tls-files.js';
import type { TlsFiles } from './tls-options.js';

/** Counters of the process, and the open connections of one server. */
export type ServerStats = NativeStats;

export interface Server {
  /** Where a client on this machine finds the server; `unix:` and the path for a Unix socket. */
  readonly url: string;
  readonly address: { host: string; port: number } | { path: string };
  stats(): ServerStats;
  /**
   * Reads the files of `ServerOptions.tls` again. Connections from now on have the new certificates, those that are open
   * keep theirs.
   *
   * @throws TlsError when one cannot be used; the server goes on with those it has
   */
  reloadCertificates(): Promise<void>;
  /**
   * Stops accepting, lets requests in hand finish and closes idle connections.
   *
   * @param options.graceMs how long requests in hand have, in milliseconds, before their connections are cut; default
   *   10000
   */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** The server cannot listen. The message names the address and the remedy; `code` is the system's, such as EADDRINUSE. */
export class ListenError extends Error {
  override name = 'ListenError';
  readonly code: string;

  constructor(message: string, code: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const REMEDIES: Record<string, string> = {
  EADDRINUSE: 'another program listens there; stop it or choose another port',
  EACCES: 'this user may not listen there; ports below 1024 need CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/**
 * Serves an application.
 *
 * @throws ListenError when the address cannot be bound or the certificate not be used
 * @throws RangeError when an option is out of its range
 * @throws EngineUnavailableError when the native engine cannot be loaded
 */
export async function serve(application: Application, options: ServerOptions = {}): Promise<Server> {
  const checked = checkOptions(options);
  const { errors, onRefused, onAnswered } = checked;
  const { engine, listener, port } = listenWith(checked, (context) => ({
    errors,
    ...(onRefused && { onRefused }),
    reportsAnswers: onAnswered !== undefined,
    handlerFor: (engine, request) => new ServerHandler(engine, context, request, application),
  }));
  return new ListeningServer(engine, listener, checked.listen.tls, urlOf(checked, port), addressOf(checked, port));
}

/** Where a listener of the engine was bound. */
export interface Bound {
  readonly engine: Engine;
  readonly listener: number;
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
    const { listener, port } = engine.listen(listen, (port, network) =>
      serviceOf({
        serverName: listen.host || hostname(),
        serverPort: listen.path === undefined ? String(port) : '',
        serverSoftware: options.software,
        scheme: listen.tls === undefined ? 'http' : 'https',
        asksForCertificate: listen.tls?.ca !== undefined,
        multiprocess: options.multiprocess,
        errors,
        ...(options.onAnswered && { onAnswered: options.onAnswered }),
        fileWrapper: FileWrapper,
        forwardedFields: options.forwardedFields,
        network,
        reportHopByHop: onceForEach((name) => {
          errors.write(`uwsgiref: the hop-by-hop header ${name} of an application is left out\n`);
        }),
      }),
    );
    return { engine, listener, port };
  } catch (error) {
    throw listenError(error, listen.path ?? `${listen.host}:${listen.port}`);
  }
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
    return this.#lastStats ?? this.#engine.stats(this.#listener);
  }

  async reloadCertificates(): Promise<void> {
    if (this.#tls === undefined) throw new TlsError(`${this.url} is served without TLS`);
    if (this.#closing !== undefined) throw new TlsError(`${this.url} is not served any more`);
    this.#engine.replaceCertificates(this.#listener, this.#tls);
  }

  close({ graceMs = 10_000 }: { graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    const cut = setTimeout(() => this.#engine.closeConnections(this.#listener), graceMs);
    await this.#engine.drain(this.#listener);
    clearTimeout(cut);
    // The engine gives the listener's number to the next one.
    this.#lastStats = { ...this.#engine.stats(this.#listener), openConnections: 0 };
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

function listenError(error: unknown, address: string): unknown {
  const { code } = error as { code?: string };
  if (code === undefined) return error;
  const name = /^\d+$/.test(code) ? getSystemErrorName(-Number(code)) : code;
  const remedy = REMEDIES[name] ?? (error as Error).message;
  return new ListenError(`Cannot listen at ${address}: ${remedy} (${name})`, name, error);
}

function addressOf({ listen }: CheckedOptions, port: number): Server['address'] {
  return listen.path === undefined ? { host: listen.host ?? '', port } : { path: listen.path };
}

function urlOf({ listen }: CheckedOptions, port: number): string {
  if (listen.path !== undefined) return `unix:${listen.path}`;
  const everywhere = listen.host === '' || listen.host === '0.0.0.0' || listen.host === '::';
  const host = everywhere ? '127.0.0.1' : (listen.host as string);
  return `${listen.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
