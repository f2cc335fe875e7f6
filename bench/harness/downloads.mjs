/**
 * Downloads of many files at the same time, in a process of its own: `node downloads.mjs PORT PATH...`. It ends when all
 * are complete, or with an error when one is not, and says how many bytes came.
 */
import { once } from 'node:events';
import { get } from 'node:http';

const [port, ...paths] = process.argv.slice(2);
const agent = false;

/** @param {string} path */
async function download(path) {
  const request = get({ port: Number(port), host: '127.0.0.1', path, agent });
  /** @type {[import('node:http').IncomingMessage]} */
  const [response] = /** @type {any} */ (await once(request, 'response'));
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`);
  let received = 0;
  for await (const piece of response) received += piece.length;
  if (received !== Number(response.headers['content-length'])) throw new Error(`${path}: ${received} bytes`);
  return received;
}

const sizes = await Promise.all(paths.map(download));
console.log(sizes.reduce((sum, size) => sum + size, 0));
