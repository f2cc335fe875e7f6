import { describe, expect, it } from 'vitest';
import { setKnownField } from '../../src/server/known-fields.js';
import { openEngine } from '../../src/server/native-addon.js';
import type { Environ } from '../../src/types.js';

const nothing = () => {};
const { cgiKeys } = openEngine({
  onRequests: nothing,
  onReady: nothing,
  onGone: nothing,
  onRefused: nothing,
  onNotice: nothing,
  onDrained: nothing,
  onAnswered: nothing,
});

describe('setKnownField', () => {
  it('sets the key that the engine has under each number', () => {
    const set = cgiKeys.map((_, number) => {
      const environ = {} as Environ;
      setKnownField(environ, number, 'value');
      return Object.entries(environ);
    });
    expect(set).toEqual(cgiKeys.map((key) => (key === '' ? [] : [[key, 'value']])));
    expect(cgiKeys.length).toBeGreaterThan(50);
  });

  it('knows no number beyond the table', () => {
    const environ = {} as Environ;
    setKnownField(environ, cgiKeys.length, 'value');
    expect(environ).toEqual({});
  });
});
