/** Metrics whose values are looked up when they are collected, and not kept up to date before. */

import { Counter, Gauge, Registry } from 'prom-client';

export class CollectedMetrics {
  readonly registry = new Registry();

  /**
   * @param name behind "uwsgiref_"
   * @param fill gives the metric, which is at 0, its values
   */
  counter(name: string, help: string, labelNames: string[], fill: (metric: Counter) => void): void {
    new Counter({ ...this.#common(name, help, fill), labelNames });
  }

  /**
   * @param name behind "uwsgiref_"
   * @param fill gives the metric, which has none, its values
   */
  gauge(name: string, help: string, labelNames: string[], fill: (metric: Gauge) => void): void {
    new Gauge({ ...this.#common(name, help, fill), labelNames });
  }

  /** A counter without labels. */
  total(name: string, help: string, value: () => number): void {
    this.counter(name, help, [], (metric) => metric.inc(value()));
  }

  #common<Metric extends { reset(): void }>(name: string, help: string, fill: (metric: Metric) => void) {
    return {
      name: `uwsgiref_${name}`,
      help,
      registers: [this.registry],
      collect(this: Metric) {
        this.reset();
        fill(this);
      },
    };
  }
}
