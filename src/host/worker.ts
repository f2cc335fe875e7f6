/** A worker: the process that serves, at listening sockets that its supervisor holds. Started by `worker-process.ts`. */

import type { Configuration } from '../configuration/index.js';
import { Engine } from '../server/engine.js';
import { bindSocket, type CloseOptions } from '../server/index.js';
import { describeError } from '../show.js';
import { developedApplication } from './development.js';
import { outliveOutput } from './frame.js';
import { type Answers, BEAT, type Order, OURS, type Report, type RequestInFlight } from './messages.js';
import { RequestMetrics } from './request-metrics.js';
import type { Place } from './scoreboard.js';
import { applicationOf, Service } from './service.js';
import { reportStrayError, STRAY_ERRORS } from './stray-errors.js';
import { delay } from './timer.js';
import { watchEventLoop } from './watchdog.js';

/** How many requests `slow` lists. */
const SLOWEST = 50;
/** How long it takes to end, at most, when the connections are closed. Milliseconds. */
const LAST_WORDS = 1000;

class Worker {
  #service: Service | undefined;
  #metrics: RequestMetrics | undefined;
  /** Whether anybody wants to know what it has counted. */
  #counted = false;
  #retiring = false;
  #stopping = false;

  async start(configuration: Configuration, descriptors: readonly number[], place?: Place): Promise<void> {
    // From now on no program that an application starts is given them, and keeps them when this process is gone.
    for (const fd of descriptors) bindSocket({ fd });
    if (place !== undefined) Engine.get().joinScoreboard(place.fd, place.place);
    const { watchdog } = configuration;
    if (watchdog > 0) watchEventLoop(watchdog, inHand);
    const places = descriptors.map((fd) => ({ fd }));
    const audience = {
      answered: (answer: Parameters<RequestMetrics['answered']>[0]) => this.#metrics?.answered(answer),
      refused: (refusal: Parameters<RequestMetrics['refused']>[0]) => this.#metrics?.refused(refusal),
    };
    const load = configuration.reload ? developedApplication : applicationOf;
    try {
      this.#service = await Service.start(configuration, places, audience, load);
    } catch (error) {
      await report({ type: 'failed', message: error instanceof Error ? error.message : describeError(error, 5) });
      process.exit(1);
    }
    this.#metrics = new RequestMetrics(this.#service.servers);
    this.#counted = configuration.admin !== undefined;
    void report({ type: 'ready', urls: this.#service.servers.map(({ url }) => url) });
    setInterval(() => this.#beat(configuration), BEAT).unref();
    if (configuration.maxRequests > 0) this.#countRequests(configuration);
  }

  /** Called again, it has to hurry. */
  async stop(how: CloseOptions): Promise<void> {
    const stopped = this.#service?.stop(how);
    if (this.#stopping) return;
    this.#stopping = true;
    // Where nobody else sees to it, since the supervisor is gone.
    setTimeout(() => process.exit(1), delay((how.graceMs ?? 0) + LAST_WORDS));
    await stopped;
    if (this.#counted) {
      const metrics = this.#metrics!;
      await report({ type: 'farewell', vitals: metrics.vitals(), metrics: await metrics.metrics() });
    }
    // An application may have timers and connections of its own; nobody waits for them.
    process.exit(0);
  }

  reopenLogs(): void {
    this.#service?.reopenLogs();
  }

  async answer(question: keyof Answers): Promise<unknown> {
    return question === 'metrics' ? this.#metrics?.metrics() : slowest();
  }

  /** Asks to be replaced, once. @param fault whether something is wrong with it, or with the application */
  retire(why: string, fault: boolean): void {
    if (this.#retiring) return;
    this.#retiring = true;
    void report({ type: 'retire', why, fault });
  }

  #beat({ maxMemory }: Configuration): void {
    const vitals = this.#metrics!.vitals();
    void report({ type: 'beat', vitals });
    if (maxMemory > 0 && vitals.memory > maxMemory) this.retire(`it has ${vitals.memory} bytes of memory`, true);
  }

  #countRequests({ maxRequests, maxRequestsJitter }: Configuration): void {
    // So that workers that began together do not end together.
    const limit = maxRequests + Math.floor(Math.random() * (maxRequestsJitter + 1));
    const look = () => {
      const requests = this.#service!.servers[0]?.stats().requests ?? 0;
      if (requests >= limit) this.retire(`it has served ${requests} requests`, false);
    };
    setInterval(look, BEAT / 10).unref();
  }
}

function slowest(): RequestInFlight[] {
  return Engine.get()
    .inFlight()
    .sort((one, other) => other.elapsed - one.elapsed)
    .slice(0, SLOWEST)
    .map(({ environ, elapsed }) => ({
      method: environ.REQUEST_METHOD,
      target: environ.REQUEST_URI ?? '',
      address: environ.REMOTE_ADDR || 'unix:',
      elapsedMs: elapsed,
    }));
}

/** For a log, the requests whose answers are not over, longest first. */
function inHand(): string[] {
  return slowest().map(({ method, target, address, elapsedMs }) => {
    return `    with ${method} ${target} of ${address}, for ${Math.round(elapsedMs)} ms`;
  });
}

/** Resolves when the message has left, or cannot leave because the supervisor is gone. */
function report(message: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send({ [OURS]: message }, undefined, undefined, () => resolve());
  });
}

outliveOutput();
const worker = new Worker();
/** How long requests in hand have where no supervisor says. Milliseconds. */
let grace = 10_000;
let errorLog: Configuration['errorLog'] = 'text';

process.on('message', ({ [OURS]: order }: { [OURS]: Order }) => {
  switch (order.type) {
    case 'start':
      ({ gracefulTimeout: grace, errorLog } = order.configuration);
      return worker.start(order.configuration, order.descriptors, order.place);
    case 'stop':
      return worker.stop(order.how);
    case 'reopen-logs':
      return worker.reopenLogs();
    case 'ask':
      return worker
        .answer(order.question)
        .then((value) => report({ type: 'answer', number: order.number, value }))
        .catch((error: unknown) => process.stderr.write(`uwsgiref: ${describeError(error, 5)}\n`));
  }
});
// A terminal sends SIGINT and SIGHUP to all its processes; what these mean for a worker is its supervisor's to say.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTTIN', 'SIGTTOU'] as const) {
  process.on(signal, () => {});
}
process.on('SIGTERM', () => worker.retire('it was sent SIGTERM', false));
// The supervisor is gone, and with it the hold on the sockets.
process.on('disconnect', () => void worker.stop({ graceMs: grace, takeWaiting: true }));
// One stray error need not cost all the requests in hand, but what it has left behind nobody knows.
for (const event of STRAY_ERRORS) {
  process.on(event, (error: unknown) => {
    reportStrayError(errorLog, event, error);
    worker.retire(`of an ${event}`, true);
  });
}
