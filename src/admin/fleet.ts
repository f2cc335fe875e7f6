/** What the administration needs of a supervisor and of its workers. */

import type { HeldSockets } from '../host/held-sockets.js';
import type { Supervisor } from '../host/supervisor.js';
import type { WorkerProcess } from '../host/worker-process.js';

export type FleetWorker = Pick<WorkerProcess, 'number' | 'pid' | 'state' | 'startedAt' | 'vitals' | 'ask'>;

type Told = 'configuration' | 'startedAt' | 'urls' | 'ready' | 'draining' | 'stopping' | 'wanted' | 'made';
type Counted = 'deaths' | 'reloads';

/** A supervisor. */
export interface Fleet extends Pick<Supervisor, Told | Counted | 'scale'> {
  readonly workers: readonly FleetWorker[];
  readonly sockets: Pick<HeldSockets, 'all'>;
  onFarewell(worker: FleetWorker, metrics: object[]): void;
}
