/**
 * Handlers of the fetch standard, such as applications of Hono, as WSGI applications.
 *
 * @example
 * ```ts
 * const app = new Hono();
 * app.get('/', (c) => c.text('Hello'));
 * await serve(fromFetch(app));
 * ```
 *
 * @module
 */

import { STATUS_CODES } from 'node:http';
import { percentDecode, percentEncode } from './percent-encoding.js';
import { show } from './show.js';
import { say } from './static/answers.js';
import type { Application, Chunk, Environ, HeaderList, InputStream } from './types.js';
import { isHopByHop } from './util.js';

/** Answers a request. The second argument is the environ that the request was made from. */
export type FetchHandler = (request: Request, environ: Environ) => Response | Promise<Response>;

/** What has such a handler, as the default exports of many platforms do. */
export interface FetchObject {
  fetch: FetchHandler;
}

/**
 * Makes a WSGI application of a fetch handler. Bodies are streamed both ways; `request.signal` is
 * `environ['uwsgiref.signal']`, and the response's body is cancelled when the client is gone. What the handler throws,
 * or its promise rejects with, is the application's error, and answered as such.
 *
 * A request that a `Request` cannot stand for is answered here: 400 where no URL has its Host or its path, 501 for
 * CONNECT, TRACE and TRACK. A body of GET or HEAD is not handed on.
 *
 * @throws TypeError when there is no handler
 */
export function fromFetch(handler: FetchHandler | FetchObject): Application {
  if (typeof handler !== 'function' && typeof handler?.fetch !== 'function') {
    throw new TypeError(`fromFetch() takes a function, or an object with a method fetch, got ${show(handler)}`);
  }
  const answer: FetchHandler =
    typeof handler === 'function' ? handler : (request, environ) => handler.fetch(request, environ);

  return async (environ, startResponse) => {
    const exchange = { environ, startResponse };
    // Fetch, "Methods": a Request of these three cannot be made.
    if (/^(?:CONNECT|TRACE|TRACK)$/i.test(environ.REQUEST_METHOD)) return say(exchange, '501 Not Implemented');
    const url = urlOf(environ);
    if (url === null) return say(exchange, '400 Bad Request');
    const response = await answer(requestOf(environ, url), environ);
    checkResponse(response);

    const status = `${response.status} ${response.statusText || STATUS_CODES[response.status] || 'Unknown'}`;
    const blocks = await beginningOf(environ, response);
    startResponse(status, fieldsOf(response));
    return blocks;
  };
}

function requestOf(environ: Environ, url: string): Request {
  const { REQUEST_METHOD: method } = environ;
  const body = /^(?:GET|HEAD)$/i.test(method) ? null : bodyOf(environ);
  return new Request(url, {
    method,
    headers: requestFields(environ),
    signal: environ['uwsgiref.signal'] ?? null,
    ...(body === null ? {} : { body, duplex: 'half' }),
  });
}

function requestFields(environ: Environ): Array<[string, string]> {
  const fields: Array<[string, string]> = [];
  for (const key of Object.keys(environ)) {
    const value = environ[key];
    if (typeof value !== 'string') continue;
    if (key.startsWith('HTTP_')) fields.push([key.slice(5).replaceAll('_', '-'), value]);
    else if (key === 'CONTENT_TYPE' && value !== '') fields.push(['content-type', value]);
    else if (key === 'CONTENT_LENGTH' && value !== '') fields.push(['content-length', value]);
  }
  return fields;
}

// What leads out of the place of the host in a URL, or the URL parser would read as something else.
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@\\:[\]]+)(?::\d*)?$/;
// The URL parser takes such names away (URL, "single-dot" and "double-dot URL path segment"): the handler would see another path than
// whoever looked at PATH_INFO before it.
const DOT_NAMES = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

/** @returns null where there is no such URL */
function urlOf(environ: Environ): string | null {
  const host = environ.HTTP_HOST || serverOf(environ);
  if (!HOST.test(host)) return null;
  const path = pathOf(environ);
  if (DOT_NAMES.test(path)) return null;
  const query = environ.QUERY_STRING ? `?${percentEncode(environ.QUERY_STRING, /[^!-~]|#/g)}` : '';
  const url = `${environ['wsgi.url_scheme']}://${host}${path}${query}`;
  return URL.canParse(url) ? url : null;
}

/** For clients of HTTP/1.0, which need not say which host they want. */
function serverOf({ SERVER_NAME: name, SERVER_PORT: port }: Environ): string {
  return `${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`;
}

/** As the client wrote it, which tells `%2F` from a slash, unless somebody has changed what it asks for since. */
function pathOf({ SCRIPT_NAME: scriptName = '', PATH_INFO: pathInfo = '', REQUEST_URI: target = '' }: Environ): string {
  const path = scriptName + pathInfo || '/';
  const [, raw = ''] = /^(?:https?:\/\/[^/?]*)?(\/[^?#\\]*)/i.exec(target) ?? [];
  if (/^[!-~]+$/.test(raw) && percentDecode(raw) === path) return raw;
  return percentEncode(path, /[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g);
}

const BLOCK_SIZE = 65536;

/** @returns null where the request has no body */
function bodyOf(environ: Environ): ReadableStream<Uint8Array> | null {
  const input = environ['wsgi.input'];
  let unread = bodyLength(environ);
  if (unread === 0) return null;
  // Not a stream of bytes: that would take the memory of its blocks away from the input, whose views they are.
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const block = readBlock(input, unread);
        unread -= block.length;
        if (block.length > 0) controller.enqueue(block);
        if (block.length === 0 || unread === 0) controller.close();
      },
    },
    // Nothing is read before it is wanted.
    { highWaterMark: 0 },
  );
}

function readBlock(input: InputStream, unread: number): Buffer {
  return input.read(Math.min(BLOCK_SIZE, unread));
}

/** PEP 3333 has CONTENT_LENGTH bound the input; a chunked body without one ends where the gateway ends it. */
function bodyLength(environ: Environ): number {
  if (environ.CONTENT_LENGTH) return Number(environ.CONTENT_LENGTH);
  return environ['wsgi.input_terminated'] && environ.HTTP_TRANSFER_ENCODING ? Number.POSITIVE_INFINITY : 0;
}

function checkResponse(response: Response): void {
  const given: Partial<Response> | null | undefined = response;
  // Not instanceof: a framework may bring a class of its own.
  if (typeof given?.status !== 'number' || typeof given.headers?.get !== 'function') {
    throw new TypeError(`A fetch handler must answer with a Response, got ${show(response)}`);
  }
  if (response.status < 200) {
    throw new TypeError(
      `A fetch handler answered with ${response.status}, Response.error() perhaps, which is no answer`,
    );
  }
}

/** Each Set-Cookie is a field of its own (Fetch, "sort and combine"). What concerns the connection is the gateway's. */
function fieldsOf(response: Response): HeaderList {
  return [...response.headers].filter(([name]) => !isHopByHop(name));
}

/** A first read that shows whether there is a body at all, and whether it is one block, as most are. */
async function beginningOf(environ: Environ, { body, status }: Response): Promise<Chunk[] | StreamedBody> {
  if (body === null) return [];
  if (environ.REQUEST_METHOD === 'HEAD' || status === 204 || status === 304) {
    await body.cancel();
    return [];
  }
  const reader = body.getReader();
  const first = reader.read();
  const begun = await settledNow(first);
  if (begun === null) return new StreamedBody(reader, [first]);
  if (begun.done) return [];
  const second = reader.read();
  // The one that asks for it looks at its error.
  second.catch(() => undefined);
  const next = await settledNow(second).catch(() => null);
  return next?.done ? [begun.value] : new StreamedBody(reader, [first, second]);
}

type Read = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>;

/** @returns null where the promise waits for something; a body that is all there takes nothing but microtasks */
function settledNow(read: Promise<Read>): Promise<Read | null> {
  // process.nextTick() comes when no microtask is left.
  return Promise.race([read, new Promise<null>((resolve) => process.nextTick(resolve, null))]);
}

/** The body of a response, block by block. */
class StreamedBody implements AsyncIterableIterator<Chunk> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Those that were begun already. */
  readonly #reads: Promise<Read>[];
  #begun = false;
  #over = false;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, reads: Promise<Read>[]) {
    this.#reader = reader;
    this.#reads = reads;
  }

  async next(): Promise<IteratorResult<Chunk>> {
    if (!this.#begun) {
      this.#begun = true;
      // Nothing is there yet: the head leaves with an empty block, so that the client has it while it waits.
      if (this.#reads.length === 1) return { done: false, value: '' };
    }
    const read = await (this.#reads.shift() ?? this.#reader.read());
    this.#over = read.done;
    return read.done ? { done: true, value: undefined } : { done: false, value: read.value };
  }

  /** The client is gone, or the answer has failed: whoever produces the body is told, even while a block is awaited. */
  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    // What went wrong with the stream has been thrown by next().
    await this.#reader.cancel().catch(() => undefined);
  }

  async return(): Promise<IteratorResult<Chunk>> {
    await this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
