/**
 * usage: latency-probe.mjs PORT RATE SECONDS
 *
 * Asks for / at a steady rate, whether or not earlier requests have been answered, and prints as JSON how long the answers took, in
 * microseconds. A request that is due while all connections wait is timed from when it was due: a server that stalls cannot
 * hide it (coordinated omission).
 */
import { connect } from 'node:net';

const [port, rate, seconds] = process.argv.slice(2).map(Number);
if (!port || !rate || !seconds) throw new Error('usage: latency-probe.mjs PORT RATE SECONDS');

const REQUEST = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const BODY = 'Hello, world!';
const CONNECTIONS = 64;

/** @type {number[]} */
const latencies = [];
/** @type {number[]} when requests were due that no connection is free for */
const waiting = [];
/** @type {Array<(due: number) => void>} ways to send a request on a connection that is free */
const free = [];
let failures = 0;

/** @returns {Promise<import('node:net').Socket>} */
function open() {
  return new Promise((resolve) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true }, () => {
      free.push(send);
      resolve(socket);
    });
    let due = 0;
    let received = '';
    const send = (/** @type {number} */ at) => {
      due = at;
      socket.write(REQUEST);
    };
    socket.setEncoding('latin1').on('data', (text) => {
      received += text;
      if (!received.endsWith(BODY)) return;
      if (!received.startsWith('HTTP/1.1 200 ')) failures++;
      received = '';
      latencies.push((performance.now() - due) * 1000);
      const next = waiting.shift();
      if (next === undefined) free.push(send);
      else send(next);
    });
    socket.on('error', () => failures++);
    socket.on('close', () => failures++);
  });
}

const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, open));
const begin = performance.now();
let asked = 0;

const timer = setInterval(() => {
  const now = performance.now();
  const due = Math.min(Math.floor(((now - begin) / 1000) * rate), rate * seconds);
  for (; asked < due; asked++) {
    const send = free.pop();
    if (send) send(now);
    else waiting.push(now);
  }
  // A moment more for the last ones; what is not answered by then has failed.
  if (now - begin < seconds * 1000 + 3000 && latencies.length < rate * seconds) return;
  clearInterval(timer);
  for (const socket of sockets) socket.removeAllListeners('close').destroy();
  const unanswered = rate * seconds - latencies.length;
  const sorted = latencies.sort((a, b) => a - b);
  const percentile = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  process.stdout.write(
    JSON.stringify({ p50: percentile(0.5), p99: percentile(0.99), failures: failures + unanswered }),
  );
}, 1);
