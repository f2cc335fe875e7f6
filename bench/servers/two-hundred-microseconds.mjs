/**
 * An application that computes for some 200 µs a request: as much as a small page takes, and so much more than the load generator
 * needs for it that two workers and the generator fit on two cores.
 */
const ROUNDS = 190_000;

/** @type {import('../../dist/index.js').Application} */
export const app = (_environ, startResponse) => {
  let value = 1;
  for (let round = 0; round < ROUNDS; round++) value = (Math.imul(value, 1_103_515_245) + 12_345) | 0;
  startResponse('200 OK', [
    ['Content-Type', 'text/plain'],
    ['X-Value', String(value)],
  ]);
  return ['Hello world!\n'];
};
