/**
 * A scenario's report as Markdown: a table, who generated the load, how the servers compare, and what was refused.
 *
 * @typedef {import('./report.mjs').ScenarioReport} ScenarioReport
 * @typedef {import('./report.mjs').ServerReport} ServerReport
 *
 * @typedef {object} Column
 * @property {string} title
 * @property {(server: ServerReport) => string} cell
 */
import { mebibytes, percent, significant } from './figures.mjs';
import { formatTable } from './table.mjs';

/** A server's core that went to others for more than this share makes a figure one to take again. */
const NOISY = 0.1;

/**
 * @param {ScenarioReport} report
 * @returns {string}
 */
export function formatScenario(report) {
  const sections = [`## ${report.scenario}: ${report.about}`];
  if (report.servers.length > 0) {
    sections.push(scenarioTable(report));
    sections.push([...loadLines(report), ...comparisonLine(report), ...noiseLine(report)].join('\n'));
  }
  sections.push(report.refused.map(({ server, reason }) => `REFUSED, no figures: ${server}: ${reason}`).join('\n'));
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

/**
 * @param {ScenarioReport} report
 * @returns {string}
 */
export function scenarioTable(report) {
  const columns = [{ title: 'server', cell: (/** @type {ServerReport} */ { server }) => server }, ...columnsOf(report)];
  return formatTable(
    columns.map(({ title }) => title),
    report.servers.map((server) => columns.map(({ cell }) => cell(server))),
  );
}

/**
 * @param {ScenarioReport} report
 * @returns {Column[]}
 */
function columnsOf({ kind, reference }) {
  const ratio = {
    title: `÷ ${reference}`,
    cell: (/** @type {ServerReport} */ { costRatio }) => significant(costRatio.median),
  };
  switch (kind) {
    case 'load':
      return [
        column('CPU µs/req', 'cpuPerRequest'),
        spread('cpuPerRequest'),
        ratio,
        column('req/s', 'throughput'),
        spread('throughput'),
        column('core', 'coreShare', percent),
        column('p50 µs', 'p50'),
        column('p99 µs', 'p99'),
        column('p99.9 µs', 'p999'),
        column('RSS MiB', 'residentBytes', mebibytes),
        { title: 'head B', cell: ({ headLength }) => String(headLength) },
      ];
    case 'idle':
      return [
        column('B/connection', 'bytesPerConnection'),
        spread('bytesPerConnection'),
        ratio,
        column('RSS before, MiB', 'residentBefore', mebibytes),
        column('RSS after, MiB', 'residentAfter', mebibytes),
      ];
    case 'slow-readers':
      return [
        column('CPU µs/reader', 'cpuPerConnection'),
        spread('cpuPerConnection'),
        ratio,
        column('B/reader', 'bytesPerConnection'),
        column('in the kernel, B/reader', 'kernelBytesPerConnection'),
        column('RSS before, MiB', 'residentBefore', mebibytes),
        column('RSS at most, MiB', 'residentAfter', mebibytes),
      ];
    case 'cold-files':
      return [
        column('p50 µs idle', 'idleP50'),
        column('p99 µs idle', 'idleP99'),
        column('p99 µs, files in memory', 'warmP99'),
        column('p99 µs, files on disk', 'coldP99'),
        spread('coldP99'),
        ratio,
        column('MiB/s from memory', 'warmMebibytes'),
        column('MiB/s from disk', 'coldMebibytes'),
      ];
  }
}

/**
 * @param {string} title
 * @param {string} metric
 * @param {(value: number | undefined) => string} format
 * @returns {Column}
 */
function column(title, metric, format = significant) {
  return { title, cell: ({ metrics }) => format(metrics[metric]?.median) };
}

/**
 * @param {string} metric
 * @returns {Column}
 */
function spread(metric) {
  return { title: '±', cell: ({ metrics }) => percent(metrics[metric]?.spread) };
}

/**
 * @param {ScenarioReport} report
 * @returns {string[]}
 */
export function loadLines({ load, ceilings, connections, commit }) {
  const anew = commit === undefined ? [] : [`Measured anew, at commit ${commit}.`];
  if (!load) return anew;
  const each = Object.entries(ceilings).map(([name, ceiling]) => `${name} ${significant(ceiling)}`);
  return [
    ...anew,
    `Load by ${load.generator} on ${connections} connections: ${load.reason}.`,
    ...(each.length > 0 ? [`Ceilings against the floor server, requests a second: ${each.join(', ')}.`] : []),
  ];
}

/**
 * The reference beside each peer, the other way round than in the table, as one asks "how much of Fastify's cost is it?".
 *
 * @param {ScenarioReport} report
 */
function comparisonLine({ kind, reference, servers }) {
  const peers = servers.filter(({ server }) => server !== reference);
  if (peers.length === 0) return [];
  const shares = peers.map(({ server, costRatio }) => `${significant(1 / costRatio.median)} of ${server}'s`);
  const what = {
    load: 'CPU a request',
    idle: 'bytes a connection',
    'slow-readers': 'CPU a slow reader',
    'cold-files': 'p99 beside cold files',
  }[kind];
  return [`${reference} takes ${shares.join(', ')} ${what}.`];
}

/**
 * @param {ScenarioReport} report
 * @returns {string[]}
 */
export function noiseLine({ servers }) {
  const shares = servers.flatMap(({ metrics }) => metrics.foreignShare?.samples ?? []);
  const most = Math.max(0, ...shares);
  return most > NOISY ? [`NOISY: up to ${percent(most)} of the servers' core went to other work; measure again.`] : [];
}
