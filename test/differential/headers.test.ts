import { it } from 'vitest';
import { Headers } from '../../src/headers.js';
import type { HeaderList } from '../../src/types.js';
import type { Random } from '../random.mjs';
import { attempt, differential } from './oracle.js';

type Params = Record<string, string | null>;
type Operation =
  | ['length' | 'keys' | 'values' | 'items' | 'toString' | 'toBytes']
  | ['get' | 'has' | 'delete' | 'getAll', string]
  | ['set' | 'setDefault', string, string]
  | ['addHeader', string, string | null, Params];

interface HeadersCase {
  fields: HeaderList;
  operations: Operation[];
}

// Few names in many spellings, so that they meet; values of all that may be in a field.
const name = (random: Random) => random.pick(['a', 'A', 'x-y', 'X-Y', 'Set-Cookie', 'set-cookie', "!#$%&'*+.^_`|~0"]);
const value = (random: Random) => random.text('ab;,=" \t\\/[]?\xa0\xe4\xff', 6);

function inventOperation(random: Random): Operation {
  const kind = random.below(11);
  if (kind < 4) return [random.pick(['length', 'keys', 'values', 'items', 'toString', 'toBytes'])];
  if (kind < 6) return [random.pick(['get', 'has', 'delete', 'getAll']), name(random)];
  if (kind < 9) return [random.pick(['set', 'setDefault']), name(random), value(random)];
  const params: Params = {};
  for (const key of random.list(3, () => random.pick(['filename', 'a_b', 'charset', '_', 'A']))) {
    params[key] = random.chance(4) ? null : value(random);
  }
  return ['addHeader', name(random), random.chance(4) ? null : value(random), params];
}

function invent(random: Random): HeadersCase {
  return {
    fields: random.list(5, () => [name(random), value(random)]),
    operations: random.list(12, () => inventOperation(random)),
  };
}

function perform(headers: Headers, operation: Operation): unknown {
  switch (operation[0]) {
    case 'length':
      return headers.length;
    case 'toBytes':
      return Buffer.from(headers.toBytes()).toString('hex');
    case 'keys':
    case 'values':
    case 'items':
    case 'toString':
      return headers[operation[0]]();
    case 'get':
    case 'has':
    case 'delete':
    case 'getAll':
      return headers[operation[0]](operation[1]);
    case 'set':
    case 'setDefault':
      return headers[operation[0]](operation[1], operation[2]);
    case 'addHeader':
      return headers.addHeader(operation[1], operation[2], operation[3]);
  }
}

it(
  'Headers as CPython has them',
  differential('headers', invent, ({ fields, operations }) => {
    const wrapped: HeaderList = fields.map(([first, second]) => [first, second]);
    const headers = new Headers(wrapped);
    return [operations.map((operation) => attempt(() => perform(headers, operation))), wrapped];
  }),
);
