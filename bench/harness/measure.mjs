/**
 * One scenario from start to end: every server started afresh, verified, warmed up, measured in interleaved rounds, stopped.
 *
 * @typedef {object} Run what stays the same over all scenarios
 * @property {import('./load.mjs').Generator} generator
 * @property {import('./pinning.mjs').Pinning} pinning
 * @property {import('./site.mjs').Site} site
 * @property {number} rounds
 * @property {number} seconds of load in a round
 * @property {number} connections
 * @property {(progress: string) => void} progress
 *
 * @typedef {Record<string, number[]>} Samples by metric, one number for each round
 *
 * @typedef {object} ScenarioSamples
 * @property {import('./scenarios.mjs').Scenario} scenario
 * @property {number} connections
 * @property {Map<string, Samples>} samples by server, in the order they were measured
 * @property {Map<string, number>} headLengths bytes of each server's response head
 * @property {Map<string, string>} refused by server: why its figures are not reported
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { measureIdleConnections } from './idle-connections.mjs';
import { loadServer } from './load.mjs';
import { expectedBody, IDLE_CONNECTIONS } from './scenarios.mjs';
import { ServerProcess } from './server-process.mjs';
import { verifyAnswer } from './verify.mjs';

const WARM_UP_SECONDS = 1;

/** A round of idle connections takes longer than one of load, and memory varies less than time. */
const MOST_IDLE_ROUNDS = 3;

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {readonly import('./servers.mjs').Server[]} servers
 * @param {Run} run
 * @returns {Promise<ScenarioSamples>}
 */
export async function measureScenario(scenario, servers, run) {
  const measurement = new Measurement(scenario, run);
  const offering = servers.filter(({ routes }) => routes.includes(scenario.route));
  await (scenario.kind === 'idle' ? measurement.idle(offering) : measurement.load(offering));
  return measurement.result;
}

class Measurement {
  /**
   * @param {import('./scenarios.mjs').Scenario} scenario
   * @param {Run} run
   */
  constructor(scenario, run) {
    this.scenario = scenario;
    this.run = run;
    this.rounds = scenario.kind === 'idle' ? Math.min(run.rounds, MOST_IDLE_ROUNDS) : run.rounds;
    /** @type {ScenarioSamples} */
    this.result = {
      scenario,
      connections: scenario.kind === 'idle' ? IDLE_CONNECTIONS : Math.min(run.connections, scenario.connections),
      samples: new Map(),
      headLengths: new Map(),
      refused: new Map(),
    };
  }

  /**
   * The servers stay up over all rounds and wait for their turn.
   *
   * @param {readonly import('./servers.mjs').Server[]} servers
   */
  async load(servers) {
    /** @type {ServerProcess[]} */
    const processes = [];
    try {
      for (const server of servers) {
        await this.#attempt(server.name, async () => {
          const process = await this.#startVerified(server);
          processes.push(process);
          await this.#loadFor(process, WARM_UP_SECONDS, this.scenario.warmUpPath);
        });
      }
      for (let round = 1; round <= this.rounds; round++) {
        for (const process of processes) {
          await this.#attempt(process.server.name, async () => {
            this.#progress(process.server, round);
            this.#record(process.server, await this.#loadFor(process, this.run.seconds));
          });
        }
      }
    } finally {
      await Promise.all(processes.map((process) => process.stop()));
    }
  }

  /**
   * Memory once used is seldom given back, so every round has a new process.
   *
   * @param {readonly import('./servers.mjs').Server[]} servers
   */
  async idle(servers) {
    for (let round = 1; round <= this.rounds; round++) {
      for (const server of servers) {
        await this.#attempt(server.name, async () => {
          this.#progress(server, round);
          const process = await this.#startVerified(server);
          try {
            this.#record(server, await measureIdleConnections(process, IDLE_CONNECTIONS));
          } finally {
            await process.stop();
          }
        });
      }
    }
  }

  /** @param {import('./servers.mjs').Server} server */
  async #startVerified(server) {
    const process = await ServerProcess.start(server, this.run.site, this.run.pinning.server);
    try {
      const expected = expectedBody(this.scenario, (name) => readFileSync(join(this.run.site.files, name)));
      this.result.headLengths.set(server.name, await verifyAnswer(process, this.scenario, expected));
      return process;
    } catch (error) {
      await process.stop();
      throw error;
    }
  }

  /**
   * @param {ServerProcess} process
   * @param {number} seconds
   * @param {string} path
   */
  #loadFor(process, seconds, path = this.scenario.path) {
    const { generator, pinning } = this.run;
    const plan = { scenario: { ...this.scenario, path }, connections: this.result.connections, seconds };
    return loadServer(generator, process, plan, pinning.load);
  }

  /**
   * A server that fails once is out of the scenario, with the reason: figures of the rounds before would hide the failure.
   *
   * @param {string} server
   * @param {() => Promise<void>} step
   */
  async #attempt(server, step) {
    if (this.result.refused.has(server)) return;
    try {
      await step();
    } catch (error) {
      this.result.refused.set(server, error instanceof Error ? error.message : String(error));
      this.result.samples.delete(server);
    }
  }

  /**
   * @param {import('./servers.mjs').Server} server
   * @param {object} sample
   */
  #record({ name }, sample) {
    const samples = this.result.samples.get(name) ?? {};
    for (const [metric, value] of Object.entries(sample)) {
      samples[metric] = [...(samples[metric] ?? []), value];
    }
    this.result.samples.set(name, samples);
  }

  /**
   * @param {import('./servers.mjs').Server} server
   * @param {number} round
   */
  #progress({ name }, round) {
    this.run.progress(`${this.scenario.name}: round ${round} of ${this.rounds}, ${name}`);
  }
}
