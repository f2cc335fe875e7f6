/**
 * Loads one server from the load generator's core, and says what that cost the server.
 *
 * @typedef {object} LoadPlan
 * @property {string} url
 * @property {import('./scenarios.mjs').Scenario} scenario
 * @property {number} connections
 * @property {number} seconds
 *
 * @typedef {object} LoadResult
 * @property {number} requests answered
 * @property {number} seconds
 * @property {number} p50 median latency in seconds
 * @property {number} p99 in seconds
 * @property {string[]} failures empty when every request was answered with success
 *
 * @typedef {object} Generator
 * @property {string} name
 * @property {readonly string[]} probe a command that can be spawned when the generator is there; prints its version
 * @property {(plan: LoadPlan) => string[]} command argument vector
 * @property {(output: string) => LoadResult} parse reads the command's standard output
 *
 * @typedef {object} Sample one round's figures
 * @property {number} throughput requests a second
 * @property {number} cpuPerRequest microseconds of the server's user and system time
 * @property {number} coreShare how busy the server kept its core; well below 1, the load generator was the limit
 * @property {number} [p50] microseconds; absent when requests are pipelined
 * @property {number} [p99] microseconds; absent when requests are pipelined
 */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { autocannon } from './autocannon.mjs';
import { wrk } from './wrk.mjs';

const run = promisify(execFile);

/** The program gets this long beyond its measuring time to connect and to report. */
const GRACE_SECONDS = 30;

/** A run in which requests failed: its figures would flatter whoever fails fastest. */
export class FailedRunError extends Error {
  /** @param {readonly string[]} failures */
  constructor(failures) {
    super(failures.join(', '));
    this.name = 'FailedRunError';
  }
}

/**
 * @param {'wrk' | 'autocannon' | 'auto'} choice
 * @returns {Generator}
 */
export function chooseGenerator(choice) {
  const candidates = choice === 'auto' ? [wrk, autocannon] : choice === 'wrk' ? [wrk] : [autocannon];
  const found = candidates.find(generatorVersion);
  if (!found) throw new Error(`no load generator: install ${candidates.map(({ name }) => name).join(' or ')}`);
  return found;
}

/**
 * @param {Generator} generator
 * @returns {string} the first line it prints when asked for its version; empty when it is not installed
 */
export function generatorVersion({ probe }) {
  const [command, ...rest] = /** @type {[string, ...string[]]} */ (probe);
  const { error, stdout } = spawnSync(command, rest, { encoding: 'utf8' });
  // wrk prints its version and then ends with a status of 1, so the status says nothing.
  return error ? '' : (stdout.split('\n')[0] ?? '').trim();
}

/**
 * @param {Generator} generator
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {Omit<LoadPlan, 'url'>} plan
 * @param {readonly string[]} pinning the command line that precedes the generator's own
 * @returns {Promise<Sample>}
 * @throws {FailedRunError} when any request failed
 */
export async function loadServer(generator, server, plan, pinning) {
  const url = `http://127.0.0.1:${server.port}${plan.scenario.path}`;
  const [command, ...rest] = /** @type {[string, ...string[]]} */ ([
    ...pinning,
    ...generator.command({ ...plan, url }),
  ]);
  const cpuBefore = server.cpuSeconds();
  const { stdout } = await run(command, rest, { timeout: (plan.seconds + GRACE_SECONDS) * 1000 });
  const cpu = server.cpuSeconds() - cpuBefore;
  return toSample(plan.scenario, generator.parse(stdout), cpu);
}

/**
 * @param {Pick<import('./scenarios.mjs').Scenario, 'pipeline'>} scenario
 * @param {LoadResult} result
 * @param {number} cpu seconds that the server used
 * @returns {Sample}
 * @throws {FailedRunError} when any request failed
 */
export function toSample({ pipeline }, { requests, seconds, p50, p99, failures }, cpu) {
  if (failures.length > 0) throw new FailedRunError(failures);
  if (requests === 0) throw new FailedRunError(['no request was answered']);
  return {
    throughput: requests / seconds,
    cpuPerRequest: (cpu / requests) * 1e6,
    coreShare: cpu / seconds,
    // wrk takes one time for a whole batch of pipelined requests, and then corrects it as if it were one request's.
    ...(pipeline === 1 && { p50: p50 * 1e6, p99: p99 * 1e6 }),
  };
}
