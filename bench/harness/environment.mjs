/**
 * On what the figures were taken: a figure without it cannot be compared with another.
 */
import { cpus, release, totalmem } from 'node:os';
import { generatorVersion } from './load.mjs';

/**
 * @typedef {object} Environment
 * @property {string} date
 * @property {string} cpu
 * @property {number} cores
 * @property {number} memoryGiB
 * @property {string} kernel
 * @property {string} node
 * @property {string} generator
 * @property {string} pinning
 * @property {Record<string, { version: string, about: string }>} servers
 */

/**
 * @param {import('./load.mjs').Generator} generator
 * @param {import('./pinning.mjs').Pinning} pinning
 * @param {readonly import('./servers.mjs').Server[]} servers
 * @returns {Environment}
 */
export function describeEnvironment(generator, pinning, servers) {
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    generator: generatorVersion(generator),
    pinning: pinning.about,
    servers: Object.fromEntries(servers.map(({ name, about, version }) => [name, { version: version(), about }])),
  };
}

/**
 * @param {Environment} environment
 * @returns {string}
 */
export function formatEnvironment({ date, cpu, cores, memoryGiB, kernel, node, generator, pinning, servers }) {
  return [
    `${date}; ${cpu}, ${cores} cores, ${memoryGiB} GiB; Linux ${kernel}; Node ${node}`,
    `Load generator: ${generator}; ${pinning}`,
    ...Object.entries(servers).map(([name, { version, about }]) => `- ${name} ${version}: ${about}`),
  ].join('\n');
}
