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
 * @property {string} about one line for the report
 */

/** @returns {Pinning} */
export function choosePinning() {
  if (availableParallelism() < 2) throw new Error('one core cannot hold server and load generator: two are needed');
  if (!installed('taskset', '--version')) {
    return { server: [], load: [], about: 'NOT pinned, taskset is not installed: expect wide spreads' };
  }
  return {
    server: ['taskset', '-c', String(SERVER_CORE)],
    load: ['taskset', '-c', String(LOAD_CORE)],
    about: `server on core ${SERVER_CORE}, load generator on core ${LOAD_CORE}`,
  };
}
