/**
 * One scenario from start to end: every server started afresh, verified, warmed up, measured in interleaved rounds, verified
 * again, stopped.
 *
 * @typedef {object} Run what stays the same over all scenarios
 * @property {readonly import('./load.mjs').Generator[]} generators those to choose from
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
 * @property {{ generator: string, reason: string } | null} load null where the scenario has a client of its own
 * @property {Record<string, number>} ceilings requests a second of each load generator against the floor server
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { measureColdFiles } from './cold-files.mjs';
import { floorServer } from './floor.mjs';
import { chooseGenerator, NoGeneratorError } from './generator-choice.mjs';
import { measureIdleConnections } from './idle-connections.mjs';
import { FailedRunError, loadServer } from './load.mjs';
import { expectedBody, IDLE_CONNECTIONS } from './scenarios.mjs';
import { ServerProcess } from './server-process.mjs';
import { measureSlowReaders } from './slow-readers.mjs';
import { askedOf, verifyAnswers } from './verify.mjs';

const WARM_UP_SECONDS = 1;
const CALIBRATION_SECONDS = 1;

/** Rounds at most: memory varies less than time, and such a round takes longer than one of load. */
const MOST_ROUNDS = Object.freeze({ load: Number.POSITIVE_INFINITY, 'cold-files': 3, 'slow-readers': 2, idle: 2 });

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {readonly import('./servers.mjs').Server[]} servers
 * @param {Run} run
 * @returns {Promise<ScenarioSamples>}
 */
export async function measureScenario(scenario, servers, run) {
  const measurement = new Measurement(scenario, run);
  const offering = servers.filter(
    ({ routes, tls }) => routes.includes(scenario.route) && (tls || !scenario.tls) && (run.site.tls || !scenario.tls),
  );
  await (scenario.kind === 'load' ? measurement.load(offering) : measurement.afresh(offering));
  return measurement.result;
}

class Measurement {
  /** By server: the scenario as this server is asked, which knows its own ETag alone. */
  #scenarios = new Map();

  /**
   * @param {import('./scenarios.mjs').Scenario} scenario
   * @param {Run} run
   */
  constructor(scenario, run) {
    this.scenario = scenario;
    this.run = run;
    this.rounds = Math.min(run.rounds, MOST_ROUNDS[scenario.kind]);
    /** @type {ScenarioSamples} */
    this.result = {
      scenario,
      connections: scenario.kind === 'load' ? Math.min(run.connections, scenario.connections) : scenario.connections,
      samples: new Map(),
      headLengths: new Map(),
      refused: new Map(),
      load: null,
      ceilings: {},
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
          processes.push(await this.#startVerified(server));
        });
      }
      const generator = await this.#calibrate(processes);
      if (generator === null) return;
      for (const process of processes) {
        await this.#attempt(process.server.name, async () => {
          await this.#load(generator, process, WARM_UP_SECONDS, { paths: this.scenario.warmUpPaths });
        });
      }
      for (let round = 1; round <= this.rounds; round++) {
        for (const process of processes) {
          await this.#attempt(process.server.name, async () => {
            this.#progress(process.server, round);
            this.#record(process.server, await this.#load(generator, process, this.run.seconds));
          });
        }
      }
      for (const process of processes) await this.#attempt(process.server.name, () => this.#verify(process));
    } finally {
      await Promise.all(processes.map((process) => process.stop()));
    }
  }

  /**
   * Memory once used is seldom given back, so every round has a new process.
   *
   * @param {readonly import('./servers.mjs').Server[]} servers
   */
  async afresh(servers) {
    for (let round = 1; round <= this.rounds; round++) {
      for (const server of servers) {
        await this.#attempt(server.name, async () => {
          this.#progress(server, round);
          const process = await this.#startVerified(server);
          try {
            this.#record(server, await this.#measureOnce(process));
          } finally {
            await process.stop();
          }
        });
      }
    }
  }

  /** @param {ServerProcess} process */
  #measureOnce(process) {
    switch (this.scenario.kind) {
      case 'idle':
        return measureIdleConnections(process, IDLE_CONNECTIONS);
      case 'slow-readers':
        return measureSlowReaders(process, this.scenario, this.run);
      case 'cold-files':
        return measureColdFiles(process, this.run);
      case 'load':
        throw new Error('load is measured in rounds of all servers');
    }
  }

  /**
   * What each load generator can do at most, against the floor, and which of them this scenario takes.
   *
   * @param {readonly ServerProcess[]} processes
   * @returns {Promise<import('./load.mjs').Generator | null>} null where none can do it, and so no server can be measured
   */
  async #calibrate(processes) {
    if (processes.length === 0) return null;
    this.run.progress(`${this.scenario.name}: calibration`);
    if (!this.scenario.tls) await this.#measureCeilings();
    try {
      const { generator, reason } = await chooseGenerator(
        this.run.generators,
        this.scenario,
        processes,
        (generator, process) =>
          this.#load(generator, process, CALIBRATION_SECONDS).then(({ coreShare }) => coreShare, failedRun),
        ({ server }) => server.name,
      );
      this.result.load = { generator: generator.name, reason };
      return generator;
    } catch (error) {
      if (!(error instanceof NoGeneratorError)) throw error;
      for (const { server } of processes) this.result.refused.set(server.name, error.message);
      return null;
    }
  }

  async #measureCeilings() {
    const floor = floorServer(this.#bodyLength(), this.scenario.newConnections);
    if (floor.missing() !== null) return;
    const process = await ServerProcess.start(floor, this.run.site, this.run.pinning.server);
    try {
      for (const generator of this.run.generators.filter(({ unfit }) => unfit(this.scenario) === null)) {
        // The floor answers every request with 200.
        const expected = { ...this.scenario.expected, status: 200 };
        const load = this.#load(generator, process, CALIBRATION_SECONDS, { expected });
        const throughput = await load.then(({ throughput }) => throughput, failedRun);
        if (throughput !== null) this.result.ceilings[generator.name] = throughput;
      }
    } finally {
      await process.stop();
    }
  }

  /** Bytes of an answer's body, the mean where there are several. */
  #bodyLength() {
    const lengths = this.scenario.paths.map((path) => expectedBody(this.scenario, path, this.#readFile).length);
    return Math.round(lengths.reduce((total, length) => total + length, 0) / lengths.length);
  }

  #readFile = (/** @type {string} */ path) => readFileSync(join(this.run.site.root, path));

  /** @param {import('./servers.mjs').Server} server */
  async #startVerified(server) {
    const { run, scenario } = this;
    const process = await ServerProcess.start(server, run.site, run.pinning.server, { tls: scenario.tls });
    try {
      this.#scenarios.set(server.name, await askedOf(process, scenario));
      await this.#verify(process);
      return process;
    } catch (error) {
      await process.stop();
      throw error;
    }
  }

  /** @param {ServerProcess} process */
  async #verify(process) {
    const length = await verifyAnswers(process, this.#scenarioFor(process), this.#readFile);
    this.result.headLengths.set(process.server.name, length);
  }

  /**
   * @param {ServerProcess} process
   * @returns {import('./scenarios.mjs').Scenario}
   */
  #scenarioFor({ server }) {
    return this.#scenarios.get(server.name) ?? this.scenario;
  }

  /**
   * @param {import('./load.mjs').Generator} generator
   * @param {ServerProcess} process
   * @param {number} seconds
   * @param {Partial<import('./scenarios.mjs').Scenario>} change of the scenario
   */
  #load(generator, process, seconds, change = {}) {
    const scenario = { ...this.#scenarioFor(process), ...change };
    return loadServer(generator, process, { scenario, connections: this.result.connections, seconds }, this.run);
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

/**
 * A load generator that cannot do what a scenario asks has no ceiling in it; what else goes wrong is an error.
 *
 * @param {unknown} error
 * @returns {null}
 */
function failedRun(error) {
  if (error instanceof FailedRunError) return null;
  throw error;
}
