import { describe, expect, it } from 'vitest';
import { FailedRunError, toSample } from '../../bench/harness/load.mjs';

const result = { requests: 1000, seconds: 2, p50: 0.001, p99: 0.004, failures: [] };

describe('toSample', () => {
  it('divides the CPU time by the requests, in microseconds', () => {
    const sample = toSample({ pipeline: 1 }, result, 0.5);
    expect(sample).toEqual({ throughput: 500, cpuPerRequest: 500, coreShare: 0.25, p50: 1000, p99: 4000 });
  });

  it('has no latencies for pipelined requests', () => {
    expect(Object.keys(toSample({ pipeline: 16 }, result, 0.5))).toEqual(['throughput', 'cpuPerRequest', 'coreShare']);
  });

  it('refuses a run in which any request failed, and says why', () => {
    const failed = { ...result, failures: ['1 socket errors (read)', '2 timeouts'] };
    expect(() => toSample({ pipeline: 1 }, failed, 0.5)).toThrow(
      new FailedRunError(['1 socket errors (read)', '2 timeouts']),
    );
  });

  it('refuses a run without an answer', () => {
    expect(() => toSample({ pipeline: 1 }, { ...result, requests: 0 }, 0.5)).toThrow(/no request was answered/);
  });
});
