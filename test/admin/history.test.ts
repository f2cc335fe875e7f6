import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { History, INTERVAL, KEPT, quantile } from '../../src/admin/history.js';
import { DURATION_BUCKETS } from '../../src/host/request-metrics.js';
import { FakeFleet, vitals } from './fake-fleet.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function begun(fleet: FakeFleet): History {
  const history = new History(fleet);
  history.begin();
  return history;
}

describe('the history of a fleet', () => {
  it('has rates of all workers together, by the clock of each', () => {
    const fleet = new FakeFleet(2);
    const history = begun(fleet);
    const start = Date.now();
    // 100 answers a second each; of the second worker, one beat more has come in this interval.
    fleet.workers[0]!.vitals = vitals({ time: start, statuses: [0, 0, 0, 0, 0, 0] });
    fleet.workers[1]!.vitals = vitals({ time: start, statuses: [0, 0, 0, 0, 0, 0] });
    vi.advanceTimersByTime(INTERVAL);
    fleet.workers[0]!.vitals = vitals({ time: start + 1000, statuses: [0, 0, 90, 0, 10, 0], bytes: 5000, cpu: 0.25 });
    fleet.workers[1]!.vitals = vitals({ time: start + 2000, statuses: [2, 0, 190, 0, 0, 8], bytes: 0, cpu: 0.5 });
    vi.advanceTimersByTime(INTERVAL);
    expect(history.since(0).at(-1)).toMatchObject({
      workers: 2,
      requests: 200,
      clientErrors: 10,
      serverErrors: 5,
      bytes: 5000,
      cpu: 0.5,
    });
    history.end();
  });

  it('has all that a worker did which has just begun, or ended, and nothing of one that is silent', () => {
    const fleet = new FakeFleet(1);
    const history = begun(fleet);
    const worker = fleet.workers[0]!;
    const rate = () => history.since(0).at(-1)?.requests;
    const tell = (answers: number) => {
      worker.vitals = vitals({ time: Date.now(), statuses: [0, 0, answers, 0, 0, 0] });
    };
    tell(50);
    vi.advanceTimersByTime(INTERVAL);
    expect(rate()).toBe(25);
    vi.advanceTimersByTime(INTERVAL);
    expect(rate()).toBe(0);
    vi.advanceTimersByTime(500);
    tell(80);
    fleet.workers = [];
    vi.advanceTimersByTime(INTERVAL - 500);
    expect(rate()).toBe(15);
    vi.advanceTimersByTime(INTERVAL);
    expect(rate()).toBe(0);
  });

  it('has the latencies of the last five intervals, and none where nothing was answered in them', () => {
    const fleet = new FakeFleet(1);
    const history = begun(fleet);
    const durations = new Array<number>(DURATION_BUCKETS.length + 1).fill(0);
    const place = DURATION_BUCKETS.indexOf(10);
    durations[place] = 100;
    const start = Date.now();
    fleet.workers[0]!.vitals = vitals({ time: start + 1, durations });
    vi.advanceTimersByTime(INTERVAL);
    expect(history.since(0).at(-1)?.p50).toBeGreaterThan(7);
    expect(history.since(0).at(-1)?.p99).toBeLessThanOrEqual(10);
    fleet.workers[0]!.vitals = vitals({ time: start + 1001, durations });
    vi.advanceTimersByTime(4 * INTERVAL);
    expect(history.since(0).at(-1)?.p50).toBeGreaterThan(7);
    vi.advanceTimersByTime(INTERVAL);
    expect(history.since(0).at(-1)).toMatchObject({ p50: null, p95: null, p99: null });
    history.end();
  });

  it('is of the last quarter of an hour, and can be had from a time on', () => {
    const history = begun(new FakeFleet(1));
    vi.advanceTimersByTime((KEPT + 10) * INTERVAL);
    const samples = history.since(0);
    expect(samples).toHaveLength(KEPT);
    expect(samples.at(-1)!.time - samples[0]!.time).toBe((KEPT - 1) * INTERVAL);
    expect(INTERVAL * KEPT).toBe(15 * 60_000);
    expect(history.since(samples.at(-3)!.time)).toEqual(samples.slice(-2));
    history.end();
  });
});

describe('a quantile', () => {
  const counts = (given: Record<number, number>) =>
    Array.from({ length: DURATION_BUCKETS.length + 1 }, (_, index) => given[index] ?? 0);

  it('is within the bucket that it falls into', () => {
    const spread = counts({ 3: 50, 10: 45, 20: 5 });
    expect(quantile(spread, 0.5)).toBe(DURATION_BUCKETS[3]);
    expect(quantile(spread, 0.95)).toBe(DURATION_BUCKETS[10]);
    const p99 = quantile(spread, 0.99)!;
    expect([p99 > DURATION_BUCKETS[19]!, p99 < DURATION_BUCKETS[20]!]).toEqual([true, true]);
  });

  it('is half the first bucket for a half of what is in it, and the last end for what is beyond', () => {
    expect(quantile(counts({ 0: 10 }), 0.5)).toBeCloseTo(DURATION_BUCKETS[0]! / 2);
    expect(quantile(counts({ [DURATION_BUCKETS.length]: 3 }), 0.5)).toBe(DURATION_BUCKETS.at(-1));
    expect(quantile(counts({}), 0.5)).toBeNull();
  });
});
