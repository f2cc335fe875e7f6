/**
 * The server on one core, the load generator on another, so that neither takes time from the other.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { installed } from './servers.mjs';

const SERVER_CORE = 0;

/**
 * @typedef {object} Pinning
 * @property {readonly string[]} server command line prefix
 * @property {readonly string[]} load command line prefix
 * @property {number | null} serverCore null where nothing is pinned
 * @property {string} about one line for the report
 */

/** @returns {Pinning} */
export function choosePinning() {
  if (availableParallelism() < 2) throw new Error('one core cannot hold server and load generator: two are needed');
  if (!installed('taskset', '--version')) {
    const about = 'NOT pinned, taskset is not installed: expect wide spreads';
    return { server: [], load: [], serverCore: null, about };
  }
  const { core, shared } = chooseLoadCore(siblingsOf(SERVER_CORE), cpus().length);
  const together = shared ? ', two threads of ONE physical core: what one does slows the other down' : '';
  return {
    server: ['taskset', '-c', String(SERVER_CORE)],
    load: ['taskset', '-c', String(core)],
    serverCore: SERVER_CORE,
    about: `each server on core ${SERVER_CORE}, the load generator on core ${core}${together}`,
  };
}

/**
 * @param {readonly number[]} siblings the logical cores that are one physical core with the server's, that one among them
 * @param {number} count of logical cores
 * @returns {{ core: number, shared: boolean }} the load generator's core, and whether it is the server's physical one
 */
export function chooseLoadCore(siblings, count) {
  for (let core = 0; core < count; core++) if (!siblings.includes(core)) return { core, shared: false };
  return { core: SERVER_CORE + 1, shared: true };
}

/**
 * @param {string} list as sysfs has one: `0,4` or `0-1`
 * @returns {number[]}
 */
export function parseCoreList(list) {
  return list
    .trim()
    .split(',')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

/** @param {number} core */
function siblingsOf(core) {
  try {
    return parseCoreList(readFileSync(`/sys/devices/system/cpu/cpu${core}/topology/thread_siblings_list`, 'utf8'));
  } catch {
    // A container may not show it.
    return [core];
  }
}
