import { afterAll, beforeAll, it } from 'vitest';
import { MemoryErrors, MemoryInput } from '../../src/streams.js';
import type { Environ, ResponseBody, StartResponse } from '../../src/types.js';
import { validator, WSGIWarning } from '../../src/validate.js';
import { attempt, differential } from './oracle.js';
import {
  type ErrorStreamCase,
  type InputStreamCase,
  inventValidate,
  type Step,
  type ValidateCase,
  type Value,
} from './validate-case.js';

function decode(value: Value): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== 'object' || value === null) return value;
  if ('bytes' in value) return Buffer.from(value.bytes, 'latin1');
  if ('tuple' in value) return value.tuple.map(decode);
  if ('iterator' in value) return value.iterator.map(decode).values();
  return new Error(value.error);
}

function encode(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return { bytes: value.toString('latin1') };
  return Array.isArray(value) ? value.map(encode) : value;
}

// Warnings of bodies that were forgotten come when the garbage collector likes, never within a step.
let warned = 0;
const { emitWarning } = process;
beforeAll(() => {
  process.emitWarning = (warning: unknown) => {
    if (warning instanceof WSGIWarning) warned++;
  };
});
afterAll(() => {
  process.emitWarning = emitWarning;
});

/** Calls what refuses the arguments, in number and type, that a signature would not let through. */
function call(callee: unknown, self: unknown, args: unknown[]): unknown {
  if (typeof callee !== 'function') throw new TypeError('No function');
  return Reflect.apply(callee, self, args);
}

interface Wrapped {
  next(): IteratorResult<unknown>;
  close(): unknown;
}

/** The gateway, the application that it calls through the validator, and what came of all that they did. */
class Conversation {
  readonly outcomes: unknown[] = [];
  readonly #given: ValidateCase;
  #wrapped: Wrapped | undefined;
  #start: StartResponse | undefined;
  #write: unknown;
  #streams: Record<'input' | 'errors', object> | undefined;

  constructor(given: ValidateCase) {
    this.#given = given;
    const args = [this.#environ(), this.#startResponse, null].slice(0, given.arguments);
    this.#observe(() => {
      const validated = validator((environ, startResponse) => this.#application(environ, startResponse));
      this.#wrapped = call(validated, undefined, args) as Wrapped;
      return 'body';
    });
    const wrapped = this.#wrapped;
    if (wrapped === undefined) return;
    for (const act of [...given.gateway, 'close'] as const)
      this.#observe(() => (act === 'next' ? next(wrapped) : wrapped.close()));
  }

  #observe(run: () => unknown): void {
    const before = warned;
    const outcome = attempt(() => encode(run()));
    this.outcomes.push({ ...outcome, warned: warned - before });
  }

  #environ(): unknown {
    const { environ: variables, subclass, streams } = this.#given;
    if (variables === null) return null;
    const environ: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(variables)) environ[key] = decode(value);
    if (streams['wsgi.input']) environ['wsgi.input'] = inputStream(streams['wsgi.input']);
    if (streams['wsgi.errors']) environ['wsgi.errors'] = errorStream(streams['wsgi.errors']);
    return subclass ? Object.assign(new (class {})(), environ) : environ;
  }

  readonly #startResponse = (...args: unknown[]) => {
    this.outcomes.push(['start_response', args.length]);
    return (data: unknown) => void this.outcomes.push(['write', encode(data)]);
  };

  #application(environ: Environ, startResponse: StartResponse): ResponseBody {
    this.#start = startResponse;
    this.#streams = { input: environ['wsgi.input'], errors: environ['wsgi.errors'] };
    for (const step of this.#given.called) this.#step(step);
    return this.#body() as ResponseBody;
  }

  #step(step: Step): void {
    if (step[0] === 'raise') throw new Error('trouble');
    this.#observe(() => this.#perform(step));
  }

  #perform(step: Step): unknown {
    switch (step[0]) {
      case 'start':
        this.#write = call(this.#start, undefined, step.slice(1).map(decode));
        return undefined;
      case 'write':
        return call(this.#write, undefined, step.slice(1).map(decode));
      case 'input':
      case 'errors': {
        const [what, method, ...args] = step;
        const stream = this.#streams![what];
        if (method === 'iterate') return take(stream as Iterable<unknown>, Number(args[0]));
        return call(Reflect.get(stream, method), stream, args.map(decode));
      }
      default:
        throw new RangeError(step[0]);
    }
  }

  #body(): unknown {
    const { kind, content } = this.#given.body;
    if (kind === 'value') return decode(content);
    if (kind === 'generator') return this.#generate(content);
    return {
      [Symbol.iterator]: () => {
        if (kind === 'refuses iteration') throw new Error(kind);
        return content.map(decode).values();
      },
      close: () => {
        this.outcomes.push(['closed']);
        if (kind === 'refuses to close') throw new Error(kind);
      },
    };
  }

  *#generate(steps: Step[]): Generator<unknown> {
    for (const step of steps) {
      if (step[0] === 'yield') yield decode(step[1]);
      else this.#step(step);
    }
  }
}

function next(body: Wrapped): unknown {
  const step = body.next();
  return step.done ? 'end' : step.value;
}

function take(lines: Iterable<unknown>, most: number): unknown[] {
  const taken: unknown[] = [];
  if (most > 0) for (const line of lines) if (taken.push(line) === most) break;
  return taken;
}

function inputStream({ kind, lacks }: InputStreamCase): object {
  const input = new MemoryInput('a\nbc\nd');
  const show = (data: Buffer) => (kind === 'text' ? data.toString() : data);
  const methods = {
    read: (size?: number) => show(input.read(size)),
    readline: (size?: number) => show(input.readline(size)),
    readlines: (hint?: number) => (kind === 'odd' ? '' : input.readlines(hint).map(show)),
    [Symbol.iterator]: () => input[Symbol.iterator](),
  };
  if (lacks !== null) Reflect.deleteProperty(methods, lacks === '__iter__' ? Symbol.iterator : lacks);
  return methods;
}

function errorStream({ lacks }: ErrorStreamCase): object {
  const errors = new MemoryErrors();
  const methods = {
    write: (text: string) => errors.write(text),
    writelines: (lines: Iterable<string>) => errors.writelines(lines),
    flush: () => errors.flush(),
  };
  if (lacks !== null) Reflect.deleteProperty(methods, lacks);
  return methods;
}

it(
  'the validator as CPython has it',
  differential('validate', inventValidate, (given) => new Conversation(given).outcomes),
);
