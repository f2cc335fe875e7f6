import type { HeaderList } from '../../src/types.js';
import type { Random } from '../random.mjs';

/** What an application does, when it is called or while its body is iterated over. A block of null is none. */
export type Step =
  | ['start' | 'restart', status: string, headers: HeaderList]
  | ['write', block: string | null]
  // Reads from wsgi.input and writes what it has read.
  | ['read' | 'readline', size: number]
  | ['raise', name: string]
  // Only while the body is iterated over.
  | ['yield', block: string | null];

/** One run of a handler; texts are latin1. */
export interface HandlerCase {
  clock: number;
  environ: Record<string, string>;
  osEnviron: Record<string, string>;
  multi: [thread: boolean, process: boolean];
  setup: 'fails' | null;
  origin: boolean;
  version: string;
  software: string | null;
  input: string;
  output: {
    /** How many bytes it takes before the client is gone. */
    room: number | null;
    partial: boolean;
    flush: 'fails' | 'gone' | null;
    code: 'EPIPE' | 'ECONNRESET' | 'ECONNABORTED';
  };
  errors: 'broken' | null;
  fileWrapper: boolean;
  sendfile: 'begins' | 'sends' | 'pretends' | 'fails before' | 'fails after' | null;
  page: {
    kind:
      | 'inherited'
      | 'never starts'
      | 'writes'
      | 'iterable'
      | 'raises before'
      | 'raises after'
      | 'raises while iterating';
    status: string;
    headers: HeaderList;
    body: string;
  };
  called: Step[];
  body: {
    kind: 'array' | 'bare array' | 'file' | 'iterable' | 'generator' | 'text' | 'bytes' | 'nothing' | 'number';
    /** For arrays and files only blocks. */
    steps: Step[];
    blksize: number;
  };
  closing: 'fails' | null;
}

const STATUSES = ['200 OK', '404 Not Found', '204 ', '304 Not \xe4 Modified'];
// Refused by both. What ours refuses beyond that is left out: control characters, names that are no tokens, and digits
// of other alphabets.
const BAD_STATUSES = ['200', '20X OK', '2000OK', ''];
const FIELDS: HeaderList = [
  ['Content-Type', 'text/plain'],
  ['content-length', '3'],
  ['Content-Length', '0'],
  ['Content-Length', '100'],
  ['Date', 'Mon, 05 Jun 2006 18:49:54 GMT'],
  ['Server', 'mine'],
  ['X-Latin', '\xe4\xff\t'],
  ['Set-Cookie', 'a=b'],
  ['Set-Cookie', 'c=d'],
  ['X-Empty', ''],
];
const HOP_BY_HOP: HeaderList = [
  ['Transfer-Encoding', 'chunked'],
  ['connection', 'close'],
];

const block = (random: Random): string | null => (random.chance(40) ? null : random.text('abc\xe4\xff\n', 5));

/** @param lawful whether nothing is to be refused */
function start(random: Random, name: 'start' | 'restart', lawful: boolean): Step {
  const status = random.pick(lawful || !random.chance(20) ? STATUSES : BAD_STATUSES);
  const headers = random.list(4, () => random.pick(FIELDS));
  if (!lawful && random.chance(25)) headers.push(random.pick(HOP_BY_HOP));
  return [name, status, headers];
}

/** Puts what seldom happens somewhere among the steps. */
function disturb(random: Random, steps: Step[], lawful: boolean): void {
  // Before the first step, which starts the response, nearly all of it is an error.
  const first = random.chance(6) ? 0 : Math.min(1, steps.length);
  const insert = (step: Step): void => void steps.splice(first + random.below(steps.length - first + 1), 0, step);
  if (random.chance(10)) insert(['raise', 'trouble']);
  if (random.chance(10)) insert(start(random, 'restart', lawful));
  if (random.chance(20)) insert(start(random, 'start', lawful));
  if (random.chance(8)) insert(['write', block(random)]);
  if (random.chance(8)) insert([random.pick(['read', 'readline']), random.pick([-1, 0, 1, 3])]);
}

function inventPage(random: Random): HandlerCase['page'] {
  const custom = random.chance(3);
  return {
    kind: random.chance(3)
      ? random.pick(['never starts', 'writes', 'iterable', 'raises before', 'raises after', 'raises while iterating'])
      : 'inherited',
    status: !custom ? '500 Internal Server Error' : random.pick(random.chance(8) ? BAD_STATUSES : STATUSES),
    headers: custom ? random.list(3, () => random.pick(random.chance(12) ? HOP_BY_HOP : FIELDS)) : [['A', 'b']],
    body: random.text('error', 5),
  };
}

export function inventHandler(random: Random): HandlerCase {
  const environ: Record<string, string> = {
    REQUEST_METHOD: random.pick(['GET', 'HEAD', 'POST']),
    SERVER_PROTOCOL: random.pick(['HTTP/0.9', 'http/0.9', 'HTTP/1.0', 'HTTP/1.1', 'HTTP/1.1']),
  };
  if (random.chance(40)) delete environ.SERVER_PROTOCOL;
  if (random.chance(4)) environ.HTTPS = random.pick(['on', 'off', '1']);
  if (random.chance(8)) environ.SERVER_SOFTWARE = 'Other/2.0';

  const page = inventPage(random);
  // Status and headers that are refused are kept by CPython all the same, and an error page that starts no response of
  // its own sends them. Ours checks first.
  const lawful = page.kind === 'never starts';
  // A text or bytes that are not empty: CPython finds nothing wrong with a body of no characters.
  const kind = random.chance(30)
    ? random.pick(['text', 'bytes', 'nothing', 'number'] as const)
    : random.pick(['array', 'array', 'bare array', 'file', 'file', 'iterable', 'iterable', 'generator'] as const);
  const scripted = kind === 'iterable' || kind === 'generator';
  const steps = random.list(3, (): Step => ['yield', block(random)]);
  const called: Step[] = random.chance(4) ? random.list(2, () => ['write', block(random)]) : [];
  // Lazily, or never.
  if (!random.chance(scripted ? 3 : 25)) called.unshift(start(random, 'start', lawful));
  else if (scripted && !random.chance(5)) steps.unshift(start(random, 'start', lawful));
  disturb(random, called, lawful);
  if (scripted) disturb(random, steps, lawful);

  return {
    clock: random.below(4_000_000_000),
    environ,
    osEnviron: random.chance(4) ? { HOME: '/', REQUEST_METHOD: 'OS', SERVER_PROTOCOL: 'HTTP/1.0' } : {},
    multi: [random.chance(2), random.chance(2)],
    setup: random.chance(60) ? 'fails' : null,
    origin: random.chance(2),
    version: random.pick(['1.0', '1.1']),
    software: random.chance(2) ? 'Software/1.0' : null,
    input: random.text('ab\n', 8),
    output: {
      room: random.chance(6) ? random.below(150) : null,
      partial: random.chance(6),
      flush: random.chance(20) ? random.pick(['fails', 'gone'] as const) : null,
      code: random.pick(['EPIPE', 'ECONNRESET', 'ECONNABORTED']),
    },
    errors: random.chance(20) ? 'broken' : null,
    fileWrapper: !random.chance(5),
    sendfile: random.chance(2)
      ? random.pick(['begins', 'sends', 'pretends', 'fails before', 'fails after'] as const)
      : null,
    page,
    called,
    body: { kind, steps, blksize: 1 + random.below(4) },
    closing: random.chance(6) ? 'fails' : null,
  };
}
