/**
 * The supervisor: holds the listening sockets, and has workers serve at them. None of what it does to workers refuses a
 * connection, since connections wait at the sockets until some worker takes them.
 */

import type { Configuration } from '../configuration/index.js';
import { BackOff } from './back-off.js';
import type { Log } from './frame.js';
import type { HeldSockets } from './held-sockets.js';
import { WorkerProcess } from './worker-process.js';

/** Reads the configuration again, and answers what it says now. */
export type ConfigurationReader = () => Promise<Configuration>;

export class Supervisor {
  readonly sockets: HeldSockets;
  readonly log: Log;
  readonly startedAt = Date.now();
  /** Workers that were replaced because they died. */
  deaths = 0;
  reloads = 0;
  /** Whether a load balancer is to send new clients elsewhere. Those that come are served all the same. */
  draining = false;
  readonly #read: ConfigurationReader;
  readonly #workers = new Set<WorkerProcess>();
  readonly #backOff = new BackOff();
  /** Those whose successors are on their way. */
  readonly #retiring = new Set<WorkerProcess>();
  #configuration: Configuration;
  #wanted: number;
  #made = 0;
  #started = false;
  #stopping = false;
  /** Reloads, one behind the other. */
  #reloading: Promise<void> = Promise.resolve();
  #gone!: () => void;
  /** Settles when the last worker is gone, and none is to follow. */
  readonly over: Promise<void> = new Promise((resolve) => {
    this.#gone = resolve;
  });
  /** Told of each module that a worker loads, in development. */
  onModule: (url: string) => void = () => {};
  /** Told of what a worker has counted, when it ends. */
  onFarewell: (worker: WorkerProcess, metrics: object[]) => void = () => {};

  constructor(configuration: Configuration, read: ConfigurationReader, sockets: HeldSockets, log: Log) {
    this.#configuration = configuration;
    this.#wanted = configuration.workers;
    this.#read = read;
    this.sockets = sockets;
    this.log = log;
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  get workers(): WorkerProcess[] {
    return [...this.#workers];
  }

  /** Where the workers serve. */
  get urls(): readonly string[] {
    return this.workers.find(({ state }) => state === 'ready')?.urls ?? [];
  }

  /** How many workers there ought to be. */
  get wanted(): number {
    return this.#wanted;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Whether new clients are welcome. */
  get ready(): boolean {
    return this.#started && !this.draining && !this.#stopping && this.workers.some(({ state }) => state === 'ready');
  }

  /**
   * Opens the sockets and starts the first workers.
   *
   * @throws ListenError when a socket cannot be had
   * @throws Error when a worker cannot start; none is left then
   */
  async start(): Promise<void> {
    const { bind, server } = this.#configuration;
    this.sockets.open(bind, server.backlog);
    const first = Array.from({ length: this.#wanted }, () => this.#make());
    try {
      await Promise.all(first.map((worker) => worker.ready));
    } catch (error) {
      this.kill();
      throw error;
    }
    this.#started = true;
  }

  /**
   * Reads the configuration again and replaces the workers, one by one. The old ones stay where a new one cannot start.
   *
   * @throws what is wrong with the configuration, or with the worker
   */
  reload(): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded.catch(() => {});
    return reloaded;
  }

  /** @param wanted how many workers there are to be, at least one */
  scale(wanted: number): void {
    this.#wanted = Math.max(1, wanted);
    this.log.info(`${this.#wanted} workers are wanted`);
    this.#fill();
  }

  reopenLogs(): void {
    for (const worker of this.#workers) worker.reopenLogs();
  }

  /** Has workers finish the requests in hand; `over` says when. @param keepSockets somebody else goes on with them */
  stop(keepSockets = false): void {
    if (this.#stopping) return;
    this.#stopping = true;
    if (keepSockets) this.sockets.abandon();
    else this.sockets.close();
    for (const worker of this.#workers) worker.stop();
    this.#settle();
  }

  /** Ends everything at once. */
  kill(): void {
    this.stop();
    for (const worker of this.#workers) worker.kill();
  }

  async #reload(): Promise<void> {
    const before = this.#configuration;
    const next = await this.#read();
    this.sockets.open(next.bind, next.server.backlog);
    this.#configuration = next;
    try {
      for (const old of this.#serving()) await this.#succeed(old);
    } catch (error) {
      this.#configuration = before;
      this.sockets.open(before.bind, before.server.backlog);
      throw error;
    }
    if (next.workers !== before.workers) this.#wanted = next.workers;
    this.sockets.closeOthers();
    this.reloads++;
    this.#fill();
  }

  /** Puts a new worker in the place of another, which goes on until that one serves. */
  async #succeed(old: WorkerProcess): Promise<void> {
    if (this.#stopping) return;
    this.#retiring.add(old);
    try {
      await this.#make().ready;
      old.stop();
    } finally {
      this.#retiring.delete(old);
    }
  }

  async #retire(old: WorkerProcess, why: string): Promise<void> {
    this.log.info(`Worker ${old.number} (${old.pid}) is replaced: ${why}`);
    const backOff = new BackOff();
    while (!this.#stopping && old.state === 'ready') {
      const begun = Date.now();
      try {
        await this.#succeed(old);
      } catch (error) {
        this.log.warn(`Worker ${old.number} stays, since its successor failed: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, backOff.afterDeath(Date.now() - begun) + 1000));
      }
    }
    this.#fill();
  }

  #make(): WorkerProcess {
    const worker = new WorkerProcess(this.#configuration, this.sockets.all, ++this.#made, {
      onExit: (worker, how, failure) => this.#onExit(worker, how, failure),
      onRetire: (worker, why) => void this.#retire(worker, why),
      onModule: (url) => this.onModule(url),
      onFarewell: (worker, metrics) => this.onFarewell(worker, metrics),
    });
    this.#workers.add(worker);
    return worker;
  }

  #onExit(worker: WorkerProcess, how: string, failure: string | undefined): void {
    const expected = worker.stopped || this.#stopping;
    this.#workers.delete(worker);
    this.#settle();
    if (expected) return;
    this.deaths++;
    const wait = this.#backOff.afterDeath(Date.now() - worker.startedAt);
    if (failure === undefined) this.log.warn(`Worker ${worker.number} (${worker.pid}) ended by itself: ${how}`);
    if (this.#serving().length < this.#wanted) setTimeout(() => this.#fill(), wait);
  }

  /** Those that are counted on. */
  #serving(): WorkerProcess[] {
    return [...this.#workers].filter(({ state }) => state === 'starting' || state === 'ready');
  }

  /** Starts the workers that are missing, and stops those too many. */
  #fill(): void {
    if (this.#stopping || !this.#started) return;
    const serving = this.#serving().filter((worker) => !this.#retiring.has(worker));
    for (let missing = this.#wanted - serving.length; missing > 0; missing--) {
      this.#make().ready.catch((error: Error) => this.log.warn(`A worker could not start: ${error.message}`));
    }
    if (this.#retiring.size === 0) for (const worker of serving.slice(this.#wanted)) worker.stop();
  }

  #settle(): void {
    if (this.#stopping && this.#workers.size === 0) this.#gone();
  }
}
