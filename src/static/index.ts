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
import { sendRepresentation } from './file-answer.js';
import { sendListing } from './listing-answer.js';
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
  const site: Site = { ...checkOptions(options), root: rootOf(root) };

  return (environ, startResponse) => {
    const exchange: Exchange = { environ, startResponse };
    if (environ.REQUEST_METHOD !== 'GET' && environ.REQUEST_METHOD !== 'HEAD') {
      return say(exchange, '405 Method Not Allowed', [['Allow', 'GET, HEAD']]);
    }
    const { PATH_INFO: pathInfo = '', SCRIPT_NAME: scriptName = '' } = environ;
    // The root without its slash: the links of its index page would lead past the application.
    if (pathInfo === '' && scriptName !== '') return redirectToSlash(exchange, lastName(scriptName));

    const path = readPath(pathInfo || '/', site.dotfiles);
    if (path === 'denied') return say(exchange, '403 Forbidden');
    if (path === null) return say(exchange, '404 Not Found');
    const found = find(site, path) ?? findFallback(site, path);
    if (found === null) return say(exchange, '404 Not Found');
    return found.opened.stats.isFile()
      ? answerFile(site, exchange, found)
      : answerDirectory(site, exchange, found, path);
  };
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

/** A picture or a script that is missing is missing; what has no extension may be a place in the application. */
function findFallback(site: Site, { names }: RequestPath): Found | null {
  if (site.fallback === null || names.at(-1)?.includes('.')) return null;
  return openFile(site, site.fallback);
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

function answerFile(site: Site, exchange: Exchange, { opened, names }: Found): ResponseBody {
  const path = names.join('/');
  const chosen = chooseEncoding(site, exchange.environ, names, opened);
  return sendRepresentation(exchange, {
    opened: chosen.opened,
    encoding: chosen.encoding,
    varies: site.precompressed.length > 0,
    name: names.at(-1) ?? '',
    cacheControl: site.cacheControl(path),
    download: site.download(path),
  });
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
