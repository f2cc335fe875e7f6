/**
 * Downloads as a WSGI application.
 *
 * @example
 * ```ts
 * await serve(staticFiles('/srv/www', { cacheControl: 'public, max-age=3600' }));
 * ```
 *
 * @module
 */

import { closeSync, realpathSync } from 'node:fs';
import { extname } from 'node:path';
import { lookup } from 'mrmime';
import { DiskFile } from '../files.js';
import type { Application, Environ, HeaderList, ResponseBody, StartResponse } from '../types.js';
import { FileWrapper } from '../util.js';
import { type Opened, openBeneath, segmentsOf } from './beneath.js';
import { isNotModified, validatorsOf } from './conditions.js';

export interface StaticOptions {
  /** The file that stands for its directory. Default: `'index.html'`. */
  index?: string;
  /** The value of Cache-Control. Default: no such field. */
  cacheControl?: string;
}

/**
 * Serves the regular files beneath a directory, to GET and HEAD. A body goes through `wsgi.file_wrapper`, so that it
 * leaves by `sendfile` where the gateway can do that. Names that begin with a dot are not served, nor is anything that
 * a symbolic link leads to outside `root`.
 *
 * @param root the directory; it must exist
 * @throws Error with the `code` of realpath(3) when it does not
 */
export function staticFiles(root: string, options: StaticOptions = {}): Application {
  const realRoot = realpathSync.native(root);
  const { index = 'index.html', cacheControl } = options;

  return (environ, startResponse) => {
    if (environ.REQUEST_METHOD !== 'GET' && environ.REQUEST_METHOD !== 'HEAD') {
      return answer(environ, startResponse, '405 Method Not Allowed', [['Allow', 'GET, HEAD']]);
    }
    const { PATH_INFO: pathInfo = '', SCRIPT_NAME: scriptName = '' } = environ;
    // The root without its slash: the links of its index page would lead past the application.
    if (pathInfo === '' && scriptName !== '') return redirectToSlash(environ, startResponse, lastName(scriptName));
    const segments = segmentsOf(pathInfo || '/');
    if (segments === null) return notFound(environ, startResponse);

    const asksForDirectory = segments.at(-1) === '';
    const names = asksForDirectory ? [...segments.slice(0, -1), index] : segments;
    const opened = openBeneath(realRoot, names);
    if (opened === null) return notFound(environ, startResponse);
    if (opened.stats.isFile()) {
      return send(environ, startResponse, opened, names.at(-1) ?? '', cacheControl);
    }
    closeSync(opened.descriptor);
    if (!opened.stats.isDirectory() || asksForDirectory) return notFound(environ, startResponse);
    return redirectToSlash(environ, startResponse, names.at(-1) ?? '');
  };
}

function send(
  environ: Environ,
  startResponse: StartResponse,
  { descriptor, stats }: Opened,
  name: string,
  cacheControl: string | undefined,
): ResponseBody {
  const file = new DiskFile(descriptor, Number(stats.size));
  try {
    const validators = validatorsOf(stats.size, stats.mtimeNs);
    const headers: HeaderList = [
      // On a 304, too: RFC 9110 §8.6 wants it to say what the 200 would have said.
      ['Content-Length', String(file.size)],
      ['Last-Modified', validators.lastModified],
      ['ETag', validators.etag],
    ];
    if (cacheControl !== undefined) headers.push(['Cache-Control', cacheControl]);

    if (isNotModified(environ, validators)) {
      startResponse('304 Not Modified', headers);
      file.close();
      return [];
    }
    headers.push(['Content-Type', contentType(name)], ['X-Content-Type-Options', 'nosniff']);
    startResponse('200 OK', headers);
    if (environ.REQUEST_METHOD === 'HEAD') {
      file.close();
      return [];
    }
    return new (environ['wsgi.file_wrapper'] ?? FileWrapper)(file, BLOCK_SIZE);
  } catch (error) {
    file.close();
    throw error;
  }
}

// Where the gateway reads the file itself: large enough that system calls do not count, small enough for every client.
const BLOCK_SIZE = 65536;

function contentType(name: string): string {
  const type = lookup(extname(name)) ?? 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

// Relative to the request, whose last segment it repeats: right wherever the application is mounted, and no address of
// another host whatever the request says.
function redirectToSlash(environ: Environ, startResponse: StartResponse, name: string): ResponseBody {
  const query = environ.QUERY_STRING ? `?${environ.QUERY_STRING}` : '';
  const location = `./${encodeURIComponent(name)}/${query}`;
  return answer(environ, startResponse, '301 Moved Permanently', [['Location', location]]);
}

function lastName(scriptName: string): string {
  return Buffer.from(scriptName.slice(scriptName.lastIndexOf('/') + 1), 'latin1').toString();
}

function notFound(environ: Environ, startResponse: StartResponse): ResponseBody {
  return answer(environ, startResponse, '404 Not Found', []);
}

/** A short answer in words. */
function answer(environ: Environ, startResponse: StartResponse, status: string, headers: HeaderList): ResponseBody {
  const text = `${status.slice(4)}\n`;
  headers.push(['Content-Type', 'text/plain; charset=utf-8'], ['Content-Length', String(text.length)]);
  startResponse(status, headers);
  return environ.REQUEST_METHOD === 'HEAD' ? [] : [text];
}
