#!/usr/bin/env node
/**
 * `npm run bench:compare -- REF`: whether the commit that is checked out costs more CPU a request than REF, or less, beyond noise.
 */
import { Command, InvalidArgumentError } from 'commander';
import { Builds, hasUncommittedChanges, resolveCommit } from './compare/builds.mjs';
import { measurePairs } from './compare/pairs.mjs';
import { confidenceEach, formatVerdicts, judge } from './compare/verdict.mjs';
import { criticalRank } from './compare/wilcoxon.mjs';
import { endChildrenOnSignal, killRunningChildren } from './harness/child-processes.mjs';
import { candidates } from './harness/generator-choice.mjs';
import { choosePinning } from './harness/pinning.mjs';
import { SCENARIOS } from './harness/scenarios.mjs';
import { createSite } from './harness/site.mjs';

const DEFAULT_SCENARIOS = ['hello', 'hello-browser', 'hello-new-connection', 'post-1k', 'file-1k', 'asset-mix'];
const COMPARABLE = SCENARIOS.filter(({ kind }) => kind === 'load');

const program = new Command('bench:compare')
  .description('Builds REF and the commit that is checked out, and measures both in pairs.')
  .argument('<ref>', 'the commit to compare with, such as main or HEAD~1; HEAD itself shows what noise looks like')
  .option('--scenario <name>', `measure this scenario, repeatable (default: ${DEFAULT_SCENARIOS.join(', ')})`, collect)
  .option('--pairs <count>', 'pairs of measurements for each scenario', wholeNumber, 14)
  .option('--duration <seconds>', 'seconds of load in a measurement', wholeNumber, 1)
  .option('--connections <count>', 'connections of the load generator', wholeNumber, 64)
  .parse();

try {
  process.exitCode = (await compare(program.args[0] ?? '', program.opts())) ? 0 : 1;
} catch (error) {
  console.error(`bench:compare: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
} finally {
  killRunningChildren();
}

/**
 * @param {string} reference
 * @param {{ scenario?: string[], pairs: number, duration: number, connections: number }} options
 * @returns {Promise<boolean>} whether nothing became slower
 */
async function compare(reference, { scenario = DEFAULT_SCENARIOS, pairs, duration, connections }) {
  const scenarios = COMPARABLE.filter(({ name }) => scenario.includes(name));
  const confidence = confidenceEach(scenarios.length);
  criticalRank(pairs, confidence); // too few pairs are told before anything is built
  const commits = /** @type {const} */ ([resolveCommit(reference), resolveCommit('HEAD')]);
  if (hasUncommittedChanges()) console.error('Changes that are not committed are not measured.');
  // wrk is the last of the candidates: what the load generator itself takes does not matter here, and it takes less.
  const generator = /** @type {import('./harness/load.mjs').Generator} */ (candidates('auto').at(-1));
  const pinning = choosePinning();

  const builds = new Builds();
  /** @type {import('./harness/site.mjs').Site | undefined} */
  let made;
  const cleanUp = () => {
    builds.remove();
    made?.remove();
  };
  endChildrenOnSignal(cleanUp);
  try {
    const site = createSite();
    made = site;
    progress(`building ${commits[0].slice(0, 10)} and ${commits[1].slice(0, 10)}`);
    const built = /** @type {const} */ ([await builds.build(commits[0]), await builds.build(commits[1])]);
    const pairing = { generator, pinning, site, pairs, seconds: duration, connections, progress };
    const verdicts = [];
    for (const each of scenarios) {
      verdicts.push(judge(each.name, await measurePairs(each, built, pairing), confidence));
    }
    progress('');
    console.log(`${formatVerdicts(verdicts, [`${reference}`, 'now'])}\n`);
    console.log(
      [
        `CPU µs a request, medians of ${pairs} pairs of processes; ${commits[0].slice(0, 10)} and ${commits[1].slice(0, 10)}, load by ${generator.name}.`,
        `"Interval" holds the change with a confidence of ${(confidence * 100).toFixed(2)} % (exact Wilcoxon signed-rank), so that a run of`,
        `${scenarios.length} scenarios calls noise a change in 5 % of cases at most. "Would see" is the smallest change that such a run`,
        'finds four times in five; a smaller one may be there.',
      ].join('\n'),
    );
    return verdicts.every(({ verdict }) => verdict !== 'slower');
  } finally {
    cleanUp();
  }
}

/**
 * @param {string} name
 * @param {string[]} [chosen]
 */
function collect(name, chosen = []) {
  const names = COMPARABLE.map((scenario) => scenario.name);
  if (!names.includes(name)) throw new InvalidArgumentError(`Choose from ${names.join(', ')}.`);
  return [...chosen, name];
}

/** @param {string} text */
function wholeNumber(text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number from 1 on is needed.');
  return value;
}

/** @param {string} text what is going on, shown on a terminal alone and on one line */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
