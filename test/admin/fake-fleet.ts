import { onTestFinished } from 'vitest';
import type { Fleet, FleetWorker } from '../../src/admin/fleet.js';
import { type AdminServer, serveAdmin } from '../../src/admin/index.js';
import type { Bind, Configuration } from '../../src/configuration/index.js';
import type { Answers, Vitals } from '../../src/host/messages.js';

/** A worker that answers what the test has put into it. */
export class FakeWorker implements FleetWorker {
  readonly number: number;
  readonly pid: number;
  readonly startedAt = Date.now();
  state: FleetWorker['state'] = 'ready';
  vitals: Vitals | undefined;
  answers: { [Question in keyof Answers]?: () => Promise<Answers[Question] | undefined> } = {};

  constructor(number: number) {
    this.number = number;
    this.pid = 1000 + number;
  }

  async ask<Question extends keyof Answers>(question: Question): Promise<Answers[Question] | undefined> {
    return this.answers[question]?.();
  }
}

/** A supervisor without processes. */
export class FakeFleet implements Fleet {
  readonly configuration: Configuration;
  readonly sockets = { all: [] as Fleet['sockets']['all'] };
  readonly startedAt = Date.now() - 60_000;
  readonly urls = ['http://127.0.0.1:8000'];
  workers: FakeWorker[];
  draining = false;
  stopping = false;
  wanted: number;
  made: number;
  deaths = 0;
  reloads = 0;
  onFarewell: Fleet['onFarewell'] = () => {};

  constructor(workers: number, admin: Bind = { host: '127.0.0.1', port: 0 }) {
    this.workers = Array.from({ length: workers }, (_, index) => new FakeWorker(index + 1));
    this.wanted = workers;
    this.made = workers;
    // All that the administration looks at.
    this.configuration = { admin, served: { kind: 'application', target: 'app.js:app' } } as Configuration;
  }

  get ready(): boolean {
    return !this.draining && !this.stopping && this.workers.some(({ state }) => state === 'ready');
  }

  scale(wanted: number): void {
    this.wanted = wanted;
  }
}

/** Serves the fleet's administration up to the end of the test. */
export async function administered(
  fleet: Fleet,
  reload: (why: string) => Promise<void> = async () => {},
): Promise<AdminServer> {
  const admin = await serveAdmin(fleet, { reload });
  onTestFinished(() => admin.close({ graceMs: 0 }));
  return admin;
}

/** How a worker is that has done nothing yet. */
export function vitals(given: Partial<Vitals> = {}): Vitals {
  return {
    time: Date.now(),
    requests: 0,
    refused: 0,
    connections: 0,
    openConnections: 0,
    waits: {},
    bytes: 0,
    inFlight: 0,
    memory: 50 * 2 ** 20,
    cpu: 0,
    loopDelayMs: 0,
    durations: [],
    statuses: [0, 0, 0, 0, 0, 0],
    ...given,
  };
}
