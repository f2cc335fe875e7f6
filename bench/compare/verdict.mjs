/** What a comparison says, in a line that can be acted upon. */
import { significant } from '../harness/figures.mjs';
import { median } from '../harness/statistics.mjs';
import { formatTable } from '../harness/table.mjs';
import { comparePairs } from './wilcoxon.mjs';

/** How often a run may call a change what is none, all its scenarios together. */
const FALSE_ALARMS = 0.05;

/**
 * @typedef {object} Verdict
 * @property {string} scenario
 * @property {number} before median CPU microseconds a request
 * @property {number} after
 * @property {import('./wilcoxon.mjs').PairedComparison} comparison
 * @property {'slower' | 'faster' | 'no change'} verdict
 */

/**
 * @param {number} scenarios of the run
 * @returns {number} the confidence that each of them needs (Bonferroni)
 */
export function confidenceEach(scenarios) {
  return 1 - FALSE_ALARMS / scenarios;
}

/**
 * @param {string} scenario
 * @param {readonly [before: number[], after: number[]]} costs
 * @param {number} confidence
 * @returns {Verdict}
 */
export function judge(scenario, [before, after], confidence) {
  const comparison = comparePairs(before, after, confidence);
  const verdict = comparison.low > 1 ? 'slower' : comparison.high < 1 ? 'faster' : 'no change';
  return { scenario, before: median(before), after: median(after), comparison, verdict };
}

/**
 * @param {readonly Verdict[]} verdicts
 * @param {readonly [before: string, after: string]} names of the commits
 */
export function formatVerdicts(verdicts, [before, after]) {
  const header = ['scenario', `${before} µs`, `${after} µs`, 'change', 'interval', 'would see', 'verdict'];
  const rows = verdicts.map(({ scenario, before, after, comparison: { ratio, low, high, detectable }, verdict }) => [
    scenario,
    significant(before),
    significant(after),
    change(ratio),
    `${change(low)} to ${change(high)}`,
    `±${(detectable * 100).toFixed(1)} %`,
    verdict,
  ]);
  return formatTable(header, rows);
}

/** @param {number} ratio */
function change(ratio) {
  const share = (ratio - 1) * 100;
  return `${share < 0 ? '' : '+'}${share.toFixed(1)} %`;
}
