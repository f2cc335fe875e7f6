/** How values and errors appear in messages and logs. */

import { inspect } from 'node:util';

/** A value on one line, cut short: error messages quote what they were given, whatever its size. */
export function show(value: unknown): string {
  return inspect(value, { depth: 1, maxArrayLength: 8, maxStringLength: 120, breakLength: Number.POSITIVE_INFINITY });
}

/** A text as Python's `repr()` has it: in quotes, on one line, with what no terminal can show escaped. */
export function repr(text: string): string {
  // U+00A0 is a space and U+00AD a hyphen that may not be seen, so Python escapes them too.
  const escaped = text.replace(/[\p{Cc}\xa0\xad\\]/gu, (character) => ESCAPES.get(character) ?? hexEscape(character));
  if (!text.includes("'")) return `'${escaped}'`;
  return text.includes('"') ? `'${escaped.replaceAll("'", "\\'")}'` : `"${escaped}"`;
}

const ESCAPES = new Map([
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\\', '\\\\'],
]);

/** `\x1b` for a character up to U+00FF. */
export function hexEscape(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

// An error may have itself for a cause, or a chain of causes without end.
const MOST_ERRORS = 32;

/**
 * An error with its stack, and those of its causes and of the errors it stands for. Never throws, whatever was thrown.
 *
 * @param frameLimit how many frames of each stack, innermost first; null for all
 */
export function describeError(error: unknown, frameLimit: number | null): string {
  try {
    return describe(error, frameLimit, new Set());
  } catch {
    return 'Thrown: a value that cannot be described, because looking at it throws';
  }
}

function describe(error: unknown, frameLimit: number | null, seen: Set<unknown>): string {
  const parts: string[] = [];
  for (let each = error, relation = ''; ; relation = 'Caused by: ') {
    if (!(each instanceof Error)) {
      parts.push(`${relation}Thrown: ${show(each)}`);
      break;
    }
    if (seen.has(each) || seen.size === MOST_ERRORS) {
      parts.push(`${relation}${each.name}${seen.has(each) ? ', see above' : ', and so on'}`);
      break;
    }
    seen.add(each);
    parts.push(relation + limitFrames(stackOf(each), frameLimit));
    if (each instanceof AggregateError) {
      for (const inner of each.errors) parts.push(`One of its errors: ${describe(inner, frameLimit, seen)}`);
    }
    if (each.cause === undefined) break;
    each = each.cause;
  }
  return parts.join('\n');
}

/** The stack begins with `error.name`; a class that has not set one would go by its parent's. */
function stackOf(error: Error): string {
  const stack = typeof error.stack === 'string' ? error.stack : String(error);
  const name = error.constructor?.name ?? '';
  return stack.split('\n', 1)[0]?.includes(name) ? stack : `${name}: ${stack}`;
}

function limitFrames(stack: string, limit: number | null): string {
  if (limit === null) return stack;
  const lines = stack.split('\n');
  const firstFrame = lines.findIndex((line) => /^\s+at /.test(line));
  return firstFrame < 0 ? stack : lines.slice(0, firstFrame + Math.max(0, limit)).join('\n');
}
