import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** Tests of CPython's that have no counterpart here, `Class.method`, and why. */
const EXCEPTIONS: Record<string, string> = {};

/** Tests of ours that only the later releases of 3.11 have, and where they come from. */
const LATER: Record<string, string> = {
  'HeaderTests.testRaisesControlCharacters': 'gh-143916',
  'HandlerTests.testRaisesControlCharacters': 'gh-144370',
};

const FILES = ['integration', 'utility', 'headers', 'handlers'];

// A distribution may leave the test package out. Another version has other tests.
const FIND_SUITE = `
import importlib.util, sys
if sys.version_info[:2] == (3, 11):
    spec = importlib.util.find_spec('test.test_wsgiref')
    print(spec.origin if spec else '', end='')
`;

function cpythonSuite(): string {
  const python = spawnSync('python3', ['-I', '-c', FIND_SUITE], { encoding: 'utf8' });
  return python.status === 0 ? python.stdout : '';
}

/** `Class.method` for each test of a file, in order: under a line that `group` matches, those that `test` matches. */
function testsOf(text: string, group: RegExp, test: RegExp): string[] {
  const names: string[] = [];
  let name: string | undefined;
  for (const line of text.split('\n')) {
    const method = test.exec(line)?.[1];
    if (/^\S/.test(line)) name = group.exec(line)?.[1];
    else if (name !== undefined && method !== undefined) names.push(`${name}.${method}`);
  }
  return names;
}

const suite = cpythonSuite();

it.skipIf(suite === '')('CPython’s own tests are all here (needs a python3 of 3.11 with its test package)', () => {
  const theirs = testsOf(readFileSync(suite, 'utf8'), /^class (\w+)\(TestCase\):/, /^ {4}def (test\w*)\(/);
  const ours = FILES.flatMap((file) => {
    const text = readFileSync(new URL(`${file}.test.ts`, import.meta.url), 'utf8');
    return testsOf(text, /^describe\('(\w+)'/, /^ {2}it\('(\w+)'/);
  });
  expect(ours).not.toEqual([]);
  expect(
    theirs.filter((name) => !ours.includes(name) && !(name in EXCEPTIONS)),
    'without a test here',
  ).toEqual([]);
  expect(
    ours.filter((name) => !theirs.includes(name) && !(name in LATER)),
    'unknown to CPython',
  ).toEqual([]);
  for (const [name, reason] of Object.entries(EXCEPTIONS)) {
    expect([theirs.includes(name), ours.includes(name)], name).toEqual([true, false]);
    expect(reason, name).toMatch(/\w/);
  }
  expect(new Set(ours).size).toBe(ours.length);
});
