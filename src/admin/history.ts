/** The last quarter of an hour of a supervisor's workers, for those who look at charts. */

import type { Vitals } from '../host/messages.js';
import { DURATION_BUCKETS } from '../host/request-metrics.js';
import type { Supervisor } from '../host/supervisor.js';

/** How far apart the samples are, and how many are kept. Milliseconds. */
const INTERVAL = 5000;
const KEPT = 180;

/** What happened in one interval, by all workers together. */
export interface Sample {
  /** Its end, in milliseconds since 1970. */
  readonly time: number;
  readonly workers: number;
  /** A second. */
  readonly requests: number;
  readonly bytes: number;
  /** Answers of 5xx, and those that did not begin, a second. */
  readonly errors: number;
  readonly openConnections: number;
  readonly inFlight: number;
  /** Milliseconds within which this share of the answers ended; null where there were none. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly loopDelayMs: number;
  /** Bytes. */
  readonly memory: number;
}

/** What the charts need of a worker's counts. */
type Counts = Pick<Vitals, 'bytes' | 'durations' | 'statuses'>;

const NONE: Counts = { bytes: 0, durations: [], statuses: [] };

export class History {
  readonly samples: Sample[] = [];
  readonly #supervisor: Supervisor;
  #last = new Map<number, Counts>();
  readonly #timer: NodeJS.Timeout;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
    this.#timer = setInterval(() => this.#take(), INTERVAL).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #take(): void {
    const known = this.#supervisor.workers.flatMap(({ pid, vitals }) =>
      vitals === undefined ? [] : [{ pid, vitals }],
    );
    const durations = new Array<number>(DURATION_BUCKETS.length + 1).fill(0);
    let [requests, errors, bytes] = [0, 0, 0];
    for (const { pid, vitals } of known) {
      const last = this.#last.get(pid) ?? NONE;
      vitals.durations.forEach((count, bucket) => {
        const since = count - (last.durations[bucket] ?? 0);
        durations[bucket]! += since;
        requests += since;
      });
      for (const failed of [0, 5]) errors += (vitals.statuses[failed] ?? 0) - (last.statuses[failed] ?? 0);
      bytes += vitals.bytes - last.bytes;
    }
    this.#last = new Map(known.map(({ pid, vitals }) => [pid, vitals]));
    const sum = (pick: (vitals: Vitals) => number) => known.reduce((total, { vitals }) => total + pick(vitals), 0);
    const perSecond = (count: number) => (count * 1000) / INTERVAL;
    this.samples.push({
      time: Date.now(),
      workers: known.length,
      requests: perSecond(requests),
      bytes: perSecond(bytes),
      errors: perSecond(errors),
      openConnections: sum(({ openConnections }) => openConnections),
      inFlight: sum(({ inFlight }) => inFlight),
      p50: quantile(durations, 0.5),
      p95: quantile(durations, 0.95),
      p99: quantile(durations, 0.99),
      loopDelayMs: Math.max(0, ...known.map(({ vitals }) => vitals.loopDelayMs)),
      memory: sum(({ memory }) => memory),
    });
    if (this.samples.length > KEPT) this.samples.shift();
  }
}

/** Within its bucket, as if the answers were spread evenly. */
export function quantile(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    if (below + count >= share * total && count > 0) {
      const begin = DURATION_BUCKETS[bucket - 1] ?? 0;
      const end = DURATION_BUCKETS[bucket] ?? begin;
      return begin + (end - begin) * ((share * total - below) / count);
    }
    below += count;
  }
  return DURATION_BUCKETS.at(-1)!;
}
