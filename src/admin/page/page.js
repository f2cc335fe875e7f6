/** Asks the administration every other second, and shows what it says. */

import { Chart, spanOf } from './chart.js';
import { clock, count, digits, duration, joined, memory, NONE, perSecond, span, throughput } from './format.js';

/**
 * @typedef {import('../history.js').Sample} Sample
 * @typedef {import('../status.js').Status} Status
 * @typedef {import('../status.js').WorkerStatus} WorkerStatus
 * @typedef {import('../status.js').SlowRequest} SlowRequest
 * @typedef {import('../status.js').HistoryReply} HistoryReply
 */

/** Milliseconds between two looks, and until an answer is given up. */
const PAUSE = 2000;
const PATIENCE = 5000;
/** How long a request is in flight until it is worth a line, in milliseconds; and how many lines there are. */
const SLOW = 1000;
const MOST_SLOW = 20;

/** @type {import('./chart.js').Definition[]} */
const CHARTS = [
  {
    title: 'Requests',
    quantity: perSecond,
    scale: 'linear',
    least: 1,
    series: [
      { label: 'All', tone: 'blue', look: 'area', value: ({ requests }) => requests },
      { label: '4xx', tone: 'amber', look: 'line', rare: true, value: ({ clientErrors }) => clientErrors },
      { label: '5xx', tone: 'red', look: 'dashed', rare: true, value: ({ serverErrors }) => serverErrors },
    ],
  },
  {
    title: 'Latency (p95)',
    quantity: duration,
    scale: 'decades',
    least: 1,
    headline: 1,
    series: [
      { label: 'p50', tone: 'teal', look: 'line', value: ({ p50 }) => p50 },
      { label: 'p95', tone: 'blue', look: 'line', value: ({ p95 }) => p95 },
      { label: 'p99', tone: 'violet', look: 'line', value: ({ p99 }) => p99 },
    ],
  },
  {
    title: 'Throughput',
    quantity: throughput,
    scale: 'linear',
    least: 1000,
    series: [{ label: 'Bodies sent', tone: 'blue', look: 'area', value: ({ bytes }) => bytes }],
  },
  {
    title: 'Connections',
    quantity: count,
    scale: 'whole',
    least: 3,
    series: [
      { label: 'Open', tone: 'blue', look: 'area', value: ({ openConnections }) => openConnections },
      { label: 'Requests in flight', tone: 'teal', look: 'line', value: ({ inFlight }) => inFlight },
    ],
  },
  {
    title: 'Workers',
    quantity: count,
    scale: 'whole',
    least: 2,
    series: [
      { label: 'Serving', tone: 'gray', look: 'line', value: ({ workers }) => workers },
      { label: 'Processors busy', tone: 'blue', look: 'area', value: ({ cpu }) => cpu },
    ],
  },
  {
    title: 'Event loop delay',
    quantity: duration,
    scale: 'linear',
    least: 3,
    series: [{ label: 'Worst worker', tone: 'blue', look: 'area', value: ({ loopDelayMs }) => loopDelayMs }],
  },
];

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {HTMLElement} target @param {string} text */
function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * @typedef {object} Cell
 * @property {string} label
 * @property {string} text
 * @property {'number' | 'wide' | ''} [kind]
 */

/**
 * Fills a table in place, so that what somebody has selected stays selected.
 *
 * @param {HTMLElement} table
 * @param {Cell[][]} rows at least one, from which the headings come
 */
function fillTable(table, rows) {
  const head = /** @type {HTMLTableSectionElement} */ (table.querySelector('thead'));
  const body = /** @type {HTMLTableSectionElement} */ (table.querySelector('tbody'));
  if (head.rows.length === 0) {
    // Rows that are laid out as cards are none to a browser any more, unless they are called so.
    table.setAttribute('role', 'table');
    const row = head.insertRow();
    row.setAttribute('role', 'row');
    for (const { label, kind = '' } of rows[0] ?? []) {
      const cell = document.createElement('th');
      cell.scope = 'col';
      cell.setAttribute('role', 'columnheader');
      cell.className = kind;
      cell.textContent = label;
      row.append(cell);
    }
  }
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    row.setAttribute('role', 'row');
    cells.forEach(({ label, text, kind = '' }, place) => {
      const cell = row.cells[place] ?? row.insertCell();
      cell.setAttribute('role', 'cell');
      cell.dataset.label = label;
      cell.className = kind;
      setText(cell, text);
    });
  });
}

class Page {
  /** @type {Sample[]} */
  #samples = [];
  #interval = PAUSE;
  #startedAt = 0;
  /** @type {number | null} */
  #looked = null;
  /** @type {number | null} */
  #goneSince = null;
  #mayAskForSlow = true;
  /** What workers have told before, by number: their rates follow from that.  @type {Map<number, WorkerStatus>} */
  #before = new Map();
  /** @type {Map<number, { requests: number, cpu: number }>} */
  #rates = new Map();
  #charts = CHARTS.map((definition) => new Chart(definition));

  constructor() {
    for (const chart of this.#charts) {
      element('charts').append(chart.figure);
      chart.onLook = (index) => this.#look(index);
    }
    element('figures').addEventListener('toggle', () => this.#showFigures());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.#update();
    });
    this.#showCharts();
  }

  async run() {
    for (;;) {
      // Nothing is lost meanwhile: the server keeps the samples.
      if (!document.hidden) await this.#update();
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  async #update() {
    try {
      const after = this.#samples.at(-1)?.time ?? 0;
      const [status, history] = await Promise.all([ask('status'), ask(`history?after=${after}`)]);
      await this.#take(/** @type {Status} */ (status), /** @type {HistoryReply} */ (history), after);
      this.#goneSince = null;
      delete document.body.dataset.gone;
    } catch {
      this.#goneSince ??= Date.now();
      document.body.dataset.gone = '';
      this.#showState('gone', `No answer since ${clock(this.#goneSince)}`);
    }
  }

  /**
   * @param {Status} status
   * @param {HistoryReply} history
   * @param {number} after what the history was asked for
   */
  async #take(status, history, after) {
    if (status.startedAt !== this.#startedAt) {
      // Another server; what this one has from before is none of its past.
      this.#startedAt = status.startedAt;
      this.#samples = [];
      this.#before.clear();
      this.#rates.clear();
      if (after > 0) return this.#update();
    }
    const last = this.#samples.at(-1)?.time ?? 0;
    const news = history.samples.filter(({ time }) => time > last);
    const surplus = Math.max(0, this.#samples.length + news.length - history.kept);
    this.#samples = [...this.#samples, ...news].slice(surplus);
    this.#interval = history.interval;
    if (this.#looked !== null) this.#looked = Math.max(0, this.#looked - surplus);
    this.#showServer(status);
    this.#showWorkers(status);
    this.#showCharts();
    this.#showFigures();
    await this.#showSlow(status);
  }

  /** @param {Status} status */
  #showServer(status) {
    const { served, urls, startedAt, now, wanted, made, deaths, reloads, pid, version, node } = status;
    const ready = status.workers.filter(({ state }) => state === 'ready').length;
    setText(element('served'), served);
    if (status.stopping) this.#showState('draining', 'Stopping');
    else if (status.draining) this.#showState('draining', 'Draining');
    else if (status.ready) this.#showState('ready', 'Ready');
    else this.#showState('unready', 'Not ready');
    setText(element('places'), urls.join('  ·  '));
    const facts = [
      ['Up', span(now - startedAt)],
      ['Workers', ready === wanted ? String(wanted) : `${ready} of ${wanted}`],
      ['Started', digits(made)],
      ['Died', digits(deaths)],
      ['Reloads', digits(reloads)],
      ['Supervisor', String(pid)],
    ];
    const list = element('facts');
    if (list.children.length === 0) {
      for (const [name = ''] of facts) {
        const term = document.createElement('dt');
        term.textContent = name;
        const pair = document.createElement('div');
        pair.append(term, document.createElement('dd'));
        list.append(pair);
      }
    }
    list.querySelectorAll('dd').forEach((target, index) => {
      setText(target, facts[index]?.[1] ?? '');
    });
    setText(element('software'), `uwsgiref ${version}, Node ${node}`);
  }

  /** @param {string} state @param {string} text */
  #showState(state, text) {
    element('state').dataset.state = state;
    setText(element('state-text'), text);
    document.title = `${text} · ${element('served').textContent}`;
  }

  /** @param {Status} status */
  #showWorkers({ workers, now }) {
    for (const worker of workers) this.#measure(worker);
    const rows = workers.map(({ number, pid, state, startedAt, vitals }) => {
      const rates = this.#rates.get(number);
      /** @type {Cell[]} */
      const cells = [
        { label: 'Worker', text: String(number) },
        { label: 'State', text: state },
        { label: 'Process', text: String(pid), kind: 'number' },
        { label: 'Up', text: span(now - startedAt), kind: 'number' },
        { label: 'Requests', text: vitals ? joined(count(vitals.requests)) : NONE, kind: 'number' },
        { label: 'Rate', text: rates ? joined(perSecond(rates.requests)) : NONE, kind: 'number' },
        { label: 'Connections', text: vitals ? joined(count(vitals.openConnections)) : NONE, kind: 'number' },
        { label: 'In flight', text: vitals ? joined(count(vitals.inFlight)) : NONE, kind: 'number' },
        { label: 'Processor', text: rates ? `${Math.round(rates.cpu * 100)} %` : NONE, kind: 'number' },
        { label: 'Memory', text: vitals ? joined(memory(vitals.memory)) : NONE, kind: 'number' },
        { label: 'Loop delay', text: vitals ? joined(duration(vitals.loopDelayMs)) : NONE, kind: 'number' },
      ];
      return cells;
    });
    const table = element('workers-table');
    fillTable(table, rows);
    table.querySelectorAll('tbody tr').forEach((row, index) => {
      /** @type {HTMLElement} */ (row).dataset.state = workers[index]?.state;
    });
  }

  /** @param {WorkerStatus} worker */
  #measure(worker) {
    const before = this.#before.get(worker.number)?.vitals;
    const { vitals } = worker;
    if (vitals && before && vitals.time === before.time) return;
    if (vitals && before) {
      const seconds = (vitals.time - before.time) / 1000;
      this.#rates.set(worker.number, {
        requests: (vitals.requests - before.requests) / seconds,
        cpu: (vitals.cpu - before.cpu) / seconds,
      });
    }
    this.#before.set(worker.number, worker);
  }

  #showCharts() {
    const minutes = spanOf(this.#samples) / 60_000;
    setText(element('charts-title'), `The last ${minutes === 1 ? 'minute' : `${minutes} minutes`}`);
    for (const chart of this.#charts) chart.show(this.#samples, this.#interval, this.#looked);
  }

  /** @param {number | null} index */
  #look(index) {
    if (index === this.#looked) return;
    this.#looked = index;
    this.#showCharts();
  }

  /** A line a minute, the latest first. */
  #showFigures() {
    const details = /** @type {HTMLDetailsElement} */ (element('figures'));
    if (!details.open || this.#samples.length === 0) return;
    const every = Math.round(60_000 / this.#interval);
    const chosen = this.#samples.filter((_, index) => (this.#samples.length - 1 - index) % every === 0).reverse();
    const rows = chosen.map((sample) => {
      /** @type {Cell[]} */
      const cells = [{ label: 'At', text: clock(sample.time) }];
      for (const { title, series, quantity } of CHARTS) {
        for (const { label, value } of series) {
          const name = series.length === 1 ? title : `${title.split(' (', 1)[0]}: ${label}`;
          cells.push({ label: name, text: joined(quantity(value(sample))), kind: 'number' });
        }
      }
      return cells;
    });
    fillTable(/** @type {HTMLElement} */ (details.querySelector('table')), rows);
  }

  /** @param {Status} status */
  async #showSlow({ workers }) {
    const inFlight = workers.some(({ vitals }) => vitals !== null && vitals.inFlight > 0);
    const all = inFlight && this.#mayAskForSlow ? await this.#askForSlow() : [];
    const slow = all.filter(({ elapsedMs }) => elapsedMs >= SLOW).slice(0, MOST_SLOW);
    element('slow').hidden = slow.length === 0;
    if (slow.length === 0) return;
    const rows = slow.map(({ elapsedMs, worker, method, target, address }) => {
      /** @type {Cell[]} */
      const cells = [
        { label: 'For', text: joined(duration(elapsedMs)), kind: 'number' },
        { label: 'Worker', text: String(worker), kind: 'number' },
        { label: 'Client', text: address },
        { label: 'Request', text: `${method} ${target}`, kind: 'wide' },
      ];
      return cells;
    });
    fillTable(element('slow-table'), rows);
  }

  /** @returns {Promise<SlowRequest[]>} none where this client is not to know of them */
  async #askForSlow() {
    const answer = await fetch('slow', { signal: AbortSignal.timeout(PATIENCE) });
    this.#mayAskForSlow = answer.status !== 403;
    return answer.ok ? answer.json() : [];
  }
}

/**
 * @param {string} path
 * @returns {Promise<unknown>}
 */
async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}`);
  return answer.json();
}

void new Page().run();
