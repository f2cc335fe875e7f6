import { readFileSync } from 'node:fs';
import { Counter, Gauge, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { FleetMetrics } from '../../src/admin/fleet-metrics.js';
import { RequestMetrics } from '../../src/host/request-metrics.js';
import type { Answer } from '../../src/server/index.js';
import { FakeFleet, FakeWorker } from './fake-fleet.js';
import { metricValue, parseMetrics } from './prometheus-text.js';

/** What a worker counts, in metrics of two kinds. */
class Counted {
  readonly #registry = new Registry();
  readonly served = new Counter({
    name: 'served_total',
    help: 'Served.',
    labelNames: ['status'],
    registers: [this.#registry],
  });
  readonly open = new Gauge({ name: 'open', help: 'Open.', registers: [this.#registry] });

  metrics(): Promise<object[]> {
    // As it comes through the channel between processes.
    return this.#registry.getMetricsAsJSON().then((metrics) => JSON.parse(JSON.stringify(metrics)) as object[]);
  }
}

function counting(worker: FakeWorker, served: number, open: number): Counted {
  const counted = new Counted();
  counted.served.inc({ status: '200' }, served);
  counted.open.set(open);
  worker.answers.metrics = () => counted.metrics();
  return counted;
}

describe('the metrics of a fleet', () => {
  it('are the sums of those of its workers, and its own', async () => {
    const fleet = new FakeFleet(2);
    fleet.deaths = 3;
    fleet.made = 7;
    counting(fleet.workers[0]!, 10, 1);
    counting(fleet.workers[1]!, 5, 2);
    const text = await new FleetMetrics(fleet).text();
    expect(metricValue(text, 'served_total', { status: '200' })).toBe(15);
    expect(metricValue(text, 'open')).toBe(3);
    expect(metricValue(text, 'uwsgiref_workers', { state: 'ready' })).toBe(2);
    expect(metricValue(text, 'uwsgiref_worker_deaths_total')).toBe(3);
    expect(metricValue(text, 'uwsgiref_worker_starts_total')).toBe(7);
    expect(metricValue(text, 'uwsgiref_ready')).toBe(1);
  });

  it('keep what was counted by a worker that is stopped, and not what it held', async () => {
    const fleet = new FakeFleet(2);
    const [one, other] = fleet.workers as [FakeWorker, FakeWorker];
    const counted = counting(one, 10, 1);
    counting(other, 5, 2);
    const metrics = new FleetMetrics(fleet);
    await metrics.text();
    counted.served.inc({ status: '200' }, 4);
    fleet.onFarewell(one, await counted.metrics());
    // Its last word is heard before its exit is.
    for (let scrape = 0; scrape < 2; scrape++) {
      const text = await metrics.text();
      expect([metricValue(text, 'served_total'), metricValue(text, 'open')]).toEqual([19, 2]);
      fleet.workers = [other];
    }
  });

  it('keep what a worker told last that was killed', async () => {
    const fleet = new FakeFleet(2);
    counting(fleet.workers[0]!, 10, 1);
    counting(fleet.workers[1]!, 5, 2);
    const metrics = new FleetMetrics(fleet);
    await metrics.text();
    fleet.workers = [fleet.workers[1]!, new FakeWorker(3)];
    counting(fleet.workers[1]!, 1, 1);
    const text = await metrics.text();
    expect([metricValue(text, 'served_total'), metricValue(text, 'open')]).toEqual([16, 3]);
  });

  it('go by what a worker told last where it does not answer', async () => {
    const fleet = new FakeFleet(1);
    counting(fleet.workers[0]!, 10, 1);
    const metrics = new FleetMetrics(fleet);
    await metrics.text();
    fleet.workers[0]!.answers.metrics = async () => undefined;
    expect(metricValue(await metrics.text(), 'served_total')).toBe(10);
  });

  it('never count a worker twice, however its answers and its last word cross', async () => {
    const fleet = new FakeFleet(1);
    const [worker] = fleet.workers as [FakeWorker];
    const counted = counting(worker, 10, 1);
    const metrics = new FleetMetrics(fleet);
    worker.answers.metrics = async () => {
      fleet.onFarewell(worker, await counted.metrics());
      return counted.metrics();
    };
    const texts = await Promise.all([metrics.text(), metrics.text()]);
    expect(texts.map((text) => metricValue(text, 'served_total'))).toEqual([10, 10]);
    fleet.workers = [];
    expect(metricValue(await metrics.text(), 'served_total')).toBe(10);
  });

  it('do not count a last word that comes when its worker is long gone', async () => {
    const fleet = new FakeFleet(1);
    const [worker] = fleet.workers as [FakeWorker];
    const counted = counting(worker, 10, 1);
    const metrics = new FleetMetrics(fleet);
    await metrics.text();
    fleet.workers = [];
    expect(metricValue(await metrics.text(), 'served_total')).toBe(10);
    fleet.onFarewell(worker, await counted.metrics());
    expect(metricValue(await metrics.text(), 'served_total')).toBe(10);
  });

  it('do not go backwards, whatever becomes of the workers', async () => {
    const fleet = new FakeFleet(3);
    const metrics = new FleetMetrics(fleet);
    const counts = new Map(fleet.workers.map((worker) => [worker, counting(worker, 0, 0)]));
    let last = 0;
    for (let round = 0; round < 60; round++) {
      for (const [worker, counted] of counts)
        if (worker.number % 2 === round % 2) counted.served.inc({ status: '200' });
      const [leaving, ...others] = fleet.workers as [FakeWorker, ...FakeWorker[]];
      const scrape = metrics.text();
      if (round % 3 === 0) fleet.onFarewell(leaving, await counts.get(leaving)!.metrics());
      if (round % 3 !== 2) {
        const fresh = new FakeWorker(10 + round);
        counts.set(fresh, counting(fresh, 0, 0));
        counts.delete(leaving);
        fleet.workers = [...others, fresh];
      }
      const now = metricValue(await scrape, 'served_total');
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
    expect(last).toBeGreaterThan(30);
  });
});

describe('the metrics of a worker', () => {
  const answer = (given: Partial<Answer>) =>
    ({ status: 200, bytes: 100, firstByte: 1, duration: 2, complete: true, ...given }) as Answer;

  it('are in Prometheus’ text format, with histograms in seconds', async () => {
    const counts = new RequestMetrics([]);
    for (const duration of [0.05, 2, 2.5, 99_000]) counts.answered(answer({ duration, firstByte: duration / 2 }));
    counts.answered(answer({ status: 503, complete: false }));
    counts.refused({ status: 400, reason: 'A "quoted" \\ reason.', requestLine: '', address: '', port: 0 });
    const fleet = new FakeFleet(1);
    fleet.workers[0]!.answers.metrics = () => counts.metrics();
    const text = await new FleetMetrics(fleet).text();
    const metrics = parseMetrics(text);
    for (const name of metrics.keys()) expect(name).toMatch(/^uwsgiref_[a-z_]+$/);
    expect(metricValue(text, 'uwsgiref_responses_total', { status: '200' })).toBe(4);
    expect(metricValue(text, 'uwsgiref_responses_total', { status: '503' })).toBe(1);
    expect(metricValue(text, 'uwsgiref_refused_total')).toBe(1);
    expect(metricValue(text, 'uwsgiref_aborted_total')).toBe(1);
    expect(metricValue(text, 'uwsgiref_response_bytes_total')).toBe(500);
    const duration = 'uwsgiref_request_duration_seconds';
    expect(metricValue(text, `${duration}_bucket`, { le: '0.0001' })).toBe(1);
    expect(metricValue(text, `${duration}_bucket`, { le: '0.002' })).toBe(3);
    expect(metricValue(text, `${duration}_bucket`, { le: '30' })).toBe(4);
    expect(metricValue(text, `${duration}_count`)).toBe(5);
    expect(metricValue(text, `${duration}_sum`)).toBeCloseTo(99.00655, 5);
  });

  it('are the same in whatever order workers leave, to the last digit of a sum', async () => {
    const fleet = new FakeFleet(3);
    for (const [index, worker] of fleet.workers.entries()) {
      const counts = new RequestMetrics([]);
      counts.answered(answer({ duration: [100, 200, 300][index]! }));
      worker.answers.metrics = () => counts.metrics();
    }
    const metrics = new FleetMetrics(fleet);
    const sum = async () => metricValue(await metrics.text(), 'uwsgiref_request_duration_seconds_sum');
    const before = await sum();
    for (const index of [1, 1, 0]) {
      fleet.workers.splice(index, 1);
      expect(await sum()).toBe(before);
    }
    expect(before).toBeCloseTo(0.6, 5);
  });

  it('are all in docs/monitoring.md, with their labels, and no others', async () => {
    const counts = new RequestMetrics([]);
    const fleet = new FakeFleet(1);
    fleet.workers[0]!.answers.metrics = () => counts.metrics();
    const names = [...parseMetrics(await new FleetMetrics(fleet).text()).keys()];
    const documented = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8')
      .split('## Metrics')[1]!
      .split('```')[0]!
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) =>
        [...line.split('|')[1]!.matchAll(/`(\w+)(?:\{[\w,]+\})?`/g)].map(([, name]) => `uwsgiref_${name}`),
      );
    expect(documented.sort()).toEqual(names.sort());
  });

  it('tell of the event loop once a beat', async () => {
    const counts = new RequestMetrics([]);
    const fleet = new FakeFleet(1);
    fleet.workers[0]!.answers.metrics = () => counts.metrics();
    const metrics = new FleetMetrics(fleet);
    const beats = async () => metricValue(await metrics.text(), 'uwsgiref_event_loop_delay_seconds_count');
    expect(await beats()).toBe(0);
    counts.vitals();
    counts.vitals();
    expect(await beats()).toBe(2);
  });

  it('have the statuses of answers by their first digit', () => {
    const counts = new RequestMetrics([]);
    for (const status of [200, 204, 304, 404, 500, 0]) counts.answered(answer({ status }));
    counts.refused({ status: 431, reason: '', requestLine: '', address: '', port: 0 });
    expect(counts.vitals().statuses).toEqual([1, 0, 2, 1, 2, 1, 0, 0, 0, 0]);
  });
});
