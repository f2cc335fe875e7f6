/**
 * This project's server for cold-files.mjs: a page at `/`, and the files of a directory beneath `/file/`.
 *
 * node cold-files.mjs PORT DIRECTORY
 */
import { mount, serve, staticFiles } from '../../dist/index.js';
import { HELLO } from '../harness/scenarios.mjs';

const [port, directory = ''] = process.argv.slice(2);
const BODY = Buffer.from(HELLO);

/** @type {import('../../dist/index.js').Application} */
function hello(_environ, startResponse) {
  startResponse('200 OK', [
    ['Content-Type', 'text/plain'],
    ['Content-Length', String(BODY.length)],
  ]);
  return [BODY];
}

await serve(mount({ '/file': staticFiles(directory), '/': hello }), { host: '127.0.0.1', port: Number(port) });
