/**
 * The supervisor: holds the listening sockets, and has workers serve at them. None of what it does to workers refuses a
 * connection, since connections wait at the sockets until some worker takes them.
 */

import type { Configuration } from '../configuration/index.js';
import { MOST_WORKERS } from '../configuration/values.js';
import { BackOff } from './back-off.js';
import { type Log, rememberDirectory } from './frame.js';
import type { HeldSockets } from './held-sockets.js';
import { BEAT } from './messages.js';
import { Scoreboard } from './scoreboard.js';
import { WorkerProcess } from './worker-process.js';

/** Reads the configuration again, and answers what it says now. */
export type ConfigurationReader = () => Promise<Configuration>;

/** How long a worker that wants to be replaced goes on at least where its successor failed. Milliseconds. */
const RETRY = 1000;

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
  readonly #scoreboard = new Scoreboard();
  readonly #backOff = new BackOff();
  /** Those whose successors are on their way. */
  readonly #retiring = new Set<WorkerProcess>();
  #configuration: Configuration;
  #wanted: number;
  #made = 0;
  #started = false;
  #stopping = false;
  /** The start, reloads and replacements, one behind the other. */
  #queue: Promise<void> = Promise.resolve();
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
    setInterval(() => {
      for (const worker of this.#workers) worker.look();
    }, BEAT).unref();
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

  /** How many workers were started so far. */
  get made(): number {
    return this.#made;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Whether new clients are welcome. */
  get ready(): boolean {
    return this.#started && !this.draining && !this.#stopping && this.workers.some(({ state }) => state === 'ready');
  }

  /**
   * Opens the sockets and starts the first workers. Where it is stopped meanwhile, it is done.
   *
   * @throws ListenError when a socket cannot be had
   * @throws Error when a worker cannot start; none is left then
   */
  start(): Promise<void> {
    return this.#inTurn(() => this.#start());
  }

  /**
   * Reads the configuration again and replaces the workers, one by one. The old ones stay where a new one cannot start,
   * but in development: there nobody is to see old code, and connections wait meanwhile.
   *
   * @throws what is wrong with the configuration, or with the worker
   */
  reload(): Promise<void> {
    if (this.#configuration.reload && this.#started) {
      for (const worker of this.#serving()) worker.stop('outdated');
    }
    return this.#inTurn(() => this.#reload());
  }

  /** @param wanted how many workers there are to be, from one to `MOST_WORKERS` */
  scale(wanted: number): void {
    this.#wanted = Math.min(MOST_WORKERS, Math.max(1, wanted));
    this.log.info(this.#wanted === 1 ? '1 worker is wanted' : `${this.#wanted} workers are wanted`);
    this.#fill();
  }

  reopenLogs(): void {
    for (const worker of this.#workers) worker.reopenLogs();
  }

  /** Has workers finish the requests in hand; `over` says when. @param keepSockets somebody else goes on with them */
  stop(keepSockets = false): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const parting = keepSockets ? 'succeeded' : this.sockets.activated.length > 0 ? 'dormant' : 'final';
    if (keepSockets) this.sockets.abandon();
    else this.sockets.close();
    for (const worker of this.#workers) worker.stop(parting);
    this.#settle();
  }

  /** Ends everything at once. */
  kill(): void {
    this.stop();
    for (const worker of this.#workers) worker.kill();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #start(): Promise<void> {
    const { bind, server } = this.#configuration;
    this.sockets.open(bind, server.backlog, this.#configuration);
    const first = Array.from({ length: this.#wanted }, () => this.#make());
    try {
      await Promise.all(first.map((worker) => worker.ready));
    } catch (error) {
      if (this.#stopping) return;
      this.kill();
      throw error;
    }
    this.#started = true;
    this.#fill();
  }

  async #reload(): Promise<void> {
    if (this.#stopping) return;
    const [before, wanted, held] = [this.#configuration, this.#wanted, this.sockets.all];
    const goBack = rememberDirectory();
    try {
      const next = await this.#read();
      if (this.#stopping) return;
      this.sockets.open(next.bind, next.server.backlog, next);
      this.#configuration = next;
      if (next.workers !== before.workers) this.#wanted = next.workers;
      await this.#renew();
      this.reloads++;
    } catch (error) {
      if (this.#stopping) return;
      // What the old configuration names is found from there, and by workers that take the place of others as well.
      goBack();
      this.#configuration = before;
      this.#wanted = wanted;
      this.sockets.open(before.bind, before.server.backlog, before);
      // The old workers have no part in a socket that was opened anew, since the file of theirs was removed.
      const reopened = this.sockets.all.some((socket, index) => socket !== held[index]);
      if (reopened) for (const worker of this.#serving()) this.#retire(worker);
      throw error;
    } finally {
      this.sockets.closeOthers();
      this.#fill();
    }
  }

  /** Puts as many new workers as are wanted in the place of those that there are. */
  async #renew(): Promise<void> {
    const old = this.#serving();
    let renewed = 0;
    while (renewed < this.#wanted && !this.#stopping) await this.#replace(old[renewed++]);
    for (const worker of old.slice(renewed)) worker.stop('succeeded');
  }

  /** Puts a new worker in the place of another, if there is one, which goes on until that one serves. */
  async #replace(old: WorkerProcess | undefined): Promise<void> {
    if (old !== undefined) this.#retiring.add(old);
    const worker = this.#make();
    try {
      await worker.ready;
      old?.stop('succeeded');
    } catch (error) {
      // One too many, meanwhile.
      if (!worker.stopped) throw error;
    } finally {
      if (old !== undefined) this.#retiring.delete(old);
    }
  }

  #onRetire(old: WorkerProcess, why: string, fault: boolean): void {
    if (old.stopped || this.#stopping) return;
    this.log.info(`Worker ${old.number} (${old.pid}) is to be replaced: ${why}`);
    // What went wrong at once may do so again.
    const wait = fault ? this.#backOff.afterDeath(Date.now() - old.startedAt) : 0;
    setTimeout(() => this.#retire(old), wait);
  }

  #retire(old: WorkerProcess): void {
    void this.#inTurn(async () => {
      await old.ready.catch(() => {});
      if (this.#stopping || old.state !== 'ready') return;
      try {
        await this.#replace(old);
      } catch (error) {
        if (this.#stopping) return;
        this.log.warn(`Worker ${old.number} stays, since its successor failed: ${(error as Error).message}`);
        setTimeout(() => this.#retire(old), RETRY + this.#backOff.afterDeath(0));
      }
      this.#fill();
    });
  }

  #make(): WorkerProcess {
    const place = this.#scoreboard.take();
    const worker = new WorkerProcess(this.#configuration, this.sockets.all, place, ++this.#made, {
      onExit: (worker, how, failure) => {
        if (place !== undefined) this.#scoreboard.free(place);
        this.#onExit(worker, how, failure);
      },
      onRetire: (worker, why, fault) => this.#onRetire(worker, why, fault),
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
    if (failure === undefined) this.log.warn(`Worker ${worker.number} (${worker.pid}) ended by itself: ${how}`);
    setTimeout(() => this.#fill(), this.#backOff.afterDeath(Date.now() - worker.startedAt));
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
      const worker = this.#make();
      worker.ready.catch((error: Error) => {
        if (!worker.stopped && !this.#stopping) this.log.warn(`A worker could not start: ${error.message}`);
      });
    }
    if (this.#retiring.size === 0) for (const worker of serving.slice(this.#wanted)) worker.stop('succeeded');
  }

  #settle(): void {
    if (this.#stopping && this.#workers.size === 0) this.#gone();
  }
}
