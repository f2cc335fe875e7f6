/** Heads that answers repeat, so that what is said again need not be looked at again. */

import { fail } from 'node:assert';
import { checkField, checkStatus } from './headers.js';
import type { HeaderList } from './types.js';

const HEAD = Symbol('head');

/** What a gateway keeps of a head, under a number. It keeps this rather than the head, which may be gone long before. */
export interface StoredHead {
  /** -1: it is kept no longer. */
  number: number;
}

export const NOT_STORED: StoredHead = { number: -1 };

/** The first field of a prepared head says whose it is. */
type MarkedField = [name: string, value: string] & { [HEAD]?: PreparedHead };

/**
 * A status and fields, checked once. Its list goes through `startResponse` as any other does; whoever changes that on
 * the way, changes a copy, and gets it checked.
 */
export class PreparedHead {
  readonly status: string;
  readonly #fields: HeaderList;
  /** What a gateway knows it by. */
  stored = NOT_STORED;

  /**
   * @throws AssertionError when one of them is not what WSGI asks for, or a field is hop-by-hop
   * @throws HeaderError when one of them holds what may not be sent
   */
  constructor(status: string, fields: HeaderList) {
    checkStatus(status);
    fields.forEach(([name, value], index) => {
      if (checkField(name, value, index).hopByHop) fail(`${name} is the gateway's to send`);
    });
    this.status = status;
    this.#fields = fields.map(([name, value], index) => {
      const field: MarkedField = [name, value];
      if (index === 0) field[HEAD] = this;
      // In Python a field is a tuple. Were it to be changed in place, all answers that follow would be.
      return Object.freeze(field) as MarkedField;
    });
  }

  /** The fields, in a list of the caller's own. */
  list(): HeaderList {
    return this.#fields.slice();
  }

  /** The head whose fields, all of them and nothing else, a list has. */
  static of(list: HeaderList): PreparedHead | undefined {
    const head = (list[0] as MarkedField | undefined)?.[HEAD];
    if (head === undefined || head.#fields.length !== list.length) return undefined;
    for (let index = 0; index < list.length; index++) {
      if (list[index] !== head.#fields[index]) return undefined;
    }
    return head;
  }
}
