#!/usr/bin/env node
/**
 * `npm run bench -- --help`: the command line of the benchmark. See bench/README.md for what is measured and how.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { describeEnvironment, formatEnvironment } from './harness/environment.mjs';
import { chooseGenerator } from './harness/load.mjs';
import { measureScenario } from './harness/measure.mjs';
import { choosePinning } from './harness/pinning.mjs';
import { formatScenario, reportScenario } from './harness/report.mjs';
import { SCENARIOS } from './harness/scenarios.mjs';
import { killRunningServers } from './harness/server-process.mjs';
import { SERVER_LIST } from './harness/servers.mjs';
import { createSite } from './harness/site.mjs';

const RESULTS = fileURLToPath(new URL('results', import.meta.url));

/**
 * @typedef {object} Options
 * @property {string[]} scenario
 * @property {string[]} server
 * @property {number} rounds
 * @property {number} duration seconds
 * @property {number} connections
 * @property {string} [json]
 * @property {'wrk' | 'autocannon' | 'auto'} generator
 */

/** @type {Options} */
const options = new Command('bench')
  .description('Measures this server and its peers, each on a core of its own, in interleaved rounds.')
  .addOption(repeatable('--scenario <name>', 'measure this scenario, repeatable', SCENARIOS))
  .addOption(repeatable('--server <name>', 'measure this server, repeatable', SERVER_LIST))
  .option('--rounds <count>', 'rounds of each server in each scenario', positiveInteger, 5)
  .option('--duration <seconds>', 'seconds of load in a round', positiveInteger, 2)
  .option('--connections <count>', 'connections of the load generator', positiveInteger, 64)
  .option('--json <file>', 'write the report here (default: a file in bench/results/ named after the time)')
  .addOption(new Option('--generator <name>', 'load generator').choices(['wrk', 'autocannon', 'auto']).default('auto'))
  .parse()
  .opts();

try {
  if (process.platform !== 'linux') throw new Error('CPU time is read from /proc: the benchmark runs on Linux only');
  process.exitCode = (await bench(options)) ? 0 : 1;
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

/**
 * @param {Options} options
 * @returns {Promise<boolean>} whether every figure that was asked for could be reported
 */
async function bench({ scenario, server, rounds, duration, connections, json, generator: choice }) {
  const generator = chooseGenerator(choice);
  const pinning = choosePinning();
  const servers = chooseServers(server);
  const scenarios = SCENARIOS.filter(({ name }) => scenario.length === 0 || scenario.includes(name));
  const environment = describeEnvironment(generator, pinning, servers);
  console.log(`${formatEnvironment(environment)}\n`);

  const site = createSite();
  removeOnSignal(site);
  const run = { generator, pinning, site, rounds, seconds: duration, connections, progress };
  const reports = [];
  try {
    for (const each of scenarios) {
      const report = reportScenario(await measureScenario(each, servers, run));
      progress('');
      console.log(formatScenario(report, generator.name));
      reports.push(report);
    }
  } finally {
    site.remove();
  }

  const file = json ?? resultFile(environment.date);
  writeFileSync(file, `${JSON.stringify({ environment, rounds, duration, scenarios: reports }, null, 2)}\n`);
  console.log(`Written to ${file}`);
  return reports.every(({ refused }) => refused.length === 0);
}

/**
 * @param {readonly string[]} names as asked for; none asks for all that can run
 */
function chooseServers(names) {
  return SERVER_LIST.filter((server) => {
    if (names.length > 0 && !names.includes(server.name)) return false;
    const missing = server.missing();
    if (missing && names.length > 0) throw new Error(`${server.name}: ${missing}`);
    if (missing) console.error(`Left out: ${server.name}: ${missing}`);
    return !missing;
  });
}

/**
 * @param {string} flags
 * @param {string} description
 * @param {readonly { name: string }[]} known
 */
function repeatable(flags, description, known) {
  const names = known.map(({ name }) => name);
  return new Option(flags, `${description}: ${names.join(', ')}`)
    .default([], 'all that can run')
    .argParser((/** @type {string} */ name, /** @type {string[]} */ chosen) => {
      if (!names.includes(name)) throw new InvalidArgumentError(`Choose from ${names.join(', ')}.`);
      return [...chosen, name];
    });
}

/** @param {string} text */
function positiveInteger(text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number from 1 on is needed.');
  return value;
}

/** @param {string} date */
function resultFile(date) {
  mkdirSync(RESULTS, { recursive: true });
  return join(RESULTS, `${date.replaceAll(':', '-')}.json`);
}

/**
 * Shows what is going on, on a terminal alone and on one line.
 *
 * @param {string} text
 */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** @param {import('./harness/site.mjs').Site} site */
function removeOnSignal(site) {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      killRunningServers();
      site.remove();
      process.exit(1);
    });
  }
}
