/**
 * What an idle keep-alive connection costs a server in resident memory: connections that each made one request and wait.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailedRunError } from './load.mjs';
import { openFileLimit } from './process-usage.mjs';
import { HELLO } from './scenarios.mjs';

const REQUEST = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const CONNECT_TIMEOUT_MS = 30_000;

/** So many connections are being opened at one time: fewer than any server's backlog. */
const CONCURRENCY = 100;

/** The server has served so many connections before its memory is read for the first time, so that its code is warm. */
const WARM_UP_CONNECTIONS = 500;

/** Files a server has open beside its connections. */
const OTHER_FILES = 200;

/** Shorter than the shortest idle timeout among the servers, which is the 10 s of uWebSockets.js. */
const SETTLE_MS = 3_000;

/**
 * @typedef {object} IdleSample
 * @property {number} bytesPerConnection
 * @property {number} residentBefore bytes
 * @property {number} residentAfter bytes
 */

/**
 * @param {import('./server-process.mjs').ServerProcess} server
 * @param {number} count
 * @returns {Promise<IdleSample>}
 * @throws {FailedRunError} when a connection failed or was closed before the end
 */
export async function measureIdleConnections(server, count) {
  assertFilesSuffice(count, openFileLimit());

  const warmUp = await IdleConnections.open(server, WARM_UP_CONNECTIONS);
  warmUp.close();
  await sleep(SETTLE_MS);

  const residentBefore = server.residentBytes();
  const connections = await IdleConnections.open(server, count);
  try {
    await sleep(SETTLE_MS);
    const residentAfter = server.residentBytes();
    connections.assertAllOpen();
    return { bytesPerConnection: (residentAfter - residentBefore) / count, residentBefore, residentAfter };
  } finally {
    connections.close();
  }
}

/**
 * @param {number} count
 * @param {number} limit files that one process may have open
 */
export function assertFilesSuffice(count, limit) {
  const needed = count + OTHER_FILES;
  if (limit < needed) {
    throw new Error(
      `${count} connections need ${needed} open files, the limit is ${limit}: raise it with ulimit -n ${needed}`,
    );
  }
}

class IdleConnections {
  /** @type {import('node:net').Socket[]} */
  #sockets = [];
  #lost = 0;

  /** @param {import('./server-process.mjs').ServerProcess} server */
  constructor(server) {
    this.server = server;
  }

  /**
   * @param {import('./server-process.mjs').ServerProcess} server
   * @param {number} count
   */
  static async open(server, count) {
    const connections = new IdleConnections(server);
    try {
      let remaining = count;
      const openInTurn = async () => {
        while (remaining-- > 0) await connections.#openOne();
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, openInTurn));
      return connections;
    } catch (error) {
      connections.close();
      throw new FailedRunError([String(error)]);
    }
  }

  assertAllOpen() {
    if (this.#lost > 0) throw new FailedRunError([`${this.#lost} idle connections were closed`]);
  }

  close() {
    for (const socket of this.#sockets) socket.removeAllListeners('close').destroy();
  }

  /** @returns {Promise<void>} done when the answer to the one request has arrived */
  #openOne() {
    return new Promise((resolve, reject) => {
      const socket = connect(this.server.port, '127.0.0.1');
      this.#sockets.push(socket);
      let received = '';
      socket.setEncoding('latin1');
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
      socket.on('data', (chunk) => {
        received += chunk;
        if (!received.endsWith(HELLO)) return;
        socket.setTimeout(0);
        resolve();
      });
      // Losing a connection later is counted, and told when all are looked at.
      socket.on('error', reject);
      socket.on('close', () => {
        this.#lost++;
        reject(new Error('closed before it was answered'));
      });
      socket.write(REQUEST);
    });
  }
}
