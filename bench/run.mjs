#!/usr/bin/env node
/**
 * `npm run bench -- --help`: the command line of the benchmark. See bench/README.md for what is measured and how.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Command, InvalidArgumentError, Option } from 'commander';
import { endChildrenOnSignal, killRunningChildren } from './harness/child-processes.mjs';
import { comparableParts, describeEnvironment, formatEnvironment } from './harness/environment.mjs';
import { candidates } from './harness/generator-choice.mjs';
import { measureScenario } from './harness/measure.mjs';
import { choosePinning } from './harness/pinning.mjs';
import { reportScenario } from './harness/report.mjs';
import { RESULTS } from './harness/results.mjs';
import { formatScenario } from './harness/scenario-text.mjs';
import { QUICK_SCENARIOS, SCENARIOS } from './harness/scenarios.mjs';
import { SERVER_LIST } from './harness/servers.mjs';
import { createSite } from './harness/site.mjs';

/**
 * @typedef {object} Options
 * @property {string[]} scenario
 * @property {string[]} server
 * @property {number} [rounds]
 * @property {number} duration seconds
 * @property {number} connections
 * @property {boolean} quick
 * @property {string} [json]
 * @property {string} [resume]
 * @property {boolean} again
 * @property {'wrk' | 'autocannon' | 'auto'} generator
 */

/** @type {Options} */
const options = new Command('bench')
  .description('Measures this server and its peers, each on a core of its own, in interleaved rounds.')
  .addOption(repeatable('--scenario <name>', 'measure this scenario, repeatable', SCENARIOS))
  .addOption(repeatable('--server <name>', 'measure this server, repeatable', SERVER_LIST))
  .option('--quick', `three rounds of ${QUICK_SCENARIOS.length} scenarios: a few minutes`, false)
  .option('--rounds <count>', 'rounds of each server in each scenario (default: 5)', positiveInteger)
  .option('--duration <seconds>', 'seconds of load in a round', positiveInteger, 1)
  .option('--connections <count>', 'connections of the load generator', positiveInteger, 64)
  .option('--json <file>', 'write the report here (default: a file in bench/results/ named after the time)')
  .option(
    '--resume <file>',
    'go on with a report that was interrupted: scenarios that are in it are not measured again',
  )
  .option('--again', 'with --resume: measure the scenarios that are named anew, at whatever commit this is', false)
  .addOption(
    new Option('--generator <name>', 'load generator; auto decides for each scenario, by measurement')
      .choices(['wrk', 'autocannon', 'auto'])
      .default('auto'),
  )
  .parse()
  .opts();

try {
  if (process.platform !== 'linux') throw new Error('CPU time is read from /proc: the benchmark runs on Linux only');
  process.exitCode = (await bench(options)) ? 0 : 1;
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  killRunningChildren();
}

/**
 * @param {Options} options
 * @returns {Promise<boolean>} whether every figure that was asked for could be reported
 */
async function bench(options) {
  const { quick, duration, connections, resume, again } = options;
  const rounds = options.rounds ?? (quick ? 3 : 5);
  const generators = candidates(options.generator);
  const pinning = choosePinning();
  const { servers, missing } = chooseServers(options.server);
  const environment = describeEnvironment(generators, pinning, servers, missing);
  console.log(`${formatEnvironment(environment)}\n`);

  const file = options.json ?? resume ?? join(RESULTS, `${environment.date.replaceAll(':', '-')}.json`);
  /** @type {import('./harness/report.mjs').RunReport} */
  const report = resume
    ? reportToResume(resume, environment, again)
    : { environment, rounds, duration, tookSeconds: 0, scenarios: [] };
  const place = (/** @type {string} */ name) => report.scenarios.findIndex((each) => each.scenario === name);
  const scenarios = chooseScenarios(options).filter(({ name }) => again || place(name) < 0);

  /** @type {import('./harness/site.mjs').Site | undefined} */
  let made;
  endChildrenOnSignal(() => made?.remove());
  const site = createSite({ cold: scenarios.some(({ kind }) => kind === 'cold-files') });
  made = site;
  const run = { generators, pinning, site, rounds, seconds: duration, connections, progress };
  try {
    for (const each of scenarios) {
      const begin = performance.now();
      const scenarioReport = reportScenario(await measureScenario(each, servers, run));
      progress('');
      console.log(formatScenario(scenarioReport));
      if (environment.commit !== report.environment.commit) scenarioReport.commit = environment.commit;
      const former = place(each.name);
      if (former < 0) report.scenarios.push(scenarioReport);
      else report.scenarios[former] = scenarioReport;
      report.tookSeconds += (performance.now() - begin) / 1000;
      // After each scenario, so that --resume finds what was measured.
      writeReport(file, report);
    }
  } finally {
    site.remove();
  }
  console.log(`${Math.round(report.tookSeconds / 60)} minutes. Written to ${file}`);
  return report.scenarios.every(({ refused }) => refused.length === 0);
}

/** @param {Options} options */
function chooseScenarios({ scenario, quick }) {
  return SCENARIOS.filter(({ name }) => {
    if (scenario.length > 0) return scenario.includes(name);
    return !quick || QUICK_SCENARIOS.includes(name);
  });
}

/**
 * @param {readonly string[]} names as asked for; none asks for all that can run
 */
function chooseServers(names) {
  /** @type {Record<string, string>} */
  const missing = {};
  const servers = SERVER_LIST.filter((server) => {
    if (names.length > 0 && !names.includes(server.name)) return false;
    const reason = server.missing();
    if (reason && names.length > 0) throw new Error(`${server.name}: ${reason}`);
    if (reason) missing[server.name] = reason;
    return !reason;
  });
  return { servers, missing };
}

/**
 * @param {string} file
 * @param {import('./harness/environment.mjs').Environment} environment
 * @param {boolean} again the report says of each scenario that it is of another commit
 * @returns {import('./harness/report.mjs').RunReport}
 * @throws {Error} when figures of another commit or machine would be mixed with these
 */
function reportToResume(file, environment, again) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const here = again ? { ...environment, commit: report.environment.commit } : environment;
  const [before, now] = [comparableParts(report.environment), comparableParts(here)];
  if (isDeepStrictEqual(before, now)) return report;
  throw new Error(`${file} cannot be resumed: it is of ${JSON.stringify(before)}, this is ${JSON.stringify(now)}`);
}

/**
 * @param {string} file
 * @param {import('./harness/report.mjs').RunReport} report
 */
function writeReport(file, report) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
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

/**
 * Shows what is going on, on a terminal alone and on one line.
 *
 * @param {string} text
 */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
