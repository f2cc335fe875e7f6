/**
 * What a process and its descendants have used, as Linux's /proc tells it (proc(5)).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** proc(5) gives utime and stime in clock ticks. */
let ticksPerSecond = 0;
function clockTicksPerSecond() {
  ticksPerSecond ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return ticksPerSecond;
}

/**
 * User and system time of one process, in clock ticks: its threads', living or ended, and those of the children it waited for.
 *
 * @param {string} stat the text of /proc/PID/stat
 * @returns {number}
 */
export function parseCpuTicks(stat) {
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  const ticks = Number(utime) + Number(stime) + Number(cutime) + Number(cstime);
  if (!Number.isFinite(ticks)) throw new Error(`not the text of a /proc/PID/stat: ${stat}`);
  return ticks;
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
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch (error) {
    // Processes and threads may end while they are looked at.
    if (['ENOENT', 'ESRCH'].includes(/** @type {NodeJS.ErrnoException} */ (error).code ?? '')) return [];
    throw error;
  }
}

/**
 * @param {number} pid
 * @returns {number} CPU seconds used so far by the process and its descendants
 */
export function cpuSeconds(pid) {
  const ticks = processTree(pid).map((each) => parseCpuTicks(readFileSync(`/proc/${each}/stat`, 'utf8')));
  return sum(ticks) / clockTicksPerSecond();
}

/**
 * @param {number} pid
 * @returns {number} resident bytes of the process and its descendants
 */
export function residentBytes(pid) {
  return sum(processTree(pid).map((each) => parseResidentBytes(readFileSync(`/proc/${each}/status`, 'utf8'))));
}

/**
 * @returns {number} how many files this process, and those it starts, may have open
 */
export function openFileLimit() {
  const match = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  if (!match) throw new Error('no "Max open files" line in /proc/self/limits');
  return match[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match[1]);
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
