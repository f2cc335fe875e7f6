/**
 * A middleware that holds gateway and application to PEP 3333: put it between the two, and it throws at whoever
 * departs from the rules. For tests; it hides from the gateway what a body is (an array, a file), so that responses
 * lose their Content-Length and `sendfile`.
 *
 * @module
 */

import { AssertionError } from 'node:assert';
import { isAsyncIterable, isIterable, promiseOf } from './protocols.js';
import { RequestEnviron } from './server/environ.js';
import { show } from './show.js';
import type {
  Application,
  Chunk,
  Environ,
  ErrorStream,
  HeaderList,
  InputStream,
  ResponseBody,
  StartResponse,
  Write,
} from './types.js';

/** What is questionable, but not forbidden; see `process.on('warning')`. */
export class WSGIWarning extends Error {
  override name = 'WSGIWarning';
}

/**
 * Wraps an application. Request and response pass through as they are, each of their rules checked.
 *
 * A violation is an AssertionError out of whatever was being called; what is only doubtful, and a body that is never
 * closed, is a {@link WSGIWarning} from the process.
 */
export function validator(application: Application): Application {
  return (...args: unknown[]): ResponseBody | Promise<ResponseBody> => {
    assert(args.length === 2, () => `An application takes environ and startResponse, got ${args.length} arguments`);
    const [environ, startResponse] = args as [Environ, StartResponse];
    checkEnviron(environ);
    environ['wsgi.input'] = new CheckedInput(environ['wsgi.input']);
    environ['wsgi.errors'] = new CheckedErrors(environ['wsgi.errors']);

    const response: ResponseState = { started: false, closed: false };
    const result: unknown = application(environ, checkedStartResponse(startResponse, response));
    return promiseOf(result)?.then((body) => checkedBody(body, response)) ?? checkedBody(result, response);
  };
}

interface ResponseState {
  started: boolean;
  closed: boolean;
}

function checkedStartResponse(startResponse: StartResponse, response: ResponseState): StartResponse {
  return (...args: unknown[]): Write => {
    assert(
      args.length === 2 || args.length === 3,
      () => `startResponse takes status, headers and perhaps excInfo, got ${args.length} arguments: ${show(args)}`,
    );
    const [status, headers, excInfo] = args;
    checkStatus(status);
    checkHeaders(headers);
    checkContentType(status, headers);
    checkExcInfo(excInfo);

    response.started = true;
    const write = startResponse(...(args as Parameters<StartResponse>));
    return (...data: unknown[]) => {
      assert(data.length === 1, () => `write() takes one argument, got ${data.length}`);
      checkChunk(data[0], 'write() got');
      write(data[0]);
    };
  };
}

function checkedBody(body: unknown, response: ResponseState): ResponseBody {
  assert(
    typeof body !== 'string' && !(body instanceof Uint8Array),
    () => `Return [body], an array of one block, not the body itself: ${show(body)} would go out bit by bit`,
  );
  if (isIterable(body)) return new CheckedBlocks(body, response);
  if (isAsyncIterable(body)) return new CheckedAsyncBlocks(body, response);
  throw violation(`The application must return an iterable, if only an empty array, got ${show(body)}`);
}

// A body that nobody refers to any more cannot be closed any more.
const forgotten = new FinalizationRegistry((response: ResponseState) => {
  if (!response.closed) warn('Iterator garbage collected without being closed; the gateway must call close()');
});

/** What is the same for blocks that come at once and for blocks that are awaited. */
abstract class CheckedBody<Body extends ResponseBody> {
  readonly #body: Body;
  readonly #response: ResponseState;

  constructor(body: Body, response: ResponseState) {
    this.#body = body;
    this.#response = response;
    forgotten.register(this, response);
  }

  close(): void | Promise<void> {
    this.#response.closed = true;
    return this.#body.close?.();
  }

  protected checkOpen(): void {
    assert(!this.#response.closed, () => 'Iterator read after it was closed');
  }

  protected check(step: IteratorResult<Chunk>): IteratorResult<Chunk> {
    assert(this.#response.started, () => 'The body was iterated over, but startResponse has not been called');
    if (step.done !== true) checkChunk(step.value, 'The body yielded');
    return step;
  }
}

class CheckedBlocks extends CheckedBody<Iterable<Chunk>> implements IterableIterator<Chunk> {
  readonly #blocks: Iterator<Chunk>;

  constructor(body: Iterable<Chunk>, response: ResponseState) {
    // First, for it may fail, and then there is nothing that would have to be closed.
    const blocks = body[Symbol.iterator]();
    super(body, response);
    this.#blocks = blocks;
  }

  next(): IteratorResult<Chunk> {
    this.checkOpen();
    return this.check(this.#blocks.next());
  }

  return(): IteratorResult<Chunk> {
    return this.#blocks.return?.() ?? { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

class CheckedAsyncBlocks extends CheckedBody<AsyncIterable<Chunk>> implements AsyncIterableIterator<Chunk> {
  readonly #blocks: AsyncIterator<Chunk>;

  constructor(body: AsyncIterable<Chunk>, response: ResponseState) {
    // First, for it may fail, and then there is nothing that would have to be closed.
    const blocks = body[Symbol.asyncIterator]();
    super(body, response);
    this.#blocks = blocks;
  }

  async next(): Promise<IteratorResult<Chunk>> {
    this.checkOpen();
    return this.check(await this.#blocks.next());
  }

  async return(): Promise<IteratorResult<Chunk>> {
    return (await this.#blocks.return?.()) ?? { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

class CheckedInput implements InputStream {
  readonly #input: InputStream;

  constructor(input: InputStream) {
    this.#input = input;
  }

  /** PEP 3333 lets the size be absent; CPython's validator does not, for a server may then block. Nor does this one. */
  read(...args: unknown[]): Buffer {
    assert(args.length === 1, () => `wsgi.input.read() must be given a size here, got ${args.length} arguments`);
    return checkBytes('read', this.#input.read(...(args as [number])));
  }

  readline(...args: unknown[]): Buffer {
    assert(args.length <= 1, () => `wsgi.input.readline() takes a size at most, got ${args.length} arguments`);
    return checkBytes('readline', this.#input.readline(...(args as [number?])));
  }

  readlines(...args: unknown[]): Buffer[] {
    assert(args.length <= 1, () => `wsgi.input.readlines() takes a hint at most, got ${args.length} arguments`);
    const lines = this.#input.readlines(...(args as [number?]));
    assert(Array.isArray(lines), () => `wsgi.input.readlines() must return an array, got ${show(lines)}`);
    for (const line of lines) checkBytes('readlines', line);
    return lines;
  }

  *[Symbol.iterator](): IterableIterator<Buffer> {
    for (let line = this.readline(); line.length > 0; line = this.readline()) yield line;
  }

  close(): never {
    throw violation('wsgi.input must not be closed; it belongs to the gateway');
  }
}

class CheckedErrors implements ErrorStream {
  readonly #errors: ErrorStream;

  constructor(errors: ErrorStream) {
    this.#errors = errors;
  }

  write(...args: unknown[]): void {
    assert(args.length === 1, () => `wsgi.errors.write() takes one argument, got ${args.length}`);
    const [text] = args;
    assert(typeof text === 'string', () => `wsgi.errors.write() takes a string, got ${show(text)}`);
    this.#errors.write(text);
  }

  writelines(lines: Iterable<string>): void {
    for (const line of lines) this.write(line);
  }

  flush(...args: unknown[]): void {
    assert(args.length === 0, () => `wsgi.errors.flush() takes no arguments, got ${args.length}`);
    this.#errors.flush();
  }

  close(): never {
    throw violation('wsgi.errors must not be closed; it belongs to the gateway');
  }
}

const REQUIRED = [
  'REQUEST_METHOD',
  'SERVER_NAME',
  'SERVER_PORT',
  'wsgi.version',
  'wsgi.input',
  'wsgi.errors',
  'wsgi.multithread',
  'wsgi.multiprocess',
  'wsgi.run_once',
];
const KNOWN_METHODS = ['GET', 'HEAD', 'POST', 'OPTIONS', 'PATCH', 'PUT', 'DELETE', 'TRACE'];

function checkEnviron(environ: Environ): void {
  assert(isPlainObject(environ), () => `environ must be a plain object, got ${show(environ)}`);
  for (const key of REQUIRED) assert(key in environ, () => `environ has no ${key}, which PEP 3333 requires`);
  for (const key of ['CONTENT_TYPE', 'CONTENT_LENGTH']) {
    assert(!(`HTTP_${key}` in environ), () => `environ must not have HTTP_${key}; the key is ${key}`);
  }
  if (!('QUERY_STRING' in environ)) warn('environ has no QUERY_STRING; PEP 3333 allows that, but applications forget');
  for (const [key, value] of Object.entries(environ)) {
    // A key with a dot is an extension's, and its value what the extension wants.
    assert(key.includes('.') || typeof value === 'string', () => `environ.${key} must be a string, got ${show(value)}`);
  }
  checkVersion(environ['wsgi.version']);
  const scheme = environ['wsgi.url_scheme'];
  assert(
    scheme === 'http' || scheme === 'https',
    () => `wsgi.url_scheme must be 'http' or 'https', got ${show(scheme)}`,
  );
  checkMethods('wsgi.input', environ['wsgi.input'], ['read', 'readline', 'readlines', Symbol.iterator]);
  checkMethods('wsgi.errors', environ['wsgi.errors'], ['flush', 'write', 'writelines']);
  if (!KNOWN_METHODS.includes(environ.REQUEST_METHOD)) {
    warn(`Unknown REQUEST_METHOD: ${show(environ.REQUEST_METHOD)}; known are ${KNOWN_METHODS.join(', ')}`);
  }
  checkPaths(environ);
  const length = environ.CONTENT_LENGTH ?? '';
  assert(/^[0-9]*$/.test(length), () => `CONTENT_LENGTH must be a whole number of bytes, got ${show(length)}`);
}

function checkVersion(version: unknown): void {
  assert(
    Array.isArray(version) && version.length === 2 && version.every((part) => typeof part === 'number'),
    () => `wsgi.version must be an array of two numbers, got ${show(version)}`,
  );
}

function checkMethods(name: string, stream: unknown, methods: Array<string | symbol>): void {
  for (const method of methods) {
    assert(
      typeof (stream as Record<string | symbol, unknown> | null | undefined)?.[method] === 'function',
      () => `${name} must have the method ${String(method)}, got ${show(stream)}`,
    );
  }
}

function checkPaths({ SCRIPT_NAME: scriptName = '', PATH_INFO: pathInfo }: Environ): void {
  assert(/^(?:\/|$)/.test(scriptName), () => `SCRIPT_NAME must begin with a slash, got ${show(scriptName)}`);
  assert(/^(?:\/|$)/.test(pathInfo ?? ''), () => `PATH_INFO must begin with a slash, got ${show(pathInfo)}`);
  assert(scriptName !== '/', () => "SCRIPT_NAME must not be '/'; leave it empty, and let PATH_INFO be '/'");
  assert(
    scriptName !== '' || pathInfo !== undefined,
    () => "environ must have SCRIPT_NAME or PATH_INFO; let PATH_INFO be '/' where SCRIPT_NAME is empty",
  );
}

function checkStatus(status: unknown): asserts status is string {
  assert(typeof status === 'string', () => `Status must be a string, got ${show(status)}`);
  const code = statusCode(status);
  assert(code.length === 3, () => `Status codes must be three characters, got ${show(status)}`);
  assert(/^[1-9][0-9]{2}$/.test(code), () => `Status code must be a number from 100 up, got ${show(status)}`);
  if (status[3] !== ' ') warn(`Status should be three digits, one space and an explanation, got ${show(status)}`);
}

function checkHeaders(headers: unknown): asserts headers is HeaderList {
  assert(Array.isArray(headers), () => `Headers must be an array of [name, value] pairs, got ${show(headers)}`);
  for (const field of headers) checkField(field);
}

function checkField(field: unknown): void {
  assert(Array.isArray(field) && field.length === 2, () => `A header must be a [name, value] pair, got ${show(field)}`);
  const [name, value] = field;
  assert(typeof name === 'string', () => `Header name must be a string, got ${show(name)}`);
  assert(typeof value === 'string', () => `Header value must be a string, got ${show(value)} for ${show(name)}`);
  assert(
    name.toLowerCase() !== 'status',
    () => `The status is given as such, not as a header, which CGI would take for it; got ${show(field)}`,
  );
  assert(!/[\n:]/.test(name), () => `Header names may not contain ':' or '\\n': ${show(name)}`);
  assert(
    /^[a-zA-Z][a-zA-Z0-9\-_]*$/.test(name),
    () => `Bad header name: ${show(name)}; it must be letters, digits, '-' and '_', beginning with a letter`,
  );
  assert(!/[-_]$/.test(name), () => `Header names may not end in '-' or '_': ${show(name)}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be found
  const bad = /[\x00-\x1f]/.exec(value);
  assert(
    bad === null,
    () => `Bad header value: ${show(value)} (bad char: ${show(bad?.[0])}) for ${show(name)}; controls may not be sent`,
  );
}

// RFC 9110 §15.3.5 and §15.4.5: these have no content, and so nothing that had a type.
const WITHOUT_CONTENT = ['204', '304'];

function checkContentType(status: string, headers: HeaderList): void {
  const code = statusCode(status);
  const typed = headers.some(([name]) => name.toLowerCase() === 'content-type');
  if (WITHOUT_CONTENT.includes(code)) {
    assert(!typed, () => `Content-Type header found in a ${code} response, which must not have content`);
  } else {
    assert(typed, () => `No Content-Type header found in headers of ${show(status)}: ${show(headers)}`);
  }
}

function checkExcInfo(excInfo: unknown): void {
  if (excInfo === undefined || excInfo === null || excInfo instanceof Error) return;
  warn(`excInfo should be the Error that was caught, got ${show(excInfo)}`);
}

function checkChunk(chunk: unknown, whence: string): asserts chunk is Chunk {
  assert(
    typeof chunk === 'string' || chunk instanceof Uint8Array,
    () => `${whence} ${show(chunk)}; a block must be a Uint8Array or a string`,
  );
}

function checkBytes(method: string, value: unknown): Buffer {
  assert(Buffer.isBuffer(value), () => `wsgi.input.${method}() must yield a Buffer, got ${show(value)}`);
  return value;
}

function statusCode(status: string): string {
  return status.trimStart().split(/\s/, 1)[0] ?? '';
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || prototype === RequestEnviron.prototype;
}

/** The message is a function because most of them are never needed, and quote what may be large. */
function assert(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw violation(message());
}

function violation(message: string): AssertionError {
  return new AssertionError({ message, stackStartFn: assert });
}

function warn(message: string): void {
  process.emitWarning(new WSGIWarning(message));
}
