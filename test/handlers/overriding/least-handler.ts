import { expect } from 'vitest';
import { BaseHandler } from '../../../src/handlers.js';
import { MemoryErrors, MemoryInput } from '../../../src/streams.js';
import type { Application, Environ, ErrorStream, ResponseBody } from '../../../src/types.js';
import { FileWrapper } from '../../../src/util.js';

export const NOW = 'Mon, 05 Jun 2006 18:49:54 GMT';

/** The least that a subclass has to override; all else is the base class's. */
export class Least extends BaseHandler {
  output = '';
  readonly errors = new MemoryErrors();
  override osEnviron: Readonly<Record<string, string>> = { HOME: '/of/the/process' };

  override getStdin(): MemoryInput {
    return new MemoryInput('posted');
  }
  override getStderr(): ErrorStream {
    return this.errors;
  }
  override addCgiVars(): void {
    Object.assign(this.environ!, { SERVER_PROTOCOL: 'HTTP/1.0', REMOTE_ADDR: '127.0.0.1' });
  }
  override _write(data: Uint8Array): void {
    this.output += Buffer.from(data).toString('latin1');
  }
  override _flush(): void | Promise<void> {}
}

export const answering =
  (body: ResponseBody): Application =>
  (_environ, startResponse) => {
    startResponse('200 OK', []);
    return body;
  };
export const hello = answering(['hello']);
export const file: Application = (environ, startResponse) =>
  answering(new FileWrapper(new MemoryInput('file')))(environ, startResponse);
export const failing: Application = () => {
  throw new Error('the trouble');
};

export async function* later(): AsyncGenerator<string> {
  yield 'later';
}

export const PREAMBLE = `HTTP/1.0 200 OK\r\nDate: ${NOW}\r\n`;
export const HELLO = `${PREAMBLE}Content-Length: 5\r\n\r\nhello`;
export const ERROR_PREAMBLE = `HTTP/1.0 500 Internal Server Error\r\nDate: ${NOW}\r\n`;
export const ERROR_PAGE = 'A server error occurred.  Please contact the administrator.';
export const ERROR = `${ERROR_PREAMBLE}Content-Type: text/plain\r\nContent-Length: 59\r\n\r\n${ERROR_PAGE}`;

/** What a client gets. */
export function outputOf(handler: Least, application = hello): string {
  expect(handler.run(application)).toBeUndefined();
  return handler.output;
}

/** What the application gets. */
export function environOf(handler: BaseHandler): Environ {
  let given: Environ | undefined;
  void handler.run((environ, startResponse) => {
    given = environ;
    return hello(environ, startResponse);
  });
  return given ?? expect.unreachable();
}

/** What the log says of an application that fails. */
export function logOf(handler: Least): string {
  void handler.run(failing);
  return handler.errors.text;
}
