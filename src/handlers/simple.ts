/** A gateway over streams that it is given. */

import { promiseOf } from '../protocols.js';
import type { ErrorStream, InputStream } from '../types.js';
import { BaseHandler, ClientDisconnectedError } from './base.js';

/** Where a {@link SimpleHandler} sends its output. */
export interface OutputStream {
  /** May return the number of bytes that it took; anything else means all of them. */
  write(data: Uint8Array): unknown;
  /** May return a promise: the output is full, wait. */
  flush?(): unknown;
}

/** Serves one request from and to the streams of its constructor, as an HTTP/1.0 origin server. */
export class SimpleHandler extends BaseHandler {
  stdin: InputStream;
  stdout: OutputStream;
  stderr: ErrorStream;
  /** The CGI variables of the request. */
  baseEnv: Readonly<Record<string, unknown>>;
  /** Of partial writes. */
  #warned = false;

  constructor(
    stdin: InputStream,
    stdout: OutputStream,
    stderr: ErrorStream,
    environ: Readonly<Record<string, unknown>>,
    multithread = true,
    multiprocess = false,
  ) {
    super();
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.baseEnv = environ;
    this.wsgiMultithread = multithread;
    this.wsgiMultiprocess = multiprocess;
  }

  override getStdin(): InputStream {
    return this.stdin;
  }

  override getStderr(): ErrorStream {
    return this.stderr;
  }

  override addCgiVars(): void {
    Object.assign(this.environ ?? {}, this.baseEnv);
  }

  override _write(data: Uint8Array): void {
    let written = this.send(data);
    if (written === data.length) return;
    if (!this.#warned) {
      process.emitWarning('SimpleHandler: stdout.write() should not do partial writes', 'DeprecationWarning');
      this.#warned = true;
    }
    while (written < data.length) written += this.send(data.subarray(written));
  }

  override _flush(): void | Promise<void> {
    try {
      return promiseOf(this.stdout.flush?.())?.then(
        () => undefined,
        (error: unknown) => Promise.reject(disconnection(error) ?? error),
      );
    } catch (error) {
      throw disconnection(error) ?? error;
    }
  }

  private send(data: Uint8Array): number {
    try {
      const written = this.stdout.write(data);
      return typeof written === 'number' ? written : data.length;
    } catch (error) {
      throw disconnection(error) ?? error;
    }
  }
}

// Translated here, where it is certain whose connection broke: an application may fail for a broken connection of its
// own, to a database say, and that is to be logged and answered.
const DISCONNECTED = new Set<unknown>(['EPIPE', 'ECONNRESET', 'ECONNABORTED']);

function disconnection(error: unknown): ClientDisconnectedError | undefined {
  if (!(error instanceof Error && 'code' in error && DISCONNECTED.has(error.code))) return undefined;
  return new ClientDisconnectedError(`The client is gone: ${error.message}`, { cause: error });
}
