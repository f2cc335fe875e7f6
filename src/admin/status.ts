/** What `/status`, `/history` and `/slow` of the administration say, for the page, `uwsgiref ctl` and others' programs. */

import type { RequestInFlight, Vitals } from '../host/messages.js';
import { nameOf } from '../host/service.js';
import type { WorkerState } from '../host/worker-process.js';
import { VERSION } from '../version.js';
import type { Fleet } from './fleet.js';
import type { Sample } from './history.js';

/** Times are in milliseconds since 1970. */
export interface WorkerStatus {
  readonly number: number;
  readonly pid: number;
  readonly state: WorkerState;
  readonly startedAt: number;
  /** null until it has told of itself for the first time. */
  readonly vitals: Vitals | null;
}

/** Times are in milliseconds since 1970. */
export interface Status {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  /** The application or the directory. */
  readonly served: string;
  readonly startedAt: number;
  readonly now: number;
  readonly urls: readonly string[];
  readonly ready: boolean;
  readonly draining: boolean;
  readonly stopping: boolean;
  /** Workers there ought to be. */
  readonly wanted: number;
  /** Workers started so far, and those among them that ended without being told to. */
  readonly made: number;
  readonly deaths: number;
  readonly reloads: number;
  readonly workers: readonly WorkerStatus[];
}

export interface HistoryReply {
  /** Milliseconds between two samples. */
  readonly interval: number;
  /** How many there are at most. */
  readonly kept: number;
  /** Oldest first. */
  readonly samples: readonly Sample[];
}

/** A request whose answer is not over. */
export interface SlowRequest extends RequestInFlight {
  /** The number of its worker. */
  readonly worker: number;
}

export function statusOf(fleet: Fleet): Status {
  const { configuration, startedAt, urls, ready, draining, stopping, wanted, made, deaths, reloads } = fleet;
  return {
    version: VERSION,
    node: process.versions.node,
    pid: process.pid,
    served: nameOf(configuration.served),
    startedAt,
    now: Date.now(),
    urls,
    ready,
    draining,
    stopping,
    wanted,
    made,
    deaths,
    reloads,
    workers: fleet.workers.map(({ number, pid, state, startedAt, vitals = null }) => {
      return { number, pid, state, startedAt, vitals };
    }),
  };
}

/** @returns those of all workers, longest first */
export async function slowRequests({ workers }: Fleet): Promise<SlowRequest[]> {
  const lists = await Promise.all(
    workers.map(async (worker) => {
      const requests = (await worker.ask('slow')) ?? [];
      return requests.map((request) => ({ ...request, worker: worker.number }));
    }),
  );
  return lists.flat().sort((one, other) => other.elapsedMs - one.elapsedMs);
}
