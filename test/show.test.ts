import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { describeError, repr, show } from '../src/show.js';

describe('show', () => {
  it('keeps to one line and cuts what is long', () => {
    expect(show('a\nb')).toBe("'a\\nb'");
    expect(show('x'.repeat(1000)).length).toBeLessThan(200);
    expect(show(Buffer.alloc(100_000)).length).toBeLessThan(200);
    expect(show(Array(1000).fill({ a: [{ b: [] }] }))).not.toMatch(/\n/);
  });
});

describe('repr', () => {
  it.each([
    ['', "''"],
    ["it's", `"it's"`],
    [`it's "it"`, `'it\\'s "it"'`],
    ['"', `'"'`],
    ['\\\t\r\n', "'\\\\\\t\\r\\n'"],
    ['\0\x1b\x7f\x85\xa0\xad\xe4', "'\\x00\\x1b\\x7f\\x85\\xa0\\xad\xe4'"],
  ])('of %j is as Python has it', (text, expected) => {
    expect(repr(text)).toBe(expected);
  });
});

describe('describeError', () => {
  it('says what was thrown, whatever that is', () => {
    expect(describeError('text', null)).toBe("Thrown: 'text'");
    expect(describeError(undefined, null)).toBe('Thrown: undefined');
  });

  it('shows causes', () => {
    const error = new Error('effect', { cause: new TypeError('cause', { cause: 'root' }) });
    expect(describeError(error, 0)).toBe("Error: effect\nCaused by: TypeError: cause\nCaused by: Thrown: 'root'");
  });

  it('names a class that has not named itself', () => {
    class Own extends RangeError {}
    expect(describeError(new Own('text'), 0)).toBe('Own: RangeError: text');
  });

  it('shows what an AggregateError stands for', () => {
    const error = new AggregateError([new Error('one'), 'two'], 'both');
    expect(describeError(error, 0)).toBe(
      "AggregateError: both\nOne of its errors: Error: one\nOne of its errors: Thrown: 'two'",
    );
  });

  it('survives whatever is thrown', () => {
    const own = new Error('own');
    own.cause = own;
    expect(describeError(own, 0)).toBe('Error: own\nCaused by: Error, see above');

    let deep = new Error('0');
    for (let level = 1; level < 20_000; level++) deep = new Error(String(level), { cause: deep });
    expect(describeError(deep, 0).split('\n')).toHaveLength(33);

    const throws = () => {
      throw new Error('looked at');
    };
    const bad = Object.defineProperty(new Error('bad'), 'stack', { get: throws });
    expect(describeError(bad, null)).toMatch(/^Thrown: a value that cannot be described/);
    expect(describeError({ [inspect.custom]: throws }, null)).toMatch(/^Thrown: /);
    expect(describeError(Object.assign(new Error('text'), { stack: 12 }), null)).toBe('Error: text');
    expect(describeError(Object.assign(new Error('text'), { constructor: null }), 0)).toBe('Error: text');
  });

  it('limits frames, not the message', () => {
    expect(describeError(new Error('text'), -1)).toBe('Error: text');
    const error = new Error('one\ntwo');
    expect(describeError(error, 0)).toBe('Error: one\ntwo');
    expect(describeError(error, 1).split('\n')).toHaveLength(3);
    expect(describeError(error, null)).toBe(error.stack);
  });

  it('does without a stack', () => {
    const error = new RangeError('bare');
    delete error.stack;
    expect(describeError(error, 3)).toBe('RangeError: bare');
  });
});
