import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect } from 'vitest';
import { Random } from './random.js';

/** How many cases a room is asked. */
const CASES = Number(process.env.DIFFERENTIAL_CASES ?? 500);
const SEED = Number(process.env.DIFFERENTIAL_SEED ?? 3333);

/** CPython's wsgiref in a child process; answers come in the order of the questions. */
class Oracle {
  readonly #python: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor() {
    const script = fileURLToPath(new URL('oracle.py', import.meta.url));
    this.#python = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    // Where Python dies, answer() says so.
    this.#python.stdin.on('error', () => undefined);
    this.#reader = createInterface(this.#python.stdout);
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  ask(room: string, cases: unknown[]): void {
    for (const each of cases) this.#python.stdin.write(`${JSON.stringify({ room, case: each })}\n`);
  }

  async answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('The oracle fell silent; its error is above');
    return JSON.parse(value);
  }

  async close(): Promise<void> {
    this.#python.stdin.end();
    await once(this.#python, 'exit');
    this.#reader.close();
  }
}

/**
 * Compares one of our rooms with CPython's over random cases.
 *
 * @param room its name in oracle.py
 * @param invent makes up a case; it must survive JSON
 * @param ours what we do with it, in the form that oracle.py answers in
 */
export function differential<Case>(room: string, invent: (random: Random) => Case, ours: (each: Case) => unknown) {
  let oracle: Oracle;
  beforeAll(() => {
    oracle = new Oracle();
  });
  afterAll(() => oracle.close());

  return async (): Promise<void> => {
    const random = new Random(SEED);
    const cases = Array.from({ length: CASES }, () => invent(random));
    oracle.ask(room, cases);
    for (const [number, each] of cases.entries()) {
      const theirs = await oracle.answer();
      // Through JSON, so that null and undefined, tuples and arrays do not differ.
      expect(JSON.parse(JSON.stringify(ours(each))), `case ${number}: ${JSON.stringify(each)}`).toEqual(theirs);
    }
  };
}

/** What a function returns, or just that it threw: messages are each implementation's own. */
export function attempt(run: () => unknown): { value: unknown } | { raised: true } {
  try {
    return { value: run() ?? null };
  } catch {
    return { raised: true };
  }
}
