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
 * @property {import('./scenarios.mjs').Kind} kind
 * @property {number} connections
 * @property {string | null} reference the server that costs are compared with; null when none was measured
 * @property {{ generator: string, reason: string } | null} load
 * @property {Record<string, number>} ceilings requests a second of each load generator against the floor server
 * @property {ServerReport[]} servers
 * @property {{ server: string, reason: string }[]} refused
 * @property {string} [commit] where it was measured anew at another than the rest
 *
 * @typedef {object} RunReport
 * @property {import('./environment.mjs').Environment} environment
 * @property {number} rounds
 * @property {number} duration seconds of load in a round
 * @property {number} tookSeconds all in all
 * @property {ScenarioReport[]} scenarios
 */
import { summarize, summarizeRatios } from './statistics.mjs';

export const REFERENCE = 'uwsgiref';

/** The metric by which servers are compared: less is better. */
export const COST = Object.freeze({
  load: 'cpuPerRequest',
  idle: 'bytesPerConnection',
  'slow-readers': 'cpuPerConnection',
  'cold-files': 'coldP99',
});

/**
 * @param {import('./measure.mjs').ScenarioSamples} result
 * @returns {ScenarioReport}
 */
export function reportScenario({ scenario, connections, samples, headLengths, refused, load, ceilings }) {
  const cost = COST[scenario.kind];
  const reference = samples.has(REFERENCE) ? REFERENCE : ([...samples.keys()][0] ?? null);
  const referenceCosts = samples.get(reference ?? '')?.[cost] ?? [];
  return {
    scenario: scenario.name,
    about: scenario.about,
    kind: scenario.kind,
    connections,
    reference,
    load,
    ceilings,
    servers: [...samples].map(([server, metrics]) => ({
      server,
      headLength: headLengths.get(server) ?? 0,
      metrics: Object.fromEntries(Object.entries(metrics).map(([name, values]) => [name, summarize(values)])),
      costRatio: summarizeRatios(metrics[cost] ?? [], referenceCosts),
    })),
    refused: [...refused].map(([server, reason]) => ({ server, reason })),
  };
}
