import type { Random } from '../random.mjs';

/**
 * JSON is itself, an array a list; what JSON has not is an object of one key, its type. JavaScript has no tuples, so
 * a case has one wherever Python wants one, and a list nowhere in its place; nor the other way round.
 */
export type Value =
  | string
  | number
  | boolean
  | null
  | Value[]
  | { bytes: string }
  | { tuple: Value[] }
  | { iterator: Value[] }
  // What was caught: exc_info, or the error itself.
  | { error: string };

/** What an application does, when it is called or while its body is iterated over. */
export type Step =
  | ['start' | 'write', ...args: Value[]]
  | ['input', method: 'read' | 'readline' | 'readlines' | 'close', ...args: Value[]]
  | ['errors', method: 'write' | 'writelines' | 'flush' | 'close', ...args: Value[]]
  | ['input', method: 'iterate', most: number]
  | ['raise']
  // Only while the body is iterated over.
  | ['yield', block: Value];

/** A stream that is what it has to be, but for a method that is not there, by its name in Python. */
export interface ErrorStreamCase {
  lacks: string | null;
}

export interface InputStreamCase extends ErrorStreamCase {
  /** What its methods return: bytes, text, or bytes, but an empty text for a list of lines. */
  kind: 'bytes' | 'text' | 'odd';
}

export interface ValidateCase {
  /** How many arguments the validated application is called with. */
  arguments: number;
  environ: Record<string, Value> | null;
  /** Whether the environ is of a class of its own. */
  subclass: boolean;
  streams: { 'wsgi.input'?: InputStreamCase; 'wsgi.errors'?: ErrorStreamCase };
  called: Step[];
  body:
    | { kind: 'value'; content: Value }
    | { kind: 'generator'; content: Step[] }
    | { kind: 'closable' | 'refuses to close' | 'refuses iteration'; content: Value[] };
  /** What the gateway does with the body; in the end it closes it. */
  gateway: Array<'next' | 'close'>;
}

const GOOD: Record<string, Value> = {
  REQUEST_METHOD: 'GET',
  SERVER_NAME: 'localhost',
  SERVER_PORT: '80',
  SERVER_PROTOCOL: 'HTTP/1.1',
  SCRIPT_NAME: '',
  PATH_INFO: '/',
  QUERY_STRING: '',
  'wsgi.version': { tuple: [1, 0] },
  'wsgi.url_scheme': 'http',
  'wsgi.multithread': false,
  'wsgi.multiprocess': false,
  'wsgi.run_once': false,
};

const NO_STRINGS: Value[] = [12, null, true, { bytes: 'a' }, ['a'], { tuple: [] }];

// What else a variable may be, right or wrong.
const OTHERWISE: Record<string, Value[]> = {
  REQUEST_METHOD: ['HEAD', 'POST', 'OPTIONS', 'PATCH', 'PUT', 'DELETE', 'TRACE', 'CONNECT', 'BREW', 'get', ''],
  SCRIPT_NAME: ['', '/', '/a', 'a', '//', '/\xe4', ' /'],
  PATH_INFO: ['', '/a', 'a', '*', '//', '\n/'],
  // Python's int() also takes '+5', ' 5', '-0', '1_0' and digits of other alphabets; ours wants digits alone.
  CONTENT_LENGTH: ['', '0', '12', '007', '-1', 'x', '1.5', '0x10', '1e3', '1 2'],
  // CPython takes any tuple; ours wants two numbers, which is what PEP 3333 says.
  'wsgi.version': ['1.0', 1, null, { bytes: '1' }, { tuple: [1, 1] }, { tuple: [0, 0] }],
  'wsgi.url_scheme': ['https', 'gopher', 'HTTP', '', 12, null, ['http']],
  'wsgi.input': [12, null, 'text', ['a']],
  'wsgi.errors': [12, null, 'text', ['a']],
  HTTP_CONTENT_TYPE: ['text/plain', ''],
  HTTP_CONTENT_LENGTH: ['1', ''],
  HTTP_HOST: ['a', ...NO_STRINGS],
  'extension.key': NO_STRINGS,
};

type Surroundings = Pick<ValidateCase, 'environ' | 'subclass' | 'streams'>;

function inventSurroundings(random: Random): Surroundings {
  const environ = { ...GOOD };
  const streams: ValidateCase['streams'] = {
    'wsgi.input': { kind: random.chance(4) ? random.pick(['text', 'odd']) : 'bytes', lacks: null },
    'wsgi.errors': { lacks: null },
  };
  for (let changes = random.pick([0, 0, 0, 0, 0, 1, 1, 2]); changes > 0; changes--) {
    const kind = random.below(6);
    if (kind === 0) delete environ[random.pick(Object.keys(GOOD))];
    else if (kind === 1) environ[random.pick(Object.keys(GOOD).slice(0, 7))] = random.pick(NO_STRINGS);
    else if (kind === 2) {
      if (random.chance(4)) delete streams[random.pick(['wsgi.input', 'wsgi.errors'] as const)];
      else if (random.chance(2)) streams['wsgi.errors'] = { lacks: random.pick(['flush', 'write', 'writelines']) };
      else streams['wsgi.input'] = { kind: 'bytes', lacks: random.pick(['read', 'readline', 'readlines', '__iter__']) };
    } else {
      const name = random.pick(Object.keys(OTHERWISE));
      environ[name] = random.pick(OTHERWISE[name] ?? []);
      if (name === 'wsgi.input' || name === 'wsgi.errors') delete streams[name];
    }
  }
  // CPython's messages take it for granted that there are both, so that a KeyError refuses an environ that has one, for
  // all that the checks say; ours lets it pass. So they are there, or refused.
  if (!('SCRIPT_NAME' in environ)) delete environ.PATH_INFO;
  else if (!('PATH_INFO' in environ)) environ.SCRIPT_NAME = '';
  return { environ: random.chance(60) ? null : environ, subclass: random.chance(60), streams };
}

// Of the characters between 0x1C and 0x1F, and of U+0085, Python says that they are spaces, JavaScript does not.
const status = (random: Random): Value => {
  if (!random.chance(5)) return random.pick(['200 OK', '200 OK', '204 No Content', '304 Not Modified', '999 ']);
  return random.chance(5) ? random.pick(NO_STRINGS) : random.text('01249 \tO-+_\xa0', 6);
};

const NAMES = ['X-A', 'x_b', 'a', 'Content-Length', 'Set-Cookie', 'Content-type-x', 'a9'];
const BAD_NAMES: Value[] = ['Status', 'STATUS', 'a:', 'a\n', '1a', 'a.b', 'a-', 'a_', '', '\xe4', 'a b', ...NO_STRINGS];
const VALUES = ['text/plain', '', '\x7f', '\xe4', '\u20ac', ' a ', 'Status'];
const BAD_VALUES: Value[] = ['b\nc', '\t', '\x00', '\x1f', '\r\n', ...NO_STRINGS];

function field(random: Random): Value {
  if (random.chance(30))
    return random.pick<Value>(['ab', 12, null, { tuple: ['a'] }, { tuple: ['a', 'b', 'c'] }, { tuple: [] }]);
  const name = random.pick<Value>(random.chance(40) ? BAD_NAMES : NAMES);
  return { tuple: [name, random.pick<Value>(random.chance(40) ? BAD_VALUES : VALUES)] };
}

function headers(random: Random, typed: boolean): Value {
  if (random.chance(20)) return random.pick<Value>(['text', 12, null, { iterator: [] }, { bytes: '' }]);
  const fields = random.list(3, () => field(random));
  const type = { tuple: [random.pick(['Content-Type', 'content-type', 'CONTENT-TYPE']), 'text/plain'] };
  if (typed !== random.chance(15)) fields.splice(random.below(fields.length + 1), 0, type);
  return fields;
}

function start(random: Random): Step {
  const code = status(random);
  const args = [code, headers(random, !/^(204|304)/.test(String(code)))];
  // CPython wants a tuple, any tuple, for exc_info; ours warns where it is no Error. So it is one, or nothing.
  if (random.chance(5)) args.push(random.pick([null, { error: 'caught' }]));
  const count = random.chance(20) ? random.below(5) : args.length;
  while (args.length < count) args.push(null);
  args.length = count;
  return ['start', ...args];
}

// A string is a block to ours, of UTF-8, and to CPython none: there are no strings here.
function block(random: Random): Value {
  return random.chance(12)
    ? random.pick<Value>([12, null, true, ['a'], [{ bytes: 'a' }]])
    : { bytes: random.text('ab\xe4', 3) };
}

function step(random: Random): Step {
  switch (random.below(8)) {
    case 0:
      return start(random);
    case 1:
    case 2:
      return ['write', ...(random.chance(8) ? random.list(2, () => block(random)) : [block(random)])];
    case 3:
    case 4:
      return random.pick<Step>([
        ['input', 'read', random.pick([-1, 0, 1, 2, 9])],
        ['input', 'read', ...random.list(2, () => 1)],
        ['input', 'readline', ...random.list(2, () => random.pick([-1, 0, 1, 2]))],
        ['input', 'readlines', ...random.list(2, () => random.pick([-1, 0, 1, 2]))],
        ['input', 'iterate', random.below(4)],
        ['input', 'close'],
      ]);
    case 5:
    case 6:
      // With arguments too many Python calls nothing; JavaScript leaves that to the function.
      return random.pick<Step>([
        ['errors', 'write', random.pick<Value>(['a', '', '\u20ac', ...NO_STRINGS])],
        ['errors', 'write'],
        [
          'errors',
          'writelines',
          random.pick<Value>([[], ['a', 'b'], ['a', 12], 'text', 12, null, { iterator: ['a'] }]),
        ],
        ['errors', 'writelines'],
        ['errors', 'flush'],
        ['errors', 'close'],
      ]);
    default:
      return random.chance(3) ? ['raise'] : start(random);
  }
}

function inventBody(random: Random): ValidateCase['body'] {
  const blocks = random.list(3, () => block(random));
  switch (random.below(6)) {
    case 0: {
      // 0 and an empty string are false to both; an object is iterable in Python alone, and is left out.
      const content = random.pick<Value>([null, false, true, 0, 12, 'text', '', { bytes: 'ab' }, { bytes: '' }]);
      return { kind: 'value', content };
    }
    case 1:
      return { kind: 'value', content: random.pick([blocks, { tuple: blocks }, { iterator: blocks }]) };
    case 2:
    case 3: {
      const steps = blocks.map((each): Step => ['yield', each]);
      for (const each of random.list(3, () => step(random))) steps.splice(random.below(steps.length + 1), 0, each);
      return { kind: 'generator', content: steps };
    }
    default: {
      const kind = random.chance(4) ? random.pick(['refuses to close', 'refuses iteration'] as const) : 'closable';
      return { kind, content: blocks };
    }
  }
}

export function inventValidate(random: Random): ValidateCase {
  const called = random.list(3, () => step(random));
  const body = inventBody(random);
  // Lazily, or never.
  if (!random.chance(5)) called.unshift(start(random));
  else if (body.kind === 'generator' && !random.chance(3)) body.content.unshift(start(random));
  return {
    arguments: random.chance(40) ? random.below(4) : 2,
    ...inventSurroundings(random),
    called,
    body,
    gateway: random.list(5, () => (random.chance(8) ? 'close' : 'next')),
  };
}
