/**
 * What gateways and applications alike need to know of an environ, and the wrapper that turns a file into a body.
 *
 * @module
 */

import { MemoryErrors, MemoryInput } from './streams.js';
import type { Environ, FileLike } from './types.js';

export { DiskFile, openFile } from './files.js';

/** `'https'` when the environ says `HTTPS` is `'yes'`, `'on'` or `'1'`, as CGI-like protocols do; else `'http'`. */
export function guessScheme(environ: Partial<Environ>): 'http' | 'https' {
  const https = environ.HTTPS;
  return https === 'yes' || https === 'on' || https === '1' ? 'https' : 'http';
}

/**
 * The URI of the application: scheme, authority and `SCRIPT_NAME` (PEP 3333, "URL Reconstruction").
 *
 * @throws TypeError when the environ lacks a variable that PEP 3333 requires
 * @throws RangeError when `SCRIPT_NAME` holds a character above U+00FF
 */
export function applicationUri(environ: Partial<Environ>): string {
  const scheme = required(environ, 'wsgi.url_scheme');
  return `${scheme}://${authority(environ, scheme)}${quote(environ, 'SCRIPT_NAME', SAFE_IN_SCRIPT_NAME) || '/'}`;
}

/**
 * The URI of the request.
 *
 * @param includeQuery whether `QUERY_STRING` is part of it
 * @throws TypeError when the environ lacks a variable that PEP 3333 requires
 * @throws RangeError when `SCRIPT_NAME` or `PATH_INFO` holds a character above U+00FF
 */
export function requestUri(environ: Partial<Environ>, includeQuery = true): string {
  const pathInfo = quote(environ, 'PATH_INFO', SAFE_IN_PATH_INFO);
  // Without a SCRIPT_NAME the application's URI ends in the slash that PATH_INFO begins with.
  const path = environ.SCRIPT_NAME ? pathInfo : pathInfo.slice(1);
  const query = includeQuery && environ.QUERY_STRING ? `?${environ.QUERY_STRING}` : '';
  return applicationUri(environ) + path + query;
}

function authority(environ: Partial<Environ>, scheme: string): string {
  if (environ.HTTP_HOST) return environ.HTTP_HOST;
  const name = required(environ, 'SERVER_NAME');
  const port = required(environ, 'SERVER_PORT');
  return port === (scheme === 'https' ? '443' : '80') ? name : `${name}:${port}`;
}

function required(environ: Partial<Environ>, key: 'wsgi.url_scheme' | 'SERVER_NAME' | 'SERVER_PORT'): string {
  const value = environ[key];
  if (typeof value === 'string') return value;
  throw new TypeError(`environ has no ${key}; the gateway must set it (PEP 3333)`);
}

// What percent-encoding leaves alone: RFC 3986's unreserved characters, and what delimits inside a path.
const SAFE_IN_SCRIPT_NAME = /[^A-Za-z0-9_.\-~/]/g;
const SAFE_IN_PATH_INFO = /[^A-Za-z0-9_.\-~/;=,]/g;

function quote(environ: Partial<Environ>, key: 'SCRIPT_NAME' | 'PATH_INFO', unsafe: RegExp): string {
  return (environ[key] ?? '').replace(unsafe, (character, index: number) => {
    const code = character.charCodeAt(0);
    if (code > 0xff) {
      throw new RangeError(
        `environ.${key} holds ${JSON.stringify(character)} at character ${index}, which is no byte; ` +
          "PEP 3333 wants its bytes one a character: Buffer.from(text, 'utf8').toString('latin1')",
      );
    }
    return `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

/**
 * Moves one name from the front of `PATH_INFO` to the end of `SCRIPT_NAME`.
 *
 * @returns the name; `''` when `PATH_INFO` was `'/'`, which tells `/x/` from `/x`; null when nothing was left to move
 * @throws TypeError when `PATH_INFO` has no slash
 */
export function shiftPathInfo(environ: Partial<Environ>): string | null {
  const pathInfo = environ.PATH_INFO ?? '';
  if (pathInfo === '') return null;

  const [root, ...segments] = pathInfo.split('/');
  const last = segments.pop();
  if (root === undefined || last === undefined) {
    throw new TypeError(`environ.PATH_INFO must begin with a slash (PEP 3333), got ${JSON.stringify(pathInfo)}`);
  }
  const [name = last, ...rest] = [...segments.filter((segment) => segment !== '' && segment !== '.'), last];

  let scriptName = normalizePath(`${environ.SCRIPT_NAME ?? ''}/${name}`);
  if (scriptName.endsWith('/')) scriptName = scriptName.slice(0, -1);
  if (name === '' && !scriptName.endsWith('/')) scriptName += '/';

  environ.SCRIPT_NAME = scriptName;
  environ.PATH_INFO = [root, ...rest].join('/');

  // A final '.' is no name, but it was moved all the same, so that PATH_INFO ends up empty.
  return name === '.' ? null : name;
}

// POSIX lets exactly two leading slashes mean something of their own (IEEE 1003.1, "Pathname Resolution"), and an
// empty path is '.'; node:path differs in both.
function normalizePath(path: string): string {
  const root = /^\/\/(?!\/)/.test(path) ? '//' : path.startsWith('/') ? '/' : '';
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (root === '') kept.push(segment);
  }
  return root + kept.join('/') || '.';
}

/**
 * Fills an environ with what WSGI requires, for tests. What is there stays. The data is made up: never use this in a
 * server.
 */
export function setupTestingDefaults(environ: Partial<Environ>): asserts environ is Environ {
  const setDefault = (key: keyof Environ, value: unknown): void => {
    if (!(key in environ)) environ[key] = value;
  };
  setDefault('SERVER_NAME', '127.0.0.1');
  setDefault('SERVER_PROTOCOL', 'HTTP/1.0');
  setDefault('HTTP_HOST', environ.SERVER_NAME);
  setDefault('REQUEST_METHOD', 'GET');
  if (!('SCRIPT_NAME' in environ) && !('PATH_INFO' in environ)) {
    environ.SCRIPT_NAME = '';
    environ.PATH_INFO = '/';
  }
  setDefault('wsgi.version', [1, 0]);
  setDefault('wsgi.run_once', false);
  setDefault('wsgi.multithread', false);
  setDefault('wsgi.multiprocess', false);
  setDefault('wsgi.input', new MemoryInput());
  setDefault('wsgi.errors', new MemoryErrors());
  setDefault('wsgi.url_scheme', guessScheme(environ));
  if (environ['wsgi.url_scheme'] === 'http') setDefault('SERVER_PORT', '80');
  else if (environ['wsgi.url_scheme'] === 'https') setDefault('SERVER_PORT', '443');
}

// RFC 2616 §13.5.1, which lists "Trailers", and RFC 9110 §6.6.2, whose field is named "Trailer".
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a field of this name concerns one connection alone, and so is the gateway's to send, not the application's. */
export function isHopByHop(headerName: string): boolean {
  return HOP_BY_HOP.has(headerName.toLowerCase());
}

/**
 * A body read from a file block by block. A handler that can send by descriptor recognises this class and does that
 * instead (PEP 3333, "Optional Platform-Specific File Handling").
 */
export class FileWrapper implements IterableIterator<Uint8Array> {
  readonly filelike: FileLike;
  readonly blksize: number;
  /** There only where the file has one. */
  declare close?: () => void;

  /** @param blksize bytes to a block */
  constructor(filelike: FileLike, blksize = 8192) {
    this.filelike = filelike;
    this.blksize = blksize;
    if (filelike.close !== undefined) this.close = () => filelike.close?.();
  }

  next(): IteratorResult<Uint8Array, undefined> {
    // A stream of Node's has null at its end.
    const block: Uint8Array | null = this.filelike.read(this.blksize);
    return block !== null && block.length > 0 ? { done: false, value: block } : { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }
}
