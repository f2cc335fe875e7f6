/** The metrics of all workers together, and of those that were, for Prometheus. */

import { AggregatorRegistry, Registry } from 'prom-client';
import { formatBind } from '../configuration/index.js';
import { CollectedMetrics } from '../host/collected-metrics.js';
import { VERSION } from '../version.js';
import { acceptQueueLength } from './accept-queue.js';
import type { Fleet, FleetWorker } from './fleet.js';

/** As prom-client has the metrics of one registry. */
type Metrics = object[];

export class FleetMetrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #fleet: Fleet;
  readonly #own = new CollectedMetrics();
  /** What workers have counted that are gone: a sum that became less would look like a restart of everything. */
  #departed: Metrics = [];
  /** The last that was heard of each worker that is not gone. */
  readonly #latest = new Map<FleetWorker, Metrics>();
  /** Those who have said their last word; an answer that comes behind it would count them twice. */
  readonly #parted = new WeakSet<FleetWorker>();
  #text: Promise<string> | undefined;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#register();
    fleet.onFarewell = (worker, metrics) => this.#part(worker, metrics);
  }

  /** @returns the text that Prometheus reads; the same for all who ask while it is being collected */
  text(): Promise<string> {
    this.#text ??= this.#collect().finally(() => {
      this.#text = undefined;
    });
    return this.#text;
  }

  async #collect(): Promise<string> {
    const own = await this.#own.registry.getMetricsAsJSON();
    await Promise.all(this.#fleet.workers.map((worker) => this.#ask(worker)));
    // A worker that was killed has said no last word; what it told last has to do.
    const alive = new Set(this.#fleet.workers);
    for (const [worker, metrics] of this.#latest) if (!alive.has(worker)) this.#part(worker, metrics);
    return AggregatorRegistry.aggregate([this.#departed, ...this.#latest.values(), own]).metrics();
  }

  async #ask(worker: FleetWorker): Promise<void> {
    // One that starts has counted nothing, and may be too busy with that to say so.
    if (worker.state === 'starting') return;
    const metrics = await worker.ask('metrics');
    if (metrics !== undefined && !this.#parted.has(worker)) this.#latest.set(worker, metrics);
  }

  #part(worker: FleetWorker, metrics: Metrics): void {
    if (this.#parted.has(worker)) return;
    this.#parted.add(worker);
    this.#latest.delete(worker);
    const counted = metrics.filter((metric) => (metric as { type: string }).type !== 'gauge');
    this.#departed = AggregatorRegistry.aggregate([this.#departed, counted]).getMetricsAsArray();
  }

  #register(): void {
    const fleet = this.#fleet;
    const own = this.#own;
    own.gauge('build_info', 'Always 1; the labels say what runs.', ['version', 'node'], (metric) =>
      metric.set({ version: VERSION, node: process.versions.node }, 1),
    );
    own.gauge('ready', '1 where new clients are welcome.', [], (metric) => metric.set(fleet.ready ? 1 : 0));
    own.gauge('workers', 'Workers, by their state.', ['state'], (metric) => {
      for (const state of ['starting', 'ready', 'stopping']) metric.set({ state }, 0);
      for (const { state } of fleet.workers) metric.inc({ state });
    });
    own.gauge('workers_wanted', 'Workers that there ought to be.', [], (metric) => metric.set(fleet.wanted));
    own.gauge('accept_queue', 'Connections that wait for a worker to accept them.', ['listener'], (metric) => {
      for (const { fd, bind } of fleet.sockets.all) {
        const length = acceptQueueLength(fd);
        if (length !== undefined) metric.set({ listener: formatBind(bind) }, length);
      }
    });
    own.total('worker_starts_total', 'Workers started, the first ones and those in place of others.', () => fleet.made);
    own.total('worker_deaths_total', 'Workers that ended without being told to.', () => fleet.deaths);
    own.total('reloads_total', 'Reloads that succeeded.', () => fleet.reloads);
  }
}
