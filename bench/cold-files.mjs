#!/usr/bin/env node
/**
 * How long others wait while many clients download files from a slow disk: `node bench/cold-files.mjs --help`.
 *
 * Of each server the latency of a small page is measured twice, first with nothing else to do, then while clients download
 * files none of which is in the page cache. What the disk gives is limited, where that is possible (root), so that the
 * outcome does not depend on what disk there is.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { endChildrenOnSignal, killTree, runChild, startChild } from './harness/child-processes.mjs';
import { DiskThrottle } from './harness/disk-throttle.mjs';
import { noise } from './harness/noise.mjs';
import { choosePinning } from './harness/pinning.mjs';
import { processTree, storageBytes } from './harness/process-usage.mjs';
import { ServerProcess } from './harness/server-process.mjs';
import { SERVER_LIST } from './harness/servers.mjs';
import { createSite } from './harness/site.mjs';
import { median } from './harness/statistics.mjs';

const MIB = 1024 * 1024;
const PROBE = fileURLToPath(new URL('clients/latency-probe.mjs', import.meta.url));
const DOWNLOADS = fileURLToPath(new URL('clients/downloads.mjs', import.meta.url));
/** Requests a second. */
const RATE = 250;
/** The probe takes a request for unanswered that has waited for so long. */
const UNANSWERED_MS = 3000;

/** @type {{ clients: number, size: number, disk: number, rounds: number, seconds: number }} */
const { clients, size, disk, rounds, seconds } = new Command('cold-files')
  .description('Measures how long a page takes while clients download files from a slow disk.')
  .option('--clients <count>', 'clients, and files', positiveInteger, 64)
  .option('--size <MiB>', 'of each file', positiveInteger, 4)
  .option('--disk <MiB>', 'what the disk is limited to, a second', positiveInteger, 50)
  .option('--rounds <count>', 'rounds of each server', positiveInteger, 3)
  .option('--seconds <count>', 'of each measurement', positiveInteger, 4)
  .parse()
  .opts();

/** @typedef {{ p50: number, p99: number, failures: number }} Latencies in microseconds */

const site = createColdSite();
const throttle = throttled();
endChildrenOnSignal(site.remove);
try {
  await measure();
} finally {
  throttle?.remove();
  site.remove();
}

async function measure() {
  const pinning = choosePinning();
  const limit = throttle ? `limited to ${disk} MiB/s` : 'as it is';
  console.log(`${clients} clients, files of ${size} MiB; disk ${limit}; ${pinning.about}\n`);
  console.log('| server | p50 idle | p99 idle | p50 | p99 | unanswered | p99 ÷ idle | MiB/s |');
  console.log('| --- | --: | --: | --: | --: | --: | --: | --: |');
  const servers = SERVER_LIST.filter(({ name, missing }) => ['uwsgiref', 'nginx'].includes(name) && !missing());
  /** @type {Map<string, number[]>} */
  const ratios = new Map(servers.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      const started = await ServerProcess.start(server, site, pinning.server);
      try {
        throttle?.add(processTree(started.pid));
        ratios.get(server.name)?.push(await measureOne(started, pinning.load));
      } finally {
        await started.stop();
      }
    }
  }
  console.log('');
  for (const [name, each] of ratios) console.log(`${name}: p99 ÷ idle ${median(each).toFixed(1)} (median)`);
}

/**
 * @param {ServerProcess} server
 * @param {readonly string[]} pinning
 * @returns {Promise<number>} how many times as long the page takes
 */
async function measureOne(server, pinning) {
  await probe(server, pinning);
  const idle = await probe(server, pinning);
  const readBefore = storageBytes(server.pid);
  const begun = performance.now();
  const command = [process.execPath, DOWNLOADS, String(server.port), join(site.root, 'cold'), '/cold', 'cold'];
  const downloads = startChild([...pinning, 'nice', '-n', '19', ...command, String(clients)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const busy = await probe(server, pinning);
    downloads.stdin?.end();
    const { bytes, failures } = JSON.parse(downloads.stdout ? await text(downloads.stdout) : '');
    if (failures > 0) throw new Error(`${server.server.name}: ${failures} downloads failed`);
    const took = (performance.now() - begun) / 1000;
    const read = storageBytes(server.pid) - readBefore;
    if (read < bytes / 2) throw new Error(`${server.server.name}: the files were not read from the disk`);
    report(server.server.name, idle, busy, bytes / MIB / took);
    return p99(busy) / p99(idle);
  } finally {
    killTree(downloads);
  }
}

/**
 * @param {ServerProcess} server
 * @param {readonly string[]} pinning
 * @returns {Promise<Latencies>}
 */
async function probe(server, pinning) {
  const command = [...pinning, process.execPath, PROBE, String(server.port), String(RATE), String(seconds)];
  return JSON.parse(await runChild(command, { timeoutMs: (seconds + 20) * 1000 }));
}

/**
 * Milliseconds; where too many requests were not answered, what they have waited for at least.
 *
 * @param {Latencies} latencies
 */
function p99({ p99, failures }) {
  return failures > (RATE * seconds) / 100 ? UNANSWERED_MS : p99 / 1000;
}

/**
 * @param {string} name
 * @param {Latencies} idle
 * @param {Latencies} busy
 * @param {number} speed MiB a second
 */
function report(name, idle, busy, speed) {
  const figures = [(idle.p50 ?? Number.NaN) / 1000, p99(idle), (busy.p50 ?? Number.NaN) / 1000, p99(busy)];
  const shown = figures.map((value) => `${value.toFixed(2)} ms`).join(' | ');
  const ratio = (p99(busy) / p99(idle)).toFixed(1);
  console.log(`| ${name} | ${shown} | ${busy.failures} | ${ratio} | ${speed.toFixed(0)} |`);
}

/** The files lie in TMPDIR, which has to be on a disk. */
function createColdSite() {
  const made = createSite();
  // What is not on the disk yet cannot be dropped from memory.
  for (let file = 0; file < clients; file++) {
    writeFileSync(join(made.root, 'cold', String(file)), noise(size * MIB), { flush: true });
  }
  return made;
}

function throttled() {
  try {
    return DiskThrottle.create(site.directory, disk * MIB);
  } catch (error) {
    console.error(`The disk is not limited: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

/** @param {string} text */
function positiveInteger(text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number from 1 on is needed.');
  return value;
}
