import { describe, expect, it } from 'vitest';
import type { Environment } from '../../bench/harness/environment.mjs';
import { type RunReport, reportScenario } from '../../bench/harness/report.mjs';
import { SCENARIOS } from '../../bench/harness/scenarios.mjs';
import { drawChart } from '../../bench/report/charts.mjs';
import { benchmarksDocument, readmeWithBenchmark } from '../../bench/report/documents.mjs';
import { CHARTS, panelsOf } from '../../bench/report/panels.mjs';
import { measuredTargets, TARGETS } from '../../bench/report/targets.mjs';

const environment: Environment = {
  date: '2024-02-03T04:05:06.000Z',
  commit: '0123abc',
  cpu: 'A processor',
  cores: 2,
  virtual: true,
  memoryGiB: 24,
  kernel: '6.1',
  node: 'v20.17.0',
  generators: { autocannon: '8.0.0', wrk: '4.1.0' },
  pinning: 'each server on core 0, the load generator on core 1',
  servers: { uwsgiref: { version: '0.1.0', about: 'this one' }, sirv: { version: '3.0.0', about: 'a peer' } },
  missing: { nginx: 'nginx is not installed' },
};

/** A run in which each server took so many microseconds a request in its rounds. */
function runOf(costs: Record<string, Record<string, number[]>>): RunReport {
  const scenarios = Object.entries(costs).map(([name, servers]) =>
    reportScenario({
      scenario: SCENARIOS.find((scenario) => scenario.name === name)!,
      connections: 64,
      samples: new Map(Object.entries(servers).map(([server, cpuPerRequest]) => [server, { cpuPerRequest }])),
      headLengths: new Map(),
      refused: new Map([['lighttpd', '3 socket errors (read)']]),
      load: { generator: 'wrk', reason: 'it was asked for' },
      ceilings: { wrk: 200_000 },
    }),
  );
  return { environment, rounds: 3, duration: 1, tookSeconds: 60, scenarios };
}

const run = runOf({
  hello: { uwsgiref: [7, 6, 8], 'node-http': [14, 15, 16] },
  'file-1k': { uwsgiref: [10, 11, 12], sirv: [40, 44, 48], 'node-http': [40, 40, 41], 'nginx-cache': [12, 11, 12] },
});
const result = (scenario: string, peer: string) =>
  measuredTargets(run).find(({ target }) => target.scenario === scenario && target.peer === peer);

describe('measuredTargets', () => {
  it('names scenarios and peers that there are', () => {
    const names = SCENARIOS.map(({ name }) => name);
    expect(TARGETS.filter(({ scenario }) => !names.includes(scenario))).toEqual([]);
  });

  it('takes the ratio within each round, and says whether it is low enough', () => {
    expect(result('file-1k', 'sirv')).toMatchObject({ ratio: 0.25, met: true });
    expect(result('file-1k', 'node-http')).toMatchObject({ ratio: 0.275, met: false });
    expect(result('file-1k', 'nginx-cache')).toMatchObject({ ratio: 1, met: false });
  });

  it('has no ratio of what was not measured', () => {
    expect(result('tls-hello', 'uws')).toMatchObject({ ratio: null, met: null });
  });
});

describe('drawChart', () => {
  const chart = CHARTS.find(({ file }) => file === 'overview.svg')!;
  const svg = drawChart('A & B', panelsOf(run, chart));

  it('has a panel for each scenario that was measured, and a bar for each server', () => {
    expect(panelsOf(run, chart).map(({ title }) => title)).toEqual(['hello', 'file-1k']);
    for (const text of ['hello', 'file-1k', 'uwsgiref', 'sirv', 'nginx-cache', '44'])
      expect(svg).toContain(`>${text}</text>`);
  });

  it('is well-formed enough to have each attribute once, and its title escaped', () => {
    for (const [tag] of svg.matchAll(/<[a-z][^>]*>/g)) {
      const names = [...tag.matchAll(/ ([\w:-]+)="/g)].map(([, name]) => name);
      expect(new Set(names).size, tag).toBe(names.length);
    }
    expect(svg).toContain('<title>A &amp; B</title>');
  });

  it('puts the colours of a dark theme in place of those that it draws with', () => {
    expect(svg).toContain('@media (prefers-color-scheme:dark)');
    const drawn = ['text', 'background', 'whisker'].map((part, index) => [
      part,
      ['#1f2328', '#ffffff', '#59636f'][index],
    ]);
    for (const [part, color] of drawn) {
      expect(svg, part).toMatch(new RegExp(`(?:fill|stroke)="${color}"`));
      expect(svg, part).toMatch(new RegExp(`\\[(?:fill|stroke)="${color}"\\]`));
    }
  });
});

describe('benchmarksDocument', () => {
  const document = benchmarksDocument(run);

  it('says on what, by what and of which commit', () => {
    expect(document).toContain('A processor, 2 cores of a virtual machine, 24 GiB; Linux 6.1; Node v20.17.0');
    expect(document).toContain('Commit 0123abc, 2024-02-03; 3 rounds of 1 s');
    expect(document).toMatch(/^\| sirv +\| 3\.0\.0 +\| a peer +\|$/m);
    expect(document).toContain('Left out: nginx, nginx is not installed.');
  });

  it('says whether the machine was quiet', () => {
    expect(document).toContain("In no scenario did other work take a tenth of the servers' core.");
    const noisy = structuredClone(run);
    const shares = { median: 0.2, spread: 0, samples: [0.2] };
    Object.assign(noisy.scenarios[0]!.servers[0]!.metrics, { foreignShare: shares });
    expect(benchmarksDocument(noisy)).toContain('In 1 of 2 scenarios other work took part');
  });

  it('shows targets that are missed as well as those that are met', () => {
    expect(document).toMatch(/^\| file-1k +\| sirv +\| +≤ 0\.35 \| +0\.25 \| +met \|$/m);
    expect(document).toMatch(/^\| file-1k +\| nginx-cache +\| +≤ 0\.9 \| +1 \| +\*\*missed\*\* \|$/m);
    expect(document).toMatch(/^1 met, 2 missed, \d+ not measured\.$/m);
  });

  it('says of scenarios that there are where the time goes', () => {
    const [, section = ''] = /^## Where the time goes\n([\s\S]*?)\n## /m.exec(document) ?? [];
    const named = [...section.matchAll(/^### The time of (.*)$/gm)].map(([, name]) => name);
    expect(named).toContain('hello-new-connection');
    const names = SCENARIOS.map(({ name }) => name);
    expect(named.filter((name) => !names.includes(name!))).toEqual([]);
  });

  it('has a table and who was refused for each scenario, and its chart', () => {
    expect(document).toContain('![Files: server CPU a request](benchmarks/files.svg)');
    expect(document).not.toContain('benchmarks/tls.svg');
    expect(document).toContain('No figures of lighttpd: 3 socket errors (read).');
  });
});

describe('readmeWithBenchmark', () => {
  it('changes what is between the markers alone', () => {
    const readme = readmeWithBenchmark('before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n', run);
    expect(readme).toMatch(/^before\n<!-- bench -->\n[\s\S]*\n<!-- \/bench -->\nafter\n$/);
    expect(readme).not.toContain('old');
    expect(readme).toMatch(/^\| file of 1 KiB +\| +11 \| +44 \|$/m);
    expect(readmeWithBenchmark(readme, run)).toBe(readme);
  });

  it('refuses a text without markers', () => {
    expect(() => readmeWithBenchmark('nothing', run)).toThrow(/has no <!-- bench -->/);
  });
});
