/**
 * A simple server in the manner of `wsgiref.simple_server`, on the native engine: one application at one host and
 * port. To host several applications, write one that dispatches by `shiftPathInfo`. For production there is `serve`.
 *
 * @module
 * @example
 * import { demoApp, makeServer } from 'uwsgiref/simple-server';
 *
 * const httpd = makeServer('', 8000, demoApp);
 * console.log('Serving HTTP on port 8000...');
 * await httpd.serveForever();
 */

import { fail } from 'node:assert';
import { hostname } from 'node:os';
import { BaseHandler } from './handlers.js';
import type { Engine } from './server/engine.js';
import type { RequestEnviron } from './server/environ.js';
import { checkOptions, type Refusal } from './server/options.js';
import { listenWith } from './server/server.js';
import {
  type EngineAccess,
  ServerHandler as EngineHandler,
  type ReceivedRequest,
  type ServerContext,
} from './server/server-handler.js';
import { hexEscape, repr, show } from './show.js';
import { DescriptorErrors } from './streams.js';
import type { Application, Environ, ErrorStream } from './types.js';
import { VERSION } from './version.js';

const SERVER_VERSION = `WSGIServer/${VERSION}`;
const SOFTWARE_VERSION = `${SERVER_VERSION} Node/${process.versions.node}`;

/** Runs one request of a {@link WSGIServer} and has it logged. */
export class ServerHandler extends EngineHandler {
  override wsgiMultithread = false;
  override wsgiMultiprocess = false;
  /** Whose environ is served, and who writes the log line. */
  readonly requestHandler: WSGIRequestHandler;
  readonly #server: WSGIServer;

  constructor(
    engine: EngineAccess,
    context: ServerContext,
    request: ReceivedRequest,
    server: WSGIServer,
    RequestHandlerClass: typeof WSGIRequestHandler,
  ) {
    super(engine, context, request);
    this.#server = server;
    const { REMOTE_ADDR = '', REMOTE_PORT } = this.received;
    this.requestHandler = new RequestHandlerClass(this, [REMOTE_ADDR, Number(REMOTE_PORT)], server);
  }

  /** Leaves the request to the server, which may not be serving yet. */
  override serve(): void {
    this.#server.processRequest(this);
  }

  /** The request as the engine handed it over. */
  get request(): RequestEnviron {
    return this.received;
  }

  // The production server takes the engine's environ as it is; here each step may be overridden, as in CPython.
  override setupEnviron(): void {
    BaseHandler.prototype.setupEnviron.call(this);
  }

  override addCgiVars(): void {
    const environ = Object.assign(this.environ ?? {}, this.requestHandler.getEnviron());
    Object.defineProperty(environ, 'uwsgiref.signal', { get: () => this.signal, enumerable: true, configurable: true });
  }

  override getStderr(): ErrorStream {
    return this.requestHandler.getStderr();
  }

  override close(): void | Promise<void> {
    if (this.status !== null) this.requestHandler.logRequest(this.status.slice(0, 3), this.bytesSent);
    return super.close();
  }
}

/** Turns one request into an environ and has the server's application answer it. Subclass it to change either. */
export class WSGIRequestHandler {
  readonly server: WSGIServer;
  readonly clientAddress: readonly [host: string, port: number];
  readonly #handler: ServerHandler | null;

  /** @param handler null for a request that the engine has refused by itself, and that is only to be logged */
  constructor(handler: ServerHandler | null, clientAddress: readonly [host: string, port: number], server: WSGIServer) {
    this.#handler = handler;
    this.clientAddress = clientAddress;
    this.server = server;
  }

  /** Runs an application for this request: `handler.run(application)`. */
  get handler(): ServerHandler {
    return this.#handler ?? fail('The request was refused; there is nothing to handle');
  }

  /** The first line of the request, as received. */
  get requestLine(): string {
    const { REQUEST_METHOD, REQUEST_URI, SERVER_PROTOCOL } = this.handler.request;
    return `${REQUEST_METHOD} ${REQUEST_URI} ${SERVER_PROTOCOL}`;
  }

  /** A new environ: the server's `baseEnviron`, and above it what the request says. */
  getEnviron(): Environ {
    const { request } = this.handler;
    const { REMOTE_ADDR, REQUEST_METHOD, REQUEST_URI, SERVER_PROTOCOL, PATH_INFO, QUERY_STRING } = request;
    const environ: Environ = {
      ...request,
      ...this.server.baseEnviron,
      SERVER_PROTOCOL,
      SERVER_SOFTWARE: SERVER_VERSION,
      REQUEST_METHOD,
      PATH_INFO: withOneSlash(PATH_INFO, REQUEST_URI),
      QUERY_STRING,
      REMOTE_ADDR,
      CONTENT_TYPE: request.CONTENT_TYPE ?? 'text/plain',
    };
    if (this.addressString() !== REMOTE_ADDR) environ.REMOTE_HOST = this.addressString();
    if (request.CONTENT_LENGTH) environ.CONTENT_LENGTH = request.CONTENT_LENGTH;
    for (const key of Object.keys(request)) {
      if (!key.startsWith('HTTP_')) continue;
      // As CPython does: a field named like a CGI variable, Path-Info say, is left out, and one that the server has a
      // value of is joined to it.
      if (key.slice('HTTP_'.length) in environ) delete environ[key];
      else if (key in this.server.baseEnviron) environ[key] = `${this.server.baseEnviron[key]},${request[key]}`;
    }
    return environ;
  }

  /** `wsgi.errors`, and where the log goes. */
  getStderr(): ErrorStream {
    return standardError;
  }

  /** Runs the server's application. */
  handle(): void | Promise<void> {
    return this.handler.run(this.server.getApp());
  }

  /** The client as the log names it. Where it is not the client's address it is `REMOTE_HOST`, too. */
  addressString(): string {
    return this.clientAddress[0];
  }

  /** Logs an answered request. */
  logRequest(code: string, size: number): void {
    this.logMessage(`"${this.requestLine}" ${code} ${size}`);
  }

  /** Logs a request that the engine has refused by itself. */
  logRefusal({ status, reason, requestLine }: Refusal): void {
    this.logMessage(`code ${status}, message ${reason}`);
    this.logMessage(`"${requestLine}" ${status} -`);
  }

  /** Writes one line to {@link getStderr}, with the client's address and the time. */
  logMessage(message: string): void {
    // A control character could forge a line of its own, or command a terminal.
    const printable = message.replace(/[\p{Cc}\\]/gu, (c) => (c === '\\' ? '\\\\' : hexEscape(c)));
    this.getStderr().write(`${this.addressString()} - - [${logTime(new Date())}] ${printable}\n`);
  }
}

/** A call of `handleRequest` that has none yet; null is one that the engine has refused by itself. */
interface Expecting {
  resolve(handler: ServerHandler | null): void;
  reject(error: Error): void;
}

/** Serves one application at one address. It is bound and listening once constructed; requests wait until it serves. */
export class WSGIServer {
  serverAddress: [host: string, port: number];
  serverName: string;
  serverPort: number;
  /** What every environ of this server begins with, after the process environment. */
  baseEnviron: Record<string, string> = {};
  readonly #engine: Engine;
  readonly #listener: number;
  readonly #waiting: ServerHandler[] = [];
  #application: Application | undefined;
  #serving: Promise<void> | undefined;
  #stop: (() => void) | undefined;
  /** Who waits for one request each, in the order in which they came. */
  readonly #expecting: Expecting[] = [];
  #closing: Promise<void> | undefined;

  /**
   * @param serverAddress host and port; '' is every address, port 0 a free one
   * @throws ListenError when the address cannot be bound
   */
  constructor(
    serverAddress: readonly [host: string, port: number],
    RequestHandlerClass: typeof WSGIRequestHandler = WSGIRequestHandler,
  ) {
    const [host, port] = serverAddress;
    const options = checkOptions({ host, port, serverHeader: SOFTWARE_VERSION, errors: standardError });
    options.listen.reportRefusals = true;
    const bound = listenWith(options, (context) => ({
      errors: standardError,
      handlerFor: (engine, request) => new ServerHandler(engine, context, request, this, RequestHandlerClass),
      onRefused: (refusal) => {
        new RequestHandlerClass(null, [refusal.address, refusal.port], this).logRefusal(refusal);
        this.#expecting.shift()?.resolve(null);
      },
    }));
    this.#engine = bound.engine;
    this.#listener = bound.listener;
    this.serverAddress = [host, bound.port];
    this.serverName = host || hostname();
    this.serverPort = bound.port;
    this.setupEnviron();
  }

  setApp(application: Application): void {
    this.#application = application;
  }

  /** @throws Error when no application is set */
  getApp(): Application {
    if (this.#application === undefined) throw new Error('The server has no application; call setApp() first');
    return this.#application;
  }

  /** Sets `baseEnviron`. */
  setupEnviron(): void {
    this.baseEnviron = {
      SERVER_NAME: this.serverName,
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_PORT: String(this.serverPort),
      REMOTE_HOST: '',
      CONTENT_LENGTH: '',
      SCRIPT_NAME: '',
    };
  }

  /** Answers requests until {@link shutdown}. */
  serveForever(): Promise<void> {
    this.#serving ??= new Promise((resolve) => {
      this.#stop = resolve;
    });
    for (const handler of this.#waiting.splice(0)) void this.#handle(handler);
    return this.#serving;
  }

  /**
   * Answers exactly one request: the next one, or the one that waits longest. One that is refused counts, too.
   *
   * @throws Error when the server is closed before one has come
   */
  async handleRequest(): Promise<void> {
    const handler =
      this.#waiting.shift() ??
      (await new Promise<ServerHandler | null>((resolve, reject) => {
        this.#expecting.push({ resolve, reject });
      }));
    if (handler !== null) await this.#handle(handler);
  }

  /** Ends {@link serveForever}; the server stays bound, and requests wait. */
  async shutdown(): Promise<void> {
    this.#serving = undefined;
    this.#stop?.();
  }

  /** Gives the address up. Requests in hand are finished; those that wait are not answered. */
  serverClose(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Python's `with makeServer(…) as httpd`: `await using httpd = makeServer(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.serverClose();
  }

  /** A request has arrived. */
  processRequest(handler: ServerHandler): void {
    const expecting = this.#expecting.shift();
    if (expecting !== undefined) expecting.resolve(handler);
    else if (this.#serving !== undefined) void this.#handle(handler);
    else this.#waiting.push(handler);
  }

  async #close(): Promise<void> {
    await this.shutdown();
    for (const { reject } of this.#expecting.splice(0)) {
      reject(new Error('The server was closed before a request came; await handleRequest() first'));
    }
    if (this.#waiting.length > 0) this.#engine.closeConnections(this.#listener);
    this.#waiting.length = 0;
    await this.#engine.drain(this.#listener);
  }

  /** Has a request handled. One whose handler fails is given up, and the server goes on. */
  async #handle(handler: ServerHandler): Promise<void> {
    try {
      await handler.requestHandler.handle();
    } catch (error) {
      handler.abandon(error);
    }
  }
}

/**
 * Makes a server that listens at `host` and `port` for `application`.
 *
 * @throws ListenError when the address cannot be bound
 */
export function makeServer(
  host: string,
  port: number,
  application: Application,
  options: { serverClass?: typeof WSGIServer; handlerClass?: typeof WSGIRequestHandler } = {},
): WSGIServer {
  const server = new (options.serverClass ?? WSGIServer)([host, port], options.handlerClass ?? WSGIRequestHandler);
  server.setApp(application);
  return server;
}

/** Says hello and shows the environ it was given: a check that a server runs applications at all. */
export const demoApp: Application = (environ, startResponse) => {
  let page = 'Hello world!\n\n';
  for (const key of Object.keys(environ).sort()) {
    const value = environ[key];
    page += `${key} = ${typeof value === 'string' ? repr(value) : show(value)}\n`;
  }
  startResponse('200 OK', [['Content-Type', 'text/plain; charset=utf-8']]);
  return [Buffer.from(page)];
};

const standardError = new DescriptorErrors();

/**
 * An application that redirects to its own path would name another host if that began with two slashes (gh-87389 in
 * CPython). As there, those of the target are meant; who percent-encodes a slash means it.
 */
function withOneSlash(path: string, target: string): string {
  const slashes = target.search(/[^/]|$/);
  return slashes > 1 ? path.slice(slashes - 1) : path;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** "21/Nov/2026 10:42:07", in local time, as CPython's server has it. */
function logTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
