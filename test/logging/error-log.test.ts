import { describe, expect, it } from 'vitest';
import { errorLine, strayErrorLine } from '../../src/logging/error-log.js';
import type { Environ } from '../../src/types.js';

const environ = {
  REQUEST_METHOD: 'GET',
  REQUEST_URI: '/a?b',
  REMOTE_ADDR: '192.0.2.1',
  'uwsgiref.request_id': 'theirs',
} as unknown as Environ;

describe('an error as JSON', () => {
  it('has its request, its name, its message and its stack with causes, in one line', () => {
    const error = new TypeError('not\na number', { cause: new RangeError('why') });
    const line = errorLine({ error, environ }, Date.UTC(2026, 10, 21));
    expect(line).not.toContain('\n');
    const { stack, ...others } = JSON.parse(line) as Record<string, string>;
    expect(others).toEqual({
      time: '2026-11-21T00:00:00.000Z',
      level: 'error',
      requestId: 'theirs',
      address: '192.0.2.1',
      method: 'GET',
      target: '/a?b',
      error: 'TypeError',
      message: 'not\na number',
    });
    expect(stack).toMatch(/^TypeError: not\na number\n +at [\s\S]*\nCaused by: RangeError: why\n +at /);
  });

  it('controls no terminal', () => {
    const line = errorLine({ error: new Error('\x1b[2J\x9b2J\u202e'), environ }, 0);
    expect(line).toMatch(/^[ -~]+$/);
    expect(JSON.parse(line)).toMatchObject({ message: '\x1b[2J\x9b2J\u202e' });
  });

  it('may be anything that was thrown', () => {
    const parsed = JSON.parse(errorLine({ error: { a: 1 }, environ: { ...environ, REMOTE_ADDR: '' } }, 0)) as object;
    expect(parsed).toMatchObject({ error: 'Thrown', address: 'unix:' });
    expect((parsed as { message: string }).message).toContain('a');
  });

  it('has no request where it is of none', () => {
    const line = strayErrorLine('unhandledRejection', new Error('lost\n'), Date.UTC(2026, 10, 21));
    const { stack, ...others } = JSON.parse(line) as Record<string, unknown>;
    expect(others).toEqual({
      time: '2026-11-21T00:00:00.000Z',
      level: 'error',
      event: 'unhandledRejection',
      pid: process.pid,
      error: 'Error',
      message: 'lost\n',
    });
    expect(stack).toMatch(/^Error: lost\n/);
  });
});
