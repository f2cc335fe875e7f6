/** What `/status` and `/slow` of the administration say, for the page, for `uwsgiref ctl` and for programs of others. */

import type { RequestInFlight, Vitals } from '../host/messages.js';
import type { WorkerState } from '../host/worker-process.js';
import type { Sample } from './history.js';

export type { RequestInFlight };

export interface WorkerSummary {
  readonly number: number;
  readonly pid: number;
  readonly state: WorkerState;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** None until it has told of itself for the first time. */
  readonly vitals: Vitals | undefined;
}

export interface Status {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  /** The application or the directory. */
  readonly served: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly now: number;
  readonly urls: readonly string[];
  readonly ready: boolean;
  readonly draining: boolean;
  readonly stopping: boolean;
  /** Workers there ought to be. */
  readonly wanted: number;
  /** Workers that ended without being told to. */
  readonly deaths: number;
  readonly reloads: number;
  readonly workers: readonly WorkerSummary[];
  /** The last quarter of an hour, oldest first. */
  readonly history: readonly Sample[];
}
