/** Which of the language's protocols a body speaks. What its blocks are is seen when they are written. */

import type { Chunk } from './types.js';

/** The promise that a value is, if it is one: undefined says that there is nothing to wait for. */
export function promiseOf<T>(value: T | PromiseLike<T>): Promise<T> | undefined {
  const then = (value as Partial<PromiseLike<T>> | null | undefined)?.then;
  return typeof then === 'function' ? Promise.resolve(value) : undefined;
}

export function isIterable(value: unknown): value is Iterable<Chunk> {
  return typeof (value as Partial<Iterable<Chunk>> | null | undefined)?.[Symbol.iterator] === 'function';
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<Chunk> {
  return typeof (value as Partial<AsyncIterable<Chunk>> | null | undefined)?.[Symbol.asyncIterator] === 'function';
}
