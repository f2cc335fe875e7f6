/**
 * Response fields: a mapping over a WSGI header list, and the check that every field passes before it may be sent.
 *
 * @module
 */

import { fail } from 'node:assert';
import { type InspectOptions, inspect } from 'node:util';
import { show } from './show.js';
import type { HeaderList } from './types.js';
import { isHopByHop } from './util.js';

/** A response field, or a status, holds what may not be sent: a control character, or one that is no single byte. */
export class HeaderError extends Error {
  override name = 'HeaderError';
}

/** What is known of a field name that has passed {@link checkField}. */
export interface FieldName {
  readonly hopByHop: boolean;
}

// RFC 9110 §5.6.2: token = 1*tchar
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

// RFC 9110 §5.5: field-value is HTAB, SP, VCHAR and obs-text. CR, LF and NUL in it would let a value pose as further
// fields; a character above U+00FF has no ISO-8859-1 byte.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be found
const REFUSED_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f\u0100-\uffff]/;

const STATUS_CODE = /^[0-9]{3}/;

// An application uses a handful of names and statuses over and over. The bound is for one that makes them up.
const KNOWN_LIMIT = 1024;
const knownNames = new Map<string, FieldName>();
const knownStatuses = new Set<string>();

/**
 * Checks one response field; this runs for every field of every response.
 *
 * @param index the field's place in its list, for the message
 * @returns what is known of the name
 * @throws AssertionError when name or value is not a string
 * @throws {@link HeaderError} when the name is not a token, or the value holds what may not be sent
 */
export function checkField(name: string, value: string, index?: number): FieldName {
  if (typeof value !== 'string') fail(`Header value must be a string, got ${show(value)}${place(name, index)}`);
  if (REFUSED_IN_VALUE.test(value)) refuseValue(`The value of header ${show(name)}`, value, index);
  return knownNames.get(name) ?? learnName(name, index);
}

/**
 * Checks a status: three digits, a space, a reason phrase (PEP 3333).
 *
 * @throws AssertionError when it is anything else
 * @throws {@link HeaderError} when it holds what may not be sent
 */
export function checkStatus(status: string): void {
  if (knownStatuses.has(status)) return;
  if (typeof status !== 'string') fail(`Status must be a string, got ${show(status)}`);
  if (status.length < 4) fail(`Status must be at least 4 characters, got ${show(status)}`);
  if (!STATUS_CODE.test(status)) fail(`Status must begin with a 3-digit code, got ${show(status)}`);
  if (status[3] !== ' ') fail(`Status must have a space after its code, got ${show(status)}`);
  if (REFUSED_IN_VALUE.test(status)) refuseValue('The status', status);
  if (knownStatuses.size >= KNOWN_LIMIT) knownStatuses.clear();
  knownStatuses.add(status);
}

function learnName(name: string, index?: number): FieldName {
  if (typeof name !== 'string') fail(`Header name must be a string, got ${show(name)}${place('', index)}`);
  if (!TOKEN.test(name)) {
    throw new HeaderError(
      `Header name ${show(name)} is not a token${place('', index)}; use letters, digits and hyphens alone`,
    );
  }
  if (knownNames.size >= KNOWN_LIMIT) knownNames.clear();
  const known: FieldName = { hopByHop: isHopByHop(name) };
  knownNames.set(name, known);
  return known;
}

function refuseValue(what: string, value: string, index?: number): never {
  const at = value.search(REFUSED_IN_VALUE);
  const code = value.charCodeAt(at);
  const character = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  throw new HeaderError(
    code > 0xff
      ? `${what} holds ${character}, which has no ISO-8859-1 byte, at character ${at}${place('', index)}; ` +
          'percent-encode it (RFC 8187) or pass its UTF-8 bytes, one a character'
      : `${what} holds the control character ${character} at character ${at}${place('', index)}; ` +
          'remove it, or encode the text, before it reaches a header',
  );
}

function place(name: string, index?: number): string {
  const named = name === '' ? '' : ` for ${show(name)}`;
  return index === undefined ? named : `${named} (headers[${index}])`;
}

/**
 * A mapping over a list of response fields. Names compare without case. The list is not copied: what is set here is
 * set in the list, and the order of the list is the order on the wire.
 */
export class Headers implements Iterable<[string, string]> {
  readonly #list: HeaderList;

  /**
   * @param headers the list to wrap; null for an empty one, as in Python
   * @param checked true when each field has passed {@link checkField} already
   * @throws TypeError when `headers` is not an array
   * @throws AssertionError when an entry is not a pair of strings
   * @throws {@link HeaderError} when a field may not be sent
   */
  constructor(headers: HeaderList | null = [], checked = false) {
    headers ??= [];
    if (!Array.isArray(headers)) {
      throw new TypeError(`Headers must be an array of [name, value] pairs, got ${show(headers)}`);
    }
    if (!checked) checkList(headers);
    this.#list = headers;
  }

  get length(): number {
    return this.#list.length;
  }

  /** The first value of the field, or `fallback`. */
  get(name: string): string | null;
  get<T>(name: string, fallback: T): string | T;
  get(name: string, fallback: unknown = null): unknown {
    const wanted = name.toLowerCase();
    for (const [known, value] of this.#list) {
      if (known.length === wanted.length && known.toLowerCase() === wanted) return value;
    }
    return fallback;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** Replaces every field of that name by one at the end of the list. */
  set(name: string, value: string): void {
    checkField(name, value);
    this.delete(name);
    this.#list.push([name, value]);
  }

  /** Removes every field of that name. One that is absent is no error. */
  delete(name: string): void {
    const unwanted = name.toLowerCase();
    let kept = 0;
    for (const field of this.#list) {
      if (field[0].toLowerCase() !== unwanted) this.#list[kept++] = field;
    }
    this.#list.length = kept;
  }

  /** Every value of the field, in order. */
  getAll(name: string): string[] {
    const wanted = name.toLowerCase();
    return this.#list.filter((field) => field[0].toLowerCase() === wanted).map((field) => field[1]);
  }

  keys(): string[] {
    return this.#list.map((field) => field[0]);
  }

  values(): string[] {
    return this.#list.map((field) => field[1]);
  }

  /** Names and values in one list: name, value, name, value. */
  flat(): string[] {
    return this.#list.flat();
  }

  /** Whether names and values are, one by one, those of a {@link flat} list. */
  equal(flat: readonly string[]): boolean {
    const list = this.#list;
    if (list.length * 2 !== flat.length) return false;
    for (let index = 0; index < list.length; index++) {
      const field = list[index]!;
      if (field[0] !== flat[index * 2] || field[1] !== flat[index * 2 + 1]) return false;
    }
    return true;
  }

  /** The list itself. */
  get wrapped(): HeaderList {
    return this.#list;
  }

  /** A copy of the list. */
  items(): HeaderList {
    return this.#list.slice();
  }

  /** The field's first value; where there is none, `value` is appended and returned. */
  setDefault(name: string, value: string): string {
    const present = this.get(name);
    if (present !== null) return present;
    checkField(name, value);
    this.#list.push([name, value]);
    return value;
  }

  /**
   * Appends a field with parameters: `addHeader('Content-Disposition', 'attachment', { filename: 'bud.gif' })`.
   *
   * @param value what stands before the parameters; null for nothing
   * @param params in order; an underscore in a parameter's name becomes a hyphen, and null stands for a bare name
   */
  addHeader(name: string, value: string | null, params: Record<string, string | null> = {}): void {
    const parts = value === null ? [] : [value];
    for (const [key, parameter] of Object.entries(params)) {
      if (parameter !== null) checkField(name, parameter);
      parts.push(formatParameter(key, parameter));
    }
    if (value !== null) checkField(name, value);
    const whole = parts.join('; ');
    checkField(name, whole);
    this.#list.push([name, whole]);
  }

  /**
   * The fields as they go on the wire, with the empty line that ends them.
   *
   * @throws {@link HeaderError} for a field that slipped into the list behind this object's back
   */
  toString(): string {
    checkList(this.#list);
    let text = '';
    for (const [name, value] of this.#list) text += `${name}: ${value}\r\n`;
    return `${text}\r\n`;
  }

  /** {@link toString} in ISO-8859-1. */
  toBytes(): Uint8Array {
    return Buffer.from(this.toString(), 'latin1');
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#list[Symbol.iterator]();
  }

  /** Python's `repr()`: what a console and an error message show. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Headers(${inspect(this.#list, options)})`;
  }
}

function checkList(headers: HeaderList): void {
  headers.forEach((field, index) => {
    checkPair(field, index);
    checkField(field[0], field[1], index);
  });
}

/** @throws AssertionError when an entry of a header list is not a `[name, value]` pair */
export function checkPair(field: unknown, index: number): asserts field is [name: string, value: string] {
  if (!Array.isArray(field) || field.length !== 2) {
    fail(`headers[${index}] must be a [name, value] pair, got ${show(field)}`);
  }
}

function formatParameter(key: string, value: string | null): string {
  const name = key.replaceAll('_', '-');
  if (value === null || value === '') return name;
  return `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
