import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { checkField, HeaderError, Headers } from '../src/headers.js';
import type { HeaderList } from '../src/types.js';

describe('the mapping', () => {
  it('wraps the list that it is given', () => {
    const list: HeaderList = [['x', 'y']];
    const headers = new Headers(list);
    expect([headers.length, headers.keys(), headers.values()]).toEqual([1, ['x'], ['y']]);
    expect(headers.items()).toEqual(list);
    expect(headers.items()).not.toBe(list);
    headers.set('A', 'b');
    headers.delete('X');
    expect(list).toEqual([['A', 'b']]);
    expect([...headers]).toEqual(list);
  });

  it('is empty by default, and for each instance of its own', () => {
    new Headers().set('x', 'y');
    expect(new Headers().length).toBe(0);
    expect(new Headers(null).length).toBe(0);
  });

  it('compares names without case', () => {
    const headers = new Headers();
    headers.delete('foo');
    headers.set('Foo', 'bar');
    for (const name of ['foo', 'Foo', 'FOO']) {
      expect(headers.has(name)).toBe(true);
      expect(headers.get(name)).toBe('bar');
      expect(headers.getAll(name)).toEqual(['bar']);
    }
    expect([headers.has('bar'), headers.get('bar'), headers.getAll('bar')]).toEqual([false, null, []]);
    headers.set('foo', 'baz');
    expect(headers.getAll('FOO')).toEqual(['baz']);
  });

  it('falls back', () => {
    const headers = new Headers([['foo', 'baz']]);
    expect(headers.get('foo', 'whee')).toBe('baz');
    expect(headers.get('zoo', 'whee')).toBe('whee');
    expect(headers.setDefault('foo', 'whee')).toBe('baz');
    expect(headers.setDefault('zoo', 'whee')).toBe('whee');
    expect(headers.items()).toEqual([
      ['foo', 'baz'],
      ['zoo', 'whee'],
    ]);
  });

  it('set removes every field of the name and appends one', () => {
    const headers = new Headers([
      ['a', '1'],
      ['b', '2'],
      ['A', '3'],
      ['c', '4'],
    ]);
    headers.set('a', '5');
    expect(headers.items()).toEqual([
      ['b', '2'],
      ['c', '4'],
      ['a', '5'],
    ]);
  });

  it('takes an array alone', () => {
    expect(() => new Headers('foo' as unknown as HeaderList)).toThrow(TypeError);
    expect(() => new Headers({} as unknown as HeaderList)).toThrow(/must be an array/);
  });
});

it('shows what it wraps', () => {
  expect(inspect(new Headers([['a', 'b']]))).toBe("Headers([ [ 'a', 'b' ] ])");
});

describe('addHeader', () => {
  it('formats parameters', () => {
    const headers = new Headers();
    headers.addHeader('foo', 'bar', { baz: 'spam' });
    headers.addHeader('Foo', 'bar', { cheese: null });
    headers.addHeader('x', null, { a_b: '', c: 'say "no" \\' });
    headers.addHeader('y', 'alone');
    headers.addHeader('z', null);
    expect(headers.toString()).toBe(
      'foo: bar; baz="spam"\r\nFoo: bar; cheese\r\nx: a-b; c="say \\"no\\" \\\\"\r\ny: alone\r\nz: \r\n\r\n',
    );
  });

  it('refuses a parameter that is not a string', () => {
    const params = { size: 12 } as unknown as Record<string, string>;
    expect(() => new Headers().addHeader('X', 'y', params)).toThrow(AssertionError);
  });

  it('refuses a control character in a parameter', () => {
    expect(() => new Headers().addHeader('Content-Disposition', 'attachment', { filename: 'a\r\nb' })).toThrow(
      HeaderError,
    );
  });
});

describe('what goes on the wire', () => {
  it('ends in an empty line', () => {
    expect(new Headers().toString()).toBe('\r\n');
  });

  it('is ISO-8859-1', () => {
    expect(new Headers([['x', '\xe9\xff\t']]).toBytes()).toEqual(Buffer.from('783a20e9ff090d0a0d0a', 'hex'));
  });

  it('is checked again, for the list is not only ours', () => {
    const list: HeaderList = [];
    const headers = new Headers(list);
    list.push(['x', 'a\r\nb']);
    expect(() => headers.toString()).toThrow(HeaderError);
    expect(() => headers.toBytes()).toThrow(/headers\[0\]/);
  });
});

describe('checkField', () => {
  const doors: Array<[string, (name: string, value: string) => unknown]> = [
    ['checkField', checkField],
    ['the constructor', (name, value) => new Headers([[name, value]])],
    ['set', (name, value) => new Headers().set(name, value)],
    ['setDefault', (name, value) => new Headers().setDefault(name, value)],
    ['addHeader', (name, value) => new Headers().addHeader(name, value)],
  ];

  describe.each(doors)('through %s', (_door, enter) => {
    const controls = [...Array(0x20).keys(), 0x7f].filter((code) => code !== 0x09);

    it.each(controls)('refuses the control character %i', (code) => {
      expect(() => enter('X', `a${String.fromCharCode(code)}b`)).toThrow(HeaderError);
    });

    it.each(['', 'a b', 'a:', 'a\n', '\u00e4', 'a\tb', '(a)', '\u20ac'])('refuses the name %j', (name) => {
      expect(() => enter(name, 'b')).toThrow(HeaderError);
    });

    it('refuses what is not a string', () => {
      expect(() => enter('X', 12 as unknown as string)).toThrow(AssertionError);
      expect(() => enter(12 as unknown as string, 'x')).toThrow(/name/);
    });

    it('refuses what is no byte', () => {
      expect(() => enter('X', '\u0100')).toThrow(/U\+0100.*no ISO-8859-1 byte/);
    });

    it.each(['', 'text/plain', 'tab\tbed', '\x80\xff', ' ~'])('accepts the value %j', (value) => {
      expect(() => enter('X-Test_1', value)).not.toThrow();
    });
  });

  it('refuses a set before it deletes', () => {
    const headers = new Headers([['X', 'kept']]);
    expect(() => headers.set('X', 'a\nb')).toThrow(HeaderError);
    expect(headers.get('X')).toBe('kept');
  });

  it('says which field, where and what to do', () => {
    expect(() => checkField('X-Name', 'ab\ncd', 3)).toThrow(
      "The value of header 'X-Name' holds the control character U+000A at character 2 (headers[3]); " +
        'remove it, or encode the text, before it reaches a header',
    );
  });

  it('knows hop-by-hop names, however many names there are', () => {
    for (let round = 0; round < 3000; round++) expect(checkField(`X-${round}`, 'x').hopByHop).toBe(false);
    for (const name of ['Keep-Alive', 'KEEP-ALIVE', 'Keep-Alive']) expect(checkField(name, 'x').hopByHop).toBe(true);
  });

  it('asks an entry to be a pair', () => {
    expect(() => new Headers([['a']] as unknown as HeaderList)).toThrow(/headers\[0\] must be a \[name, value\] pair/);
    expect(() => new Headers(['ab'] as unknown as HeaderList)).toThrow(AssertionError);
  });
});
