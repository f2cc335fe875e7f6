/**
 * Every process that the benchmark starts, so that none outlives it: neither an error nor Ctrl-C leaves one behind. Nothing but what
 * was started here is ever signalled, and that by its id.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { processTree } from './process-usage.mjs';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * @param {readonly string[]} command argument vector
 * @param {import('node:child_process').SpawnOptions} options
 */
export function startChild(command, options) {
  const [program, ...rest] = /** @type {[string, ...string[]]} */ (command);
  const child = spawn(program, rest, options);
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/**
 * Runs a command to its end.
 *
 * @param {readonly string[]} command argument vector
 * @param {{ timeoutMs: number, env?: NodeJS.ProcessEnv, cwd?: string, input?: string }} options input: what it reads from standard
 *   input
 * @returns {Promise<string>} its standard output
 * @throws {Error} when it does not end with status 0 in time
 */
export async function runChild(command, { timeoutMs, env = process.env, cwd = '.', input = '' }) {
  const child = startChild(command, { stdio: 'pipe', env, cwd });
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new Error(`${command[0]} was started without pipes`);
  // A program that does not read its input may be gone before it is written.
  stdin.on('error', () => {});
  stdin.end(input);
  const timer = setTimeout(() => killTree(child), timeoutMs);
  try {
    const [[status, signal], output, errors] = await Promise.all([once(child, 'exit'), text(stdout), text(stderr)]);
    if (status === 0) return output;
    throw new Error(`${command.join(' ').slice(0, 200)} ended with ${signal ?? `status ${status}`}: ${errors.trim()}`);
  } finally {
    clearTimeout(timer);
  }
}

/** @param {import('node:child_process').ChildProcess} child ended at once, and what it started, too */
export function killTree(child) {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    processTree(child.pid).forEach(kill);
  }
}

/** Ends all that is still running, at once: for when the benchmark itself is told to end. */
export function killRunningChildren() {
  for (const child of running) killTree(child);
  running.clear();
}

/** @param {() => void} [cleanUp] what is to be done beside that */
export function endChildrenOnSignal(cleanUp = () => {}) {
  for (const [signal, number] of /** @type {const} */ ([
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ])) {
    process.once(signal, () => {
      killRunningChildren();
      cleanUp();
      process.exit(128 + number);
    });
  }
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}
