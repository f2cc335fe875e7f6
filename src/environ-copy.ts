/** The environ that a middleware hands on after it has changed something in it. */

import type { Environ } from './types.js';

const MADE_WHEN_ASKED_FOR = ['uwsgiref.signal', 'uwsgiref.request_id', 'uwsgiref.pace'];

/**
 * A copy, to be changed while the caller's environ stays as it is. Unlike `{ ...environ }` it has `uwsgiref.signal`,
 * `uwsgiref.request_id` and `uwsgiref.pace`, still made only when somebody asks for them.
 */
export function copyEnviron(environ: Environ): Environ {
  const copy: Environ = { ...environ };
  for (const name of MADE_WHEN_ASKED_FOR) {
    if (!(name in environ) || name in copy) continue;
    // Not enumerable, so that a copy of the copy does not ask.
    Object.defineProperty(copy, name, {
      get: () => environ[name],
      set: (value) => {
        environ[name] = value;
      },
      configurable: true,
    });
  }
  return copy;
}
