/**
 * Clients of a soak, in a process of their own that can be stopped. The first message over the channel is the task; then
 * it does what it is told. A fault that the seed brings about comes again with the same seed, task and lane.
 *
 * @typedef {object} Task
 * @property {import('./connection.mjs').Ports} patient ports
 * @property {import('./connection.mjs').Ports} impatient ports whose timeouts are short
 * @property {number} seed
 * @property {number} lanes sessions at a time
 * @property {number} pause the most milliseconds between two sessions of a lane
 * @property {boolean} stopped whether the process is stopped now and then, so that its time may be up; it speaks to
 *   impatient ports alone
 *
 * @typedef {'go' | 'rest' | 'hardTimes' | 'goodTimes'} Order
 *
 * @typedef {object} Report since the last one
 * @property {Record<string, number>} sessions that came to their end, by their names
 * @property {Record<string, number>} answers whole and right, by what was asked for
 * @property {number} bytes of bodies, all of them right
 * @property {number} excused sessions that hard times have cut short
 * @property {string[]} wrong
 */

import { once } from 'node:events';
import { connect } from 'node:net';
import { Random } from '../random.mjs';
import { Connection, Unanswered, Wrong } from './connection.mjs';
import { SESSIONS } from './sessions.mjs';

/** Milliseconds that no session takes. */
const TOO_LONG = 120_000;

const [task] = /** @type {[Task]} */ (await once(process, 'message'));
const names = Object.entries(SESSIONS).flatMap(([name, [weight]]) => Array(weight).fill(name));

/** @returns {Report} */
const emptyReport = () => ({ sessions: {}, answers: {}, bytes: 0, excused: 0, wrong: [] });
let report = emptyReport();
let going = false;
/** The server has no descriptors, or has had none lately. */
let hardTimes = false;
/** How often they have begun. */
let hardships = 0;

/** @param {Record<string, number>} counts @param {string} name */
const count = (counts, name) => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/** @param {Random} random */
async function session(random) {
  const name = random.pick(names);
  const [, act] = /** @type {typeof SESSIONS[string]} */ (SESSIONS[name]);
  const [hardBefore, hardshipsBefore] = [hardTimes, hardships];
  const excused = () => task.stopped || hardTimes || hardBefore || hardships > hardshipsBefore;
  /** @type {Connection[]} */
  const connections = [];
  const scene = {
    random,
    excused,
    /** @type {import('./sessions.mjs').Scene['open']} */
    async open(kind, impatient = false, proxyHeader = '') {
      const ports = impatient || task.stopped ? task.impatient : task.patient;
      const connection =
        kind === 'untold'
          ? new Connection(connect({ host: '127.0.0.1', port: random.pick([ports.tls, ports.proxiedTls]) }))
          : await Connection.open(ports, kind, proxyHeader);
      connections.push(connection);
      return connection;
    },
    /** @type {import('./sessions.mjs').Scene['got']} */
    got(ask, answer) {
      // What a server in need says instead, and what it says to a client that was stopped for too long.
      if ((answer.status >= 500 || answer.status === 408) && excused()) return;
      try {
        ask.judge(answer);
        if (!answer.whole && !ask.mayBeCut && !excused()) throw new Wrong(`cut after ${answer.body.length} bytes`);
      } catch (error) {
        throw error instanceof Wrong ? new Wrong(`${ask.kind}: ${error.message}`) : error;
      }
      report.bytes += answer.body.length;
      if (answer.whole) count(report.answers, ask.kind);
    },
  };
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Wrong('it does not come to its end')), TOO_LONG);
  });
  try {
    await Promise.race([act(scene), tooLong]);
    count(report.sessions, name);
  } catch (error) {
    if (error instanceof Unanswered && excused()) report.excused++;
    else if (report.wrong.length < 20) report.wrong.push(`who ${name}: ${error}`);
  } finally {
    clearTimeout(timer);
    for (const connection of connections) connection.leave();
  }
}

/** @param {number} number */
async function lane(number) {
  const random = lanes[number] ?? new Random(1);
  while (going) {
    await session(random);
    await new Promise((resolve) => setTimeout(resolve, random.below(task.pause)));
  }
}

const lanes = Array.from({ length: task.lanes }, (_, number) => new Random(task.seed * 1000 + number));
/** @type {Promise<unknown>} */
let ended = Promise.resolve();

/** @type {Record<Order, () => unknown>} */
const ORDERS = {
  go() {
    going = true;
    ended = Promise.all(lanes.map((_, number) => lane(number)));
  },
  async rest() {
    going = false;
    await ended;
    const last = report;
    report = emptyReport();
    return last;
  },
  hardTimes() {
    hardTimes = true;
    hardships++;
  },
  goodTimes() {
    hardTimes = false;
  },
};

process.on('message', async (/** @type {Order} */ order) => process.send?.((await ORDERS[order]()) ?? null));
process.on('disconnect', () => process.exit());
process.stdout.write('ready\n');
