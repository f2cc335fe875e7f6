/** One file, handed over by an application. */

import { closeSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Environ, HeaderList, ResponseBody, StartResponse } from '../types.js';
import { openBeneath } from './beneath.js';
import { sendOpened } from './file-answer.js';

export interface SendFileOptions {
  /** What the file is called: its type goes by that, and the name of a download. Default: the last name of its path. */
  name?: string;
  /** Content-Type. Default: by the name. */
  type?: string;
  /** Cache-Control. Default: no such field. */
  cacheControl?: string;
  /** To save rather than show. Default: false. */
  download?: boolean;
  /** Further fields of the answer, such as Set-Cookie. */
  headers?: HeaderList;
}

/**
 * Answers with a file as `staticFiles` does: to GET and HEAD with 304 or 412 by the request's preconditions, to GET
 * with the part that Range asks for, to any other method with the whole file.
 *
 * @param path the application's own: symbolic links are followed wherever they lead
 * @throws Error with the code ENOENT when there is no regular file that may be read; nothing is answered then
 */
export function sendFile(
  environ: Environ,
  startResponse: StartResponse,
  path: string,
  { name = basename(path), type, cacheControl, download = false, headers = [] }: SendFileOptions = {},
): ResponseBody {
  const opened = openBeneath(resolve(path), [], 'follow');
  if (opened === null || !opened.stats.isFile()) {
    if (opened !== null) closeSync(opened.descriptor);
    throw Object.assign(new Error(`There is no regular file ${path} that may be read`), { code: 'ENOENT', path });
  }
  return sendOpened({ environ, startResponse }, opened, {
    encoding: undefined,
    varies: false,
    name,
    cacheControl,
    download,
    given: { ...(type === undefined ? {} : { type }), fields: headers, contentFields: [] },
  });
}
