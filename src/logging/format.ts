/** How an entry of the access log becomes a line. */

import { styleText } from 'node:util';
import { hexEscape, show } from '../show.js';
import { type Entry, requestField, userOf } from './entry.js';

/** Makes a line, without its line feed. */
export type Format = (entry: Entry) => string;

/** The format of an access log cannot be understood. The message says which part, and what there is. */
export class LogFormatError extends RangeError {
  override name = 'LogFormatError';
}

/** The formats that have a name; any other is a format string. */
export const FORMAT_NAMES = ['combined', 'common', 'json', 'short', 'coloured'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

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
  const { time, address, method, target, protocol, status, bytes, refusal } = entry;
  const line = `${address} - ${quoted(userOf(entry)) || '-'} ${logTime(time)} "${quoted(method)} ${quoted(target)} ${quoted(protocol)}" ${status || '-'} ${bytes || '-'}`;
  return refusal === '' ? line : `${line} "${refusal}"`;
}

function combined(entry: Entry): string {
  const { environ, refusal } = entry;
  if (environ === null) return `${common({ ...entry, refusal: '' })} "-" "-" "${refusal}"`;
  const referer = environ.HTTP_REFERER as string | undefined;
  const agent = environ.HTTP_USER_AGENT as string | undefined;
  return `${common(entry)} "${referer ? quoted(referer) : '-'}" "${agent ? quoted(agent) : '-'}"`;
}

function json(entry: Entry): string {
  const { time, address, method, target, protocol, status, bytes, firstByte, duration, aborted, refusal } = entry;
  const optional = {
    ...(entry.environ?.HTTP_HOST !== undefined && { host: entry.environ.HTTP_HOST }),
    ...given('user', userOf(entry)),
    ...given('referer', requestField(entry, 'Referer')),
    ...given('agent', requestField(entry, 'User-Agent')),
    ...given('requestId', requestField(entry, 'X-Request-Id')),
    ...(aborted && { aborted }),
    ...given('refused', refusal),
  };
  return JSON.stringify({
    time: new Date(time).toISOString(),
    address,
    method,
    target,
    protocol,
    status,
    bytes,
    firstByteMs: firstByte,
    durationMs: duration,
    ...optional,
  });
}

function given<Name extends string>(name: Name, value: string): { [_ in Name]?: string } {
  return (value === '' ? {} : { [name]: value }) as { [_ in Name]?: string };
}

/** For the eyes of a developer. */
function short(entry: Entry, coloured: boolean): string {
  const { time, method, target, status, bytes, duration, aborted, refusal } = entry;
  const paint = (format: Parameters<typeof styleText>[0], text: string) => (coloured ? styleText(format, text) : text);
  const clock = new Date(time).toTimeString().slice(0, 8);
  const colour = status >= 500 || status === 0 ? 'red' : status >= 400 ? 'yellow' : status >= 300 ? 'cyan' : 'green';
  const size =
    bytes < 10_000 ? `${bytes} B` : bytes < 1e7 ? `${Math.round(bytes / 1e3)} kB` : `${Math.round(bytes / 1e6)} MB`;
  const remark = refusal || (aborted ? 'aborted' : '');
  return [
    paint('dim', clock),
    paint(colour, status === 0 ? '---' : String(status)),
    `${quoted(method)} ${quoted(target)}`,
    paint('dim', `${size}, ${duration.toFixed(1)} ms`),
    ...(remark === '' ? [] : [paint('red', remark)]),
  ].join(' ');
}

// --- Format strings --------------------------------------------------------------------------------------------------

/** gunicorn's atoms, and F and X of our own. */
const ATOMS: Record<string, Format> = {
  h: ({ address }) => address,
  l: () => '-',
  u: (entry) => quoted(userOf(entry)) || '-',
  t: ({ time }) => logTime(time),
  r: ({ method, target, protocol }) => `${quoted(method)} ${quoted(target)} ${quoted(protocol)}`,
  m: ({ method }) => quoted(method),
  U: ({ target }) => quoted(target.split('?', 1)[0] ?? ''),
  q: ({ target }) => quoted(target.includes('?') ? target.slice(target.indexOf('?') + 1) : ''),
  H: ({ protocol }) => quoted(protocol),
  s: ({ status }) => String(status || '-'),
  B: ({ bytes }) => String(bytes),
  b: ({ bytes }) => String(bytes || '-'),
  f: (entry) => quoted(requestField(entry, 'Referer')) || '-',
  a: (entry) => quoted(requestField(entry, 'User-Agent')) || '-',
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
  i: (name) => (entry) => quoted(requestField(entry, name)) || '-',
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
    const part = text === '%%' ? '%' : atom === undefined ? NAMED[kind!]?.(name!) : ATOMS[atom];
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

/** What a client sends could otherwise end the line, close the quotes or control a terminal. */
function quoted(text: string): string {
  return UNSAFE.test(text)
    ? text.replace(EACH_UNSAFE, (character) => ESCAPES[character] ?? hexEscape(character))
    : text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that must not reach a log
const UNSAFE = /["\\\x00-\x1f\x7f-\xff]/;
const EACH_UNSAFE = new RegExp(UNSAFE, 'g');
const ESCAPES: Record<string, string> = { '"': '\\"', '\\': '\\\\' };

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let second = -1;
let secondText = '';

/** "[21/Nov/2026:10:42:07 +0100]", in local time, made once a second. */
function logTime(time: number): string {
  const now = Math.floor(time / 1000);
  if (now !== second) {
    second = now;
    secondText = `[${describeTime(new Date(time))}]`;
  }
  return secondText;
}

function describeTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const day = `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}`;
  return `${day}:${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}
