/** Errors, an object of JSON a line, for those who collect logs. */

import type { Failure } from '../server/index.js';
import { describeError, show } from '../show.js';
import { withoutControls } from './escape.js';

/**
 * What an application threw while it answered a request.
 *
 * @param time milliseconds since 1970
 * @returns without its line feed
 */
export function errorLine({ error, environ }: Failure, time: number): string {
  const { REQUEST_METHOD: method, REQUEST_URI: target, REMOTE_ADDR: address } = environ;
  return lineOf(error, time, {
    requestId: environ['uwsgiref.request_id'],
    address: address || 'unix:',
    method,
    target,
  });
}

/**
 * An error of no request, that nobody has caught.
 *
 * @param event node's name of it
 * @param time milliseconds since 1970
 * @returns without its line feed
 */
export function strayErrorLine(event: string, error: unknown, time: number): string {
  return lineOf(error, time, { event, pid: process.pid });
}

function lineOf(error: unknown, time: number, where: object): string {
  const line = JSON.stringify({
    time: new Date(time).toISOString(),
    level: 'error',
    ...where,
    error: error instanceof Error ? error.name : 'Thrown',
    message: error instanceof Error ? error.message : show(error),
    stack: describeError(error, null),
  });
  return withoutControls(line);
}
