/** The environ that a middleware hands on after it has changed something in it. */

import type { Environ } from './types.js';

const SIGNAL = 'uwsgiref.signal';

/**
 * A copy, to be changed while the caller's environ stays as it is. Unlike `{ ...environ }` it has `uwsgiref.signal`,
 * still made only when somebody asks for it.
 */
export function copyEnviron(environ: Environ): Environ {
  const copy: Environ = { ...environ };
  if (SIGNAL in environ && !(SIGNAL in copy)) {
    // Not enumerable, so that a copy of the copy does not ask.
    Object.defineProperty(copy, SIGNAL, { get: () => environ[SIGNAL], configurable: true });
  }
  return copy;
}
