/** A worker as its supervisor sees it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Configuration } from '../configuration/index.js';
import type { HeldSocket } from './held-sockets.js';
import { type Answers, BEAT, type Order, type Report, type Vitals } from './messages.js';
import { SYSTEMD_VARIABLES } from './systemd.js';

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));
/** Where the listening sockets are in the worker: behind its standard streams and the channel. */
const FIRST_SOCKET = 4;
/** Beyond its patience for a stuck loop, a worker has so long to end itself. Milliseconds. */
const WATCHDOG_SLACK = 2 * BEAT;

/** What a worker's supervisor is told. */
export interface WorkerEvents {
  /** `failure`: why it could not start, as far as it said; undefined where it was stopped or died in service. */
  onExit(worker: WorkerProcess, how: string, failure: string | undefined): void;
  onRetire(worker: WorkerProcess, why: string): void;
  /** It has ended as it was told to, and this is what it has counted. */
  onFarewell(worker: WorkerProcess, metrics: object[]): void;
  /** A module that the worker has loaded, by its URL; in development. */
  onModule(url: string): void;
}

export type WorkerState = 'starting' | 'ready' | 'stopping' | 'gone';

export class WorkerProcess {
  readonly pid: number;
  readonly number: number;
  readonly startedAt = Date.now();
  state: WorkerState = 'starting';
  vitals: Vitals | undefined;
  /** Where it serves, once it does. */
  urls: readonly string[] = [];
  /** Whether it was told to stop. */
  stopped = false;
  /** Settles when it serves; rejects when it never will. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #configuration: Configuration;
  readonly #events: WorkerEvents;
  readonly #answers = new Map<number, (value: unknown) => void>();
  #questions = 0;
  #becomeReady!: () => void;
  #fail!: (error: Error) => void;
  #failure: string | undefined;
  #alarm: NodeJS.Timeout | undefined;

  /** @param number tells workers apart in logs */
  constructor(configuration: Configuration, sockets: readonly HeldSocket[], number: number, events: WorkerEvents) {
    this.number = number;
    this.#configuration = configuration;
    this.#events = events;
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#fail = reject;
    });
    // Whoever waits hears of it; that nobody does is no error.
    this.ready.catch(() => {});

    const environment = { ...process.env };
    for (const name of SYSTEMD_VARIABLES) delete environment[name];
    // node's own word for it: the loaders report what they load, as for `node --watch`.
    if (configuration.reload) environment.WATCH_REPORT_DEPENDENCIES = '1';
    this.#child = spawn(process.execPath, [...process.execArgv, WORKER], {
      env: environment,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...sockets.map(({ fd }) => fd)],
    });
    this.pid = this.#child.pid ?? -1;
    this.#child.on('message', (report: Report) => this.#onReport(report));
    this.#child.on('exit', (code, signal) => this.#onExit(signal ?? `exit code ${code}`));
    this.#child.on('error', (error) => this.#onExit(error.message));
    this.#order({ type: 'start', configuration, descriptors: sockets.map((_, index) => FIRST_SOCKET + index) });
    this.#alarm = setTimeout(() => {
      this.#failure = `it was not ready after ${configuration.startTimeout} ms`;
      this.kill();
    }, configuration.startTimeout);
  }

  /** Lets it finish the requests in hand, and kills it when its time is over. */
  stop(): void {
    if (this.state === 'stopping' || this.state === 'gone') return;
    this.state = 'stopping';
    this.stopped = true;
    const { gracefulTimeout } = this.#configuration;
    this.#order({ type: 'stop', graceMs: gracefulTimeout });
    clearTimeout(this.#alarm);
    this.#alarm = setTimeout(() => this.kill(), gracefulTimeout + BEAT);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  reopenLogs(): void {
    this.#order({ type: 'reopen-logs' });
  }

  /** @returns undefined where it does not answer in time */
  ask<Question extends keyof Answers>(question: Question): Promise<Answers[Question] | undefined> {
    const number = ++this.#questions;
    return new Promise((resolve) => {
      const answer = (value: unknown) => {
        clearTimeout(late);
        this.#answers.delete(number);
        resolve(value as Answers[Question] | undefined);
      };
      const late = setTimeout(() => answer(undefined), BEAT);
      this.#answers.set(number, answer);
      this.#order({ type: 'ask', number, question });
    });
  }

  #order(order: Order): void {
    // A worker that is about to exit has closed its side; its exit tells all there is to know.
    if (this.#child.connected) this.#child.send(order, () => {});
  }

  #onReport(report: Report | { 'watch:import'?: string[]; 'watch:require'?: string[] }): void {
    if (!('type' in report)) {
      for (const url of [...(report['watch:import'] ?? []), ...(report['watch:require'] ?? [])]) {
        this.#events.onModule(url);
      }
      return;
    }
    switch (report.type) {
      case 'ready':
        if (this.state !== 'starting') return;
        this.state = 'ready';
        this.urls = report.urls;
        this.#becomeReady();
        this.#expectBeat();
        return;
      case 'failed':
        this.#failure = report.message;
        return;
      case 'beat':
        this.vitals = report.vitals;
        this.#expectBeat();
        return;
      case 'farewell':
        this.#events.onFarewell(this, report.metrics);
        return;
      case 'retire':
        this.#events.onRetire(this, report.why);
        return;
      case 'answer':
        this.#answers.get(report.number)?.(report.value);
        return;
    }
  }

  /** Its own watchdog can tell more, but not where the whole process is stopped. */
  #expectBeat(): void {
    if (this.state !== 'ready') return;
    clearTimeout(this.#alarm);
    const { watchdog } = this.#configuration;
    if (watchdog > 0) this.#alarm = setTimeout(() => this.kill(), watchdog + WATCHDOG_SLACK);
  }

  #onExit(how: string): void {
    if (this.state === 'gone') return;
    clearTimeout(this.#alarm);
    for (const answer of this.#answers.values()) answer(undefined);
    const failure = this.state === 'starting' ? (this.#failure ?? how) : undefined;
    this.state = 'gone';
    this.#fail(new Error(failure ?? how));
    this.#events.onExit(this, how, failure);
  }
}
