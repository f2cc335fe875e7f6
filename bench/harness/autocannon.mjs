/**
 * autocannon as the load generator, by clients/autocannon.mjs. It runs on Node and saturates long before the faster servers do.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../clients/autocannon.mjs', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../node_modules/autocannon/package.json', import.meta.url));

/** @type {import('./load.mjs').Generator} */
export const autocannon = {
  name: 'autocannon',
  version: () => {
    try {
      return JSON.parse(readFileSync(PACKAGE, 'utf8')).version;
    } catch {
      return '';
    }
  },
  unfit: ({ newConnections }) => (newConnections ? 'autocannon loses answers where each closes its connection' : null),
  command: () => [process.execPath, PROGRAM],
  input: (plan) => JSON.stringify(plan),
  parse: parseAutocannonResult,
};

/**
 * @param {string} output JSON of autocannon's result
 * @param {number} expectedStatus
 * @returns {import('./load.mjs').LoadResult}
 */
export function parseAutocannonResult(output, expectedStatus) {
  const result = JSON.parse(output);
  const failures = [];
  if (result.errors > 0) failures.push(`${result.errors} socket errors`);
  if (result.timeouts > 0) failures.push(`${result.timeouts} timeouts`);
  for (const [status, { count }] of Object.entries(result.statusCodeStats)) {
    if (Number(status) !== expectedStatus) failures.push(`${count} answers with status ${status}`);
  }
  return {
    requests: result.statusCodeStats[expectedStatus]?.count ?? 0,
    seconds: result.duration,
    p50: result.latency.p50 / 1000,
    p99: result.latency.p99 / 1000,
    p999: result.latency.p99_9 / 1000,
    failures,
  };
}
