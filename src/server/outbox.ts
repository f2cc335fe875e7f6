/**
 * Small answers leave through memory that the engine shares: the head by the number under which the engine knows it,
 * the body by value. That costs no call into the engine at all while it is waiting for the one it made to return.
 */

import type { Headers } from '../headers.js';
import type { NativeEngine } from './native-addon.js';

/** Bytes of a body that are copied; a larger one is handed over by reference. */
const MAX_BODY = 4096;
/** Numbers of one answer in the outbox: slot, generation, head and body size. */
const ANSWER_PLACES = 4;
/** Heads that the engine keeps. An application has a handful; the bound is for one that makes statuses up. */
const MAX_HEADS = 256;

/** A head that was sent before. */
interface KnownHead {
  readonly fields: string[];
  /** Its number in the engine; -1 until it has come twice in a row. */
  number: number;
}

/** Status and fields as the engine reads them: each with a line feed behind it. */
export function headText(status: string, fields: Iterable<[string, string]>): string {
  let text = `${status}\n`;
  for (const [name, value] of fields) text += `${name}\n${value}\n`;
  return text;
}

export class Outbox {
  readonly #engine: NativeEngine;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  /** Places in {@link #words}. */
  readonly #inCall: number;
  readonly #used: number;
  readonly #outbox: number;
  readonly #size: number;
  /** The last head of each status. */
  readonly #heads = new Map<string, KnownHead>();
  #stored = 0;

  constructor(engine: NativeEngine) {
    const { inCall, outboxUsed, outbox, outboxSize } = engine.layout;
    this.#engine = engine;
    this.#words = new Uint32Array(engine.shared);
    this.#bytes = new Uint8Array(engine.shared);
    this.#inCall = inCall / 4;
    this.#used = outboxUsed / 4;
    this.#outbox = outbox;
    this.#size = outboxSize;
  }

  /** Leaves an answer, or returns false: then it has to be given by a call. */
  put(slot: number, generation: number, status: string, headers: Headers, body: Uint8Array | undefined): boolean {
    const size = body === undefined ? 0 : body.length;
    if (size > MAX_BODY) return false;
    const head = this.#numberOf(status, headers);
    if (head < 0) return false;

    const words = this.#words;
    let used = words[this.#used]!;
    if (this.#size - used < ANSWER_PLACES * 4 + MAX_BODY) {
      this.#engine.giveAnswers();
      used = words[this.#used]!;
    }
    const place = this.#outbox + used;
    const word = place >> 2;
    words[word] = slot;
    words[word + 1] = generation;
    words[word + 2] = head;
    words[word + 3] = size;
    if (body !== undefined) this.#bytes.set(body, place + ANSWER_PLACES * 4);
    // The next answer begins at a multiple of four again.
    words[this.#used] = used + ANSWER_PLACES * 4 + ((size + 3) & ~3);
    if (words[this.#inCall] === 0) this.#engine.giveAnswers();
    return true;
  }

  /** The head's number in the engine, or -1: it is not the one that its status came with before. */
  #numberOf(status: string, headers: Headers): number {
    const known = this.#heads.get(status);
    if (known === undefined || !headers.equal(known.fields)) {
      if (this.#heads.size >= MAX_HEADS) this.#heads.clear();
      this.#heads.set(status, { fields: headers.flat(), number: -1 });
      return -1;
    }
    if (known.number >= 0) return known.number;
    // It came twice in a row, and is worth the call. Numbers are given anew when all are taken.
    const number = this.#stored;
    this.#stored = (this.#stored + 1) % MAX_HEADS;
    for (const head of this.#heads.values()) if (head.number === number) head.number = -1;
    if (this.#engine.storeHead(number, headText(status, headers), headers.length) < 0) return -1;
    known.number = number;
    return number;
  }
}
