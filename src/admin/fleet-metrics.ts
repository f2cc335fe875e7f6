/** The metrics of all workers together, and of those that were, for Prometheus. */

import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import type { Supervisor } from '../host/supervisor.js';
import type { WorkerProcess } from '../host/worker-process.js';

/** As prom-client has the metrics of one registry. */
type Metrics = object[];

export class FleetMetrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #supervisor: Supervisor;
  readonly #own = new Registry();
  /** What workers have counted that are gone: a sum that became less would look like a restart of everything. */
  #departed: Metrics = [];
  /** The last that was heard of each worker, by its process id. */
  readonly #latest = new Map<number, Metrics>();

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
    this.#register();
    supervisor.onFarewell = (worker, metrics) => this.#latest.set(worker.pid, metrics);
  }

  /** @returns the text that Prometheus reads */
  async text(): Promise<string> {
    const { workers } = this.#supervisor;
    await Promise.all(workers.map((worker) => this.#ask(worker)));
    const alive = new Set(workers.map(({ pid }) => pid));
    for (const [pid, metrics] of this.#latest) if (!alive.has(pid)) await this.#depart(pid, metrics);
    const parts = [this.#departed, ...this.#latest.values(), await this.#own.getMetricsAsJSON()];
    return AggregatorRegistry.aggregate(parts).metrics();
  }

  async #ask(worker: WorkerProcess): Promise<void> {
    const metrics = await worker.ask('metrics');
    if (metrics !== undefined) this.#latest.set(worker.pid, metrics);
  }

  async #depart(pid: number, metrics: Metrics): Promise<void> {
    this.#latest.delete(pid);
    const counted = metrics.filter((metric) => (metric as { type: string }).type !== 'gauge');
    this.#departed = await AggregatorRegistry.aggregate([this.#departed, counted]).getMetricsAsJSON();
  }

  #register(): void {
    const supervisor = this.#supervisor;
    const registers = [this.#own];
    new Gauge({
      name: 'uwsgiref_workers',
      help: 'Workers, by their state.',
      labelNames: ['state'],
      registers,
      collect() {
        this.reset();
        for (const state of ['starting', 'ready', 'stopping']) this.set({ state }, 0);
        for (const { state } of supervisor.workers) this.inc({ state });
      },
    });
    new Gauge({
      name: 'uwsgiref_ready',
      help: '1 where new clients are welcome.',
      registers,
      collect() {
        this.set(supervisor.ready ? 1 : 0);
      },
    });
    new Counter({
      name: 'uwsgiref_worker_deaths_total',
      help: 'Workers that ended without being told to.',
      registers,
      collect() {
        this.reset();
        this.inc(supervisor.deaths);
      },
    });
    new Counter({
      name: 'uwsgiref_reloads_total',
      help: 'Reloads that succeeded.',
      registers,
      collect() {
        this.reset();
        this.inc(supervisor.reloads);
      },
    });
  }
}
