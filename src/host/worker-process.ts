/** A worker as its supervisor sees it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Configuration } from '../configuration/index.js';
import type { CloseOptions } from '../server/index.js';
import { FIRST_SOCKET, type HeldSocket } from './held-sockets.js';
import { type Answers, BEAT, type Order, OURS, type Report, type Vitals } from './messages.js';
import type { Place } from './scoreboard.js';
import { SYSTEMD_VARIABLES } from './systemd.js';
import { delay } from './timer.js';

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));
/** Beyond its patience for a stuck loop, a worker has so long to end itself. Milliseconds. */
const WATCHDOG_SLACK = 2 * BEAT;

/** What a worker's supervisor is told. */
export interface WorkerEvents {
  /** `failure`: why it could not start, as far as it said; undefined where it was stopped or died in service. */
  onExit(worker: WorkerProcess, how: string, failure: string | undefined): void;
  /** It wants to be replaced; `fault`: something is wrong with it, or with its application. */
  onRetire(worker: WorkerProcess, why: string, fault: boolean): void;
  /** It has ended as it was told to, and this is what it has counted. */
  onFarewell(worker: WorkerProcess, metrics: object[]): void;
  /** A module that the worker has loaded, by its URL; in development. */
  onModule(url: string): void;
}

export type WorkerState = 'starting' | 'ready' | 'stopping' | 'gone';

/** Why a worker stops, as far as its clients are concerned. */
export type Parting = keyof typeof PARTINGS;

const PARTINGS = {
  /** Others go on at the same sockets: there is time for idle clients to ask once more, and none is cut off. */
  succeeded: (graceMs: number): CloseOptions => ({ graceMs, idleMs: graceMs }),
  /** Likewise, but nobody is to see its old code any more. */
  outdated: (graceMs: number): CloseOptions => ({ graceMs, idleMs: 0 }),
  /** The service ends, and with it the sockets. */
  final: (graceMs: number): CloseOptions => ({ graceMs, takeWaiting: true }),
  /** The service ends, and systemd keeps the sockets for its next start. */
  dormant: (graceMs: number): CloseOptions => ({ graceMs }),
} as const;

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
  readonly #child: ChildProcess | undefined;
  readonly #configuration: Configuration;
  readonly #events: WorkerEvents;
  readonly #answers = new Map<number, (value: unknown) => void>();
  #questions = 0;
  #becomeReady!: () => void;
  #fail!: (error: Error) => void;
  /** Why it ends, where the supervisor knows better than its exit code says. */
  #reason: string | undefined;
  #alarm: NodeJS.Timeout | undefined;
  /** Looks since it last said how it is. */
  #silence = 0;

  /** @param number tells workers apart in logs */
  constructor(
    configuration: Configuration,
    sockets: readonly HeldSocket[],
    place: Place | undefined,
    number: number,
    events: WorkerEvents,
  ) {
    this.number = number;
    this.#configuration = configuration;
    this.#events = events;
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#fail = reject;
    });
    // Whoever waits hears of it; that nobody does is no error.
    this.ready.catch(() => {});
    const given = [...sockets.map(({ fd }) => fd), ...(place === undefined ? [] : [place.fd])];
    this.#child = this.#spawn(given);
    this.pid = this.#child?.pid ?? -1;
    this.#order({
      type: 'start',
      configuration,
      descriptors: sockets.map((_, index) => FIRST_SOCKET + index),
      ...(place !== undefined && { place: { fd: FIRST_SOCKET + sockets.length, place: place.place } }),
    });
    const { startTimeout } = configuration;
    if (startTimeout > 0) this.#killAfter(startTimeout, `it was not ready after ${startTimeout} ms`);
  }

  /** Lets it finish the requests in hand, and kills it when its time is over. Said again, it has to hurry. */
  stop(parting: Parting): void {
    if (this.state === 'gone') return;
    const { gracefulTimeout: graceMs } = this.#configuration;
    this.#order({ type: 'stop', how: PARTINGS[parting](graceMs) });
    if (this.state === 'stopping') return;
    // Code that was changed while it starts, perhaps because it does not, is not waited for.
    const patience = parting === 'outdated' && this.state === 'starting' ? 0 : graceMs;
    this.state = 'stopping';
    this.stopped = true;
    this.#killAfter(patience + BEAT, `it was not over after ${patience} ms`);
  }

  /** @param why what is said of its end */
  kill(why?: string): void {
    this.#reason ??= why;
    this.#child?.kill('SIGKILL');
  }

  reopenLogs(): void {
    this.#order({ type: 'reopen-logs' });
  }

  /**
   * Kills it where it is silent for too long; to be called once a `BEAT`. Its own watchdog can tell more, but not where
   * the whole process is stopped. Looks are counted, and not the clock, since this process may have been stopped as well.
   */
  look(): void {
    const { watchdog } = this.#configuration;
    if (this.state !== 'ready' || watchdog === 0) return;
    this.#silence++;
    if (this.#silence * BEAT > watchdog + WATCHDOG_SLACK) this.kill(`it was silent for ${this.#silence * BEAT} ms`);
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

  /** @returns undefined where the system has no process to spare; onExit says so then */
  #spawn(descriptors: readonly number[]): ChildProcess | undefined {
    const environment = { ...process.env };
    for (const name of [...SYSTEMD_VARIABLES, 'NOTIFY_SOCKET']) delete environment[name];
    // node's own word for it: the loaders report what they load, as for `node --watch`.
    if (this.#configuration.reload) environment.WATCH_REPORT_DEPENDENCIES = '1';
    try {
      const child = spawn(process.execPath, [...process.execArgv, WORKER], {
        env: environment,
        stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...descriptors],
      });
      child.on('message', (message: unknown) => this.#onMessage(message));
      // Behind its last message, which may say why it ends.
      child.on('close', (code, signal) => this.#onExit(signal ?? `exit code ${code}`));
      child.on('error', (error) => this.#onExit(error.message));
      return child;
    } catch (error) {
      setImmediate(() => this.#onExit((error as Error).message));
      return undefined;
    }
  }

  #killAfter(milliseconds: number, why: string): void {
    clearTimeout(this.#alarm);
    this.#alarm = setTimeout(() => this.kill(why), delay(milliseconds));
  }

  #order(order: Order): void {
    // A worker that is about to exit has closed its side; its exit tells all there is to know.
    if (this.#child?.connected) this.#child.send({ [OURS]: order }, () => {});
  }

  #onMessage(message: unknown): void {
    // Applications have a word with their parent, too, such as the 'ready' of pm2.
    if (typeof message !== 'object' || message === null) return;
    const { [OURS]: report, ...others } = message as { [OURS]?: Report } & Record<string, unknown>;
    if (report !== undefined) {
      this.#onReport(report);
      return;
    }
    for (const loaded of ['watch:import', 'watch:require']) {
      const urls = others[loaded];
      if (Array.isArray(urls)) for (const url of urls) this.#events.onModule(String(url));
    }
  }

  #onReport(report: Report): void {
    switch (report.type) {
      case 'ready':
        if (this.state !== 'starting') return;
        this.state = 'ready';
        this.urls = report.urls;
        clearTimeout(this.#alarm);
        this.#becomeReady();
        return;
      case 'failed':
        this.#reason = report.message;
        return;
      case 'beat':
        this.vitals = report.vitals;
        this.#silence = 0;
        return;
      case 'farewell':
        this.vitals = report.vitals;
        this.#events.onFarewell(this, report.metrics);
        return;
      case 'retire':
        this.#events.onRetire(this, report.why, report.fault);
        return;
      case 'answer':
        this.#answers.get(report.number)?.(report.value);
        return;
    }
  }

  #onExit(exit: string): void {
    if (this.state === 'gone') return;
    clearTimeout(this.#alarm);
    for (const answer of this.#answers.values()) answer(undefined);
    const how = this.#reason ?? exit;
    const failure = this.state === 'starting' ? how : undefined;
    this.state = 'gone';
    this.#fail(new Error(how));
    this.#events.onExit(this, how, failure);
  }
}
