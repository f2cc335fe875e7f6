/**
 * usage: slow-readers.mjs PORT PATH COUNT
 *
 * So many connections each ask for a file and read it at 32 KiB a second. Prints `ready` when all answers have begun; when standard
 * input ends, what was read and how many connections were lost, as JSON.
 */
import { connect } from 'node:net';

const [port, path, count] = process.argv.slice(2);

const READ_BYTES = 8192;
const READS_A_SECOND = 4;
const TICK_MS = 10;

/** Fewer at a time than any server's backlog. */
const CONCURRENCY = 100;

/** All share it: what is read is not looked at. */
const buffer = Buffer.allocUnsafe(READ_BYTES);

let bytes = 0;
let lost = 0;
/** @type {import('node:net').Socket[]} */
const sockets = [];

/** @returns {Promise<void>} done when the answer has begun */
function openOne() {
  return new Promise((resolve, reject) => {
    const callback = (/** @type {number} */ length) => {
      bytes += length;
      resolve();
      // No more until it is this connection's turn.
      return false;
    };
    const socket = connect({ port: Number(port), host: '127.0.0.1', onread: { buffer, callback } });
    sockets.push(socket);
    socket.once('error', reject);
    socket.once('close', () => {
      lost++;
      reject(new Error('closed before it was answered'));
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  });
}

let remaining = Number(count);
await Promise.all(
  Array.from({ length: CONCURRENCY }, async () => {
    while (remaining-- > 0) await openOne();
  }),
);

// Every tick some of them read, so that in a quarter of a second each has had its turn.
const perTick = Math.ceil((sockets.length * READS_A_SECOND * TICK_MS) / 1000);
let next = 0;
setInterval(() => {
  for (let turn = 0; turn < perTick; turn++) sockets[next++ % sockets.length]?.resume();
}, TICK_MS);

bytes = 0;
process.stdout.write('ready\n');
process.stdin.resume().once('end', () => {
  process.stdout.write(`${JSON.stringify({ bytes, lost })}\n`, () => process.exit(0));
});
