/** A chart of the last minutes: a figure with its latest value, its lines, and their legend. */

import { clock, joined } from './format.js';

/**
 * @typedef {import('../history.js').Sample} Sample
 *
 * @typedef {object} Series
 * @property {string} label
 * @property {'blue' | 'teal' | 'violet' | 'amber' | 'red' | 'gray'} tone
 * @property {(sample: Sample) => number | null} value
 * @property {'area' | 'line' | 'dashed'} look
 * @property {boolean} [rare] whether zero is as usual as not to be drawn
 *
 * @typedef {object} Definition
 * @property {string} title
 * @property {Series[]} series the first one's value is what the chart shows in large
 * @property {(value: number | null) => [text: string, unit: string]} quantity
 * @property {'linear' | 'whole' | 'decades'} scale of the vertical axis: from zero, by whole numbers or not; or logarithmic
 * @property {number} least what it reaches up to where all values are smaller
 * @property {number} [headline] the index of the series that is shown in large; default 0
 */

const MINUTE = 60_000;
/** What the horizontal axis may span: as little as all samples need. Milliseconds. */
const SPANS = [MINUTE, 3 * MINUTE, 6 * MINUTE, 15 * MINUTE];
/** Room for the labels of the axes. Pixels. */
const LEFT = 44;
const BOTTOM = 18;
const TOP = 8;
/** Dots of a series reach so far out of the plot. */
const RIGHT = 5;
/** Half of what the time that is looked at takes. */
const HALF_CLOCK = 30;

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function svg(name, attributes, text) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * @param {Sample[]} samples
 * @returns {number} milliseconds
 */
export function spanOf(samples) {
  const age = (samples.at(-1)?.time ?? 0) - (samples[0]?.time ?? 0);
  return SPANS.find((each) => age <= each) ?? 15 * MINUTE;
}

/**
 * @param {number} most
 * @param {boolean} whole whether there are no fractions of what is counted
 * @returns {number[]} where an axis from zero has its lines: two to four, at round numbers
 */
function linearTicks(most, whole) {
  const rough = most / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const round = [1, 2, 2.5, 5].find((factor) => factor * power >= rough) ?? 10;
  const step = whole ? Math.max(1, Math.ceil(round * power)) : round * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
}

/**
 * @param {number} fewest above zero
 * @param {number} most
 * @returns {number[]} where a logarithmic axis has its lines
 */
function decades(fewest, most) {
  const low = Math.floor(Math.log10(fewest));
  const high = Math.max(low + 2, Math.ceil(Math.log10(most)));
  return Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
}

export class Chart {
  /** @type {Sample[]} */
  #samples = [];
  #interval = 2000;
  /** @type {number | null} */
  #looked = null;
  /** Told of the sample that somebody looks at, by its index, or null.  @type {(index: number | null) => void} */
  onLook = () => {};

  /** @param {Definition} definition */
  constructor(definition) {
    this.definition = definition;
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById('chart'));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.figure = /** @type {HTMLElement} */ (copy.firstElementChild);
    this.plot = /** @type {HTMLElement} */ (this.figure.querySelector('.plot'));
    /** @type {HTMLElement} */ (this.figure.querySelector('h3')).textContent = definition.title;
    this.plot.setAttribute('aria-label', `${definition.title}, at a moment of the last minutes`);
    this.values = definition.series.map((series) => this.#legend(series));
    new ResizeObserver(() => this.#draw()).observe(this.plot);
    this.plot.addEventListener('pointermove', (event) => this.#point(event));
    this.plot.addEventListener('pointerleave', () => this.onLook(null));
    this.plot.addEventListener('blur', () => this.onLook(null));
    this.plot.addEventListener('keydown', (event) => this.#key(event));
  }

  /**
   * @param {Sample[]} samples
   * @param {number} interval
   * @param {number | null} looked
   */
  show(samples, interval, looked) {
    this.#samples = samples;
    this.#interval = interval;
    this.#looked = looked;
    this.#tell();
    this.#draw();
  }

  /** @param {Series} series */
  #legend({ label, tone, look }) {
    const item = document.createElement('li');
    const swatch = svg('svg', { class: `tone-${tone}`, 'aria-hidden': 'true' });
    swatch.append(svg('path', { class: look === 'dashed' ? 'dashed' : '', d: 'M1 4H17' }));
    const value = document.createElement('b');
    item.append(swatch, label, value);
    this.figure.querySelector('.legend')?.append(item);
    return value;
  }

  /** Says the values of the sample that is looked at, or of the last. */
  #tell() {
    const { series, quantity, headline = 0 } = this.definition;
    const index = this.#looked ?? this.#samples.length - 1;
    const sample = this.#samples[index];
    const quantities = series.map(({ value }) => quantity(sample === undefined ? null : value(sample)));
    quantities.forEach((each, place) => {
      /** @type {HTMLElement} */ (this.values[place]).textContent = joined(each);
    });
    const [text, unit] = quantities[headline] ?? quantity(null);
    /** @type {HTMLElement} */ (this.figure.querySelector('.now b')).textContent = text;
    /** @type {HTMLElement} */ (this.figure.querySelector('.unit')).textContent = unit;

    // What comes by itself every other second would have a screen reader talk without end.
    if (this.#looked === null && document.activeElement === this.plot) return;
    const said = series.map(({ label }, place) => `${label} ${joined(quantities[place] ?? quantity(null))}`);
    this.plot.setAttribute('aria-valuemax', String(Math.max(0, this.#samples.length - 1)));
    this.plot.setAttribute('aria-valuenow', String(Math.max(0, index)));
    this.plot.setAttribute(
      'aria-valuetext',
      sample === undefined ? 'No figures yet' : `${clock(sample.time)}: ${said.join(', ')}`,
    );
  }

  #draw() {
    const { series, quantity } = this.definition;
    const [width, height] = [this.plot.clientWidth - RIGHT, this.plot.clientHeight - BOTTOM];
    if (width <= LEFT) return;
    const end = this.#samples.at(-1)?.time ?? Date.now();
    const span = spanOf(this.#samples);
    /** @param {number} time */
    const x = (time) => Math.round((LEFT + (width - LEFT) * (1 - (end - time) / span)) * 10) / 10;
    const { ticks, share } = this.#scale();
    /** @param {number} value */
    const y = (value) => Math.round((height - (height - TOP) * share(value)) * 10) / 10;

    const grid = [];
    for (const [index, value] of ticks.entries()) {
      const at = Math.round(y(value)) + 0.5;
      grid.push(svg('line', { x1: LEFT, x2: width, y1: at, y2: at, class: index === 0 ? 'base' : '' }));
      const label = joined(quantity(value)).replace('/s', '');
      if (index > 0) grid.push(svg('text', { x: LEFT - 8, y: at + 4, 'text-anchor': 'end' }, label));
    }
    const sample = this.#looked === null ? undefined : this.#samples[this.#looked];
    const looked = sample === undefined ? Number.NaN : x(sample.time);
    for (const thirds of [3, 2, 1, 0]) {
      const ago = (span * thirds) / 3;
      const at = x(end - ago);
      if (Math.abs(at - looked) < 2 * HALF_CLOCK) continue;
      const anchor = thirds === 3 ? 'start' : thirds === 0 ? 'end' : 'middle';
      const past = span === MINUTE ? `−${ago / 1000} s` : `−${ago / MINUTE} min`;
      grid.push(svg('text', { x: at, y: height + 15, 'text-anchor': anchor }, thirds === 0 ? 'now' : past));
    }
    if (this.#samples.length === 0) {
      const middle = { x: (LEFT + width) / 2, y: (TOP + height) / 2, 'text-anchor': 'middle', class: 'empty' };
      grid.push(svg('text', middle, 'No figures yet'));
    }
    this.#layer('grid').replaceChildren(...grid);

    const lines = series.flatMap(({ value, tone, look, rare = false }) => {
      const runs = this.#runs((sample) => (rare ? value(sample) || null : value(sample)));
      const line = runs.map((run) => `M${run.map(([time, each]) => `${x(time)} ${y(each)}`).join('L')}`);
      const closed = runs.map((run, index) => `${line[index]}V${height}H${x(run[0]?.[0] ?? end)}Z`);
      const path = svg('path', { class: `tone-${tone} ${look === 'dashed' ? 'dashed' : ''}`, d: line.join('') });
      return look === 'area' ? [svg('path', { class: `tone-${tone} area`, d: closed.join('') }), path] : [path];
    });
    this.#layer('lines').replaceChildren(...lines);

    this.#layer('cursor').replaceChildren(
      ...(sample === undefined ? [] : this.#cursor(sample, looked, width, height, y)),
    );
  }

  /** @returns {{ ticks: number[], share: (value: number) => number }} the lines, and how far up the axis a value is */
  #scale() {
    const { series, scale, least } = this.definition;
    const values = this.#samples.flatMap((sample) => series.map(({ value }) => value(sample) ?? 0));
    if (scale === 'decades') {
      const above = values.filter((value) => value > 0);
      const ticks = decades(Math.min(least, ...above), Math.max(...above, 0));
      const [low = 1, high = 1] = [ticks[0], ticks.at(-1)];
      return { ticks, share: (value) => Math.max(0, Math.log(value / low) / Math.log(high / low)) };
    }
    const ticks = linearTicks(Math.max(least, ...values) * 1.02, scale === 'whole');
    const top = ticks.at(-1) ?? 1;
    return { ticks, share: (value) => value / top };
  }

  /**
   * @param {Sample} sample
   * @param {number} at
   * @param {number} width
   * @param {number} height
   * @param {(value: number) => number} y
   */
  #cursor(sample, at, width, height, y) {
    const dots = this.definition.series.flatMap(({ value, tone }) => {
      const each = value(sample);
      return each === null ? [] : [svg('circle', { class: `tone-${tone}`, cx: at, cy: y(each), r: 3.5 })];
    });
    const inside = Math.min(width - HALF_CLOCK, Math.max(LEFT + HALF_CLOCK, at));
    return [
      svg('line', { x1: at, x2: at, y1: TOP, y2: height }),
      svg('text', { x: inside, y: height + 15, 'text-anchor': 'middle' }, clock(sample.time)),
      ...dots,
    ];
  }

  /**
   * @param {(sample: Sample) => number | null} value
   * @returns {Array<Array<[time: number, value: number]>>} what is to be connected: it came without a gap
   */
  #runs(value) {
    /** @type {Array<Array<[number, number]>>} */
    const runs = [];
    let last = Number.NEGATIVE_INFINITY;
    for (const sample of this.#samples) {
      const each = value(sample);
      if (each === null) continue;
      if (sample.time - last > 3 * this.#interval) runs.push([]);
      runs.at(-1)?.push([sample.time, each]);
      last = sample.time;
    }
    // A run of one is a dot: a line of no length, with round ends.
    return runs.map((run) => (run.length === 1 ? [...run, ...run] : run));
  }

  /** @param {string} name */
  #layer(name) {
    return /** @type {SVGGElement} */ (this.figure.querySelector(`.${name}`));
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const end = this.#samples.at(-1)?.time;
    if (end === undefined) return;
    const { left, width } = this.plot.getBoundingClientRect();
    const share = (event.clientX - left - LEFT) / (width - RIGHT - LEFT);
    const time = end - spanOf(this.#samples) * (1 - share);
    const later = this.#samples.findIndex((sample) => sample.time >= time - this.#interval / 2);
    this.onLook(later < 0 ? this.#samples.length - 1 : later);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.#samples.length - 1;
    const now = this.#looked ?? last;
    const minute = Math.round(60_000 / this.#interval);
    /** @type {Record<string, number | null>} */
    const places = {
      ArrowLeft: now - 1,
      ArrowDown: now - 1,
      ArrowRight: now + 1,
      ArrowUp: now + 1,
      PageDown: now - minute,
      PageUp: now + minute,
      Home: 0,
      End: last,
      Escape: null,
    };
    const place = places[event.key];
    if (place === undefined || last < 0) return;
    event.preventDefault();
    this.onLook(place === null ? null : Math.min(last, Math.max(0, place)));
  }
}
