import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processTree } from '../../bench/harness/process-usage.mjs';
import type { RunReport } from '../../bench/harness/report.mjs';
import { commandOf, isGone } from './processes.js';

const run = promisify(execFile);
const node = (...args: string[]) => run(process.execPath, args);

const SHORT = ['--rounds', '1', '--duration', '1', '--connections', '8', '--generator', 'autocannon'];

// Each starts processes that load others for seconds.
describe.runIf(process.platform === 'linux')('the benchmark', { timeout: 90_000 }, () => {
  let directory: string;
  let results: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'uwsgiref-bench-test-'));
    results = join(directory, 'run.json');
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const report = (): RunReport => JSON.parse(readFileSync(results, 'utf8'));

  it('measures, and writes what it prints', async () => {
    const servers = ['--server', 'uwsgiref', '--server', 'node-http'];
    const { stdout } = await node('bench/run.mjs', ...SHORT, ...servers, '--scenario', 'post-1k', '--json', results);
    expect(stdout).toContain('## post-1k: 1 KiB posted, the same bytes answered');
    const [scenario] = report().scenarios;
    expect(scenario?.servers.map(({ server }) => server)).toEqual(['uwsgiref', 'node-http']);
    for (const { metrics } of scenario?.servers ?? []) {
      expect(metrics.throughput?.median).toBeGreaterThan(0);
      expect(metrics.cpuPerRequest?.median).toBeGreaterThan(0);
      expect(metrics.residentBytes?.median).toBeGreaterThan(1e6);
    }
  });

  it('goes on with a run that was interrupted, and measures nothing twice', async () => {
    const before = report().scenarios;
    const scenarios = ['--scenario', 'post-1k', '--scenario', 'file-1k'];
    await node('bench/run.mjs', ...SHORT, '--server', 'uwsgiref', ...scenarios, '--resume', results);
    expect(report().scenarios.map(({ scenario }) => scenario)).toEqual(['post-1k', 'file-1k']);
    expect(report().scenarios[0]).toEqual(before[0]);
  });

  it('does not mix figures of two commits', async () => {
    const other = join(directory, 'other.json');
    const changed = report();
    changed.environment.commit = 'another';
    writeFileSync(other, JSON.stringify(changed));
    await expect(node('bench/run.mjs', ...SHORT, '--resume', other)).rejects.toThrow(/cannot be resumed/);
  });

  it('makes the documents of it', async () => {
    writeFileSync(join(directory, 'README.md'), '<!-- bench -->\n<!-- /bench -->\n');
    await node('bench/report.mjs', results, '--out', directory);
    expect(readFileSync(join(directory, 'docs', 'benchmarks.md'), 'utf8')).toContain('### post-1k');
    expect(readFileSync(join(directory, 'README.md'), 'utf8')).toContain('| 1 KiB posted and echoed |');
    const files = ['bodies.svg', 'files.svg', 'overview.svg', 'results.json'];
    expect(readdirSync(join(directory, 'docs', 'benchmarks'))).toEqual(files);
  });

  it('leaves no process and no file behind when it is interrupted', async () => {
    const scratch = mkdtempSync(join(directory, 'tmp-'));
    const options = [...SHORT, '--server', 'node-http', '--scenario', 'hello', '--json', join(directory, 'no.json')];
    const bench = spawn(process.execPath, ['bench/run.mjs', ...options], {
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: scratch },
    });
    const exited = once(bench, 'exit');
    const isServer = (pid: number) => commandOf(pid).includes('node-http.mjs');
    const servers = () => processTree(bench.pid!).filter(isServer);
    await expect.poll(servers, { timeout: 20_000, interval: 10 }).toHaveLength(1);
    const children = processTree(bench.pid!).slice(1);
    bench.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    await expect.poll(() => children.filter((pid) => !isGone(pid))).toEqual([]);
    expect(readdirSync(scratch)).toEqual([]);
  });
});

describe('the comparison of two commits', () => {
  it('says what is wrong before it builds anything', async () => {
    const compare = (...args: string[]) => node('bench/compare.mjs', ...args);
    await expect(compare('HEAD', '--pairs', '5')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/5 pairs are too few for a confidence of [\d.]+: measure \d+/),
    });
    await expect(compare('no-such-commit')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no-such-commit names no commit'),
    });
  });
});
