/**
 * Whether pairs of measurements differ beyond noise, by the Wilcoxon signed-rank test: it asks neither for a normal distribution nor for
 * equal variances, and one disturbed round moves it little. (Hollander, Wolfe & Chicken, Nonparametric Statistical Methods, §3.1 to
 * 3.3: the exact test, the Hodges-Lehmann estimate and the confidence interval that belongs to them.)
 *
 * @typedef {object} PairedComparison
 * @property {number} ratio of the second to the first; 1.02 is two per cent more
 * @property {number} low end of the confidence interval of the ratio
 * @property {number} high
 * @property {number} confidence of the interval, at least what was asked for
 * @property {number} detectable the smallest change, as a share, that would have been found four times in five
 */
import { median } from '../harness/statistics.mjs';

/**
 * Half of the interval is found every other time. Four times in five it takes (z + 0.84) / z of that, where z is the normal quantile of
 * the confidence: 1.43 at 95 %, and less above.
 */
const POWER_OF_FOUR_FIFTHS = 1.43;

/**
 * @param {readonly number[]} before one for each pair
 * @param {readonly number[]} after as many
 * @param {number} confidence such as 0.95
 * @returns {PairedComparison}
 * @throws {RangeError} when there are too few pairs for such a confidence
 */
export function comparePairs(before, after, confidence) {
  if (before.length !== after.length) throw new RangeError(`cannot pair ${before.length} rounds with ${after.length}`);
  // Ratios become differences, so that twice as much and half as much weigh the same.
  const differences = after.map((value, pair) => Math.log(value / /** @type {number} */ (before[pair])));
  const averages = walshAverages(differences);
  const { rank, confidence: reached } = criticalRank(differences.length, confidence);
  const low = /** @type {number} */ (averages[rank]);
  const high = /** @type {number} */ (averages[averages.length - 1 - rank]);
  return {
    ratio: Math.exp(median(averages)),
    low: Math.exp(low),
    high: Math.exp(high),
    confidence: reached,
    detectable: Math.expm1(((high - low) / 2) * POWER_OF_FOUR_FIFTHS),
  };
}

/**
 * @param {readonly number[]} values
 * @returns {number[]} the mean of each value with itself and with every other, sorted
 */
export function walshAverages(values) {
  const averages = values.flatMap((a, index) => values.slice(index).map((b) => (a + b) / 2));
  return averages.sort((a, b) => a - b);
}

/**
 * How many averages are left out at either end of the interval.
 *
 * @param {number} pairs
 * @param {number} confidence
 * @returns {{ rank: number, confidence: number }} and what confidence that has
 */
export function criticalRank(pairs, confidence) {
  const tail = (1 - confidence) / 2;
  const counts = signedRankCounts(pairs);
  const total = 2 ** pairs;
  let below = 0;
  let rank = -1;
  while ((below + Number(counts[rank + 1])) / total <= tail) below += Number(counts[++rank]);
  if (rank < 0) {
    const least = Math.ceil(1 - Math.log2(1 - confidence));
    throw new RangeError(`${pairs} pairs are too few for a confidence of ${confidence}: measure ${least}`);
  }
  return { rank, confidence: 1 - (2 * below) / total };
}

/**
 * The null distribution of the signed-rank statistic: in how many of the 2^n ways to give 1 to n a sign the positive ones sum to
 * each value.
 *
 * @param {number} n
 * @returns {number[]}
 */
export function signedRankCounts(n) {
  let counts = [1];
  for (let rank = 1; rank <= n; rank++) {
    counts = Array.from({ length: counts.length + rank }, (_, sum) => (counts[sum] ?? 0) + (counts[sum - rank] ?? 0));
  }
  return counts;
}
