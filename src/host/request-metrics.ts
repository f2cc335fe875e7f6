/** What a worker counts of its requests: cheaply at each, and in Prometheus' terms when somebody asks. */

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metric, Registry } from 'prom-client';
import { Engine } from '../server/engine.js';
import type { Answer, Refusal, Server } from '../server/index.js';
import type { Vitals } from './messages.js';

/** Upper ends of the buckets that durations are counted in, in milliseconds; the last bucket has none. */
export const DURATION_BUCKETS = [
  0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500,
  2000, 3000, 5000, 7000, 10_000, 30_000,
];

/** How often the loop's delay is looked at. Milliseconds. */
const LOOP_DELAY_RESOLUTION = 20;

/** Durations in buckets. prom-client's own looks labels up at each observation, which costs more than a request may. */
class Durations {
  readonly counts: number[] = new Array(DURATION_BUCKETS.length + 1).fill(0);
  sum = 0;

  observe(duration: number): void {
    let bucket = 0;
    while (bucket < DURATION_BUCKETS.length && duration > DURATION_BUCKETS[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += duration;
  }

  /** As a metric of `registry`, in seconds. */
  register(registry: Registry, name: string, help: string): void {
    const get = async (): Promise<object> => {
      let below = 0;
      const buckets = this.counts.map((count, index) => {
        below += count;
        const end = DURATION_BUCKETS[index];
        return {
          metricName: `${name}_bucket`,
          labels: { le: end === undefined ? '+Inf' : end / 1000 },
          value: below,
        };
      });
      const totals = [
        { metricName: `${name}_sum`, labels: {}, value: addable(this.sum / 1000) },
        { metricName: `${name}_count`, labels: {}, value: below },
      ];
      return { name, help, type: 'histogram', aggregator: 'sum', values: [...buckets, ...totals] };
    };
    registry.registerMetric({ name, get, reset: () => {} } as unknown as Metric);
  }
}

/** Counts for as long as the worker lives. */
export class RequestMetrics {
  readonly #servers: readonly Server[];
  /** Answers by status; 0: there was none. */
  readonly #statuses = new Float64Array(1000);
  readonly #refusals = new Map<string, number>();
  readonly #durations = new Durations();
  readonly #firstBytes = new Durations();
  /** How late the loop was, at worst in each beat: what a scrape every quarter of a minute would miss otherwise. */
  readonly #loopDelays = new Durations();
  #bytes = 0;
  #aborted = 0;
  readonly #loopDelay: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION });
  #registry: Promise<Registry> | undefined;

  /** @param servers whose figures are told; the array may grow */
  constructor(servers: readonly Server[]) {
    this.#servers = servers;
    this.#loopDelay.enable();
  }

  /** Counts an answer. */
  answered({ status, bytes, firstByte, duration, complete }: Answer): void {
    this.#statuses[status]!++;
    this.#durations.observe(duration);
    this.#firstBytes.observe(firstByte);
    this.#bytes += bytes;
    if (!complete) this.#aborted++;
  }

  /** Counts a request that the engine has answered by itself. */
  refused({ status, reason }: Refusal): void {
    this.#statuses[status]!++;
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  /** How the worker is. To be called once a beat: the loop's delay is that since the last call. */
  vitals(): Vitals {
    const statuses = new Array<number>(10).fill(0);
    this.#statuses.forEach((count, status) => {
      if (count > 0) statuses[Math.floor(status / 100)]! += count;
    });
    const { requests = 0, refused = 0, connections = 0 } = this.#servers[0]?.stats() ?? {};
    // The histogram has the whole interval between two looks.
    const loopDelayMs = Math.max(0, this.#loopDelay.max / 1e6 - LOOP_DELAY_RESOLUTION);
    this.#loopDelay.reset();
    this.#loopDelays.observe(loopDelayMs);
    return {
      time: Date.now(),
      requests,
      refused,
      connections,
      openConnections: this.#servers.reduce((sum, server) => sum + server.stats().openConnections, 0),
      waits: this.#waits(),
      bytes: this.#bytes,
      inFlight: Engine.get().inFlight().length,
      memory: process.memoryUsage.rss(),
      cpu: cpuSeconds(),
      loopDelayMs,
      durations: this.#durations.counts,
      statuses,
    };
  }

  /** Everything, for `AggregatorRegistry.aggregate()`. */
  async metrics(): Promise<object[]> {
    this.#registry ??= this.#register();
    return (await this.#registry).getMetricsAsJSON();
  }

  #waits(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const server of this.#servers) {
      for (const [wait, count] of Object.entries(server.stats().waits)) sums[wait] = (sums[wait] ?? 0) + count;
    }
    return sums;
  }

  async #register(): Promise<Registry> {
    // Loaded when somebody asks: a worker that nobody asks starts the sooner.
    const { CollectedMetrics } = await import('./collected-metrics.js');
    const metrics = new CollectedMetrics();
    const stats = () => this.#servers[0]?.stats();

    metrics.counter(
      'responses_total',
      'Answers, by status; 0: the client left before there was one.',
      ['status'],
      (metric) => {
        this.#statuses.forEach((count, status) => {
          if (count > 0) metric.inc({ status }, count);
        });
      },
    );
    metrics.counter('refused_total', 'Requests that the engine refused, by reason.', ['reason'], (metric) => {
      for (const [reason, count] of this.#refusals) metric.inc({ reason }, count);
    });
    metrics.total('requests_total', 'Requests that reached the application.', () => stats()?.requests ?? 0);
    metrics.total('aborted_total', 'Answers that did not come to their proper end.', () => this.#aborted);
    metrics.total('response_bytes_total', 'Bytes of bodies that left.', () => this.#bytes);
    metrics.total('sendfile_bytes_total', 'Bytes that left by sendfile.', () => stats()?.sendfileBytes ?? 0);
    metrics.total(
      'cold_reads_total',
      'Reads of files that were not in memory, by threads.',
      () => stats()?.coldReads ?? 0,
    );
    metrics.total('connections_total', 'Connections accepted.', () => stats()?.connections ?? 0);
    metrics.total('dropped_connections_total', 'Connections closed at once, for a limit.', () => stats()?.dropped ?? 0);
    metrics.total('cpu_seconds_total', 'Processor time of the workers.', cpuSeconds);
    this.#durations.register(
      metrics.registry,
      'uwsgiref_request_duration_seconds',
      'From the head of a request to the end of its answer.',
    );
    this.#firstBytes.register(
      metrics.registry,
      'uwsgiref_first_byte_seconds',
      'From the head of a request to the head of its answer.',
    );
    this.#loopDelays.register(
      metrics.registry,
      'uwsgiref_event_loop_delay_seconds',
      'How late the event loop of a worker was, at worst in each second.',
    );
    metrics.gauge('connections', 'Open connections, by what they wait for.', ['waits_for'], (metric) => {
      for (const [wait, count] of Object.entries(this.#waits())) metric.set({ waits_for: wait }, count);
    });
    metrics.gauge('requests_in_flight', 'Requests whose answer is not over.', [], (metric) =>
      metric.set(Engine.get().inFlight().length),
    );
    metrics.gauge('memory_bytes', 'Resident memory of the workers.', [], (metric) =>
      metric.set(process.memoryUsage.rss()),
    );
    return metrics.registry;
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return addable((user + system) / 1e6);
}

/**
 * Seconds to 2^-20 of one. Sums of such are exact, in whatever order workers are added: one that came out less than
 * before, in its last digit, Prometheus would take for a restart, and count anew.
 */
function addable(seconds: number): number {
  return Math.round(seconds * 2 ** 20) / 2 ** 20;
}
