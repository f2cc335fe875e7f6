/**
 * Which figures go into which chart.
 *
 * @typedef {import('../harness/report.mjs').RunReport} RunReport
 * @typedef {import('./charts.mjs').Panel} Panel
 *
 * @typedef {object} Chart
 * @property {string} file
 * @property {string} title
 * @property {string[]} scenarios whose panels it has, and under whose heading it stands: the first that was measured
 */

/** @type {readonly Chart[]} */
export const CHARTS = Object.freeze([
  {
    file: 'overview.svg',
    title: 'Server CPU a request, of this server and its peers',
    scenarios: ['hello', 'hello-new-connection', 'file-1k', 'file-100k', 'asset-mix', 'tls-hello'],
  },
  {
    file: 'hello.svg',
    title: 'Hello: server CPU a request',
    scenarios: ['hello', 'hello-browser', 'hello-pipelined', 'hello-new-connection', 'wsgi-hello'],
  },
  { file: 'bodies.svg', title: 'Bodies: server CPU a request', scenarios: ['post-1k', 'post-1m', 'stream-100'] },
  {
    file: 'files.svg',
    title: 'Files: server CPU a request',
    scenarios: ['file-1k', 'file-10k', 'file-100k', 'file-10m', 'asset-mix', 'range', 'not-modified'],
  },
  { file: 'tls.svg', title: 'TLS: server CPU a request', scenarios: ['tls-hello', 'tls-file-10m'] },
  {
    file: 'crowds.svg',
    title: 'Cold files, slow readers and idle connections',
    scenarios: ['cold-files', 'slow-readers', 'idle-10k'],
  },
]);

/** One colour for each server in all charts; this project's stands out. */
const COLORS = Object.freeze({
  uwsgiref: '#d9480f',
  'uwsgiref-wrapper': '#f2a07b',
  'node-http': '#3f8f4f',
  fastify: '#6c757d',
  sirv: '#8a6fb5',
  uws: '#b8860b',
  nginx: '#2b7a9e',
  'nginx-cache': '#6fb0cc',
  'nginx-tuned': '#a5d0e0',
  lighttpd: '#7b8d42',
});

/**
 * @param {RunReport} run
 * @param {Chart} chart
 * @returns {Panel[]} none for what was not measured
 */
export function panelsOf(run, { scenarios }) {
  return scenarios.flatMap((name) => {
    const report = run.scenarios.find(({ scenario }) => scenario === name);
    return report ? measuresOf(report).flatMap((measure) => panel(report, measure)) : [];
  });
}

/**
 * @typedef {object} Measure
 * @property {string} metric
 * @property {string} unit
 * @property {number} [divisor]
 */

/**
 * @param {import('../harness/report.mjs').ScenarioReport} report
 * @returns {Measure[]}
 */
function measuresOf({ kind }) {
  switch (kind) {
    case 'load':
      return [{ metric: 'cpuPerRequest', unit: 'CPU µs a request' }];
    case 'cold-files':
      return [
        { metric: 'idleP99', unit: 'p99 of hello in ms, with nothing beside it', divisor: 1000 },
        { metric: 'coldP99', unit: 'p99 of hello in ms, while cold files are sent', divisor: 1000 },
      ];
    case 'slow-readers':
      return [
        { metric: 'cpuPerConnection', unit: 'CPU µs for each of them, from its opening on' },
        { metric: 'bytesPerConnection', unit: 'resident KiB for each of them', divisor: 1024 },
      ];
    case 'idle':
      return [{ metric: 'bytesPerConnection', unit: 'resident KiB for each of them', divisor: 1024 }];
  }
}

/**
 * @param {import('../harness/report.mjs').ScenarioReport} report
 * @param {Measure} measure
 * @returns {Panel[]}
 */
function panel({ scenario, servers }, { metric, unit, divisor = 1 }) {
  const bars = servers.flatMap(({ server, metrics }) => {
    const summary = metrics[metric];
    if (summary === undefined) return [];
    const color = /** @type {Record<string, string>} */ (COLORS)[server] ?? '#8c959f';
    const [least, most] = [Math.min(...summary.samples), Math.max(...summary.samples)];
    return [{ name: server, value: summary.median / divisor, least: least / divisor, most: most / divisor, color }];
  });
  return bars.length > 0 ? [{ title: scenario, unit, bars }] : [];
}
