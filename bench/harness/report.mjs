/**
 * From samples to what is printed and to what is written as JSON; both tell the same.
 *
 * @typedef {import('./statistics.mjs').Summary} Summary
 *
 * @typedef {object} ServerReport
 * @property {string} server
 * @property {number} headLength bytes of the response head
 * @property {Record<string, Summary>} metrics
 * @property {Summary} costRatio this server's cost over the reference's, round by round
 *
 * @typedef {object} ScenarioReport
 * @property {string} scenario
 * @property {string} about
 * @property {'load' | 'idle'} kind
 * @property {number} connections
 * @property {string | null} reference the server that costs are compared with; null when none was measured
 * @property {ServerReport[]} servers
 * @property {{ server: string, reason: string }[]} refused
 */
import { summarize, summarizeRatios } from './statistics.mjs';
import { formatTable } from './table.mjs';

export const REFERENCE = 'uwsgiref';
const CEILING = 'floor';

/** The metric by which servers are compared: less is better. */
const COST = Object.freeze({ load: 'cpuPerRequest', idle: 'bytesPerConnection' });

/**
 * @param {import('./measure.mjs').ScenarioSamples} result
 * @returns {ScenarioReport}
 */
export function reportScenario({ scenario, connections, samples, headLengths, refused }) {
  const cost = COST[scenario.kind];
  const reference = samples.has(REFERENCE) ? REFERENCE : ([...samples.keys()][0] ?? null);
  const referenceCosts = samples.get(reference ?? '')?.[cost] ?? [];
  return {
    scenario: scenario.name,
    about: scenario.about,
    kind: scenario.kind,
    connections,
    reference,
    servers: [...samples].map(([server, metrics]) => ({
      server,
      headLength: headLengths.get(server) ?? 0,
      metrics: Object.fromEntries(Object.entries(metrics).map(([name, values]) => [name, summarize(values)])),
      costRatio: summarizeRatios(metrics[cost] ?? [], referenceCosts),
    })),
    refused: [...refused].map(([server, reason]) => ({ server, reason })),
  };
}

/**
 * @param {ScenarioReport} report
 * @param {string} generator the name of the load generator
 * @returns {string}
 */
export function formatScenario(report, generator) {
  const sections = [`## ${report.scenario}: ${report.about}`];
  if (report.servers.length > 0) {
    sections.push(report.kind === 'idle' ? idleTable(report) : loadTable(report));
    sections.push([...ceilingLine(report, generator), ...comparisonLine(report)].join('\n'));
  }
  sections.push(report.refused.map(({ server, reason }) => `REFUSED, no figures: ${server}: ${reason}`).join('\n'));
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

/** @param {ScenarioReport} report */
function loadTable({ servers, reference, connections }) {
  const header = [
    'server',
    'CPU µs/req',
    '±',
    `CPU ÷ ${reference}`,
    'req/s',
    '±',
    'core',
    'p50 µs',
    'p99 µs',
    'head B',
  ];
  const rows = servers.map(({ server, metrics, costRatio, headLength }) => {
    const { cpuPerRequest, throughput, coreShare, p50, p99 } = metrics;
    return [
      server,
      ...medianAndSpread(cpuPerRequest),
      significant(costRatio.median),
      ...medianAndSpread(throughput),
      percent(coreShare?.median),
      significant(p50?.median),
      significant(p99?.median),
      String(headLength),
    ];
  });
  return `${connections} connections\n\n${formatTable(header, rows)}`;
}

/** @param {ScenarioReport} report */
function idleTable({ servers, reference }) {
  const header = ['server', 'B/connection', '±', `÷ ${reference}`, 'RSS before, MiB', 'RSS after, MiB'];
  const rows = servers.map(({ server, metrics, costRatio }) => [
    server,
    ...medianAndSpread(metrics.bytesPerConnection),
    significant(costRatio.median),
    mebibytes(metrics.residentBefore),
    mebibytes(metrics.residentAfter),
  ]);
  return formatTable(header, rows);
}

/**
 * @param {ScenarioReport} report
 * @param {string} generator
 */
function ceilingLine({ kind, servers }, generator) {
  const ceiling = servers.find(({ server }) => server === CEILING)?.metrics.throughput;
  if (kind === 'idle' || !ceiling) return [];
  return [`Ceiling of ${generator}, against the floor server: ${significant(ceiling.median)} requests a second.`];
}

/**
 * The reference beside each peer, the other way round than in the table, as one asks "how much of Fastify's cost is it?".
 *
 * @param {ScenarioReport} report
 */
function comparisonLine({ kind, reference, servers }) {
  const peers = servers.filter(({ server }) => server !== reference && server !== CEILING);
  if (peers.length === 0) return [];
  const shares = peers.map(({ server, costRatio }) => `${significant(1 / costRatio.median)} of ${server}'s`);
  return [`${reference} takes ${shares.join(', ')} ${kind === 'idle' ? 'bytes a connection' : 'CPU a request'}.`];
}

/** @param {Summary | undefined} summary */
function medianAndSpread(summary) {
  return summary ? [significant(summary.median), percent(summary.spread)] : ['-', '-'];
}

/** @param {number | undefined} share */
function percent(share) {
  return share === undefined ? '-' : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** @param {Summary | undefined} bytes */
function mebibytes(bytes) {
  return bytes ? significant(bytes.median / 2 ** 20) : '-';
}

/**
 * Three significant digits, and never an exponent: no more than the spreads bear.
 *
 * @param {number | undefined} value
 */
function significant(value) {
  if (value === undefined) return '-';
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumSignificantDigits: 3 });
}
