/**
 * How busy a core was, as /proc/stat tells it (proc(5)): what neither the server nor the harness used is the noise of others.
 */
import { readFileSync } from 'node:fs';

/** proc(5) gives the times in hundredths of a second, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/**
 * @param {string} stat the text of /proc/stat
 * @param {number} core
 * @returns {number} seconds that the core was at work, or that a hypervisor took it away, since the system started
 */
export function parseBusySeconds(stat, core) {
  const line = stat.split('\n').find((each) => each.startsWith(`cpu${core} `));
  if (line === undefined) throw new Error(`no core ${core} in /proc/stat`);
  const [user, nice, system, , , irq, softirq, steal] = line.split(/\s+/).slice(1).map(Number);
  const ticks = [user, nice, system, irq, softirq, steal].reduce((total = 0, each = 0) => total + each, 0);
  return Number(ticks) / TICKS_PER_SECOND;
}

/** @param {number} core */
export function coreBusySeconds(core) {
  return parseBusySeconds(readFileSync('/proc/stat', 'utf8'), core);
}
