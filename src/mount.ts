/**
 * Several applications under one, each at a path of its own.
 *
 * @example
 * ```ts
 * await serve(mount({ '/static': staticFiles('/srv/www'), '/api': fromFetch(api), '/': app }));
 * ```
 *
 * @module
 */

import { copyEnviron } from './environ-copy.js';
import { show } from './show.js';
import { say } from './static/answers.js';
import type { Application, Environ } from './types.js';
import { shiftPathInfo } from './util.js';

/** Applications by the path they are mounted at, as an object, a Map or an array of pairs. */
export type Mounts =
  | Readonly<Record<string, Application>>
  | Iterable<readonly [path: string, application: Application]>;

/**
 * Hands each request to the application with the longest path that the request's path begins with, name by name:
 * `/static` has `/static` and `/static/app.js`, but not `/statics`. What was matched moves from `PATH_INFO` to
 * `SCRIPT_NAME` as `shiftPathInfo` moves it, in a copy of the environ; the one at `/` gets the environ itself. Where no
 * application is mounted the answer is 404.
 *
 * @param mounts paths are `/`, or `/name` and further such names, as text: not percent-encoded
 * @throws TypeError when a path is no string, or an application no function
 * @throws RangeError when a path is not of that form, or is given twice
 */
export function mount(mounts: Mounts): Application {
  const applications = new Map<string, Application>();
  for (const [path, application] of entriesOf(mounts)) {
    const key = checkPath(path);
    if (typeof application !== 'function') {
      throw new TypeError(`mount(): at ${show(path)} there must be an application, got ${show(application)}`);
    }
    if (applications.has(key)) throw new RangeError(`mount(): ${show(path)} is there twice; mount it once`);
    applications.set(key, application);
  }
  const depth = Math.max(0, ...[...applications.keys()].map((key) => key.split('/').length - 1));

  return (environ, startResponse) => {
    const found = find(applications, depth, environ);
    if (found === null) return say({ environ, startResponse }, '404 Not Found');
    return found.application(found.environ, startResponse);
  };
}

interface Found {
  application: Application;
  environ: Environ;
}

function find(applications: ReadonlyMap<string, Application>, depth: number, environ: Environ): Found | null {
  const atRoot = applications.get('');
  let found = atRoot === undefined ? null : { application: atRoot, environ };
  // `OPTIONS *` has no path, and what does not begin with a slash cannot be shifted.
  if (!environ.PATH_INFO?.startsWith('/')) return found;

  const shifted: Partial<Environ> = { PATH_INFO: environ.PATH_INFO };
  if (environ.SCRIPT_NAME !== undefined) shifted.SCRIPT_NAME = environ.SCRIPT_NAME;
  let place: { application: Application; scriptName: string; pathInfo: string } | null = null;
  for (let key = '', level = 0; level < depth; level++) {
    // Empty names are passed over, so that `//admin/x` does not get round what is mounted at `/admin`.
    const name = shiftPathInfo(shifted);
    if (name === null || name === '' || name === '..') break;
    key += `/${name}`;
    const application = applications.get(key);
    if (application === undefined) continue;
    place = { application, scriptName: shifted.SCRIPT_NAME ?? '', pathInfo: shifted.PATH_INFO ?? '' };
  }
  if (place === null) return found;
  found = { application: place.application, environ: copyEnviron(environ) };
  found.environ.SCRIPT_NAME = place.scriptName;
  found.environ.PATH_INFO = place.pathInfo;
  return found;
}

function entriesOf(mounts: Mounts): Iterable<readonly [string, Application]> {
  if (typeof mounts !== 'object' || mounts === null) {
    throw new TypeError(`mount() takes an object of applications by path, got ${show(mounts)}`);
  }
  return Symbol.iterator in mounts ? (mounts as Iterable<readonly [string, Application]>) : Object.entries(mounts);
}

/** @returns the path as `PATH_INFO` has it, one character a byte; '' for the root */
function checkPath(path: unknown): string {
  if (typeof path !== 'string') throw new TypeError(`mount(): a path must be a string, got ${show(path)}`);
  if (path === '/') return '';
  const refuse = (remedy: string) => new RangeError(`mount(): ${remedy}, got ${show(path)}`);
  if (!path.startsWith('/')) throw refuse('a path must begin with a slash');
  if (path.endsWith('/'))
    throw refuse('a path other than / must not end in a slash, for it stands for what is below, too');
  if (path.split('/').some((name, index) => index > 0 && (name === '' || name === '.' || name === '..'))) {
    throw refuse("a path must not have empty names, '.' or '..'");
  }
  // PATH_INFO is decoded before it comes here, so that such a path would never be asked for as it is meant.
  if (/%[0-9a-f]{2}/i.test(path)) throw refuse('a path must not be percent-encoded; write the characters themselves');
  return Buffer.from(path).toString('latin1');
}
