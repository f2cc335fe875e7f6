#!/usr/bin/env node
/**
 * How long others wait while many clients download files that are not in memory: `node bench/cold-files.mjs --help`.
 *
 * Of each server the latency of a small page is measured twice, first with nothing else to do, then while clients download
 * a file each, none of which is in the page cache. What the disk gives is limited where that is possible (root), so that
 * it takes seconds whatever disk there is.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { DiskThrottle } from './harness/disk-throttle.mjs';
import { bytesInPageCache, dropFromPageCache } from './harness/page-cache.mjs';
import { choosePinning } from './harness/pinning.mjs';
import { processTree } from './harness/process-usage.mjs';
import { ServerProcess } from './harness/server-process.mjs';
import { SERVER_LIST } from './harness/servers.mjs';
import { noise } from './harness/site.mjs';
import { median } from './harness/statistics.mjs';
import { SteadyRequests } from './harness/steady-requests.mjs';

const MIB = 1024 * 1024;
const HARNESS = fileURLToPath(new URL('harness', import.meta.url));
const INTERVAL_MS = 4;

/** @type {{ clients: number, size: number, disk: number, rounds: number, directory: string }} */
const { clients, size, disk, rounds, directory } = new Command('cold-files')
  .description('Measures how long a page takes while clients download files that are not in memory.')
  .option('--clients <count>', 'clients, each with a file of its own', positiveInteger, 64)
  .option('--size <MiB>', 'of each file', positiveInteger, 4)
  .option('--disk <MiB>', 'what the disk is limited to, a second', positiveInteger, 50)
  .option('--rounds <count>', 'rounds of each server', positiveInteger, 3)
  .option('--directory <path>', 'where files are written: on a disk, not in memory', '/var/tmp')
  .parse()
  .opts();

const site = mkdtempSync(join(directory, 'uwsgiref-cold-'));
try {
  await measure();
} finally {
  rmSync(site, { recursive: true });
}

async function measure() {
  // Started by root, nginx reads the files as an unprivileged user.
  chmodSync(site, 0o755);
  const files = join(site, 'files');
  const scratch = join(site, 'scratch');
  mkdirSync(files);
  mkdirSync(scratch);
  const names = Array.from({ length: clients }, (_, index) => `cold-${index}`);
  const paths = names.map((name) => join(files, name));
  for (const path of paths) writeFileSync(path, noise(size * MIB));
  const throttle = throttled();
  const pinning = choosePinning();
  console.log(
    `${clients} clients, a file of ${size} MiB each; disk ${throttle ? `limited to ${disk} MiB/s` : 'as it is'}; ${pinning.about}\n`,
  );
  console.log('| server | p50 idle | p99 idle | p50 | p99 | longest | p99 ÷ idle | MiB/s |');
  console.log('| --- | --: | --: | --: | --: | --: | --: | --: |');

  /** @type {Map<string, number[]>} */
  const ratios = new Map(servers().map(({ name }) => [name, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const server of servers()) {
        const process = await ServerProcess.start(server, { files, scratch, remove: () => undefined }, pinning.server);
        try {
          throttle?.add(processTree(process.pid));
          ratios.get(server.name)?.push(await measureOne(process, paths, names, pinning.load));
        } finally {
          await process.stop();
        }
      }
    }
  } finally {
    throttle?.remove();
  }
  console.log('');
  for (const [name, each] of ratios) console.log(`${name}: p99 ÷ idle ${median(each).toFixed(1)} (median)`);
}

/**
 * @param {ServerProcess} server
 * @param {readonly string[]} paths
 * @param {readonly string[]} names
 * @param {readonly string[]} pinning
 * @returns {Promise<number>} how many times as long the page takes
 */
async function measureOne(server, paths, names, pinning) {
  const steady = new SteadyRequests(server.port, INTERVAL_MS);
  await steady.ask((elapsed) => elapsed < 1000);
  const idle = await steady.ask((elapsed) => elapsed < 3000);
  dropFromPageCache(paths);
  const left = bytesInPageCache(paths);
  if (left !== null && left > 0)
    throw new Error(`${left} bytes of the files stay in memory; choose another --directory`);

  const [command = '', ...rest] = [...pinning, process.execPath, join(HARNESS, 'downloads.mjs'), String(server.port)];
  const begun = performance.now();
  const downloads = spawn(command, [...rest, ...names.map((name) => `/file/${name}`)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let over = false;
  const ended = once(downloads, 'exit').then(([status]) => {
    over = true;
    if (status !== 0) throw new Error(`${server.server.name}: a download failed`);
  });
  const busy = await steady.ask(() => !over);
  await ended;
  const seconds = (performance.now() - begun) / 1000;
  steady.close();

  const ratio = busy.p99 / idle.p99;
  const figures = [idle.p50, idle.p99, busy.p50, busy.p99, busy.longest].map((value) => `${value.toFixed(2)} ms`);
  const speed = (paths.length * size) / seconds;
  console.log(`| ${server.server.name} | ${figures.join(' | ')} | ${ratio.toFixed(1)} | ${speed.toFixed(0)} |`);
  return ratio;
}

/** This project's server with staticFiles, and nginx as the benchmark configures it: `aio` is off, as by default. */
function servers() {
  const server = fileURLToPath(new URL('servers/cold-files.mjs', import.meta.url));
  return SERVER_LIST.filter(({ name, missing }) => ['uwsgiref', 'nginx'].includes(name) && missing() === null).map(
    (each) =>
      each.name === 'nginx'
        ? each
        : {
            ...each,
            command: (/** @type {import('./harness/site.mjs').Site} */ { files }, /** @type {number} */ port) => [
              process.execPath,
              server,
              String(port),
              files,
            ],
          },
  );
}

function throttled() {
  try {
    return DiskThrottle.create(site, disk * MIB);
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
