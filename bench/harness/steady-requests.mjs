/**
 * A client that asks for a page every few milliseconds, whether the last answer has come or not, so that a server that
 * stops for a moment is seen to by all requests of that moment.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const REQUEST = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

/**
 * @typedef {object} Latencies
 * @property {number} answers
 * @property {number} p50 milliseconds
 * @property {number} p99 milliseconds
 * @property {number} longest milliseconds
 */

export class SteadyRequests {
  /** @type {import('node:net').Socket[]} */
  #idle = [];

  /**
   * @param {number} port
   * @param {number} everyMs
   */
  constructor(port, everyMs) {
    this.port = port;
    this.everyMs = everyMs;
  }

  /**
   * @param {(elapsedMs: number) => boolean} goesOn asked before each request
   * @returns {Promise<Latencies>} how long each took from when it was due
   */
  async ask(goesOn) {
    /** @type {number[]} */
    const times = [];
    /** @type {Promise<void>[]} */
    const asked = [];
    const begun = performance.now();
    for (let count = 0; goesOn(performance.now() - begun); count++) {
      const due = begun + count * this.everyMs;
      await sleep(Math.max(0, due - performance.now()));
      // A timer may be early.
      const asking = Math.min(due, performance.now());
      asked.push(this.#askOnce().then(() => void times.push(performance.now() - asking)));
    }
    await Promise.all(asked);
    times.sort((one, other) => one - other);
    const at = (/** @type {number} */ part) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
    return { answers: times.length, p50: at(0.5), p99: at(0.99), longest: at(1) };
  }

  close() {
    for (const socket of this.#idle) socket.destroy();
  }

  async #askOnce() {
    const socket = this.#idle.pop() ?? (await this.#connect());
    socket.write(REQUEST);
    // The page is so short that it comes in one piece.
    await once(socket, 'data');
    this.#idle.push(socket);
  }

  async #connect() {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return socket;
  }
}
