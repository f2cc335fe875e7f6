/** A file as an answer: what the client has already, the part it wants, and the fields that describe it. */

import { extname } from 'node:path';
import { lookup } from 'mrmime';
import { DiskFile } from '../files.js';
import type { HeaderList, ResponseBody } from '../types.js';
import { FileWrapper } from '../util.js';
import { type Exchange, say } from './answers.js';
import type { Opened } from './beneath.js';
import { checkPreconditions, ifRangeHolds, type Validators, validatorsOf } from './conditions.js';
import type { Encoding } from './encodings.js';
import { BLOCK_SIZE, MultipartBody } from './multipart.js';
import { contentRange, parseRanges, type Range } from './ranges.js';

/** A file that was chosen to be sent. */
export interface Representation {
  readonly opened: Opened;
  /** The coding that its bytes are in, if any. */
  readonly encoding: Encoding | undefined;
  /** Whether another request for the same file may get other bytes, by its Accept-Encoding. */
  readonly varies: boolean;
  /** Of the file without coding: what it is called. */
  readonly name: string;
  readonly cacheControl: string | undefined;
  readonly download: boolean;
  /** What an application says itself, where one hands the file over. */
  readonly given?: GivenFields;
}

/** What an application says of the answer that a file is. */
export interface GivenFields {
  /** Absent: 200, and what the request's preconditions and its Range make of that. */
  readonly status?: string;
  /** Content-Type; absent: by the file's name. */
  readonly type?: string;
  /** Of every answer. */
  readonly fields: HeaderList;
  /** Of answers that have the file's content alone: Content-Disposition and its like. */
  readonly contentFields: HeaderList;
}

/** Sends the file, or says why not. Takes over its descriptor. */
export function sendRepresentation(exchange: Exchange, representation: Representation): ResponseBody {
  const { descriptor, stats } = representation.opened;
  const file = new DiskFile(descriptor, Number(stats.size));
  let body: ResponseBody | null = null;
  try {
    body = answerWith(exchange, file, representation);
    return body;
  } finally {
    // Whatever else there is has the file, and closes it when it has left.
    if (body === null || Array.isArray(body)) file.close();
  }
}

function answerWith(exchange: Exchange, file: DiskFile, representation: Representation): ResponseBody {
  const { environ, startResponse } = exchange;
  const { opened, encoding, given } = representation;
  const validators = validatorsOf(opened.stats.size, opened.stats.mtimeNs, encoding);
  const headers = cachingFields(representation, validators);
  // RFC 9110 §13.2.1: preconditions are for what would be a success without them, and here of a GET or HEAD.
  const conditional = given?.status === undefined && /^(?:GET|HEAD)$/.test(environ.REQUEST_METHOD);

  switch (conditional ? checkPreconditions(environ, validators) : 'perform') {
    case 'failed':
      return say(exchange, '412 Precondition Failed', given?.fields);
    case 'not modified':
      // RFC 9110 §8.6 wants the length, if any, to be what the 200 would have said.
      startResponse('304 Not Modified', [...headers, ['Content-Length', String(file.size)]]);
      return [];
  }

  const type = given?.type ?? contentType(representation.name);
  headers.push(...contentFields(representation));
  const ranges = conditional && encoding === undefined ? rangesWanted(exchange, file.size, validators) : null;
  if (ranges === null) {
    startResponse(given?.status ?? '200 OK', [
      ...headers,
      ['Content-Type', type],
      ['Content-Length', String(file.size)],
    ]);
    return environ.REQUEST_METHOD === 'HEAD' ? [] : wrapped(exchange, file);
  }
  const [range] = ranges;
  if (range === undefined) {
    return say(exchange, '416 Range Not Satisfiable', [
      ...(given?.fields ?? []),
      ['Content-Range', `bytes */${file.size}`],
    ]);
  }
  if (ranges.length > 1) {
    const body = new MultipartBody(file, ranges, type);
    headers.push(['Content-Type', body.contentType], ['Content-Length', String(body.contentLength)]);
    startResponse('206 Partial Content', headers);
    return body;
  }
  headers.push(['Content-Type', type], ['Content-Length', String(range.length)]);
  headers.push(['Content-Range', contentRange(range, file.size)]);
  startResponse('206 Partial Content', headers);
  return wrapped(exchange, new DiskFile(file.fileno(), file.size, range));
}

/** Range is defined for GET alone (RFC 9110 §14.2). */
function rangesWanted({ environ }: Exchange, size: number, validators: Validators): Range[] | null {
  const { REQUEST_METHOD: method, HTTP_RANGE: field } = environ;
  if (method !== 'GET' || typeof field !== 'string' || !ifRangeHolds(environ, validators)) return null;
  return parseRanges(field, size);
}

/** By `wsgi.file_wrapper`, so that the file leaves by sendfile where the gateway can do that. */
function wrapped({ environ }: Exchange, file: DiskFile): ResponseBody {
  return new (environ['wsgi.file_wrapper'] ?? FileWrapper)(file, BLOCK_SIZE);
}

/** What a 304 has, too (RFC 9110 §15.4.5). */
function cachingFields(
  { varies, cacheControl, given }: Representation,
  { etag, lastModified }: Validators,
): HeaderList {
  const headers: HeaderList = [
    ['Last-Modified', lastModified],
    ['ETag', etag],
  ];
  if (varies) headers.push(['Vary', 'Accept-Encoding']);
  if (cacheControl !== undefined) headers.push(['Cache-Control', cacheControl]);
  if (given !== undefined) headers.push(...given.fields);
  return headers;
}

function contentFields({ encoding, name, download, given }: Representation): HeaderList {
  const headers: HeaderList = [['X-Content-Type-Options', 'nosniff']];
  // Parts are those of the plain file, so that a compressed one promises none.
  headers.push(encoding === undefined ? ['Accept-Ranges', 'bytes'] : ['Content-Encoding', encoding]);
  if (download) headers.push(['Content-Disposition', attachment(name)]);
  if (given !== undefined) headers.push(...given.contentFields);
  return headers;
}

function contentType(name: string): string {
  const type = lookup(extname(name)) ?? 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

/**
 * RFC 6266: the name in ASCII for whoever knows no better, and as it is by RFC 8187 where that is not the same. Some
 * clients decode `%41` in the first, so that a name that has it needs the second.
 */
function attachment(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]/gu, '_').replace(/["\\]/g, '\\$&');
  const plain = `attachment; filename="${ascii}"`;
  if (/^[\x20-\x7e]*$/.test(name) && !/%[0-9a-f]{2}/i.test(name)) return plain;
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${plain}; filename*=UTF-8''${encoded}`;
}
