/** Errors that nobody catches, such as of a timer: no request is theirs, and `onError` hears nothing of them. */

import type { Configuration } from '../configuration/index.js';
import { strayErrorLine } from '../logging/error-log.js';
import { describeError } from '../show.js';
import { DescriptorErrors } from '../streams.js';

/** Node's own names of them. */
export const STRAY_ERRORS = ['uncaughtException', 'unhandledRejection'] as const;
export type StrayError = (typeof STRAY_ERRORS)[number];

/** Says so on standard error, in one line where the log of errors is JSON. */
export function reportStrayError(errorLog: Configuration['errorLog'], event: StrayError, error: unknown): void {
  const text =
    errorLog === 'json'
      ? strayErrorLine(event, error, Date.now())
      : `uwsgiref: worker ${process.pid}: ${event}: ${describeError(error, null)}`;
  new DescriptorErrors().write(`${text}\n`);
}

/** Has a process that nobody replaces end of a stray error as node has it, with exit code 1, but in a line of JSON. */
export function endWithLineOfJson(): void {
  process.on('uncaughtException', (error, event) => {
    // An application that has a handler of its own decides itself what becomes of the process.
    if (process.listenerCount('uncaughtException') > 1) return;
    reportStrayError('json', event, error);
    process.exit(1);
  });
}
