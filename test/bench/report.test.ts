import { describe, expect, it } from 'vitest';
import type { ScenarioSamples } from '../../bench/harness/measure.mjs';
import { reportScenario } from '../../bench/harness/report.mjs';
import { formatScenario } from '../../bench/harness/scenario-text.mjs';
import { SCENARIOS } from '../../bench/harness/scenarios.mjs';
import { formatTable } from '../../bench/harness/table.mjs';

const load = (cpu: number[]) => ({
  cpuPerRequest: cpu,
  throughput: cpu.map((each) => 1e6 / each),
  coreShare: cpu.map(() => 0.99),
  p50: cpu.map(() => 250),
  p99: cpu.map(() => 1250),
  p999: cpu.map(() => 2500),
  residentBytes: cpu.map(() => 64 * 2 ** 20),
  foreignShare: cpu.map(() => 0.01),
});

function measured(samples: Record<string, Record<string, number[]>>, refused: Record<string, string> = {}) {
  const result: ScenarioSamples = {
    scenario: SCENARIOS[0]!,
    connections: 64,
    samples: new Map(Object.entries(samples)),
    headLengths: new Map(Object.keys(samples).map((name) => [name, 120])),
    refused: new Map(Object.entries(refused)),
    load: { generator: 'wrk', reason: "autocannon left 60 % of uwsgiref's core idle" },
    ceilings: { autocannon: 50_000, wrk: 400_000 },
  };
  return reportScenario(result);
}

describe('reportScenario', () => {
  it('compares the cost of every server with uwsgiref, round by round', () => {
    const report = measured({ 'node-http': load([12, 24, 36]), uwsgiref: load([4, 6, 12]) });
    expect(report.reference).toBe('uwsgiref');
    expect(report.servers.map(({ server, costRatio }) => [server, costRatio.samples])).toEqual([
      ['node-http', [3, 4, 3]],
      ['uwsgiref', [1, 1, 1]],
    ]);
  });

  it('takes the first server for the comparison where uwsgiref was not measured', () => {
    expect(measured({ nginx: load([5]), uws: load([4]) }).reference).toBe('nginx');
  });

  it('has no figures of a refused server', () => {
    const report = measured({ uwsgiref: load([4]) }, { nginx: '3 socket errors (read)' });
    expect(report.servers.map(({ server }) => server)).toEqual(['uwsgiref']);
    expect(report.refused).toEqual([{ server: 'nginx', reason: '3 socket errors (read)' }]);
  });

  it('survives JSON unchanged', () => {
    const report = measured({ uwsgiref: load([4, 5]) }, { uws: 'ended' });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe('formatScenario', () => {
  it('shows medians, spreads, the ceiling and the comparison', () => {
    const text = formatScenario(measured({ uwsgiref: load([4, 5, 6]), fastify: load([16, 20, 24]) }));
    expect(text).toMatch(/^\| uwsgiref +\| +5 \| +40 % \| +1 \| +200,000 \|/m);
    expect(text).toMatch(/^\| fastify +\| +20 \| +40 % \| +4 \| +50,000 \|/m);
    expect(text).toContain("Load by wrk on 64 connections: autocannon left 60 % of uwsgiref's core idle.");
    expect(text).toContain('Ceilings against the floor server, requests a second: autocannon 50,000, wrk 400,000.');
    expect(text).toContain("uwsgiref takes 0.25 of fastify's CPU a request.");
  });

  it("says where the core was not the server's alone", () => {
    const noisy = { ...load([4, 5]), foreignShare: [0.02, 0.4] };
    expect(formatScenario(measured({ uwsgiref: noisy }))).toContain(
      "NOISY: up to 40 % of the servers' core went to other work",
    );
    expect(formatScenario(measured({ uwsgiref: load([4, 5]) }))).not.toContain('NOISY');
  });

  it('says what was refused, even where nothing else is left to say', () => {
    const text = formatScenario(measured({}, { uws: 'no request was answered' }));
    expect(text).toContain('REFUSED, no figures: uws: no request was answered');
    expect(text).not.toContain('|');
  });
});

describe('formatTable', () => {
  it('aligns names to the left and figures to the right', () => {
    const rows = [
      ['a', '1'],
      ['long', '1,000'],
    ];
    expect(formatTable(['server', 'n'], rows)).toBe(
      ['| server |     n |', '| ------ | ----: |', '| a      |     1 |', '| long   | 1,000 |'].join('\n'),
    );
  });
});
