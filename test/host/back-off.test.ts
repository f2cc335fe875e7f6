import { expect, it } from 'vitest';
import { BackOff } from '../../src/host/back-off.js';

it('a worker that dies is replaced at once, and the next ones later and later, until one has lived', () => {
  const backOff = new BackOff();
  const waits = Array.from({ length: 10 }, () => backOff.afterDeath(50));
  expect(waits).toEqual([0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  expect([backOff.afterDeath(60_000), backOff.afterDeath(60_000), backOff.afterDeath(50)]).toEqual([0, 0, 100]);
});
