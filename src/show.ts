/** How values and errors appear in messages and logs. */

import { inspect } from 'node:util';

/** A value on one line, cut short: error messages quote what they were given, whatever its size. */
export function show(value: unknown): string {
  return inspect(value, { depth: 1, maxArrayLength: 8, maxStringLength: 120, breakLength: Number.POSITIVE_INFINITY });
}

/**
 * An error with its stack and those of its causes.
 *
 * @param frameLimit how many frames of each stack; null for all
 */
export function describeError(error: unknown, frameLimit: number | null): string {
  if (!(error instanceof Error)) return `Thrown: ${show(error)}`;
  const stack = limitFrames(error.stack ?? String(error), frameLimit);
  return error.cause === undefined ? stack : `${stack}\nCaused by: ${describeError(error.cause, frameLimit)}`;
}

function limitFrames(stack: string, limit: number | null): string {
  if (limit === null) return stack;
  const lines = stack.split('\n');
  const firstFrame = lines.findIndex((line) => /^\s+at /.test(line));
  return firstFrame < 0 ? stack : lines.slice(0, firstFrame + limit).join('\n');
}
