/** The text format of Prometheus, 0.0.4, read as strictly as its description is; what it does not allow throws. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const VALUE = '[+-]?(?:\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|Inf)|NaN';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (${VALUE})$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

export function parseMetrics(text: string): Map<string, Metric> {
  if (!text.endsWith('\n')) throw new Error('The text does not end with a line feed');
  const metrics = new Map<string, Metric>();
  let current: Metric | undefined;
  let help: [name: string, text: string] | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      help = [name, rest];
    } else if (keyword === 'TYPE') {
      if (help?.[0] !== name) throw new Error(`No help for ${name}`);
      if (metrics.has(name)) throw new Error(`${name} comes twice`);
      if (!['counter', 'gauge', 'histogram'].includes(rest)) throw new Error(`${name} is a ${rest}`);
      current = { name, help: help[1], type: rest, samples: [] };
      metrics.set(name, current);
    } else {
      if (current === undefined) throw new Error(`A value before any metric: ${line}`);
      current.samples.push(parseSample(line));
    }
  }
  for (const metric of metrics.values()) check(metric);
  return metrics;
}

function parseSample(line: string): Sample {
  const [, name, written = '', value] = SAMPLE.exec(line) ?? [];
  if (name === undefined) throw new Error(`Not a sample: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < written.length) {
    const [, label, text = ''] = LABEL.exec(written) ?? [];
    if (label === undefined || label in labels) throw new Error(`Not labels: ${written}`);
    labels[label] = text;
  }
  return { name, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) };
}

function check({ name, type, samples }: Metric): void {
  const seen = new Set(samples.map(({ name, labels }) => `${name} ${JSON.stringify(Object.entries(labels).sort())}`));
  if (seen.size !== samples.length) throw new Error(`${name} has the same sample twice`);
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`The counter ${name} does not end with _total`);
  if (type === 'histogram') checkHistogram(name, samples);
  else if (samples.some((sample) => sample.name !== name)) throw new Error(`${name} has a sample of another name`);
  if (type !== 'gauge' && samples.some(({ value }) => value < 0)) throw new Error(`${name} is below zero`);
}

/** One without labels of its own. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const [count] = samples.filter((sample) => sample.name === `${name}_count`);
  const [sum] = samples.filter((sample) => sample.name === `${name}_sum`);
  if (count === undefined || sum === undefined || samples.length !== buckets.length + 2) {
    throw new Error(`${name} has not one count and one sum`);
  }
  const ends = buckets.map(({ labels }) => (labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le)));
  for (let index = 1; index < buckets.length; index++) {
    if (!(ends[index]! > ends[index - 1]!)) throw new Error(`The buckets of ${name} are not in order`);
    if (buckets[index]!.value < buckets[index - 1]!.value) throw new Error(`The buckets of ${name} are not cumulative`);
  }
  if (ends.at(-1) !== Number.POSITIVE_INFINITY || buckets.at(-1)!.value !== count.value) {
    throw new Error(`The last bucket of ${name} does not hold all`);
  }
}

/** @returns the sum of the samples of that name and those labels */
export function metricValue(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const samples = [...parseMetrics(text).values()].flatMap((metric) => metric.samples);
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
