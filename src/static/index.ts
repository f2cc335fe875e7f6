/**
 * Downloads as a WSGI application.
 *
 * @example
 * ```ts
 * await serve(staticFiles('/srv/www', { cacheControl: { '*.html': 'no-cache', 'assets/**': 'max-age=31536000' } }));
 * ```
 *
 * @module
 */

import { closeSync } from 'node:fs';
import type { Application, ResponseBody } from '../types.js';
import { type Exchange, redirectToSlash, say } from './answers.js';
import { type Opened, openBeneath } from './beneath.js';
import { type Preference, Preferences } from './encodings.js';
import { type Representation, sendDescribed, sendOpened } from './file-answer.js';
import { sendListing } from './listing-answer.js';
import { OpenFileCache } from './open-file-cache.js';
import { type CheckedOptions, checkOptions, type StaticOptions } from './options.js';
import { chooseEncoding } from './precompressed.js';
import { type RequestPath, readPath } from './request-path.js';
import { rootOf } from './root.js';

export type { StaticOptions } from './options.js';
export { type SendFileOptions, sendFile } from './send-file.js';
export { type XSendfileOptions, xSendfile } from './x-sendfile.js';

/** What is served. */
interface Site extends CheckedOptions {
  /** A real path. */
  readonly root: string;
  readonly preferences: Preferences;
  /** null: each request opens the file anew. */
  readonly openFiles: OpenFileCache | null;
}

/** A request for what lies at a path. */
interface Asked extends Exchange {
  /** Never empty where it is the request's own. */
  readonly pathInfo: string;
  readonly preference: Preference;
}

/** What a path was found to name; who gets it closes it. */
interface Found {
  opened: Opened;
  names: readonly string[];
}

/**
 * Serves the regular files beneath a directory, to GET and HEAD: whole, in part (RFC 9110 §14), or not at all if the
 * client has them (§13). A body goes through `wsgi.file_wrapper`, so that it leaves by `sendfile` where the gateway can
 * do that. Nothing outside `root` is ever opened, unless a symbolic link leads there and the options want it followed.
 *
 * @param root the directory; if it is a symbolic link, where that leads is looked up now and never again
 * @throws Error with a `code`, that of realpath(3) or ENOTDIR, when there is no such directory
 * @throws TypeError or RangeError when an option is wrong
 */
export function staticFiles(root: string, options: StaticOptions = {}): Application {
  const checked = checkOptions(options);
  const site: Site = {
    ...checked,
    root: rootOf(root),
    preferences: new Preferences(checked.precompressed),
    openFiles: checked.openFileCache && new OpenFileCache(checked.openFileCache),
  };

  return (environ, startResponse) => {
    const { REQUEST_METHOD: method, PATH_INFO: pathInfo = '', SCRIPT_NAME: scriptName = '' } = environ;
    if (method !== 'GET' && method !== 'HEAD') {
      return say({ environ, startResponse }, '405 Method Not Allowed', [['Allow', 'GET, HEAD']]);
    }
    if (site.rate !== undefined) environ['uwsgiref.pace']?.(site.rate);
    // The root without its slash: the links of its index page would lead past the application.
    if (pathInfo === '' && scriptName !== '') {
      return redirectToSlash({ environ, startResponse }, lastName(scriptName));
    }
    // Part of a file is part of the plain one: a client that resumes a download knows nothing of its codings.
    const plain = site.precompressed.length === 0 || (method === 'GET' && environ.HTTP_RANGE !== undefined);
    const preference = site.preferences.of(plain ? undefined : environ.HTTP_ACCEPT_ENCODING);
    const asked: Asked = { environ, startResponse, pathInfo: pathInfo || '/', preference };
    return answerFromCache(site, asked) ?? answer(site, asked);
  };
}

/** @returns null where the file has to be looked up */
function answerFromCache({ openFiles }: Site, asked: Asked): ResponseBody | null {
  const kept = openFiles?.find(asked.preference.number, asked.pathInfo);
  if (kept === undefined) return null;
  const body = sendDescribed(asked, kept.file, kept.described);
  if (body === null) openFiles?.drop(asked.preference.number, asked.pathInfo);
  return body;
}

function answer(site: Site, asked: Asked): ResponseBody {
  const path = readPath(asked.pathInfo, site.dotfiles);
  if (path === 'denied') return say(asked, '403 Forbidden');
  if (path === null) return say(asked, '404 Not Found');
  const found = find(site, path);
  if (found === null) return answerFallback(site, asked, path) ?? say(asked, '404 Not Found');
  return found.opened.stats.isFile() ? answerFile(site, asked, found) : answerDirectory(site, asked, found, path);
}

// What it is kept under: one file for all the paths that lead to it, and none of them.
const FALLBACK = '';

/** A picture or a script that is missing is missing; what has no extension may be a place in the application. */
function answerFallback(site: Site, asked: Asked, { names }: RequestPath): ResponseBody | null {
  if (site.fallback === null || names.at(-1)?.includes('.')) return null;
  const instead: Asked = { ...asked, pathInfo: FALLBACK };
  const body = answerFromCache(site, instead);
  if (body !== null) return body;
  const found = openFile(site, site.fallback);
  return found && answerFile(site, instead, found);
}

function find(site: Site, { names, slash }: RequestPath): Found | null {
  if (!slash) return openNames(site, names);
  for (const index of site.index) {
    const found = openFile(site, [...names, index]);
    if (found !== null) return found;
  }
  if (!site.listing) return null;
  const found = openNames(site, names);
  if (found === null || found.opened.stats.isDirectory()) return found;
  closeSync(found.opened.descriptor);
  return null;
}

function openFile(site: Site, names: readonly string[]): Found | null {
  const found = openNames(site, names);
  if (found === null || found.opened.stats.isFile()) return found;
  closeSync(found.opened.descriptor);
  return null;
}

function openNames({ root, symlinks }: Site, names: readonly string[]): Found | null {
  const opened = openBeneath(root, names, symlinks);
  return opened === null ? null : { opened, names };
}

function answerFile(site: Site, asked: Asked, { opened: plain, names }: Found): ResponseBody {
  const { preference, pathInfo } = asked;
  const path = names.join('/');
  const { opened, encoding } = chooseEncoding(site, preference.encodings, names, plain);
  const representation: Representation = {
    encoding,
    varies: site.precompressed.length > 0,
    name: names.at(-1) ?? '',
    cacheControl: site.cacheControl(path),
    download: site.download(path),
  };
  const { openFiles } = site;
  if (openFiles === null) return sendOpened(asked, opened, representation);
  return sendOpened(asked, opened, representation, (file, described) =>
    openFiles.keep(preference.number, pathInfo, file, described),
  );
}

function answerDirectory(
  site: Site,
  exchange: Exchange,
  { opened, names }: Found,
  { slash }: RequestPath,
): ResponseBody {
  try {
    return slash ? sendListing(site, exchange, opened, names) : redirectToSlash(exchange, names.at(-1) ?? '');
  } finally {
    closeSync(opened.descriptor);
  }
}

function lastName(scriptName: string): string {
  return Buffer.from(scriptName.slice(scriptName.lastIndexOf('/') + 1), 'latin1').toString();
}
