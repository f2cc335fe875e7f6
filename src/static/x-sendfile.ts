/** Files that an application names in a field of its answer, as lighttpd, Apache and nginx have it. */

import { fail } from 'node:assert';
import { closeSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { percentDecode } from '../percent-encoding.js';
import { isIterable, promiseOf } from '../protocols.js';
import { show } from '../show.js';
import type { Application, Chunk, HeaderList, ResponseBody, StartResponse } from '../types.js';
import { type Exchange, say } from './answers.js';
import { type Opened, openBeneath, type SymlinkPolicy } from './beneath.js';
import { type GivenFields, sendOpened } from './file-answer.js';
import { readPath } from './request-path.js';
import { rootOf } from './root.js';

export interface XSendfileOptions {
  /** The directory whose files may be sent. Looked up now; see `staticFiles`. */
  root: string;
  /**
   * The field. Default: `'X-Sendfile'`, whose value is a file's path, absolute or relative to the root. That of
   * `'X-Accel-Redirect'` is, as nginx has it, percent-encoded, and absolute beneath the root. A character is a byte.
   */
  field?: string;
  /** As in `staticFiles`. Default: `'beneath'`. */
  symlinks?: SymlinkPolicy;
}

/**
 * A middleware: where the application's answer has the field, the file that it names is sent instead of the
 * application's body, with what `staticFiles` does for preconditions and Range where the status is 200. All fields of
 * the application stay but those that describe the body: Content-Length, ETag, Last-Modified and their like are the
 * file's. A file that is not there is answered with 404, a path that leads out of the root with 500, and
 * `wsgi.errors` has a line on it. The field itself never reaches the client.
 *
 * @throws Error with a `code` when there is no such directory
 */
export function xSendfile(
  app: Application,
  { root, field = 'X-Sendfile', symlinks = 'beneath' }: XSendfileOptions,
): Application {
  const wanted = field.toLowerCase();
  const site: Site = {
    roots: [rootOf(root), resolve(root)],
    field,
    isUri: wanted === 'x-accel-redirect',
    symlinks,
  };

  return (environ, startResponse) => {
    let named: Named | null = null;
    let begun = false;
    let decided = false;

    const start: StartResponse = (status, headers, ...excInfo) => {
      const again = excInfo[0] !== undefined && excInfo[0] !== null;
      if (named !== null && !again) fail('Headers already set! Pass the error as excInfo to replace a response');
      const value = headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
      if (value !== undefined && !decided) {
        named = { value, status, headers, excInfo };
        // The application's own body is not wanted.
        return () => undefined;
      }
      named = null;
      begun = true;
      const kept = value === undefined ? headers : headers.filter(([name]) => name.toLowerCase() !== wanted);
      return startResponse(status, kept, ...excInfo);
    };

    /** What is sent, once the application has said what its answer is. */
    const decide = (body: ResponseBody): ResponseBody | Promise<ResponseBody> => {
      decided = true;
      if (named === null) return body;
      const answer = named;
      const replace: StartResponse = (status, headers) => startResponse(status, headers, ...answer.excInfo);
      const send = () => answerWith(site, { environ, startResponse: replace }, answer);
      return promiseOf(body.close?.())?.then(send) ?? send();
    };
    const receive = (body: ResponseBody): ResponseBody | Promise<ResponseBody> =>
      // A generator calls startResponse when its first block is asked for.
      begun || named !== null || Array.isArray(body) ? decide(body) : peek(body, decide);

    const result = app(environ, start);
    return promiseOf(result)?.then(receive) ?? receive(result as ResponseBody);
  };
}

interface Site {
  /** The real path, by which files are opened, and the one that applications may know. */
  readonly roots: readonly [real: string, given: string];
  readonly field: string;
  readonly isUri: boolean;
  readonly symlinks: SymlinkPolicy;
}

/** An answer that has the field. */
interface Named {
  readonly value: string;
  readonly status: string;
  readonly headers: HeaderList;
  readonly excInfo: [excInfo?: unknown];
}

type Decide = (body: ResponseBody) => ResponseBody | Promise<ResponseBody>;

/** Asks for the first block, and puts it back. */
function peek(body: ResponseBody, decide: Decide): ResponseBody | Promise<ResponseBody> {
  return isIterable(body) ? peekNow(body, decide) : peekLater(body, decide);
}

function peekNow(body: ResponseBody & Iterable<Chunk>, decide: Decide): ResponseBody | Promise<ResponseBody> {
  let first: IteratorResult<Chunk>;
  const blocks = body[Symbol.iterator]();
  try {
    first = blocks.next();
  } catch (error) {
    // The gateway knows of no body yet that it could close.
    void body.close?.();
    throw error;
  }
  const rest = (function* (): Generator<Chunk> {
    for (let step = first; !step.done; step = blocks.next()) yield step.value;
  })();
  return decide(Object.assign(rest, { close: () => end(blocks, body) }));
}

async function peekLater(body: ResponseBody & AsyncIterable<Chunk>, decide: Decide): Promise<ResponseBody> {
  let first: IteratorResult<Chunk>;
  const blocks = body[Symbol.asyncIterator]();
  try {
    first = await blocks.next();
  } catch (error) {
    await body.close?.();
    throw error;
  }
  const rest = (async function* (): AsyncGenerator<Chunk> {
    for (let step = first; !step.done; step = await blocks.next()) yield step.value;
  })();
  return decide(Object.assign(rest, { close: () => end(blocks, body) }));
}

function end(blocks: Iterator<Chunk> | AsyncIterator<Chunk>, body: ResponseBody): void | Promise<void> {
  const ended = promiseOf(blocks.return?.());
  return ended === undefined ? body.close?.() : ended.then(() => body.close?.());
}

function answerWith(site: Site, exchange: Exchange, named: Named): ResponseBody {
  const refuse = (status: string, reason: string): ResponseBody => {
    exchange.environ['wsgi.errors'].write(`uwsgiref: ${site.field}: ${show(named.value)} ${reason}\n`);
    return say(exchange, status);
  };
  const names = namesOf(site, named.value);
  if (names === null) return refuse('500 Internal Server Error', `is no file's path beneath ${site.roots[0]}`);
  const opened: Opened | null = openBeneath(site.roots[0], names, site.symlinks);
  if (opened === null) return refuse('404 Not Found', `is no file that may be sent from beneath ${site.roots[0]}`);
  if (!opened.stats.isFile()) {
    closeSync(opened.descriptor);
    return refuse('404 Not Found', 'is no regular file');
  }
  return sendOpened(exchange, opened, {
    encoding: undefined,
    varies: false,
    name: names.at(-1) ?? '',
    cacheControl: undefined,
    download: false,
    given: givenFields(site.field, named),
  });
}

/** @returns null for what is not the path of a file beneath the root, before any link is looked at */
function namesOf({ roots, isUri }: Site, value: string): readonly string[] | null {
  const path = isUri ? percentDecode(value.replace(/\?.*$/s, '')) : value;
  const beneath = isUri || !path.startsWith('/') ? path.replace(/^\//, '') : stripRoot(roots, path);
  const read = beneath === null ? null : readPath(`/${beneath}`, 'allow');
  return read === null || read === 'denied' || read.slash ? null : read.names;
}

function stripRoot(roots: readonly string[], path: string): string | null {
  for (const root of roots) {
    const above = Buffer.from(root.endsWith(sep) ? root : root + sep).toString('latin1');
    if (path.startsWith(above)) return path.slice(above.length);
  }
  return null;
}

// What described the application's own body.
const REPLACED = new Set(
  'content-length etag last-modified accept-ranges content-range content-encoding content-md5 content-digest repr-digest transfer-encoding x-content-type-options'.split(
    ' ',
  ),
);

function givenFields(field: string, { status, headers }: Named): GivenFields {
  const kept = headers.filter(([name]) => !REPLACED.has(name.toLowerCase()) && !isField(name, field));
  const type = kept.find(([name]) => isField(name, 'Content-Type'))?.[1];
  const isOfContent = (name: string) => /^content-(?:disposition|language|location)$/i.test(name);
  return {
    ...(status.startsWith('200') ? {} : { status }),
    ...(type === undefined ? {} : { type }),
    fields: kept.filter(([name]) => !isOfContent(name) && !isField(name, 'Content-Type')),
    contentFields: kept.filter(([name]) => isOfContent(name)),
  };
}

function isField(name: string, field: string): boolean {
  return name.toLowerCase() === field.toLowerCase();
}
