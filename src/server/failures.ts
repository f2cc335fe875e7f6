/** Errors of applications, and the requests that met them. */

import { ClientDisconnectedError } from '../handlers.js';
import { describeError } from '../show.js';
import { DescriptorErrors } from '../streams.js';
import type { Environ, ErrorStream } from '../types.js';

/** What an application has thrown, or what was wrong with its answer. */
export interface Failure {
  readonly error: unknown;
  /** As the application leaves it; `uwsgiref.request_id` tells the request. */
  readonly environ: Environ;
}

/** The application did not begin its answer in time; the client was told so with a 504. */
export class AnswerTimeoutError extends ClientDisconnectedError {
  override name = 'TimeoutError';
}

/** Writes a line for operators. No request is at hand whose failure it could be that the stream takes none. */
export function report(errors: ErrorStream, what: string): void {
  try {
    errors.write(`uwsgiref: ${what}\n`);
  } catch (error) {
    new DescriptorErrors().write(`uwsgiref: ${what}\nand the error stream failed: ${describeError(error, null)}\n`);
  }
}

/** Writes each failure to a stream, behind what request it was. */
export function writeFailures(errors: ErrorStream): (failure: Failure) => void {
  return ({ error, environ }) => {
    const { REQUEST_METHOD: method, REQUEST_URI: target, 'uwsgiref.request_id': id } = environ;
    const timedOut = error instanceof AnswerTimeoutError;
    errors.write(
      timedOut
        ? `uwsgiref: no answer to ${method} ${target} in time, request ${id}; its client got a 504\n`
        : `uwsgiref: ${method} ${target} failed, request ${id}\n${describeError(error, null)}\n`,
    );
    errors.flush();
  };
}
