/**
 * On what the figures were taken: a figure without it cannot be compared with another.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { ROOT } from './servers.mjs';

/**
 * @typedef {object} Environment
 * @property {string} date
 * @property {string} commit with -dirty where the working tree differs from it
 * @property {string} cpu
 * @property {number} cores
 * @property {boolean} virtual whether a hypervisor is beneath
 * @property {number} memoryGiB
 * @property {string} kernel
 * @property {string} node
 * @property {Record<string, string>} generators versions
 * @property {string} pinning
 * @property {Record<string, { version: string, about: string }>} servers
 * @property {Record<string, string>} missing servers that were left out, and why
 */

/**
 * @param {readonly import('./load.mjs').Generator[]} generators
 * @param {import('./pinning.mjs').Pinning} pinning
 * @param {readonly import('./servers.mjs').Server[]} servers that are measured
 * @param {Record<string, string>} missing
 * @returns {Environment}
 */
export function describeEnvironment(generators, pinning, servers, missing) {
  return {
    date: new Date().toISOString(),
    commit: describeCommit(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8')),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    generators: Object.fromEntries(generators.map(({ name, version }) => [name, version()])),
    pinning: pinning.about,
    servers: Object.fromEntries(servers.map(({ name, about, version }) => [name, { version: version(), about }])),
    missing,
  };
}

/** Outside of a clone there is no commit to name. */
function describeCommit() {
  try {
    const args = ['describe', '--always', '--dirty', '--exclude', '*'];
    return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}

/**
 * What has to be the same for figures of two runs to stand in one report.
 *
 * @param {Environment} environment
 */
export function comparableParts({ commit, cpu, cores, kernel, node, pinning }) {
  return { commit, cpu, cores, kernel, node, pinning };
}

/**
 * @param {Environment} environment
 * @returns {string}
 */
export function formatMachine({ cpu, cores, virtual, memoryGiB, kernel, node }) {
  const machine = virtual ? `${cores} cores of a virtual machine` : `${cores} cores`;
  return `${cpu}, ${machine}, ${memoryGiB} GiB; Linux ${kernel}; Node ${node}`;
}

/**
 * @param {Environment} environment
 * @returns {string}
 */
export function formatEnvironment(environment) {
  const { date, commit, generators, pinning, servers, missing } = environment;
  const versions = Object.entries(generators).map(([name, version]) => `${name} ${version}`);
  return [
    `${date}; commit ${commit}; ${formatMachine(environment)}`,
    `Load generators: ${versions.join(', ')}; ${pinning}`,
    ...Object.entries(servers).map(([name, { version, about }]) => `- ${name} ${version}: ${about}`),
    ...Object.entries(missing).map(([name, reason]) => `Left out: ${name}: ${reason}`),
  ].join('\n');
}
