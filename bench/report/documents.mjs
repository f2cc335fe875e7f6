/**
 * The report of a run as docs/benchmarks.md, and its short form for README.md. What is measured is in the figures; how, and what they do not
 * say, is in the text around them.
 *
 * @typedef {import('../harness/report.mjs').RunReport} RunReport
 */
import { readFileSync } from 'node:fs';
import { formatMachine } from '../harness/environment.mjs';
import { significant } from '../harness/figures.mjs';
import { loadLines, noiseLine, scenarioTable } from '../harness/scenario-text.mjs';
import { formatTable } from '../harness/table.mjs';
import { CHARTS } from './panels.mjs';
import { measuredTargets } from './targets.mjs';

/** What no run can say: why a target is missed, a part for each scenario. */
const WHERE_THE_TIME_GOES = readFileSync(new URL('where-the-time-goes.md', import.meta.url), 'utf8').trim();

const MARKERS = Object.freeze({ begin: '<!-- bench -->', end: '<!-- /bench -->' });

/**
 * @param {RunReport} run
 * @returns {string} docs/benchmarks.md
 */
export function benchmarksDocument(run) {
  const measured = CHARTS.slice(1).filter(({ scenarios }) =>
    run.scenarios.some(({ scenario }) => scenarios.includes(scenario)),
  );
  return `${[
    '# Benchmarks',
    `Made by \`npm run bench:report\` from [one run](benchmarks/results.json), with every round's sample in it; not edited by hand.
[bench/README.md](../bench/README.md) says how it is measured and how to read it.`,
    '![Server CPU a request, of this server and its peers](benchmarks/overview.svg)',
    machineSection(run),
    targetsSection(run),
    WHERE_THE_TIME_GOES,
    ...measured.map((chart) => chartSection(run, chart)),
    repeatSection(),
  ].join('\n\n')}\n`;
}

/** @param {RunReport} run */
function machineSection({ environment, rounds, duration, tookSeconds, scenarios }) {
  const { commit, date, generators, pinning, servers, missing } = environment;
  const rows = Object.entries(servers).map(([name, { version, about }]) => [name, version, about]);
  const absent = Object.entries(missing).map(([name, reason]) => `Left out: ${name}, ${reason}.`);
  return `## On what

${formatMachine(environment)}. Commit ${commit}, ${date.slice(0, 10)}; ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${duration} s, ${Math.round(tookSeconds / 60)} minutes in all.
Load by ${Object.entries(generators)
    .map(([name, version]) => `${name} ${version}`)
    .join(' or ')}, over 127.0.0.1; ${pinning}. One process, or one worker, of each server.
${noiseSentence(scenarios)}

${formatTable(['server', 'version', 'what it does'], rows, 3)}${absent.length > 0 ? `\n\n${absent.join('\n')}` : ''}`;
}

/** @param {RunReport['scenarios']} scenarios */
function noiseSentence(scenarios) {
  const noisy = scenarios.filter((report) => noiseLine(report).length > 0).length;
  if (noisy === 0) return "In no scenario did other work take a tenth of the servers' core.";
  const which = `In ${noisy} of ${scenarios.length} scenarios other work took part of the servers' core`;
  return `**${which}: they are marked NOISY, and to be measured again.**`;
}

/** @param {RunReport} run */
function targetsSection(run) {
  const results = measuredTargets(run);
  const rows = results.map(({ target: { scenario, peer, most }, ratio, met }) => [
    scenario,
    peer,
    `≤ ${most}`,
    ratio === null ? '-' : significant(ratio),
    met === null ? 'not measured' : met ? 'met' : '**missed**',
  ]);
  const count = (/** @type {boolean | null} */ wanted) => results.filter(({ met }) => met === wanted).length;
  return `## Targets

What the project has set itself: its server's CPU a request over a peer's, the median of the ratios of all rounds.
${count(true)} met, ${count(false)} missed, ${count(null)} not measured.

${formatTable(['scenario', 'peer', 'target', 'measured', ''], rows, 2)}`;
}

/**
 * @param {RunReport} run
 * @param {import('./panels.mjs').Chart} chart
 */
function chartSection(run, { file, title, scenarios }) {
  const reports = run.scenarios.filter(({ scenario }) => scenarios.includes(scenario));
  return [`## ${title}`, `![${title}](benchmarks/${file})`, ...reports.map(scenarioSection)].join('\n\n');
}

/** @param {import('../harness/report.mjs').ScenarioReport} report */
function scenarioSection(report) {
  const notes = [...loadLines(report), ...noiseLine(report)];
  const refused = report.refused.map(({ server, reason }) => `No figures of ${server}: ${reason}.`);
  return [
    `### ${report.scenario}`,
    `${capitalized(report.about)}.`,
    report.servers.length > 0 ? scenarioTable(report) : '',
    [...notes, ...refused].join('\n'),
  ]
    .filter(Boolean)
    .join('\n\n');
}

function repeatSection() {
  return `## To repeat it

On Linux with two cores or more; what is not installed is left out, and the report says so:

\`\`\`sh
apt-get install wrk nginx-light lighttpd gunicorn uwsgi uwsgi-plugin-python3 python3-waitress openssl
npm ci && npm run build
npm run bench                    # everything; --quick: a few minutes
npm run bench:report             # this document, its charts, and the part of README.md
npm run bench:compare -- main    # whether the commit at hand costs more than another
\`\`\``;
}

/** What the table in README.md has, and how it calls it. */
const README_ROWS = Object.freeze([
  ['hello', 'hello, 1 field line'],
  ['hello-browser', 'hello, 11 field lines of a browser'],
  ['hello-pipelined', 'hello, 16 pipelined'],
  ['hello-new-connection', 'hello, a new connection each'],
  ['tls-hello', 'hello over TLS'],
  ['post-1k', '1 KiB posted and echoed'],
  ['file-1k', 'file of 1 KiB'],
  ['file-100k', 'file of 100 KiB'],
  ['file-10m', 'file of 10 MiB'],
  ['asset-mix', 'the 20 assets of a page'],
  ['not-modified', 'a file not modified: 304'],
  ['idle-10k', 'idle connection, resident bytes'],
]);

const README_SERVERS = Object.freeze(['uwsgiref', 'node-http', 'fastify', 'sirv', 'uws', 'nginx', 'nginx-cache']);

/**
 * @param {string} readme the text of README.md
 * @param {RunReport} run
 * @returns {string} the text with this run between its markers
 * @throws {Error} when there are no markers
 */
export function readmeWithBenchmark(readme, run) {
  const begin = readme.indexOf(MARKERS.begin);
  const end = readme.indexOf(MARKERS.end);
  if (begin < 0 || end < begin) throw new Error(`README.md has no ${MARKERS.begin} and ${MARKERS.end} behind it`);
  return `${readme.slice(0, begin + MARKERS.begin.length)}\n${readmePart(run)}\n${readme.slice(end)}`;
}

/** @param {RunReport} run */
function readmePart(run) {
  const { rounds, environment } = run;
  const targets = measuredTargets(run).filter(({ met }) => met !== null);
  const met = targets.filter((target) => target.met).length;
  return `![Server CPU a request, of this server and its peers](docs/benchmarks/overview.svg)

Server CPU microseconds a request, medians of ${rounds} rounds: ${formatMachine(environment)}.
The application builds its answer through \`startResponse\` and gets the full environ; files are those of \`staticFiles\` as it comes.

${readmeTable(run)}

nginx-cache is nginx with \`open_file_cache\`; uWebSockets.js (uws) ignores the request's fields here. [docs/benchmarks.md](docs/benchmarks.md) has all
scenarios with their spreads, latencies and memory, the WSGI servers of CPython, and the targets the project has set itself: ${met} of
${targets.length} are met.`;
}

/** @param {RunReport} run */
function readmeTable({ scenarios, environment }) {
  const servers = README_SERVERS.filter((name) => name in environment.servers);
  const rows = README_ROWS.flatMap(([name, label]) => {
    const report = scenarios.find(({ scenario }) => scenario === name);
    if (!report) return [];
    const metric = report.kind === 'idle' ? 'bytesPerConnection' : 'cpuPerRequest';
    const figures = servers.map((server) => {
      const summary = report.servers.find((each) => each.server === server)?.metrics[metric];
      return summary ? significant(summary.median) : '';
    });
    return [[label ?? '', ...figures]];
  });
  return formatTable(['work', ...servers], rows);
}

/** @param {string} text */
function capitalized(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
