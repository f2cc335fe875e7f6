import { describe, expect, it } from 'vitest';
import { confidenceEach, formatVerdicts, judge } from '../../bench/compare/verdict.mjs';
import { comparePairs, criticalRank, signedRankCounts, walshAverages } from '../../bench/compare/wilcoxon.mjs';

/** A generator of the same numbers each time (mulberry32), so that a test that samples cannot fail by chance. */
function randomNumbers(seed: number) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('signedRankCounts', () => {
  it('counts the ways to each sum', () => {
    expect(signedRankCounts(3)).toEqual([1, 1, 1, 2, 1, 1, 1]);
    expect(signedRankCounts(12).reduce((total, count) => total + count)).toBe(2 ** 12);
  });
});

describe('criticalRank', () => {
  // P(T <= 8) is 0.0244 and P(T <= 9) 0.0322 for ten pairs, P(T <= 2) 0.0234 for seven: any table of the test.
  it.each([
    [7, 2, 1 - 2 * 0.0234],
    [10, 8, 1 - 2 * 0.0244],
  ])('of %d pairs leaves %d at either end at 95 %%', (pairs, rank, confidence) => {
    expect(criticalRank(pairs, 0.95)).toEqual({ rank, confidence: expect.closeTo(confidence, 3) });
  });

  it('refuses too few pairs, and says how many it takes', () => {
    expect(() => criticalRank(5, 0.95)).toThrow('5 pairs are too few for a confidence of 0.95: measure 6');
    expect(criticalRank(6, 0.95).rank).toBe(0);
  });
});

describe('walshAverages', () => {
  it('has each value with itself and with every other', () => {
    expect(walshAverages([3, 1])).toEqual([1, 2, 3]);
    expect(walshAverages(Array.from({ length: 14 }, (_, index) => index))).toHaveLength((14 * 15) / 2);
  });
});

describe('comparePairs', () => {
  const before = [10, 11, 9, 10, 12, 10, 11, 10, 9, 10, 11, 10];

  it('finds a change that every pair shows, whatever the pairs themselves vary', () => {
    const after = before.map((value, pair) => value * (pair % 2 === 0 ? 1.04 : 1.06));
    const { ratio, low, high } = comparePairs(before, after, 0.95);
    expect(ratio).toBeCloseTo(1.05, 2);
    expect([low > 1.035, high < 1.065]).toEqual([true, true]);
  });

  it('is not misled by one disturbed measurement', () => {
    const after = [...before];
    after[3] = 40;
    const { ratio, low, high } = comparePairs(before, after, 0.95);
    expect(ratio).toBe(1);
    expect([low <= 1, high >= 1]).toEqual([true, true]);
  });

  it('says the same of the reverse', () => {
    const after = before.map((value, pair) => value * (1 + pair / 100));
    const there = comparePairs(before, after, 0.95);
    const back = comparePairs(after, before, 0.95);
    expect(there.ratio * back.ratio).toBeCloseTo(1);
    expect(there.low * back.high).toBeCloseTo(1);
    expect(there.detectable).toBeCloseTo(back.detectable);
  });

  it('calls noise a change no more often than it promises', () => {
    const random = randomNumbers(20);
    const sample = () => Array.from({ length: 12 }, () => 10 + random());
    let alarms = 0;
    for (let run = 0; run < 1000; run++) {
      const { low, high } = comparePairs(sample(), sample(), 0.95);
      if (low > 1 || high < 1) alarms++;
    }
    expect(alarms).toBeGreaterThan(20);
    expect(alarms).toBeLessThan(65);
  });

  it('finds a change of the size that it says it would find, four times in five or more', () => {
    const random = randomNumbers(21);
    const sample = (factor: number) => Array.from({ length: 12 }, () => (10 + random()) * factor);
    let found = 0;
    for (let run = 0; run < 300; run++) {
      const { detectable } = comparePairs(sample(1), sample(1), 0.95);
      const { low } = comparePairs(sample(1), sample(1 + detectable), 0.95);
      if (low > 1) found++;
    }
    expect(found / 300).toBeGreaterThan(0.7);
  });

  it('refuses measurements without a partner', () => {
    expect(() => comparePairs([1, 2], [1], 0.95)).toThrow(/cannot pair 2 rounds with 1/);
  });
});

describe('judge', () => {
  const steady = [10, 11, 9, 10, 12, 10, 11, 10];
  const times = (factor: number) => steady.map((value) => value * factor);

  it.each([
    ['slower', 1.1],
    ['faster', 0.9],
    ['no change', 1],
  ])('says %s of %d times as much', (verdict, factor) => {
    expect(judge('hello', [steady, times(factor)], 0.95).verdict).toBe(verdict);
  });

  it('asks more confidence of each, the more scenarios there are', () => {
    expect(confidenceEach(1)).toBe(0.95);
    expect(confidenceEach(5)).toBe(0.99);
  });

  it('is a row with the change, its interval and what would have been seen', () => {
    const table = formatVerdicts([judge('hello', [steady, times(1.1)], 0.95)], ['main', 'now']);
    expect(table).toMatch(/^\| scenario \| main µs \| now µs \|/);
    expect(table).toMatch(
      /^\| hello +\| +10 \| +11 \| +\+10\.0 % \| \+10\.0 % to \+10\.0 % \| +±0\.0 % \| +slower \|$/m,
    );
  });
});
