/** What a supervisor and its workers tell each other, over node's channel between processes. */

import type { Configuration } from '../configuration/index.js';
import type { CloseOptions } from '../server/index.js';
import type { Place } from './scoreboard.js';

/** The property of a message that is one of ours: applications have messages of their own. */
export const OURS = 'uwsgiref';

/** To a worker. */
export type Order =
  /** `place`: its own of a scoreboard, and the descriptor of that. */
  | { type: 'start'; configuration: Configuration; descriptors: number[]; place?: Place }
  /** Told again, it is to hurry. */
  | { type: 'stop'; how: CloseOptions }
  | { type: 'reopen-logs' }
  | { type: 'ask'; number: number; question: keyof Answers };

/** To the supervisor. */
export type Report =
  | { type: 'ready'; urls: string[] }
  | { type: 'failed'; message: string }
  | { type: 'beat'; vitals: Vitals }
  /** The last word of a worker that was stopped. */
  | { type: 'farewell'; vitals: Vitals; metrics: object[] }
  /** The worker is to be replaced, and then stopped; `fault`: something is wrong with it, or with its application. */
  | { type: 'retire'; why: string; fault: boolean }
  | { type: 'answer'; number: number; value: unknown };

/** What a worker can be asked, and what it answers. */
export interface Answers {
  /** As prom-client's `getMetricsAsJSON()` has them. */
  metrics: object[];
  slow: RequestInFlight[];
}

export interface RequestInFlight {
  readonly method: string;
  readonly target: string;
  readonly address: string;
  readonly elapsedMs: number;
}

/** How a worker is. Counts are since its start. */
export interface Vitals {
  /** When it was so, in milliseconds since 1970. */
  readonly time: number;
  readonly requests: number;
  readonly refused: number;
  readonly connections: number;
  readonly openConnections: number;
  readonly waits: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly inFlight: number;
  /** Bytes resident. */
  readonly memory: number;
  /** Seconds of a processor. */
  readonly cpu: number;
  /** Milliseconds that the event loop was late, at worst since the last beat. */
  readonly loopDelayMs: number;
  /** Counts of answers by their duration, in the buckets of `DURATION_BUCKETS`. */
  readonly durations: readonly number[];
  /** Counts of answers by the first digit of their status; none: 0. */
  readonly statuses: readonly number[];
}

/** How often a worker says how it is. Milliseconds. */
export const BEAT = 1000;
