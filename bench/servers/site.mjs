/**
 * The site that each server written in JavaScript offers: the same paths, bytes and types, so that the servers differ alone.
 * A server is started as `node SERVER.mjs PORT DIRECTORY`.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { FILE_SIZES, HELLO } from '../harness/scenarios.mjs';

export { HELLO };

const [port, directory] = process.argv.slice(2);
if (!port || !directory) throw new Error('usage: node SERVER.mjs PORT DIRECTORY, where DIRECTORY holds the files');

export const PORT = Number(port);

/** Longer than any scenario leaves a connection idle. */
export const KEEP_ALIVE_MS = 120_000;

/**
 * The files by the path that asks for them. Sizes are looked up once, so that no server stats on each request to learn the
 * Content-Length.
 *
 * @type {ReadonlyMap<string, { path: string, size: number }>}
 */
export const FILES = new Map(
  Object.keys(FILE_SIZES).map((name) => {
    const path = join(directory, name);
    return [`/file/${name}`, { path, size: statSync(path).size }];
  }),
);
