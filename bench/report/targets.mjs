/**
 * What the project has set itself: its server's CPU a request as a share of a peer's, in the same rounds of one run.
 *
 * @typedef {object} Target
 * @property {string} scenario
 * @property {string} peer
 * @property {number} most
 *
 * @typedef {object} TargetResult
 * @property {Target} target
 * @property {number | null} ratio measured; null where the run has no figures for it
 * @property {boolean | null} met
 */

const FILES = ['file-1k', 'file-10k', 'file-100k', 'file-10m'];

/** @type {readonly Target[]} */
export const TARGETS = Object.freeze([
  { scenario: 'file-1k', peer: 'nginx-cache', most: 0.9 },
  { scenario: 'file-100k', peer: 'nginx', most: 0.85 },
  { scenario: 'file-100k', peer: 'nginx-cache', most: 0.85 },
  { scenario: 'file-10m', peer: 'nginx', most: 0.85 },
  { scenario: 'file-10m', peer: 'nginx-cache', most: 0.85 },
  { scenario: 'asset-mix', peer: 'nginx', most: 0.9 },
  { scenario: 'asset-mix', peer: 'nginx-cache', most: 0.9 },
  { scenario: 'not-modified', peer: 'nginx', most: 0.9 },
  { scenario: 'not-modified', peer: 'nginx-cache', most: 0.9 },
  ...FILES.map((scenario) => ({ scenario, peer: 'node-http', most: 0.25 })),
  ...FILES.map((scenario) => ({ scenario, peer: 'sirv', most: 0.35 })),
  { scenario: 'hello-new-connection', peer: 'node-http', most: 0.35 },
  { scenario: 'hello-new-connection', peer: 'uws', most: 1.1 },
  { scenario: 'tls-hello', peer: 'node-http', most: 0.4 },
  { scenario: 'tls-hello', peer: 'uws', most: 1.1 },
]);

/**
 * @param {import('../harness/report.mjs').RunReport} run
 * @returns {TargetResult[]}
 */
export function measuredTargets({ scenarios }) {
  return TARGETS.map((target) => {
    const report = scenarios.find(({ scenario }) => scenario === target.scenario);
    const peer = report?.servers.find(({ server }) => server === target.peer);
    // The peer's cost over this server's, taken within each round.
    if (report?.reference !== 'uwsgiref' || peer === undefined) return { target, ratio: null, met: null };
    const ratio = 1 / peer.costRatio.median;
    return { target, ratio, met: ratio <= target.most };
  });
}
