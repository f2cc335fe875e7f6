/** The last quarter of an hour of all workers together, for those who look at charts. */

import type { Vitals } from '../host/messages.js';
import { DURATION_BUCKETS } from '../host/request-metrics.js';
import type { Fleet, FleetWorker } from './fleet.js';

/** How far apart the samples are, at least two beats of a worker, and how many are kept. Milliseconds. */
export const INTERVAL = 2000;
export const KEPT = 450;
/** Over how many intervals latencies are looked at: in one there may be too few answers to tell the slowest of a hundred. */
const LATENCY_INTERVALS = 5;

/** What happened in one interval. */
export interface Sample {
  /** Its end, in milliseconds since 1970. */
  readonly time: number;
  /** Those that serve. */
  readonly workers: number;
  /** Answers a second, and those of 4xx and of 5xx among them; one that did not begin counts with the latter. */
  readonly requests: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Bytes of bodies a second. */
  readonly bytes: number;
  readonly openConnections: number;
  readonly inFlight: number;
  /** Milliseconds within which this share of the applications' last answers ended; null where there were none. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** Milliseconds, of the worst worker. */
  readonly loopDelayMs: number;
  /** How many processors were busy, on average. */
  readonly cpu: number;
  /** Bytes resident. */
  readonly memory: number;
}

/** What a worker has done before it began. */
const NOTHING: Pick<Vitals, 'statuses' | 'durations' | 'bytes' | 'cpu'> = {
  statuses: [],
  durations: [],
  bytes: 0,
  cpu: 0,
};

export class History {
  readonly #fleet: Fleet;
  readonly #samples: Sample[] = [];
  #last = new Map<FleetWorker, Vitals>();
  /** Counts of answers by duration, of the last intervals. */
  #durations: number[][] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  begin(): void {
    this.#timer = setInterval(() => this.#take(), INTERVAL).unref();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** @returns the samples later than `time`, in milliseconds since 1970, oldest first */
  since(time: number): Sample[] {
    return this.#samples.filter((sample) => sample.time > time);
  }

  #take(): void {
    const { workers } = this.#fleet;
    const durations = new Array<number>(DURATION_BUCKETS.length + 1).fill(0);
    const rates = { requests: 0, clientErrors: 0, serverErrors: 0, bytes: 0, cpu: 0 };
    // Those that are gone have told of themselves since the last time, too.
    for (const worker of new Set([...this.#last.keys(), ...workers])) {
      const now = worker.vitals;
      if (now === undefined) continue;
      const last = this.#last.get(worker);
      // By a worker's own clock, since how many of its beats fall into an interval varies; unless it has just begun or ended.
      const through = last !== undefined && workers.includes(worker);
      const seconds = (through ? now.time - last.time : INTERVAL) / 1000;
      if (seconds <= 0) continue;
      const before = last ?? NOTHING;
      const answers = now.statuses.map((count, digit) => count - (before.statuses[digit] ?? 0));
      rates.requests += answers.reduce((sum, count) => sum + count, 0) / seconds;
      rates.clientErrors += answers[4]! / seconds;
      rates.serverErrors += (answers[5]! + answers[0]!) / seconds;
      rates.bytes += (now.bytes - before.bytes) / seconds;
      rates.cpu += (now.cpu - before.cpu) / seconds;
      now.durations.forEach((count, bucket) => {
        durations[bucket]! += count - (before.durations[bucket] ?? 0);
      });
    }
    this.#last = new Map(workers.flatMap((worker) => (worker.vitals ? [[worker, worker.vitals]] : [])));
    this.#durations = [...this.#durations, durations].slice(-LATENCY_INTERVALS);
    const recent = durations.map((_, bucket) => this.#durations.reduce((sum, each) => sum + each[bucket]!, 0));
    const vitals = [...this.#last.values()];
    const sum = (pick: (vitals: Vitals) => number) => vitals.reduce((total, each) => total + pick(each), 0);
    this.#samples.push({
      time: Date.now(),
      workers: workers.filter(({ state }) => state === 'ready').length,
      ...rates,
      openConnections: sum(({ openConnections }) => openConnections),
      inFlight: sum(({ inFlight }) => inFlight),
      p50: quantile(recent, 0.5),
      p95: quantile(recent, 0.95),
      p99: quantile(recent, 0.99),
      loopDelayMs: Math.max(0, ...vitals.map(({ loopDelayMs }) => loopDelayMs)),
      memory: sum(({ memory }) => memory),
    });
    if (this.#samples.length > KEPT) this.#samples.shift();
  }
}

/**
 * @param counts of the buckets of `DURATION_BUCKETS`, of which each is taken for evenly filled
 * @returns milliseconds; null where nothing was counted
 */
export function quantile(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && below + count >= share * total) {
      const begin = DURATION_BUCKETS[bucket - 1] ?? 0;
      const end = DURATION_BUCKETS[bucket] ?? begin;
      return begin + (end - begin) * ((share * total - below) / count);
    }
    below += count;
  }
  return DURATION_BUCKETS.at(-1)!;
}
