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

  it('limits frames, not the message', () => {
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
