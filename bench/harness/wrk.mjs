/**
 * wrk as the load generator: one thread, `--latency`, everything about the request in its command line.
 */
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('wrk-request.lua', import.meta.url));

/** @type {import('./load.mjs').Generator} */
export const wrk = {
  name: 'wrk',
  probe: ['wrk', '-v'],
  command: ({ url, scenario, connections, seconds }) => {
    const headers = Object.entries(scenario.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    return [
      ...['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '10s'],
      ...[...headers, '-s', SCRIPT, url],
      ...['--', scenario.method, String(scenario.pipeline), scenario.body],
    ];
  },
  parse: parseWrkOutput,
};

/**
 * @param {string} output
 * @returns {import('./load.mjs').LoadResult}
 */
export function parseWrkOutput(output) {
  const total = /^\s*(\d+) requests in ([\d.]+[a-z]+),/m.exec(output);
  const p50 = /^\s*50%\s+(\S+)$/m.exec(output);
  const p99 = /^\s*99%\s+(\S+)$/m.exec(output);
  if (!total || !p50 || !p99) throw new Error(`not the output of wrk --latency:\n${output}`);
  return {
    requests: Number(total[1]),
    seconds: parseDuration(/** @type {string} */ (total[2])),
    p50: parseDuration(/** @type {string} */ (p50[1])),
    p99: parseDuration(/** @type {string} */ (p99[1])),
    failures: parseFailures(output),
  };
}

/**
 * @param {string} output
 * @returns {string[]}
 */
function parseFailures(output) {
  const failures = [];
  const sockets = /Socket errors: (.*)$/m.exec(output)?.[1] ?? '';
  for (const [, kind, count] of sockets.matchAll(/(\w+) (\d+)/g)) {
    if (Number(count) > 0) failures.push(`${count} socket errors (${kind})`);
  }
  const statuses = /Non-2xx or 3xx responses: (\d+)/.exec(output);
  if (statuses) failures.push(`${statuses[1]} answers that are neither 2xx nor 3xx`);
  return failures;
}

/** wrk's units, in seconds. */
const UNITS = new Map(Object.entries({ us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }));

/**
 * @param {string} text such as 1.25ms
 * @returns {number} seconds
 */
function parseDuration(text) {
  const match = /^([\d.]+)([a-z]+)$/.exec(text);
  const unit = UNITS.get(match?.[2] ?? '');
  if (!match || unit === undefined) throw new Error(`not a duration of wrk's: ${text}`);
  return Number(match[1]) * unit;
}
