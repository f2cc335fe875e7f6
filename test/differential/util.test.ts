import { describe, it } from 'vitest';
import type { Environ } from '../../src/types.js';
import { applicationUri, guessScheme, requestUri, setupTestingDefaults, shiftPathInfo } from '../../src/util.js';
import type { Random } from '../random.mjs';
import { attempt, differential } from './oracle.js';

const PATH = 'ab/./;=,:@%?#&+ ~_-\'"<>\\^`{|}\xe4\xff\x00\x7f\u0100';

interface UriCase {
  environ: Partial<Environ>;
  defaults: boolean;
}

function inventUri(random: Random): UriCase {
  const environ: Record<string, string> = {};
  const perhaps = (key: string, value: () => string): void => {
    if (!random.chance(3)) environ[key] = value();
  };
  perhaps('HTTPS', () => random.pick(['on', 'yes', '1', 'off', 'On', '']));
  perhaps('wsgi.url_scheme', () => random.pick(['http', 'https', 'gopher']));
  perhaps('HTTP_HOST', () => random.pick(['', 'example.com', 'example.com:8000']));
  perhaps('SERVER_NAME', () => random.pick(['localhost', '::1']));
  perhaps('SERVER_PORT', () => random.pick(['80', '443', '8000', '']));
  perhaps('SCRIPT_NAME', () => (random.chance(3) ? '' : `/${random.text(PATH, 8)}`));
  perhaps('PATH_INFO', () => (random.chance(5) ? '' : `/${random.text(PATH, 12)}`));
  perhaps('QUERY_STRING', () => random.text('a=b&%E4?/ ', 6));
  return { environ, defaults: random.chance(2) };
}

interface ShiftCase {
  environ: Partial<Environ>;
  times: number;
}

function inventShift(random: Random): ShiftCase {
  const path = (most: number) => random.list(most, () => random.pick(['', '', '.', '..', 'a', 'b.c', '...', '\xe4 ']));
  const environ: Partial<Environ> = {};
  const slash = random.chance(20) ? '' : '/';
  if (!random.chance(10)) environ.PATH_INFO = random.chance(10) ? '' : slash + path(7).join('/');
  if (!random.chance(5)) environ.SCRIPT_NAME = random.pick(['', '/', '//', '///', 'x']) + path(4).join('/');
  return { environ, times: 1 + random.below(6) };
}

describe('as CPython has them', () => {
  it(
    'URIs',
    differential('uris', inventUri, ({ environ, defaults }) => {
      const given = { ...environ };
      if (defaults) setupTestingDefaults(given);
      return [
        attempt(() => guessScheme(given)),
        attempt(() => applicationUri(given)),
        attempt(() => requestUri(given)),
        attempt(() => requestUri(given, false)),
      ];
    }),
  );

  it(
    'shiftPathInfo',
    differential('shift', inventShift, ({ environ, times }) => {
      const given = { ...environ };
      return Array.from({ length: times }, () => [
        attempt(() => shiftPathInfo(given)),
        given.SCRIPT_NAME ?? null,
        given.PATH_INFO ?? null,
      ]);
    }),
  );
});
