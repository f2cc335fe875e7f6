/**
 * usage: downloads.mjs PORT DIRECTORY PREFIX warm|cold CONNECTIONS
 *
 * Downloads the files of the directory in turn, as PREFIX/NAME, until standard input ends. Cold: the kernel is told to drop a file's
 * pages just before it is asked for (posix_fadvise(2) by dd(1)). Prints what it got, as JSON.
 */
import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';

const [port, directory = '.', prefix, temperature, connections] = process.argv.slice(2);

const run = promisify(execFile);
const names = readdirSync(directory);
let bytes = 0;
let failures = 0;
let ended = false;
let next = 0;

/** @param {string} name */
function download(name) {
  const { size } = statSync(join(directory, name));
  return /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      let length = 0;
      const fail = () => {
        failures++;
        resolve();
      };
      get({ host: '127.0.0.1', port: Number(port), path: `${prefix}/${name}`, agent: false }, (response) => {
        response.on('data', (chunk) => {
          length += chunk.length;
          bytes += chunk.length;
        });
        response.once('error', fail);
        response.once('end', () => {
          if (response.statusCode !== 200 || length !== size) failures++;
          resolve();
        });
      }).once('error', fail);
    })
  );
}

async function downloadInTurn() {
  while (!ended) {
    const name = names[next++ % names.length] ?? '';
    if (temperature === 'cold')
      await run('dd', [`if=${join(directory, name)}`, 'iflag=nocache', 'count=0', 'status=none']);
    await download(name);
  }
}

process.stdin.resume().once('end', () => {
  ended = true;
});
await Promise.all(Array.from({ length: Number(connections) }, downloadInTurn));
process.stdout.write(JSON.stringify({ bytes, failures }));
