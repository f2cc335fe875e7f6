/**
 * Which load generator a scenario gets. autocannon is the default; wrk takes over where autocannon was measured to be the bottleneck:
 * where it left a server's core idle, so that throughput and latency would have been its own.
 *
 * @typedef {object} Choice
 * @property {import('./load.mjs').Generator} generator
 * @property {string} reason
 */
import { autocannon } from './autocannon.mjs';
import { wrk } from './wrk.mjs';

const GENERATORS = [autocannon, wrk];

/** No load generator that is installed can do what a scenario asks. */
export class NoGeneratorError extends Error {
  /** @param {string} reason */
  constructor(reason) {
    super(`${reason}: install wrk`);
    this.name = 'NoGeneratorError';
  }
}

/** A server busy for less than this share of its core waits for the load generator. */
const BUSY = 0.9;

/**
 * @param {'wrk' | 'autocannon' | 'auto'} asked
 * @returns {import('./load.mjs').Generator[]} one that is asked for, or all that are installed
 */
export function candidates(asked) {
  const found = GENERATORS.filter(({ name, version }) => (asked === 'auto' || asked === name) && version() !== '');
  if (found.length === 0) throw new Error(`no load generator: install ${asked === 'auto' ? 'wrk' : asked}`);
  return found;
}

/**
 * @template Process
 * @param {readonly import('./load.mjs').Generator[]} generators candidates
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {readonly Process[]} processes the servers, the fastest first
 * @param {(generator: import('./load.mjs').Generator, process: Process) => Promise<number | null>} coreShareUnder measures how busy
 *   a server gets; null when requests fail
 * @param {(process: Process) => string} nameOf
 * @returns {Promise<Choice>}
 * @throws {NoGeneratorError} when none of them can do it
 */
export async function chooseGenerator(generators, scenario, processes, coreShareUnder, nameOf) {
  const unfit = generators.map(({ unfit }) => unfit(scenario)).find((reason) => reason !== null);
  const [first, second] = generators.filter((generator) => generator.unfit(scenario) === null);
  if (first === undefined) throw new NoGeneratorError(unfit ?? 'there is no load generator');
  if (second === undefined) return { generator: first, reason: unfit ?? 'the only one here, or asked for' };
  let least = 1;
  for (const process of processes) {
    const share = await coreShareUnder(first, process);
    if (share === null) {
      return { generator: second, reason: `requests of ${first.name} to ${nameOf(process)} failed` };
    }
    if (share < BUSY) {
      const idle = `${Math.round((1 - share) * 100)} %`;
      return { generator: second, reason: `${first.name} left ${idle} of ${nameOf(process)}'s core idle` };
    }
    least = Math.min(least, share);
  }
  return { generator: first, reason: `it kept every server at least ${Math.floor(least * 100)} % busy` };
}
