/**
 * Whether files that are not in memory hold up those who ask for something else: hello at a steady rate, with nothing beside it, with
 * downloads of files from memory, and with downloads of the same files from disk.
 *
 * @typedef {object} ColdSample all latencies in microseconds
 * @property {number} idleP50
 * @property {number} idleP99 of hello, with nothing beside it
 * @property {number} warmP50
 * @property {number} warmP99 of hello, while files are sent from memory
 * @property {number} coldP50
 * @property {number} coldP99 of hello, while files are read from disk
 * @property {number} coldReadMebibytes that the server had read from the disk, a second
 * @property {number} warmMebibytes downloaded a second
 * @property {number} coldMebibytes downloaded a second
 */

import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { killTree, runChild, startChild } from './child-processes.mjs';
import { FailedRunError } from './load.mjs';
import { storageBytes } from './process-usage.mjs';

const PROBE = fileURLToPath(new URL('../clients/latency-probe.mjs', import.meta.url));
const DOWNLOADS = fileURLToPath(new URL('../clients/downloads.mjs', import.meta.url));

export const PROBE_RATE = 1000;
const PROBE_SECONDS = 2;
const DOWNLOADING = 4;
const SETTLE_MS = 300;

/** Of what was downloaded as cold, so much at least has to have come from the disk. */
const COLD_SHARE = 0.8;

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./load.mjs').Loading} loading
 * @returns {Promise<ColdSample>}
 * @throws {FailedRunError} when a request failed, or the files were not cold
 */
export async function measureColdFiles(server, loading) {
  // The first probe warms hello up, the first downloads warm the files up.
  await probe(server, loading);
  await whileDownloading(server, loading, 'warm');
  const idle = await probe(server, loading);
  const warm = await whileDownloading(server, loading, 'warm');
  const cold = await whileDownloading(server, loading, 'cold');
  if (cold.read < cold.bytes * COLD_SHARE) {
    const share = Math.round((cold.read / cold.bytes) * 100);
    throw new FailedRunError([`only ${share} % of the files came from the disk: they were not cold`]);
  }
  return {
    idleP50: idle.p50,
    idleP99: idle.p99,
    warmP50: warm.p50,
    warmP99: warm.p99,
    coldP50: cold.p50,
    coldP99: cold.p99,
    coldReadMebibytes: mebibytesASecond(cold.read, cold.seconds),
    warmMebibytes: mebibytesASecond(warm.bytes, warm.seconds),
    coldMebibytes: mebibytesASecond(cold.bytes, cold.seconds),
  };
}

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./load.mjs').Loading} loading
 * @returns {Promise<{ p50: number, p99: number }>}
 */
async function probe(server, { pinning }) {
  const command = [process.execPath, PROBE, String(server.port), String(PROBE_RATE), String(PROBE_SECONDS)];
  const { failures, ...latencies } = JSON.parse(
    await runChild([...pinning.load, ...command], { timeoutMs: (PROBE_SECONDS + 20) * 1000 }),
  );
  if (failures > 0) throw new FailedRunError([`${failures} requests of the probe failed`]);
  return latencies;
}

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./load.mjs').Loading} loading
 * @param {'warm' | 'cold'} temperature
 */
async function whileDownloading(server, loading, temperature) {
  const directory = join(loading.site.root, 'cold');
  // Behind the probe where both want the core.
  const command = ['nice', '-n', '19', process.execPath, DOWNLOADS, String(server.port), directory, '/cold'];
  const client = startChild([...loading.pinning.load, ...command, temperature, String(DOWNLOADING)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { stdin, stdout } = client;
  if (!stdin || !stdout) throw new Error('the client was started without pipes');
  const readBefore = storageBytes(server.pid);
  const begin = performance.now();
  try {
    await sleep(SETTLE_MS);
    const latencies = await probe(server, loading);
    stdin.end();
    const { bytes, failures } = JSON.parse(await text(stdout));
    if (failures > 0) throw new FailedRunError([`${failures} downloads failed`]);
    const seconds = (performance.now() - begin) / 1000;
    return { ...latencies, bytes, seconds, read: storageBytes(server.pid) - readBefore };
  } finally {
    killTree(client);
  }
}

/**
 * @param {number} bytes
 * @param {number} seconds
 */
function mebibytesASecond(bytes, seconds) {
  return bytes / 2 ** 20 / seconds;
}
