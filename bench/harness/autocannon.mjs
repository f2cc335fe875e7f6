/**
 * autocannon as the load generator, where wrk is not installed. It runs on Node and saturates long before the faster servers
 * do, so only CPU a request says anything then; the floor's row shows where its ceiling is.
 */
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../node_modules/autocannon/autocannon.js', import.meta.url));

/** @type {import('./load.mjs').Generator} */
export const autocannon = {
  name: 'autocannon',
  probe: [process.execPath, PROGRAM, '--version'],
  command: ({ url, scenario, connections, seconds }) => {
    const headers = Object.entries(scenario.headers).flatMap(([name, value]) => ['-H', `${name}=${value}`]);
    const body = scenario.body ? ['-b', scenario.body] : [];
    return [
      ...[process.execPath, PROGRAM, '--json', '--no-progress', '-c', String(connections), '-d', String(seconds)],
      ...['-p', String(scenario.pipeline), '-m', scenario.method, ...headers, ...body, url],
    ];
  },
  parse: parseAutocannonOutput,
};

/**
 * @param {string} output of `autocannon --json`
 * @returns {import('./load.mjs').LoadResult}
 */
export function parseAutocannonOutput(output) {
  const result = JSON.parse(output);
  const failures = [];
  if (result.errors > 0) failures.push(`${result.errors} socket errors`);
  if (result.timeouts > 0) failures.push(`${result.timeouts} timeouts`);
  if (result.non2xx > 0) failures.push(`${result.non2xx} answers that are not 2xx`);
  return {
    requests: result['2xx'],
    seconds: result.duration,
    p50: result.latency.p50 / 1000,
    p99: result.latency.p99 / 1000,
    failures,
  };
}
