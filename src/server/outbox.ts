/**
 * Small answers leave through memory that the engine shares: the head by the number under which the engine knows it,
 * the body by value, or as a file that the engine has. That costs no call into the engine at all while it is waiting for
 * the one it made to return.
 */

import type { Headers } from '../headers.js';
import { NOT_STORED, PreparedHead, type StoredHead } from '../prepared-head.js';
import { BLOCK, type EngineFile } from './held-file.js';
import type { NativeEngine } from './native-addon.js';

/** Bytes of a body that are copied; a larger one is handed over by reference. */
const MAX_BODY = 4096;
/** Numbers of one answer in the outbox: slot, generation, head, what its body is and how long, or its number. */
const ANSWER_PLACES = 5;
/** The body is in the outbox, behind its answer; `SharedMemory::Body`. */
const BYTES = 0;
/** Bytes of a block that waits for others. A larger one leaves at once, while the processor has its bytes at hand. */
const MAX_WAITING_BLOCK = 16_384;
/** Statuses whose last head is remembered. An application has a handful; the bound is for one that makes them up. */
const MAX_STATUSES = 256;
/** Heads that the engine keeps, some hundred bytes each. */
const MAX_HEADS = 4096;

/** A head that was sent before. */
interface SentHead {
  readonly fields: string[];
  /** What the engine knows it by. */
  stored: StoredHead;
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
  readonly #heads = new Map<string, SentHead>();
  /** By number. */
  readonly #stored: StoredHead[] = [];
  #nextNumber = 0;

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
    this.#makeRoom();
    const head = this.#numberOf(status, headers);
    if (head < 0) return false;
    const place = this.#write(slot, generation, head, BYTES, size);
    if (body !== undefined) this.#bytes.set(body, place);
    // The next answer begins at a multiple of four again.
    this.#close(place + ((size + 3) & ~3));
    return true;
  }

  /** Leaves an answer that has a whole file, and hands that over; or returns false. */
  putFile(slot: number, generation: number, status: string, headers: Headers, file: EngineFile): boolean {
    this.#makeRoom();
    const head = this.#numberOf(status, headers);
    if (head < 0) return false;
    this.#close(this.#write(slot, generation, head, file.kind, file.handOver()));
    if (file.kind === BLOCK && file.size > MAX_WAITING_BLOCK && this.#words[this.#used] !== 0)
      this.#engine.giveAnswers();
    return true;
  }

  /**
   * For one more answer, before its head gets a number: what is given may let further requests in, whose heads take
   * numbers, too.
   */
  #makeRoom(): void {
    if (this.#size - this.#words[this.#used]! < ANSWER_PLACES * 4 + MAX_BODY) this.#engine.giveAnswers();
  }

  /** @returns where the body begins */
  #write(slot: number, generation: number, head: number, body: number, bodySize: number): number {
    const words = this.#words;
    const place = this.#outbox + words[this.#used]!;
    const word = place >> 2;
    words[word] = slot;
    words[word + 1] = generation;
    words[word + 2] = head;
    words[word + 3] = body;
    words[word + 4] = bodySize;
    return place + ANSWER_PLACES * 4;
  }

  #close(end: number): void {
    const words = this.#words;
    words[this.#used] = end - this.#outbox;
    if (words[this.#inCall] === 0) this.#engine.giveAnswers();
  }

  /** The head's number in the engine, or -1: it is not the one that its status came with before. */
  #numberOf(status: string, headers: Headers): number {
    const prepared = PreparedHead.of(headers.wrapped);
    if (prepared !== undefined && prepared.status === status) {
      if (prepared.stored.number < 0) prepared.stored = this.#store(status, headers);
      return prepared.stored.number;
    }
    const known = this.#heads.get(status);
    if (known === undefined || !headers.equal(known.fields)) {
      if (this.#heads.size >= MAX_STATUSES) this.#heads.clear();
      this.#heads.set(status, { fields: headers.flat(), stored: NOT_STORED });
      return -1;
    }
    // One that came twice in a row is worth the call.
    if (known.stored.number < 0) known.stored = this.#store(status, headers);
    return known.stored.number;
  }

  /** Numbers are given anew when all are taken. */
  #store(status: string, headers: Headers): StoredHead {
    // Answers that wait in the outbox may mean the head whose number this one takes. To give them may let further
    // requests in, and their heads take numbers meanwhile.
    if (this.#stored[this.#nextNumber] !== undefined && this.#words[this.#used] !== 0) this.#engine.giveAnswers();
    const number = this.#nextNumber;
    const former = this.#stored[number];
    if (former !== undefined) former.number = -1;
    this.#nextNumber = (number + 1) % MAX_HEADS;
    const refused = this.#engine.storeHead(number, headText(status, headers), headers.length) < 0;
    const stored = { number: refused ? -1 : number };
    this.#stored[number] = stored;
    return stored;
  }
}
