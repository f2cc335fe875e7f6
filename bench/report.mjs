#!/usr/bin/env node
/**
 * `npm run bench:report [-- FILE]`: from a run's JSON to docs/benchmarks.md, its charts, and the part of README.md.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { newestReport } from './harness/results.mjs';
import { ROOT } from './harness/servers.mjs';
import { drawChart } from './report/charts.mjs';
import { benchmarksDocument, readmeWithBenchmark } from './report/documents.mjs';
import { CHARTS, panelsOf } from './report/panels.mjs';

const program = new Command('bench:report')
  .description('Writes docs/benchmarks.md, its charts, and the part of README.md that is between its markers.')
  .argument('[file]', 'the JSON of a run (default: the newest in bench/results/)')
  .option('--out <directory>', 'the project whose documents are written', ROOT)
  .option('--no-readme', 'leave README.md alone')
  .parse();

/** @type {{ out: string, readme: boolean }} */
const { out, readme } = program.opts();

try {
  const file = program.args[0] ?? newestReport();
  /** @type {import('./harness/report.mjs').RunReport} */
  const run = JSON.parse(readFileSync(file, 'utf8'));
  const directory = resolve(out, 'docs', 'benchmarks');
  // Charts of an earlier run whose scenarios this one has not must not stay.
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const chart of CHARTS) {
    const panels = panelsOf(run, chart);
    if (panels.length > 0) writeFileSync(join(directory, chart.file), drawChart(chart.title, panels));
  }
  writeFileSync(join(directory, 'results.json'), `${JSON.stringify(run, null, 1)}\n`);
  writeFileSync(resolve(out, 'docs', 'benchmarks.md'), benchmarksDocument(run));
  if (readme) {
    const path = resolve(out, 'README.md');
    writeFileSync(path, readmeWithBenchmark(readFileSync(path, 'utf8'), run));
  }
  console.log(`docs/benchmarks.md${readme ? ' and README.md' : ''}: from ${file}`);
} catch (error) {
  console.error(`bench:report: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
