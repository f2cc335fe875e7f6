/**
 * wrk as the load generator: one thread, everything about the requests in its command line, and its figures from its script.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../clients/wrk-request.lua', import.meta.url));

/** @type {import('./load.mjs').Generator} */
export const wrk = {
  name: 'wrk',
  // wrk prints its version and then ends with a status of 1, so the status says nothing.
  version: () => /^wrk (\S+)/.exec(spawnSync('wrk', ['-v'], { encoding: 'utf8' }).stdout ?? '')?.[1] ?? '',
  unfit: () => null,
  command: ({ origin, scenario, connections, seconds }) => [
    ...['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s'],
    ...Object.entries(scenario.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...['-s', SCRIPT, `${origin}${scenario.paths[0]}`],
    ...['--', scenario.method, String(scenario.pipeline), scenario.body && String(scenario.body.length)],
    ...scenario.paths,
  ],
  // A body of a megabyte is too long for a command line.
  input: ({ scenario }) => scenario.body,
  parse: parseWrkOutput,
};

/**
 * @param {string} output of clients/wrk-request.lua, behind wrk's own
 * @returns {import('./load.mjs').LoadResult}
 */
export function parseWrkOutput(output) {
  const line = /^figures (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`not the output of wrk with its script:\n${output}`);
  const figures = Object.fromEntries(line.split(' ').map((pair) => pair.split('=')));
  const failures = ['connect', 'read', 'write', 'timeout']
    .filter((kind) => Number(figures[kind]) > 0)
    .map((kind) => `${figures[kind]} socket errors (${kind})`);
  if (Number(figures.status) > 0) failures.push(`${figures.status} answers with a status of 400 or more`);
  return {
    requests: Number(figures.requests),
    seconds: Number(figures.microseconds) / 1e6,
    p50: Number(figures.p50) / 1e6,
    p99: Number(figures.p99) / 1e6,
    p999: Number(figures.p999) / 1e6,
    failures,
  };
}
