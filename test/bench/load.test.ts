import { describe, expect, it } from 'vitest';
import { FailedRunError, toSample } from '../../bench/harness/load.mjs';

const result = { requests: 1000, seconds: 2, p50: 0.001, p99: 0.004, p999: 0.008, failures: [] };
const usage = { cpu: 0.5, busy: 0.6, residentBytes: 4096 };

describe('toSample', () => {
  it('divides the CPU time by the requests, in microseconds', () => {
    const sample = toSample({ pipeline: 1 }, result, usage);
    expect(sample).toEqual({
      ...{ throughput: 500, cpuPerRequest: 500, coreShare: 0.25, p50: 1000, p99: 4000, p999: 8000 },
      residentBytes: 4096,
      foreignShare: expect.closeTo(0.05),
    });
  });

  it('has no latencies for pipelined requests', () => {
    expect(Object.keys(toSample({ pipeline: 16 }, result, usage))).not.toContain('p50');
  });

  it('refuses a run in which any request failed, and says why', () => {
    const failed = { ...result, failures: ['1 socket errors (read)', '2 timeouts'] };
    expect(() => toSample({ pipeline: 1 }, failed, usage)).toThrow(
      new FailedRunError(['1 socket errors (read)', '2 timeouts']),
    );
  });

  it('refuses a run without an answer', () => {
    expect(() => toSample({ pipeline: 1 }, { ...result, requests: 0 }, usage)).toThrow(/no request was answered/);
  });
});
