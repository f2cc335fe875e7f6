/**
 * The server on one core, the load generator on another, so that neither takes time from the other.
 */
import { availableParallelism } from 'node:os';
import { installed } from './servers.mjs';

const SERVER_CORE = 0;
const LOAD_CORE = 1;

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
  return {
    server: ['taskset', '-c', String(SERVER_CORE)],
    load: ['taskset', '-c', String(LOAD_CORE)],
    serverCore: SERVER_CORE,
    about: `each server on core ${SERVER_CORE}, the load generator on core ${LOAD_CORE}`,
  };
}
