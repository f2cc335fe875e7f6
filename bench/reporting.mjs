#!/usr/bin/env node
/**
 * `node bench/reporting.mjs`: what the access log and metrics cost a hello world, in CPU time of the process that serves. Processes are all
 * there from the start, and are loaded in turn, a second at a time: what disturbs a round disturbs its neighbours as well.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endChildrenOnSignal, killRunningChildren } from './harness/child-processes.mjs';
import { Fleet, load } from './harness/fleet.mjs';
import { choosePinning } from './harness/pinning.mjs';
import { cpuSeconds } from './harness/process-usage.mjs';

const ROUNDS = 16;
const COPIES = 2;
const CONNECTIONS = 64;

const application = fileURLToPath(new URL('servers/hello.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-reporting-'));
const pinning = choosePinning();

const log = (/** @type {string} */ name, /** @type {string} */ format) => [
  '--access-log',
  format,
  '--access-log-file',
  join(folder, name),
];
const admin = (/** @type {string} */ name) => ['--admin', `unix:${join(folder, name)}`];

/** @type {Record<string, (copy: number) => string[]>} */
const KINDS = {
  'neither, without a supervisor': () => ['--workers', '0', '--access-log', 'off'],
  metrics: (copy) => ['--access-log', 'off', ...admin(`a${copy}`)],
  'combined and metrics': (copy) => [...log(`b${copy}`, 'combined'), ...admin(`c${copy}`)],
  'JSON and metrics': (copy) => [...log(`d${copy}`, 'json'), ...admin(`e${copy}`)],
};

endChildrenOnSignal(() => rmSync(folder, { recursive: true, force: true }));
try {
  const servers = [];
  for (let copy = 0; copy < COPIES; copy++) {
    for (const [kind, args] of Object.entries(KINDS)) {
      const fleet = await Fleet.start([application, ...args(copy)], pinning.server);
      // With taskset it is the server itself that has the process id.
      const pid = fleet.pids[0] ?? /** @type {number} */ (fleet.child.pid);
      servers.push({ kind, fleet, pid, samples: /** @type {number[]} */ ([]) });
    }
  }
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { fleet, pid, samples } of servers) {
      const before = cpuSeconds(pid);
      const { requests } = await load(fleet.url, { connections: CONNECTIONS, seconds: 1, prefix: pinning.load });
      // The first round warms up.
      if (round > 0) samples.push(((cpuSeconds(pid) - before) / requests) * 1e6);
    }
  }
  await Promise.all(servers.map(({ fleet }) => fleet.stop()));

  console.log(
    `Hello world, ${CONNECTIONS} connections, µs of CPU a request; ${COPIES} processes of each kind, ${ROUNDS} rounds of 1 s; ${pinning.about}\n`,
  );
  /** @type {{ quarter: number, middle: number } | undefined} */
  let least;
  for (const kind of Object.keys(KINDS)) {
    const sorted = servers
      .filter((server) => server.kind === kind)
      .flatMap(({ samples }) => samples)
      .sort((one, other) => one - other);
    const at = (/** @type {number} */ part) => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
    // What disturbs a round makes it dearer, never cheaper: the lower quartile is nearer to the truth than the median.
    const figures = { quarter: at(0.25), middle: at(0.5) };
    least ??= figures;
    const more = (/** @type {number} */ value, /** @type {number} */ beside) =>
      `+${((value / beside - 1) * 100).toFixed(1)} %`;
    console.log(
      `${kind.padEnd(30)} lower quartile ${figures.quarter.toFixed(2)} (${more(figures.quarter, least.quarter)}), ` +
        `median ${figures.middle.toFixed(2)} (${more(figures.middle, least.middle)})`,
    );
  }
} finally {
  killRunningChildren();
  rmSync(folder, { recursive: true, force: true });
}
