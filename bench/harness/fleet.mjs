/**
 * A supervisor with its workers, from the command line, and wrk before it.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runChild, startChild } from './child-processes.mjs';
import { cpuSeconds, processTree } from './process-usage.mjs';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const START_TIMEOUT_MS = 30_000;

/**
 * @typedef {object} Load
 * @property {number} requests that were answered
 * @property {number} seconds
 * @property {number} generator CPU seconds of wrk
 */

export class Fleet {
  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {string} url
   */
  constructor(child, url) {
    this.child = child;
    this.url = url;
    const pids = processTree(/** @type {number} */ (child.pid));
    /** Of the workers. */
    this.pids = pids.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('host/worker.js'));
  }

  /**
   * @param {readonly string[]} args behind `serve`
   * @param {readonly string[]} prefix of the command line
   * @returns {Promise<Fleet>}
   */
  static async start(args, prefix = []) {
    const command = [...prefix, process.execPath, CLI, 'serve', ...args, '--host', '127.0.0.1', '--port', '0'];
    const child = startChild(command, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    const url = await new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`not serving after ${START_TIMEOUT_MS} ms: ${command.join(' ')}`)),
        START_TIMEOUT_MS,
      );
      child.once('exit', (code) =>
        reject(new Error(`ended with status ${code} before it served: ${command.join(' ')}`)),
      );
      child.stdout?.on('data', (text) => {
        output += text;
        const [, found] = /^Serving \S+ at (\S+)\n/m.exec(output) ?? [];
        if (found === undefined) return;
        clearTimeout(late);
        resolve(found);
      });
    });
    return new Fleet(child, url);
  }

  /** @returns {number[]} CPU seconds of each worker so far */
  cpu() {
    return this.pids.map(cpuSeconds);
  }

  async stop() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
  }
}

/**
 * @param {string} url
 * @param {{ connections: number, seconds: number, headers?: readonly string[], prefix?: readonly string[] }} how
 * @returns {Promise<Load>}
 * @throws {Error} when a request fails
 */
export async function load(url, { connections, seconds, headers = [], prefix = [] }) {
  const command = [...prefix, 'bash', '-c', 'wrk "$@"; times', 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`];
  const output = await runChild([...command, ...headers.flatMap((header) => ['-H', header]), url], {
    timeoutMs: (seconds + 30) * 1000,
  });
  if (/Socket errors|Non-2xx/.test(output)) throw new Error(`requests failed:\n${output}`);
  const [, requests, measured] = /(\d+) requests in ([\d.]+)s/.exec(output) ?? [];
  // The last line of `times`: user and system time of what the shell has waited for.
  const times = [...(/(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(output)?.slice(1) ?? [])].map(Number);
  const [userMinutes = 0, user = 0, systemMinutes = 0, system = 0] = times;
  return {
    requests: Number(requests),
    seconds: Number(measured),
    generator: (userMinutes + systemMinutes) * 60 + user + system,
  };
}
