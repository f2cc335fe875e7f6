/** Errors of applications, an object of JSON a line, for those who collect logs. */

import type { Failure } from '../server/index.js';
import { describeError, show } from '../show.js';
import { withoutControls } from './escape.js';

/**
 * @param time milliseconds since 1970
 * @returns without its line feed
 */
export function errorLine({ error, environ }: Failure, time: number): string {
  const { REQUEST_METHOD: method, REQUEST_URI: target, REMOTE_ADDR: address } = environ;
  const line = JSON.stringify({
    time: new Date(time).toISOString(),
    level: 'error',
    requestId: environ['uwsgiref.request_id'],
    address: address || 'unix:',
    method,
    target,
    error: error instanceof Error ? error.name : 'Thrown',
    message: error instanceof Error ? error.message : show(error),
    stack: describeError(error, null),
  });
  return withoutControls(line);
}
