import { describe, expect, it } from 'vitest';
import type { Application } from '../../src/types.js';
import { curl } from './fixtures/curl.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { IncompleteResponse } from './fixtures/response-reader.js';
import { echoPath, later, plain, started, until } from './fixtures/started-server.js';

const PURPOSE = 'SecretError on purpose';

const BEFORE_THE_HEAD: Array<[what: string, application: Application]> = [
  [
    'throws',
    () => {
      throw new Error(PURPOSE);
    },
  ],
  ['rejects', () => Promise.reject(new Error(PURPOSE))],
  [
    'throws behind startResponse',
    (_environ, startResponse) => {
      startResponse('200 OK', plain(['X-Never', 'sent']));
      throw new Error(PURPOSE);
    },
  ],
  [
    'rejects behind startResponse, later',
    async (_environ, startResponse) => {
      startResponse('200 OK', plain(['X-Never', 'sent']));
      await later(1);
      throw new Error(PURPOSE);
    },
  ],
  [
    'throws at its first block',
    // biome-ignore lint/correctness/useYield: it never comes to that
    function* (_environ, startResponse) {
      startResponse('200 OK', plain(['X-Never', 'sent']));
      throw new Error(PURPOSE);
    },
  ],
  [
    'throws at its first asynchronous block',
    // biome-ignore lint/correctness/useYield: it never comes to that
    async function* (_environ, startResponse) {
      startResponse('200 OK', plain(['X-Never', 'sent']));
      await later(1);
      throw new Error(PURPOSE);
    },
  ],
];

const BEHIND_THE_HEAD: Array<[what: string, application: Application]> = [
  [
    'a generator that throws',
    function* (_environ, startResponse) {
      startResponse('200 OK', plain());
      yield 'begun';
      throw new Error(PURPOSE);
    },
  ],
  [
    'an asynchronous generator that throws',
    async function* (_environ, startResponse) {
      startResponse('200 OK', plain());
      yield 'begun';
      await later(1);
      throw new Error(PURPOSE);
    },
  ],
  [
    'an application that throws behind write()',
    (_environ, startResponse) => {
      startResponse('200 OK', plain())('begun');
      throw new Error(PURPOSE);
    },
  ],
  [
    'an application that rejects behind write()',
    async (_environ, startResponse) => {
      startResponse('200 OK', plain())('begun');
      await later(1);
      throw new Error(PURPOSE);
    },
  ],
  [
    'a generator with a Content-Length that throws',
    function* (_environ, startResponse) {
      startResponse('200 OK', plain(['Content-Length', '100']));
      yield 'begun';
      throw new Error(PURPOSE);
    },
  ],
];

describe('an error', () => {
  for (const [what, application] of BEFORE_THE_HEAD) {
    it(`before the head, of an application that ${what}, is logged and answered 500`, async () => {
      const { port, errors } = await started((environ, startResponse) =>
        environ.PATH_INFO === '/ok' ? echoPath(environ, startResponse) : application(environ, startResponse),
      );
      const client = await RawClient.open(port);
      client.send(get('/') + get('/ok') + get('/'));
      for (const path of ['/', '/ok', '/']) {
        const response = await client.response();
        expect(response.status).toBe(path === '/ok' ? 200 : 500);
        expect(response.field('x-never')).toBeUndefined();
        expect(response.body.toString()).not.toContain('Secret');
      }
      expect(errors.text.split(PURPOSE)).toHaveLength(3);
      expect(errors.text).toMatch(/\n +at /);
    });
  }

  for (const [what, application] of BEHIND_THE_HEAD) {
    it(`behind the head, of ${what}, is logged and ends the connection without the body's end`, async () => {
      const { port, errors, server } = await started(application);
      const client = await RawClient.open(port);
      client.send(get('/') + get('/'));
      const error: unknown = await client.response().catch((error: unknown) => error);
      expect(error).toBeInstanceOf(IncompleteResponse);
      expect((error as IncompleteResponse).received.toString()).toMatch(/^(5\r\n)?begun(\r\n)?$/);
      await until(() => server.stats().openConnections === 0);
      expect(errors.text).toContain(PURPOSE);
    });

    it(`behind the head, of ${what}, is no whole response to HTTP/1.0, where an end could pass for the body's`, async () => {
      const { server } = await started(application);
      const { code } = await curl(['--http1.0', server.url]);
      // 18: shorter than announced; 56: the connection was reset.
      expect([18, 56]).toContain(code);
    });
  }

  it('in close() is logged, and costs the response nothing', async () => {
    let first = true;
    const { port, errors } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      const fails = first
        ? () => {
            throw new Error(PURPOSE);
          }
        : () => Promise.reject(new Error(PURPOSE));
      first = false;
      return Object.assign(['whole'], { close: fails });
    });
    const client = await RawClient.open(port);
    for (let round = 1; round <= 2; round++) {
      expect((await client.send(get('/')).response()).body.toString()).toBe('whole');
      await until(() => errors.text.split(PURPOSE).length === round + 1);
    }
  });
});
