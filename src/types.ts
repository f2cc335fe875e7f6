/**
 * The vocabulary of WSGI (PEP 3333) as TypeScript types. Nothing here exists at run time.
 *
 * @module
 */

/** Response fields in the order in which they are sent: `[name, value]` pairs. */
export type HeaderList = Array<[name: string, value: string]>;

/** One block of a response body. A string goes out as UTF-8. */
export type Chunk = Uint8Array | string;

/** PEP 3333's `write()` callable, for applications that produce output imperatively. It cannot wait for the client. */
export type Write = (data: Chunk) => void;

/**
 * Begins a response.
 *
 * @param status three digits, a space and a reason phrase: `'200 OK'`
 * @param headers the response fields; the gateway keeps this very list and may add to it
 * @param excInfo the value that was thrown, when the call replaces a response that was begun but not yet sent
 * @throws `excInfo` itself when the fields are on their way already and nothing can be replaced
 */
export type StartResponse = (status: string, headers: HeaderList, excInfo?: unknown) => Write;

/** What an application returns. `close()` is called exactly once, however the response ends. */
export type ResponseBody = (Iterable<Chunk> | AsyncIterable<Chunk>) & { close?(): void | Promise<void> };

/** A WSGI application: synchronous as PEP 3333 has it, or answering with a promise or an asynchronous iterable. */
export type Application = (environ: Environ, startResponse: StartResponse) => ResponseBody | Promise<ResponseBody>;

/** `wsgi.input`. Reads block, as PEP 3333 has them; an empty Buffer stands for the end of the body. */
export interface InputStream {
  /** At most `size` bytes; all that remain when `size` is absent or negative. */
  read(size?: number): Buffer;
  /** One line with its line feed, cut at `size` bytes when `size` is given and not negative. */
  readline(size?: number): Buffer;
  /** The remaining lines; with `hint` above zero no further line is read once they hold `hint` bytes. */
  readlines(hint?: number): Buffer[];
  [Symbol.iterator](): IterableIterator<Buffer>;
}

/** `wsgi.errors`. */
export interface ErrorStream {
  write(text: string): void;
  writelines(lines: Iterable<string>): void;
  flush(): void;
}

/**
 * What `wsgi.file_wrapper` wraps. A gateway that can send by descriptor asks for `fileno()`.
 *
 * `offset` and `length` name the region of the file that remains to be read, in bytes, and such a gateway sends that
 * region; without them it starts at the descriptor's own position and sends what follows.
 */
export interface FileLike {
  /** At most `size` bytes, all that remain without `size`; empty at the end. */
  read(size?: number): Uint8Array;
  fileno?(): number;
  close?(): void;
  readonly offset?: number;
  readonly length?: number;
}

/** `wsgi.file_wrapper`: `new environ['wsgi.file_wrapper'](file, 65536)` is a body that may leave by `sendfile`. */
export interface FileWrapperClass {
  new (filelike: FileLike, blksize?: number): Iterable<Chunk> & { close?(): void };
  /** Up to how many bytes the gateway sends a file in one write with its head; absent where it does not. */
  readonly smallFileSize?: number;
}

/**
 * The request as an application sees it. Keys are PEP 3333's; a CGI variable whose value would be empty may be absent.
 * Strings hold one byte a character (ISO-8859-1), as PEP 3333 prescribes: `Buffer.from(value, 'latin1')` has the bytes.
 */
export interface Environ {
  REQUEST_METHOD: string;
  SERVER_NAME: string;
  SERVER_PORT: string;
  SERVER_PROTOCOL: string;
  SCRIPT_NAME?: string;
  PATH_INFO?: string;
  QUERY_STRING?: string;
  CONTENT_TYPE?: string;
  CONTENT_LENGTH?: string;
  SERVER_SOFTWARE?: string;
  /** The request target as it came, not decoded. Beside PEP 3333; other servers have it under this name. */
  REQUEST_URI?: string;
  REMOTE_ADDR?: string;
  HTTPS?: string;
  /** Where the server asks for client certificates: 'SUCCESS', 'NONE', or 'FAILED:' and a reason, as by mod_ssl. */
  SSL_CLIENT_VERIFY?: string;
  /** The subject of the client's certificate, as RFC 2253 writes a name. */
  SSL_CLIENT_S_DN?: string;
  HTTP_HOST?: string;
  'wsgi.version': readonly [major: number, minor: number];
  'wsgi.url_scheme': string;
  'wsgi.input': InputStream;
  'wsgi.errors': ErrorStream;
  'wsgi.multithread': boolean;
  'wsgi.multiprocess': boolean;
  'wsgi.run_once': boolean;
  'wsgi.file_wrapper'?: FileWrapperClass;
  /**
   * Aborted when nobody waits for the answer any more: the client is gone, or the answer did not begin in time. The
   * production server's; a copy of its environ has to be given it anew.
   */
  readonly 'uwsgiref.signal'?: AbortSignal | undefined;
  /**
   * Has the answer leave at so many bytes a second at most; 0: as fast as the client takes it. To be called before the
   * answer begins. The production server's, and as long-lived as its environ; only over TCP on Linux does it do anything.
   */
  readonly 'uwsgiref.pace'?: ((bytesPerSecond: number) => void) | undefined;
  /**
   * Tells the request from others, in logs: the X-Request-Id that it came with, or one that is made when somebody asks.
   * The production server's.
   */
  'uwsgiref.request_id'?: string | undefined;
  [key: string]: unknown;
}
