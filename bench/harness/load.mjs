/**
 * Loads one server from the load generator's core, and says what that cost the server.
 *
 * @typedef {object} LoadPlan
 * @property {string} origin such as http://127.0.0.1:8080
 * @property {import('./scenarios.mjs').Scenario} scenario
 * @property {number} connections
 * @property {number} seconds
 * @property {string} tlsCipher
 *
 * @typedef {object} LoadResult
 * @property {number} requests answered
 * @property {number} seconds
 * @property {number} p50 median latency in seconds
 * @property {number} p99 in seconds
 * @property {number} p999 in seconds
 * @property {string[]} failures empty when every request was answered with success
 *
 * @typedef {object} Generator
 * @property {'wrk' | 'autocannon'} name
 * @property {() => string} version empty when it is not installed
 * @property {(scenario: import('./scenarios.mjs').Scenario) => string | null} unfit why it cannot generate the load of a scenario, or null
 * @property {(plan: LoadPlan) => string[]} command argument vector
 * @property {(plan: LoadPlan) => string} input what the command reads from standard input
 * @property {(output: string, expectedStatus: number) => LoadResult} parse reads the command's standard output
 *
 * @typedef {object} Sample one round's figures
 * @property {number} throughput requests a second
 * @property {number} cpuPerRequest microseconds of the server's user and system time
 * @property {number} coreShare how busy the server kept its core; well below 1, the load generator was the limit
 * @property {number} residentBytes of the server, at the end of the round
 * @property {number} foreignShare of the server's core that went to neither the server nor idleness
 * @property {number} [p50] microseconds; absent when requests are pipelined
 * @property {number} [p99] microseconds; absent when requests are pipelined
 * @property {number} [p999] microseconds; absent when requests are pipelined
 */
import { join } from 'node:path';
import { runChild } from './child-processes.mjs';
import { coreBusySeconds } from './core-time.mjs';
import { TLS_CIPHER } from './site.mjs';

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
 * @typedef {object} Loading what stays the same from round to round
 * @property {import('./pinning.mjs').Pinning} pinning
 * @property {import('./site.mjs').Site} site
 */

/**
 * @param {Generator} generator
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {Pick<LoadPlan, 'scenario' | 'connections' | 'seconds'>} plan
 * @param {Loading} loading
 * @returns {Promise<Sample>}
 * @throws {FailedRunError} when any request failed
 */
export async function loadServer(generator, server, plan, { pinning, site }) {
  const { scenario, seconds } = plan;
  const whole = { ...plan, origin: server.origin, tlsCipher: TLS_CIPHER };
  const core = pinning.serverCore;
  const busyBefore = core === null ? 0 : coreBusySeconds(core);
  const cpuBefore = server.cpuSeconds();
  const output = await runChild([...pinning.load, ...generator.command(whole)], {
    timeoutMs: (seconds + GRACE_SECONDS) * 1000,
    input: generator.input(whole),
    // By this OpenSSL's clients offer one cipher alone.
    env: scenario.tls ? { ...process.env, OPENSSL_CONF: join(site.directory, 'openssl.cnf') } : process.env,
  });
  const cpu = server.cpuSeconds() - cpuBefore;
  const busy = core === null ? cpu : coreBusySeconds(core) - busyBefore;
  const result = generator.parse(output, scenario.expected.status);
  return toSample(scenario, result, { cpu, busy, residentBytes: server.residentBytes() });
}

/**
 * @param {Pick<import('./scenarios.mjs').Scenario, 'pipeline'>} scenario
 * @param {LoadResult} result
 * @param {{ cpu: number, busy: number, residentBytes: number }} usage seconds that the server used, and that its core was busy
 * @returns {Sample}
 * @throws {FailedRunError} when any request failed
 */
export function toSample({ pipeline }, { requests, seconds, p50, p99, p999, failures }, { cpu, busy, residentBytes }) {
  if (failures.length > 0) throw new FailedRunError(failures);
  if (requests === 0) throw new FailedRunError(['no request was answered']);
  return {
    throughput: requests / seconds,
    cpuPerRequest: (cpu / requests) * 1e6,
    coreShare: cpu / seconds,
    residentBytes,
    foreignShare: Math.max(0, busy - cpu) / seconds,
    // wrk takes one time for a whole batch of pipelined requests, and then corrects it as if it were one request's.
    ...(pipeline === 1 && { p50: p50 * 1e6, p99: p99 * 1e6, p999: p999 * 1e6 }),
  };
}
