/**
 * What clients cost that read slowly: memory and CPU time for each.
 *
 * @typedef {object} SlowSample
 * @property {number} cpuPerConnection microseconds, from its opening on: a kernel that takes megabytes at once leaves a server
 *   little to do later, and a server that fills it has done its work at the beginning
 * @property {number} bytesPerConnection resident, at most
 * @property {number} kernelBytesPerConnection what sockets hold at both ends, at most
 * @property {number} residentBefore bytes
 * @property {number} residentAfter bytes, at most
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { killTree, startChild } from './child-processes.mjs';
import { assertFilesSuffice } from './idle-connections.mjs';
import { FailedRunError } from './load.mjs';
import { openFileLimit, tcpMemoryBytes } from './process-usage.mjs';
import { SLOW_READERS } from './scenarios.mjs';

const PROGRAM = fileURLToPath(new URL('../clients/slow-readers.mjs', import.meta.url));
const MEASURED_SECONDS = 5;
const SAMPLE_MS = 500;
const START_TIMEOUT_MS = 30_000;

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {import('./load.mjs').Loading} loading
 * @param {number} [count]
 * @returns {Promise<SlowSample>}
 * @throws {FailedRunError} when a connection failed or was closed before the end
 */
export async function measureSlowReaders(server, scenario, { pinning }, count = SLOW_READERS) {
  // A server needs a connection and a file for each.
  assertFilesSuffice(count * 2, openFileLimit());
  const residentBefore = server.residentBytes();
  const kernelBefore = tcpMemoryBytes();
  const cpuBefore = server.cpuSeconds();
  const command = [process.execPath, PROGRAM, String(server.port), scenario.paths[0] ?? '/', String(count)];
  const client = startChild([...pinning.load, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = client;
  if (!stdin || !stdout) throw new Error('the client was started without pipes');
  const lines = createInterface({ input: stdout });
  try {
    await nextLine(lines, client);
    let [residentAfter, kernelAfter] = [0, 0];
    const end = performance.now() + MEASURED_SECONDS * 1000;
    while (performance.now() < end) {
      await sleep(SAMPLE_MS);
      residentAfter = Math.max(residentAfter, server.residentBytes());
      kernelAfter = Math.max(kernelAfter, tcpMemoryBytes());
    }
    const cpu = server.cpuSeconds() - cpuBefore;
    stdin.end();
    const { bytes, lost } = JSON.parse(await nextLine(lines, client));
    if (lost > 0) throw new FailedRunError([`${lost} slow readers were cut off`]);
    if (bytes === 0) throw new FailedRunError(['the slow readers were sent nothing more']);
    return {
      cpuPerConnection: (cpu / count) * 1e6,
      bytesPerConnection: Math.max(0, residentAfter - residentBefore) / count,
      kernelBytesPerConnection: Math.max(0, kernelAfter - kernelBefore) / count,
      residentBefore,
      residentAfter,
    };
  } finally {
    killTree(client);
  }
}

/**
 * @param {import('node:readline').Interface} lines
 * @param {import('node:child_process').ChildProcess} client
 * @returns {Promise<string>}
 */
async function nextLine(lines, client) {
  const timer = setTimeout(() => killTree(client), START_TIMEOUT_MS);
  try {
    const line = await Promise.race([once(lines, 'line'), once(client, 'exit').then(() => null)]);
    if (line === null) throw new FailedRunError(['the slow readers could not connect, or were not answered']);
    return line[0];
  } finally {
    clearTimeout(timer);
  }
}
