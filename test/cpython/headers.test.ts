import { describe, expect, it } from 'vitest';
import { HeaderError, Headers } from '../../src/headers.js';
import type { HeaderList } from '../../src/types.js';
import { controlCharactersC0 } from './control-characters.js';

describe('HeaderTests', () => {
  it('testMappingInterface', () => {
    const test: HeaderList = [['x', 'y']];
    expect(new Headers().length).toBe(0);
    expect(new Headers([]).length).toBe(0);
    expect(new Headers([...test]).length).toBe(1);
    expect(new Headers([...test]).keys()).toEqual(['x']);
    expect(new Headers([...test]).values()).toEqual(['y']);
    expect(new Headers([...test]).items()).toEqual(test);
    expect(new Headers(test).items()).not.toBe(test); // must be a copy

    const h = new Headers();
    h.delete('foo'); // should not throw

    h.set('Foo', 'bar');
    // h.__contains__, h.get, h.get_all and h.__getitem__; the last is get(), too. An empty array is true in JavaScript.
    const lookups: Array<(name: string) => unknown> = [
      (name) => h.has(name),
      (name) => h.get(name),
      (name) => h.getAll(name).length,
    ];
    for (const lookup of lookups) {
      expect(lookup('foo')).toBeTruthy();
      expect(lookup('Foo')).toBeTruthy();
      expect(lookup('FOO')).toBeTruthy();
      expect(lookup('bar')).toBeFalsy();
    }

    expect(h.get('foo')).toBe('bar');
    h.set('foo', 'baz');
    expect(h.get('FOO')).toBe('baz');
    expect(h.getAll('foo')).toEqual(['baz']);

    expect(h.get('foo', 'whee')).toBe('baz');
    expect(h.get('zoo', 'whee')).toBe('whee');
    expect(h.setDefault('foo', 'whee')).toBe('baz');
    expect(h.setDefault('zoo', 'whee')).toBe('whee');
    expect(h.get('foo')).toBe('baz');
    expect(h.get('zoo')).toBe('whee');
  });

  it('testRequireList', () => {
    const foo: unknown = 'foo';
    expect(() => new Headers(foo as HeaderList)).toThrow(TypeError);
  });

  it('testExtras', () => {
    const h = new Headers();
    expect(String(h)).toBe('\r\n');

    h.addHeader('foo', 'bar', { baz: 'spam' });
    expect(h.get('foo')).toBe('bar; baz="spam"');
    expect(String(h)).toBe('foo: bar; baz="spam"\r\n\r\n');

    h.addHeader('Foo', 'bar', { cheese: null });
    expect(h.getAll('foo')).toEqual(['bar; baz="spam"', 'bar; cheese']);

    expect(String(h)).toBe('foo: bar; baz="spam"\r\nFoo: bar; cheese\r\n\r\n');
  });

  it('testRaisesControlCharacters', () => {
    for (const c0 of controlCharactersC0()) {
      const message = JSON.stringify(c0);
      const name = `key${c0}`;
      const value = `val${c0}ue`;
      const h = new Headers();
      expect(() => new Headers([[name, 'val']]), message).toThrow(HeaderError);
      expect(() => h.set(name, 'val'), message).toThrow(HeaderError);
      expect(() => h.setDefault(name, 'val'), message).toThrow(HeaderError);
      expect(() => h.addHeader(name, 'val', { param: 'param' }), message).toThrow(HeaderError);
      // HTAB is allowed in values (RFC 9110 §5.5), not in names.
      if (c0 === '\t') continue;
      expect(() => new Headers([['key', value]]), message).toThrow(HeaderError);
      expect(() => h.set('key', value), message).toThrow(HeaderError);
      expect(() => h.setDefault('key', value), message).toThrow(HeaderError);
      expect(() => h.addHeader('key', value, { param: 'param' }), message).toThrow(HeaderError);
      expect(() => h.addHeader('key', 'val', { param: value }), message).toThrow(HeaderError);
      expect(h.length).toBe(0);
    }
  });
});
