/**
 * The site that each server written in JavaScript offers: the same paths, bytes and types, so that the servers differ alone.
 * A server is started as `node SERVER.mjs PORT DIRECTORY http|tls`.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { COLD_FILE_SIZE, COLD_FILES, FILE_SIZES, HELLO, STREAM_CHUNK, STREAM_CHUNKS } from '../harness/scenarios.mjs';

export { HELLO };

const [port, directory, protocol] = process.argv.slice(2);
if (!port || !directory) throw new Error('usage: node SERVER.mjs PORT DIRECTORY http|tls');

export const PORT = Number(port);

/** Longer than any scenario leaves a connection idle. */
export const KEEP_ALIVE_MS = 120_000;

/** The directory that file servers serve, as paths beneath it ask for it. */
export const FILES_ROOT = join(directory, 'root');

/** Paths of key and certificate, where the server is to serve HTTPS; else null. */
export const TLS = protocol === 'tls' ? { key: join(directory, 'key.pem'), cert: join(directory, 'cert.pem') } : null;

/** As node:https wants them. */
export const TLS_CONTENTS = TLS && { key: readFileSync(TLS.key), cert: readFileSync(TLS.cert) };

/**
 * The files by the path that asks for them, for who has no file server. Sizes are looked up once, so that no server stats on
 * each request to learn the Content-Length.
 *
 * @type {ReadonlyMap<string, { path: string, size: number }>}
 */
export const FILES = new Map([
  ...Object.keys(FILE_SIZES).map((name) => fileEntry(`/file/${name}`)),
  ...COLD_FILES.map((name) => fileEntry(`/cold/${name}`, COLD_FILE_SIZE)),
]);

/**
 * @param {string} url
 * @param {number} [size] bytes, where the file may not be there
 * @returns {[string, { path: string, size: number }]}
 */
function fileEntry(url, size) {
  const path = join(FILES_ROOT, url);
  return [url, { path, size: size ?? statSync(path).size }];
}

const CHUNK = Buffer.from(STREAM_CHUNK);

/** The body of /stream, piece by piece, as an application produces it. */
export function* pieces() {
  for (let index = 0; index < STREAM_CHUNKS; index++) yield CHUNK;
}
