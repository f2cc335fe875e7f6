/**
 * Medians with their spread. A round on a shared machine can be disturbed once and not again, so no mean is taken.
 *
 * @typedef {object} Summary
 * @property {number} median
 * @property {number} spread (max - min) / median: 0.1 says that all rounds lie within a tenth of the median
 * @property {number[]} samples one for each round, in the order they were taken
 */

/**
 * @param {readonly number[]} samples at least one
 * @returns {number}
 * @throws {RangeError} for no samples, or one that is no finite number
 */
export function median(samples) {
  if (samples.length === 0) throw new RangeError('median of no samples: measure at least one round');
  if (!samples.every(Number.isFinite)) throw new RangeError(`not all samples are numbers: ${samples.join(', ')}`);
  const sorted = [...samples].sort((a, b) => a - b);
  const lower = sorted[(sorted.length - 1) >> 1];
  const upper = sorted[sorted.length >> 1];
  return (Number(lower) + Number(upper)) / 2;
}

/**
 * @param {readonly number[]} samples at least one
 * @returns {Summary}
 */
export function summarize(samples) {
  const middle = median(samples);
  const range = Math.max(...samples) - Math.min(...samples);
  return { median: middle, spread: range === 0 ? 0 : range / Math.abs(middle), samples: [...samples] };
}

/**
 * Ratios of samples taken in the same round. Whatever slowed a whole round down cancels in its ratio.
 *
 * @param {readonly number[]} numerators
 * @param {readonly number[]} denominators as many
 * @returns {Summary}
 */
export function summarizeRatios(numerators, denominators) {
  if (numerators.length !== denominators.length) {
    throw new RangeError(`cannot pair ${numerators.length} rounds with ${denominators.length}`);
  }
  return summarize(numerators.map((value, round) => value / /** @type {number} */ (denominators[round])));
}
