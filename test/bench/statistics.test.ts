import { describe, expect, it } from 'vitest';
import { median, summarize, summarizeRatios } from '../../bench/harness/statistics.mjs';

describe('median', () => {
  it('is the middle sample, whatever the order', () => {
    expect(median([30, 10, 20])).toBe(20);
    expect(median([7])).toBe(7);
  });

  it('lies between the two middle samples of an even number', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('orders by value and not by text', () => {
    expect(median([9, 10, 100])).toBe(10);
  });

  it('leaves the samples as they are', () => {
    const samples = [3, 1, 2];
    median(samples);
    expect(samples).toEqual([3, 1, 2]);
  });

  it('refuses no samples, and samples that are no numbers', () => {
    expect(() => median([])).toThrow(/at least one round/);
    expect(() => median([1, Number.NaN, 2])).toThrow(/not all samples are numbers/);
  });
});

describe('summarize', () => {
  it('gives the spread as a share of the median', () => {
    expect(summarize([90, 100, 120])).toEqual({ median: 100, spread: 0.3, samples: [90, 100, 120] });
  });

  it('has no spread where all samples are alike, zero included', () => {
    expect(summarize([5, 5]).spread).toBe(0);
    expect(summarize([0, 0]).spread).toBe(0);
  });
});

describe('summarizeRatios', () => {
  it('pairs the samples of a round, so that a slow round cancels', () => {
    expect(summarizeRatios([10, 20, 40], [5, 10, 20])).toEqual({ median: 2, spread: 0, samples: [2, 2, 2] });
  });

  it('refuses rounds without a partner', () => {
    expect(() => summarizeRatios([1, 2], [1])).toThrow(/cannot pair 2 rounds with 1/);
  });
});
