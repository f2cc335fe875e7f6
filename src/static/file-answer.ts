/** A file as an answer: what the client has already, the part it wants, and the fields that describe it. */

import { closeSync } from 'node:fs';
import { extname } from 'node:path';
import { lookup } from 'mrmime';
import { DiskFile, type FileRegion } from '../files.js';
import { PreparedHead } from '../prepared-head.js';
import { HeldFile } from '../server/held-file.js';
import type { Environ, FileLike, HeaderList, ResponseBody } from '../types.js';
import { FileWrapper } from '../util.js';
import { type Exchange, say } from './answers.js';
import type { Opened } from './beneath.js';
import { checkPreconditions, type Identity, ifRangeHolds, type Validators, validatorsOf } from './conditions.js';
import type { Encoding } from './encodings.js';
import { NumberedState } from './file-state.js';
import { MultipartFile } from './multipart.js';
import { contentRange, parseRanges, type Range } from './ranges.js';

/** How a file that was chosen is sent. */
export interface Representation {
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

/** A file in one of its states, and the fields of the answers that it is. */
export class DescribedFile {
  readonly representation: Representation;
  /** In bytes. */
  readonly size: number;
  readonly validators: Validators;
  #wholeHead: PreparedHead | undefined;
  #unmodifiedHead: PreparedHead | undefined;

  constructor(representation: Representation, identity: Identity) {
    this.representation = representation;
    this.size = Number(identity.size);
    this.validators = validatorsOf(identity, representation.encoding);
  }

  /** The fields of an answer that has all of the file. */
  get wholeFields(): HeaderList {
    if (this.representation.given !== undefined) return this.#wholeFields();
    this.#wholeHead ??= new PreparedHead('200 OK', this.#wholeFields());
    return this.#wholeHead.list();
  }

  /** The fields of a 304. */
  get unmodifiedFields(): HeaderList {
    if (this.representation.given !== undefined) return this.#unmodifiedFields();
    this.#unmodifiedHead ??= new PreparedHead('304 Not Modified', this.#unmodifiedFields());
    return this.#unmodifiedHead.list();
  }

  /** Those of an answer that has a part of it, but for what tells which. */
  get partFields(): HeaderList {
    return [...cachingFields(this.representation, this.validators), ...contentFields(this.representation)];
  }

  get contentType(): string {
    return this.representation.given?.type ?? contentType(this.representation.name);
  }

  #wholeFields(): HeaderList {
    return [...this.partFields, ['Content-Type', this.contentType], ['Content-Length', String(this.size)]];
  }

  #unmodifiedFields(): HeaderList {
    // RFC 9110 §8.6 wants the length, if any, to be what the 200 would have said.
    return [...cachingFields(this.representation, this.validators), ['Content-Length', String(this.size)]];
  }
}

/** An open file, for answers to send. What they are lent they close. */
interface SendableFile {
  /** Whether the file is what it is described as. */
  isUnchanged(): boolean;
  /** The bytes of the file: null where it has changed, undefined where they are not at hand. */
  read(size: number): FileLike | null | undefined;
  /** The file, or a part of it, without the question whether it has changed. */
  lend(size: number, region?: FileRegion): DiskFile;
}

// Somebody who writes to the file all the time may be at it whenever one looks.
const ATTEMPTS = 4;

/**
 * Sends a file that was opened for this answer, or says why not. Takes over its descriptor.
 *
 * @param keep is offered the file when the answer has begun, and returns whether it has it now
 */
export function sendOpened(
  exchange: Exchange,
  { descriptor, stats }: Opened,
  representation: Representation,
  keep?: (file: HeldFile, described: DescribedFile) => boolean,
): ResponseBody {
  const file = HeldFile.hold(descriptor);
  if (file === null) return sendUnheld(exchange, descriptor, new DescribedFile(representation, stats));
  let kept = false;
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const described = new DescribedFile(representation, new NumberedState(file.state));
      const body = sendDescribed(exchange, file, described);
      kept = body !== null && keep?.(file, described) === true;
      if (body !== null) return body;
      file.look();
    }
    const described = new DescribedFile(representation, new NumberedState(file.state));
    const asItIs: SendableFile = { ...UNCHECKED, lend: (size, region) => file.lend(size, region) };
    return sendDescribed(exchange, asItIs, described)!;
  } finally {
    if (!kept) file.release();
  }
}

const UNCHECKED = { isUnchanged: () => true, read: () => undefined };

function sendUnheld(exchange: Exchange, descriptor: number, described: DescribedFile): ResponseBody {
  let lent = false;
  const lend = (size: number, region?: FileRegion) => {
    lent = true;
    return new DiskFile(descriptor, size, region);
  };
  try {
    return sendDescribed(exchange, { ...UNCHECKED, lend }, described)!;
  } finally {
    if (!lent) closeSync(descriptor);
  }
}

/**
 * Sends a file, or says why not.
 *
 * @returns null where the file is not what it is described as; nothing is answered then
 */
export function sendDescribed(exchange: Exchange, file: SendableFile, described: DescribedFile): ResponseBody | null {
  const { environ, startResponse } = exchange;
  const { size, representation, validators } = described;
  const { REQUEST_METHOD: method } = environ;
  // RFC 9110 §13.2.1: preconditions are for what would be a success without them, and here of a GET or HEAD.
  const conditional = representation.given?.status === undefined && (method === 'GET' || method === 'HEAD');
  const outcome = conditional ? checkPreconditions(environ, validators) : 'perform';
  const ranges = conditional && outcome === 'perform' ? rangesWanted(environ, described) : null;
  const whole = outcome === 'perform' && ranges === null && method !== 'HEAD';

  const small = whole && size <= smallFileSize(environ) ? file.read(size) : undefined;
  if (small === null || (small === undefined && !file.isUnchanged())) return null;
  switch (outcome) {
    case 'failed':
      return say(exchange, '412 Precondition Failed', representation.given?.fields);
    case 'not modified':
      startResponse('304 Not Modified', described.unmodifiedFields);
      return [];
  }
  if (ranges !== null) return sendParts(exchange, file, described, ranges);
  const status = representation.given?.status ?? '200 OK';
  if (!whole) {
    startResponse(status, described.wholeFields);
    return [];
  }
  return begin(exchange, small ?? file.lend(size), status, described.wholeFields);
}

/** Up to which size a file is read at once: what has its bytes has them as they are described. */
function smallFileSize(environ: Environ): number {
  return environ['wsgi.file_wrapper']?.smallFileSize ?? -1;
}

function sendParts(
  exchange: Exchange,
  file: SendableFile,
  described: DescribedFile,
  ranges: readonly Range[],
): ResponseBody {
  const { size, contentType, representation } = described;
  const [range] = ranges;
  if (range === undefined) {
    const fields = representation.given?.fields ?? [];
    return say(exchange, '416 Range Not Satisfiable', [...fields, ['Content-Range', `bytes */${size}`]]);
  }
  const headers = described.partFields;
  if (ranges.length > 1) {
    const parts = new MultipartFile(file.lend(size), ranges, contentType);
    headers.push(['Content-Type', parts.contentType], ['Content-Length', String(parts.contentLength)]);
    return begin(exchange, parts, '206 Partial Content', headers);
  }
  headers.push(['Content-Type', contentType], ['Content-Length', String(range.length)]);
  headers.push(['Content-Range', contentRange(range, size)]);
  return begin(exchange, file.lend(size, range), '206 Partial Content', headers);
}

// Where a file is read: so large that system calls do not count, and small enough for every client.
const BLOCK_SIZE = 65536;

/** By `wsgi.file_wrapper`, so that the file leaves by sendfile where the gateway can do that. */
function begin(exchange: Exchange, file: FileLike, status: string, headers: HeaderList): ResponseBody {
  try {
    exchange.startResponse(status, headers);
  } catch (error) {
    // Nobody gets the body that could close it.
    file.close?.();
    throw error;
  }
  return new (exchange.environ['wsgi.file_wrapper'] ?? FileWrapper)(file, BLOCK_SIZE);
}

/** Range is defined for GET alone (RFC 9110 §14.2), and its parts are those of the plain file. */
function rangesWanted(environ: Environ, { representation, size, validators }: DescribedFile): Range[] | null {
  const { REQUEST_METHOD: method, HTTP_RANGE: field } = environ;
  if (method !== 'GET' || typeof field !== 'string' || representation.encoding !== undefined) return null;
  return ifRangeHolds(environ, validators) ? parseRanges(field, size) : null;
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
