/**
 * Two builds of this project under the same load, in pairs. Each measurement has a process of its own, as what the compiler and the
 * allocator made of one is part of the noise; which of a pair comes first alternates.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadServer } from '../harness/load.mjs';
import { ServerProcess } from '../harness/server-process.mjs';
import { nodeCommand, SERVER_LIST } from '../harness/servers.mjs';
import { askedOf, verifyAnswers } from '../harness/verify.mjs';

const WARM_UP_SECONDS = 1;

/**
 * @typedef {object} Pairing
 * @property {import('../harness/load.mjs').Generator} generator
 * @property {import('../harness/pinning.mjs').Pinning} pinning
 * @property {import('../harness/site.mjs').Site} site
 * @property {number} pairs
 * @property {number} seconds
 * @property {number} connections
 * @property {(progress: string) => void} progress
 */

/**
 * @param {import('../harness/scenarios.mjs').Scenario} scenario
 * @param {readonly [before: string, after: string]} builds their `dist` directories
 * @param {Pairing} pairing
 * @returns {Promise<[before: number[], after: number[]]>} CPU microseconds a request
 * @throws {Error} when any request failed
 */
export async function measurePairs(scenario, builds, pairing) {
  /** @type {[number[], number[]]} */
  const costs = [[], []];
  for (let pair = 0; pair < pairing.pairs; pair++) {
    pairing.progress(`${scenario.name}: pair ${pair + 1} of ${pairing.pairs}`);
    for (const turn of [0, 1]) {
      const side = (pair + turn) % 2 === 0 ? 0 : 1;
      costs[side].push(await measureOnce(scenario, builds[side], pairing));
    }
  }
  return costs;
}

/**
 * @param {import('../harness/scenarios.mjs').Scenario} wanted
 * @param {string} build
 * @param {Pairing} pairing
 */
async function measureOnce(wanted, build, pairing) {
  const { generator, site, pinning, seconds } = pairing;
  const process = await ServerProcess.start(serverOf(build), site, pinning.server, { tls: wanted.tls });
  try {
    const scenario = await askedOf(process, wanted);
    await verifyAnswers(process, scenario, (path) => readFileSync(join(site.root, path)));
    const connections = Math.min(pairing.connections, scenario.connections);
    const warmUp = { ...scenario, paths: scenario.warmUpPaths };
    await loadServer(generator, process, { scenario: warmUp, connections, seconds: WARM_UP_SECONDS }, pairing);
    return (await loadServer(generator, process, { scenario, connections, seconds }, pairing)).cpuPerRequest;
  } finally {
    await process.stop();
  }
}

/**
 * @param {string} build
 * @returns {import('../harness/servers.mjs').Server}
 */
function serverOf(build) {
  const server = /** @type {import('../harness/servers.mjs').Server} */ (
    SERVER_LIST.find(({ name }) => name === 'uwsgiref')
  );
  return { ...server, command: nodeCommand('uwsgiref.mjs', build) };
}
