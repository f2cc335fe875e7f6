/** How answers went: what the engine records of each when it is over, in memory that both share, for logs and metrics. */

import type { NativeEngine } from './native-addon.js';
import type { ServerHandler } from './server-handler.js';

// Numbers of one record: native/addon/javascript_gateway.h, `AnsweredPlace`.
const SLOT = 0;
const GENERATION = 1;
const STATUS = 2;
const COMPLETE = 3;
const BODY_BYTES_HIGH = 4;
const BODY_BYTES_LOW = 5;
const FIRST_BYTE = 6;
const DURATION = 7;
const PLACES = 8;

/** How late somebody may hear of an answer where no further request brings its record along. Milliseconds. */
const LATEST = 100;

/**
 * Reads the records. A slot's next request comes with a call of the engine, and all records are read before it is
 * looked at, so that one handler a slot is enough.
 */
export class AnswerReports {
  readonly #words: Uint32Array;
  readonly #count: number;
  readonly #records: number;
  /** Whose answers are not over, by slot. */
  readonly #awaited: Array<ServerHandler | undefined> = [];
  #awaitedCount = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ shared, layout }: NativeEngine) {
    this.#words = new Uint32Array(shared);
    this.#count = layout.answeredCount / 4;
    this.#records = layout.answered / 4;
  }

  /** The engine will record how the handler's answer went. */
  await(handler: ServerHandler): void {
    this.#awaited[handler.slot] = handler;
    this.#awaitedCount++;
    this.#timer ??= setTimeout(() => this.#look(), LATEST).unref();
  }

  /** Whose answers are not over. */
  get awaited(): ServerHandler[] {
    return this.#awaited.filter((handler) => handler !== undefined);
  }

  /** Tells of the answers that are over. */
  read(): void {
    const words = this.#words;
    if (words[this.#count] === 0) return;
    const time = Date.now();
    // Whoever is told may end further answers, which are recorded behind these.
    for (let index = 0, at = this.#records; index < words[this.#count]!; index++, at += PLACES) {
      const slot = words[at + SLOT]!;
      const handler = this.#awaited[slot];
      if (handler === undefined || handler.generation !== words[at + GENERATION]) continue;
      this.#awaited[slot] = undefined;
      this.#awaitedCount--;
      handler.onAnswered(
        words[at + STATUS]!,
        words[at + BODY_BYTES_HIGH]! * 2 ** 32 + words[at + BODY_BYTES_LOW]!,
        words[at + FIRST_BYTE]! / 1000,
        words[at + DURATION]! / 1000,
        words[at + COMPLETE] === 1,
        time,
      );
    }
    words[this.#count] = 0;
  }

  #look(): void {
    this.read();
    if (this.#awaitedCount > 0) this.#timer?.refresh();
    else this.#timer = undefined;
  }
}
