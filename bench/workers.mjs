#!/usr/bin/env node
/**
 * `node bench/workers.mjs`: what two workers reach beside one, and how connections are shared out among them. On two cores, with
 * wrk on the same.
 */
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { endChildrenOnSignal, killRunningChildren } from './harness/child-processes.mjs';
import { Fleet, load } from './harness/fleet.mjs';
import { median } from './harness/statistics.mjs';

const ROUNDS = 7;
const SECONDS = 2;
const CONNECTIONS = 64;

const serverOf = (/** @type {string} */ name) => fileURLToPath(new URL(`servers/${name}.mjs`, import.meta.url));
/** @param {readonly number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);

/**
 * One round of load.
 *
 * @param {Fleet} fleet
 */
async function round(fleet) {
  const before = fleet.cpu();
  const { requests, seconds, generator } = await load(fleet.url, { connections: CONNECTIONS, seconds: SECONDS });
  const used = fleet.cpu().map((each, worker) => each - (before[worker] ?? 0));
  return {
    rate: requests / seconds,
    cpu: (sum(used) / requests) * 1e6,
    // How far the busiest worker is from an equal share: 1 is even, and 1 / workers says that one does it all.
    evenness: sum(used) / used.length / Math.max(...used),
    generator: (generator / requests) * 1e6,
  };
}

/** What two workers reach, by throughput and by the calculation that other processes do not disturb. */
async function scaling() {
  const application = ['--access-log', 'off', serverOf('two-hundred-microseconds')];
  const one = await Fleet.start([...application, '--workers', '1']);
  const two = await Fleet.start([...application, '--workers', '2']);
  /** @type {Array<{ one: Awaited<ReturnType<typeof round>>, two: Awaited<ReturnType<typeof round>> }>} */
  const rounds = [];
  for (const fleet of [one, two]) await round(fleet);
  for (let count = 0; count < ROUNDS; count++) rounds.push({ one: await round(one), two: await round(two) });
  await Promise.all([one.stop(), two.stop()]);

  /** @param {(each: typeof rounds[number]) => number} of */
  const typical = (of) => median(rounds.map(of));
  const evenness = typical(({ two }) => two.evenness);
  const capacity = typical(({ one, two }) => (2 * one.cpu * two.evenness) / two.cpu);
  console.log(`Application of 200 µs, ${CONNECTIONS} connections, medians of ${ROUNDS} pairs of ${SECONDS} s\n`);
  console.log(
    `one worker:  ${typical(({ one }) => one.rate).toFixed(0)} requests/s, ${typical(({ one }) => one.cpu).toFixed(1)} µs of CPU a request`,
  );
  console.log(
    `two workers: ${typical(({ two }) => two.rate).toFixed(0)} requests/s, ${typical(({ two }) => two.cpu).toFixed(1)} µs of CPU a request`,
  );
  console.log(`the load generator: ${typical(({ two }) => two.generator).toFixed(1)} µs of CPU a request`);
  console.log(
    `throughput of two beside one: ${typical(({ one, two }) => two.rate / one.rate).toFixed(2)}, as far as others left the cores alone`,
  );
  console.log(
    `capacity of two beside one: ${capacity.toFixed(2)} = 2 x CPU of one / CPU of two x evenness of the workers' CPU, ${evenness.toFixed(2)}\n`,
  );
}

/**
 * Connections that are all open at once, and who has them.
 *
 * @param {number} port
 * @returns {Promise<number[]>} by worker
 */
async function keptConnections(port) {
  /** @type {Map<string, number>} */
  const shares = new Map();
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1');
      const answer = await new Promise((resolve, reject) => {
        socket.once('error', reject);
        socket.once('data', (bytes) => resolve(bytes.toString('latin1')));
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      });
      const [, pid = ''] = /^X-Pid: (\d+)\r$/m.exec(answer) ?? [];
      shares.set(pid, (shares.get(pid) ?? 0) + 1);
      return socket;
    }),
  );
  for (const socket of sockets) socket.destroy();
  return [...shares.values()];
}

/** @param {number} workers */
async function shares(workers) {
  const fleet = await Fleet.start(['--access-log', 'off', serverOf('hello'), '--workers', String(workers)]);
  const port = Number(new URL(fleet.url).port);
  const kept = [];
  for (let count = 0; count < ROUNDS; count++)
    kept.push((await keptConnections(port)).sort((one, other) => other - one));
  const before = fleet.cpu();
  const { requests } = await load(fleet.url, {
    connections: CONNECTIONS,
    seconds: SECONDS,
    headers: ['Connection: close'],
  });
  const used = fleet.cpu().map((each, worker) => each - (before[worker] ?? 0));
  await fleet.stop();
  console.log(
    `${workers} workers, ${CONNECTIONS} connections that come at once and stay: ${kept.map((each) => each.join('/')).join('  ')}`,
  );
  console.log(
    `${workers} workers, a connection for each request: CPU shares ${used.map((each) => `${Math.round((each / sum(used)) * 100)} %`).join('/')}, ` +
      `${((sum(used) / requests) * 1e6).toFixed(1)} µs a request`,
  );
}

endChildrenOnSignal();
try {
  await scaling();
  for (const workers of [1, 2, 4]) await shares(workers);
} finally {
  killRunningChildren();
}
