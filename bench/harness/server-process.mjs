/**
 * One server under measurement: started on its own core, watched, stopped.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { killTree, startChild } from './child-processes.mjs';
import { cpuSeconds, residentBytes } from './process-usage.mjs';

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 3_000;

export class ServerProcess {
  /**
   * @param {import('./servers.mjs').Server} server
   * @param {number} port
   * @param {boolean} tls
   * @param {import('node:child_process').ChildProcess} child
   */
  constructor(server, port, tls, child) {
    this.server = server;
    this.port = port;
    this.tls = tls;
    this.child = child;
    this.errorOutput = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.errorOutput = (this.errorOutput + text).slice(-4000);
    });
  }

  /**
   * Starts the server and waits until it accepts connections.
   *
   * @param {import('./servers.mjs').Server} server
   * @param {import('./site.mjs').Site} site
   * @param {readonly string[]} pinning the command line that precedes the server's own, such as `taskset -c 0`
   * @param {{ tls?: boolean }} [options]
   */
  static async start(server, site, pinning, { tls = false } = {}) {
    const port = await freePort();
    const child = startChild([...pinning, ...server.command({ site, port, tls })], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    const started = new ServerProcess(server, port, tls, child);
    child.once('error', (error) => {
      started.errorOutput += error.message;
    });
    await started.#accepting();
    return started;
  }

  get origin() {
    return `${this.tls ? 'https' : 'http'}://${HOST}:${this.port}`;
  }

  get pid() {
    if (this.child.pid === undefined) throw new Error(`did not start: ${this.errorOutput}`);
    return this.child.pid;
  }

  /** Throws when the server has ended of itself. */
  assertAlive() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      const how = this.child.signalCode ?? `status ${this.child.exitCode}`;
      throw new Error(`ended with ${how}: ${this.errorOutput.trim() || 'no error output'}`);
    }
  }

  /** CPU seconds that the server and its children have used so far. */
  cpuSeconds() {
    this.assertAlive();
    return cpuSeconds(this.pid);
  }

  residentBytes() {
    this.assertAlive();
    return residentBytes(this.pid);
  }

  /** Asks the server to end, and makes it and its children end when it does not. */
  async stop() {
    if (this.child.pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    if (await Promise.race([ended, sleep(STOP_TIMEOUT_MS, null, { ref: false })])) return;
    killTree(this.child);
    await ended;
  }

  async #accepting() {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await accepts(this.port))) {
      this.assertAlive();
      if (this.child.pid === undefined || Date.now() > deadline) {
        await this.stop();
        throw new Error(`does not accept connections: ${this.errorOutput.trim()}`);
      }
      await sleep(20);
    }
  }
}

/** @returns {Promise<number>} a port that was free a moment ago */
async function freePort() {
  const probe = createServer().listen(0, HOST);
  await once(probe, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    const settle = (/** @type {boolean} */ accepted) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
