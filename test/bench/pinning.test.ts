import { expect, it } from 'vitest';
import { chooseLoadCore, parseCoreList } from '../../bench/harness/pinning.mjs';

it.each([
  ['0\n', [0]],
  ['0,4\n', [0, 4]],
  ['0-1\n', [0, 1]],
  ['0-1,8-9\n', [0, 1, 8, 9]],
])('reads the list of cores %j', (list, cores) => {
  expect(parseCoreList(list)).toEqual(cores);
});

it("the load generator does not share the server's physical core, but where there is no other", () => {
  expect(chooseLoadCore([0], 2)).toEqual({ core: 1, shared: false });
  expect(chooseLoadCore([0, 4], 8)).toEqual({ core: 1, shared: false });
  expect(chooseLoadCore([0, 1], 8)).toEqual({ core: 2, shared: false });
  expect(chooseLoadCore([0, 1], 2)).toEqual({ core: 1, shared: true });
});
