/** How an entry of the access log becomes a line. */

import { show } from '../show.js';
import { type Entry, userOf, variable, variableOfField } from './entry.js';
import { quoted, word } from './escape.js';
import { json } from './json-format.js';

/** Makes a line, without its line feed. */
export type Format = (entry: Entry) => string;

/** The format of an access log cannot be understood. The message says which part, and what there is. */
export class LogFormatError extends RangeError {
  override name = 'LogFormatError';
}

/** The formats that have a name; any other is a format string. */
export const FORMAT_NAMES = ['combined', 'common', 'json', 'short', 'coloured'] as const;

/**
 * @param format a name of {@link FORMAT_NAMES}, or a format string with gunicorn's atoms, such as
 *   '%(h)s "%(r)s" %(s)s %(D)s'
 * @throws LogFormatError when an atom is not known
 */
export function formatOf(format: string): Format {
  switch (format) {
    case 'combined':
      return combined;
    case 'common':
      return common;
    case 'json':
      return json;
    case 'short':
      return (entry) => short(entry, false);
    case 'coloured':
      return (entry) => short(entry, true);
  }
  if (format.includes('%(')) return compile(format);
  throw new LogFormatError(
    `The access log's format is one of ${FORMAT_NAMES.join(', ')} or a string with atoms as %(h)s, got ${show(format)}`,
  );
}

/** Apache's Common Log Format. Behind the line of a refused request is why. */
function common(entry: Entry): string {
  const { refusal } = entry;
  return refusal === '' ? commonOf(entry) : `${commonOf(entry)} "${refusal}"`;
}

function combined(entry: Entry): string {
  const { environ, refusal } = entry;
  if (environ === null) return `${commonOf(entry)} "-" "-" "${refusal}"`;
  const { HTTP_REFERER: referer, HTTP_USER_AGENT: agent } = environ;
  if (referer === undefined && agent === undefined) return `${commonOf(entry)} "-" "-"`;
  return `${commonOf(entry)} "${fieldText(referer)}" "${fieldText(agent)}"`;
}

function fieldText(value: unknown): string {
  return (typeof value === 'string' && quoted(value)) || '-';
}

/** Put together of few pieces, since each costs time: what many lines have in common is made once. */
function commonOf(entry: Entry): string {
  const { time, method, target, status, bytes } = entry;
  const address = word(entry.address);
  const user = userName(entry);
  const begin = user === '-' ? anonymousBegin(time) : ` - ${user} ${logTime(time)} "`;
  const end = ENDS.get(entry.protocol);
  if (end === undefined || !USUAL_METHODS.has(method) || target === '') {
    return `${address}${begin}${requestLine(entry)}" ${status || '-'} ${bytes || '-'}`;
  }
  end[status] ??= ` ${entry.protocol}" ${status || '-'} `;
  return `${address}${begin}${method} ${quoted(target)}${end[status]}${bytes || '-'}`;
}

/** What stands between the target and the bytes, by protocol and status. */
const ENDS = new Map<string, string[]>([
  ['HTTP/1.1', []],
  ['HTTP/1.0', []],
]);
/** Any other may be one that an application has put in its place, and hold what has to be escaped. */
const USUAL_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);

/** Of ECMA-48's Select Graphic Rendition. */
const COLOURS = { dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

/** For the eyes of a developer. */
function short(entry: Entry, coloured: boolean): string {
  const { time, method, target, status, bytes, duration, aborted, refusal } = entry;
  const paint = (colour: keyof typeof COLOURS, text: string) =>
    coloured ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
  const clock = new Date(time).toTimeString().slice(0, 8);
  const colour = status >= 500 || status === 0 ? 'red' : status >= 400 ? 'yellow' : status >= 300 ? 'cyan' : 'green';
  const size =
    bytes < 10_000 ? `${bytes} B` : bytes < 1e7 ? `${Math.round(bytes / 1e3)} kB` : `${Math.round(bytes / 1e6)} MB`;
  const remark = refusal || (aborted ? 'aborted' : '');
  return [
    paint('dim', clock),
    paint(colour, status === 0 ? '---' : String(status)),
    `${quoted(method) || '-'} ${quoted(target) || '-'}`,
    paint('dim', `${size}, ${duration.toFixed(1)} ms`),
    ...(remark === '' ? [] : [paint('red', remark)]),
  ].join(' ');
}

// --- Format strings --------------------------------------------------------------------------------------------------

/** gunicorn's atoms, and F and X of our own. */
const ATOMS: Record<string, Format> = {
  h: ({ address }) => word(address),
  l: () => '-',
  u: userName,
  t: ({ time }) => logTime(time),
  r: requestLine,
  m: ({ method }) => quoted(method),
  U: ({ target }) => quoted(target.split('?', 1)[0] ?? ''),
  q: ({ target }) => quoted(target.includes('?') ? target.slice(target.indexOf('?') + 1) : ''),
  H: ({ protocol }) => quoted(protocol),
  s: ({ status }) => String(status || '-'),
  B: ({ bytes }) => String(bytes),
  b: ({ bytes }) => String(bytes || '-'),
  f: (entry) => quoted(variable(entry, 'HTTP_REFERER')) || '-',
  a: (entry) => quoted(variable(entry, 'HTTP_USER_AGENT')) || '-',
  T: ({ duration }) => String(Math.floor(duration / 1000)),
  M: ({ duration }) => String(Math.floor(duration)),
  D: ({ duration }) => String(Math.round(duration * 1000)),
  L: ({ duration }) => (duration / 1000).toFixed(6),
  p: () => `<${process.pid}>`,
  F: ({ firstByte }) => (firstByte / 1000).toFixed(6),
  X: ({ refusal, aborted }) => refusal || (aborted ? 'aborted' : '-'),
};

/** `%({name}i)s`: a request field; `o`: one of the answer; `e`: a variable of the environ. */
const NAMED: Record<string, (name: string) => Format> = {
  i: (name) => {
    const key = variableOfField(name);
    return (entry) => quoted(variable(entry, key)) || '-';
  },
  o:
    (name) =>
    ({ headers }) =>
      quoted(headers?.get(name) ?? '') || '-',
  e:
    (name) =>
    ({ environ }) =>
      quoted(String(environ?.[name] ?? '')) || '-',
};

function compile(format: string): Format {
  const parts: Array<string | Format> = [];
  let end = 0;
  for (const found of format.matchAll(/%(?:%|\((?:\{([^}]*)\}([a-z])|(\w+))\)s)/g)) {
    const [text, name, kind, atom] = found;
    parts.push(format.slice(end, found.index));
    end = found.index + text.length;
    const part =
      text === '%%'
        ? '%'
        : atom === undefined
          ? NAMED[kind!]?.(name!)
          : Object.hasOwn(ATOMS, atom)
            ? ATOMS[atom]
            : undefined;
    if (part === undefined) throw unknownAtom(text);
    parts.push(part);
  }
  const rest = format.slice(end);
  parts.push(rest);
  const stray = parts.find((part) => typeof part === 'string' && part !== '%' && part.includes('%'));
  if (stray !== undefined) throw unknownAtom(String(stray).slice(String(stray).indexOf('%')));
  return (entry) => {
    let line = '';
    for (const part of parts) line += typeof part === 'string' ? part : part(entry);
    return line;
  };
}

function unknownAtom(text: string): LogFormatError {
  const atoms = Object.keys(ATOMS).map((atom) => `%(${atom})s`);
  return new LogFormatError(
    `The access log's format has no ${show(text)}; there are ${atoms.join(' ')}, %({Name}i)s and %({Name}o)s for fields ` +
      'of request and answer, %({NAME}e)s for the environ, and %% for a percent sign',
  );
}

// --- Parts -----------------------------------------------------------------------------------------------------------

/** '-' for a request that had none. */
function requestLine({ method, target, protocol }: Entry): string {
  if (method === '') return '-';
  const line = target === '' ? method : protocol === '' ? `${method} ${target}` : `${method} ${target} ${protocol}`;
  return quoted(line);
}

function userName(entry: Entry): string {
  const user = userOf(entry);
  return user === '' ? '-' : word(user);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let second = -1;
let secondText = '';
let anonymousText = '';

/** "[21/Nov/2026:10:42:07 +0100]", in local time, made once a second. */
function logTime(time: number): string {
  const now = Math.floor(time / 1000);
  if (now !== second) {
    second = now;
    secondText = `[${describeTime(new Date(time))}]`;
    anonymousText = ` - - ${secondText} "`;
  }
  return secondText;
}

/** What stands between the address and the request where nobody knows the user. */
function anonymousBegin(time: number): string {
  logTime(time);
  return anonymousText;
}

function describeTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const day = `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}`;
  return `${day}:${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}
