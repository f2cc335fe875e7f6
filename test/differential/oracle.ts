import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, type TestContext, vi } from 'vitest';
import { Random } from '../random.mjs';

/** How many cases a room is asked, and the seed that they are invented from. */
const CASES = wholeNumber('DIFFERENTIAL_CASES', 500);
const SEED = wholeNumber('DIFFERENTIAL_SEED', 3333);
const ASKED_FOR = 'DIFFERENTIAL_CASES' in process.env || 'DIFFERENTIAL_SEED' in process.env;

// Cases travel in batches, for the price of a write; with a few of them under way neither side waits for the other,
// and no more than those are in memory.
const BATCH = 100;
const BATCHES_UNDER_WAY = 4;

// No case takes that long; this is for a machine that has much else to do.
const MILLISECONDS_A_CASE = 20;
vi.setConfig({ testTimeout: 30_000 + CASES * MILLISECONDS_A_CASE });

// Many cases throw, and vitest finds the source of every frame of every stack.
Error.stackTraceLimit = 1;

/** CPython's wsgiref in a child process; answers come in the order of the questions. */
class Oracle {
  readonly #python: ChildProcessByStdio<Writable, Readable, null>;
  readonly #reader: Interface;
  readonly #lines: AsyncIterator<string>;

  constructor(room: string) {
    const directory = fileURLToPath(new URL('.', import.meta.url));
    this.#python = spawn('python3', ['-B', '-m', 'oracle', room], {
      cwd: directory,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // Where Python dies, answers() says so.
    this.#python.stdin.on('error', () => undefined);
    this.#reader = createInterface(this.#python.stdout);
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  ask(cases: unknown[]): void {
    this.#python.stdin.write(`${JSON.stringify(cases)}\n`);
  }

  async answers(): Promise<unknown[]> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('The oracle fell silent; its error is above');
    return JSON.parse(value);
  }

  /** Ends the child, whatever it still has to say: after a difference nobody asks for the rest. */
  async close(): Promise<void> {
    this.#reader.close();
    if (this.#python.exitCode !== null || this.#python.signalCode !== null) return;
    this.#python.kill();
    await once(this.#python, 'exit');
  }
}

/** Invents the cases one after the other, and has each with the oracle's answer. */
async function* answered<Case>(oracle: Oracle, invent: (random: Random) => Case): AsyncGenerator<[Case, unknown]> {
  const random = new Random(SEED);
  const underWay: Case[][] = [];
  let left = CASES;
  for (;;) {
    while (left > 0 && underWay.length < BATCHES_UNDER_WAY) {
      const batch = Array.from({ length: Math.min(BATCH, left) }, () => invent(random));
      left -= batch.length;
      oracle.ask(batch);
      underWay.push(batch);
    }
    const batch = underWay.shift();
    if (batch === undefined) return;
    const answers = await oracle.answers();
    for (const [index, each] of batch.entries()) yield [each, answers[index]];
  }
}

/**
 * Compares one of our rooms with CPython's over random cases.
 *
 * @param room its name in oracle/__main__.py
 * @param invent makes up a case; it must survive JSON
 * @param ours what we do with it, in the form that the oracle answers in, or a promise of that; must not change it
 */
export function differential<Case>(room: string, invent: (random: Random) => Case, ours: (each: Case) => unknown) {
  let oracle: Oracle;
  beforeAll(() => {
    oracle = new Oracle(room);
  });
  afterAll(() => oracle.close());

  return async ({ task }: TestContext): Promise<void> => {
    if (ASKED_FOR) console.info(`${room}: ${CASES} cases from the seed ${SEED}`);
    let number = 0;
    for await (const [each, theirs] of answered(oracle, invent)) {
      number++;
      const about = () =>
        `case ${number} from the seed ${SEED}: ${JSON.stringify(each)}\n` +
        `again: DIFFERENTIAL_SEED=${SEED} DIFFERENTIAL_CASES=${number} npx vitest run ${task.file.name} -t '${task.name}'\n`;
      let answer: unknown;
      try {
        answer = await ours(each);
      } catch (cause) {
        throw new Error(about(), { cause });
      }
      // Through JSON, so that null and undefined, tuples and arrays do not differ.
      const plain: unknown = JSON.parse(JSON.stringify(answer));
      // expect() is dear, and shows what differs.
      if (!isDeepStrictEqual(plain, theirs)) expect(plain, about()).toStrictEqual(theirs);
    }
    expect(number).toBe(CASES);
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

function wholeNumber(variable: string, otherwise: number): number {
  const value = Number(process.env[variable] ?? otherwise);
  if (!Number.isSafeInteger(value) || value <= 0) throw new RangeError(`${variable} must be a whole number above 0`);
  return value;
}
