/**
 * What a process and its descendants have used, as Linux's /proc tells it (proc(5)).
 */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * @param {string} schedstat the text of a /proc/PID/task/TID/schedstat
 * @returns {number} seconds that the thread ran, user and system, to the nanosecond
 */
export function parseRunSeconds(schedstat) {
  const nanoseconds = /^(\d+) \d+ \d+$/m.exec(schedstat)?.[1];
  if (nanoseconds === undefined) throw new Error(`not the text of a schedstat: ${schedstat}`);
  return Number(nanoseconds) / 1e9;
}

/**
 * @param {string} status the text of /proc/PID/status
 * @returns {number} resident bytes
 */
export function parseResidentBytes(status) {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  if (!match) throw new Error('no VmRSS line in /proc/PID/status: the process has ended');
  return Number(match[1]) * 1024;
}

/**
 * @param {number} pid
 * @returns {number[]} the process and every living descendant
 */
export function processTree(pid) {
  return [pid, ...childrenOf(pid).flatMap(processTree)];
}

/**
 * @param {number} pid
 * @returns {number[]} none when the process has ended
 */
function childrenOf(pid) {
  return ignoringEnded([], () =>
    readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    ),
  );
}

/**
 * Processes and threads may end while they are looked at.
 *
 * @template T
 * @param {T} otherwise
 * @param {() => T} look
 */
function ignoringEnded(otherwise, look) {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(/** @type {NodeJS.ErrnoException} */ (error).code ?? '')) return otherwise;
    throw error;
  }
}

/**
 * /proc/PID/stat has the same in hundredths of a second, which is a per cent of a round. What a thread used that has ended is not
 * in it: the servers have theirs for as long as they live.
 *
 * @param {number} pid
 * @returns {number} CPU seconds used so far by the threads of the process and of its descendants
 */
export function cpuSeconds(pid) {
  return sum(processTree(pid).flatMap(threadFiles).map(parseRunSeconds));
}

/**
 * @param {number} pid
 * @returns {string[]} the schedstat of each thread
 */
function threadFiles(pid) {
  return ignoringEnded([], () =>
    readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')),
  );
}

/**
 * @param {number} pid
 * @returns {number} resident bytes of the process and its descendants
 */
export function residentBytes(pid) {
  return sum(processTree(pid).map((each) => parseResidentBytes(readFileSync(`/proc/${each}/status`, 'utf8'))));
}

/**
 * @param {string} io the text of a /proc/PID/io
 * @returns {number} bytes that storage was asked for
 */
export function parseStorageBytes(io) {
  const match = /^read_bytes: (\d+)$/m.exec(io);
  if (!match) throw new Error(`not the text of a /proc/PID/io: ${io}`);
  return Number(match[1]);
}

/**
 * @param {number} pid
 * @returns {number} bytes that had to come from storage for the process and its descendants
 */
export function storageBytes(pid) {
  return sum(processTree(pid).map((each) => parseStorageBytes(readFileSync(`/proc/${each}/io`, 'utf8'))));
}

/**
 * @returns {number} how many files this process, and those it starts, may have open
 */
export function openFileLimit() {
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  if (!match) throw new Error('no "Max open files" line in /proc/self/limits');
  return match[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match[1]);
}

/** Of tcp(7): memory of sockets is counted in pages. */
const PAGE_BYTES = 4096;

/**
 * @param {string} sockstat the text of /proc/net/sockstat
 * @returns {number} bytes
 */
export function parseTcpMemory(sockstat) {
  const match = /^TCP: .* mem (\d+)$/m.exec(sockstat);
  if (!match) throw new Error(`not the text of /proc/net/sockstat: ${sockstat}`);
  return Number(match[1]) * PAGE_BYTES;
}

/** @returns {number} bytes that the buffers of all TCP sockets hold */
export function tcpMemoryBytes() {
  return parseTcpMemory(readFileSync('/proc/net/sockstat', 'utf8'));
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
