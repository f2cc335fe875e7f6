import { describe, expect, it } from 'vitest';
import type { Application, ResponseBody } from '../../src/types.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { gate, later, plain, started, until } from './fixtures/started-server.js';

/** An application of each kind, all with the same answer. */
const KINDS: Array<[what: string, application: Application]> = [
  [
    'that returns an array',
    (_environ, startResponse) => {
      startResponse('200 OK', plain());
      return ['one ', 'two'];
    },
  ],
  [
    'that promises an array',
    async (_environ, startResponse) => {
      await later(1);
      startResponse('200 OK', plain());
      return ['one ', 'two'];
    },
  ],
  [
    'that begins, then promises',
    async (_environ, startResponse) => {
      startResponse('200 OK', plain());
      await later(1);
      return ['one ', 'two'];
    },
  ],
  [
    'that is a generator, and begins only when it is asked',
    function* (_environ, startResponse) {
      startResponse('200 OK', plain());
      yield 'one ';
      yield 'two';
    },
  ],
  [
    'that is an asynchronous generator',
    async function* (_environ, startResponse) {
      startResponse('200 OK', plain());
      yield 'one ';
      await later(1);
      yield 'two';
    },
  ],
  [
    'that promises a generator',
    async (_environ, startResponse) => {
      startResponse('200 OK', plain());
      return (function* () {
        yield 'one ';
        yield Buffer.from('two');
      })();
    },
  ],
  [
    'that returns an object with an iterator',
    (_environ, startResponse) => {
      startResponse('200 OK', plain());
      return new Set(['one ', 'two']);
    },
  ],
  [
    'that uses write()',
    (_environ, startResponse) => {
      const write = startResponse('200 OK', plain());
      write('one ');
      write('two');
      return [];
    },
  ],
  [
    'that uses write() and returns the rest',
    (_environ, startResponse) => {
      const write = startResponse('200 OK', plain());
      write('one ');
      return ['two'];
    },
  ],
  [
    'that uses write() later',
    async (_environ, startResponse) => {
      const write = startResponse('200 OK', plain());
      write('one ');
      await later(1);
      write('two');
      return [];
    },
  ],
];

describe('an application', () => {
  for (const [what, application] of KINDS) {
    it(`${what} is answered in full, alone and pipelined, and closed once each`, async () => {
      let closed = 0;
      const counting: Application = async (environ, startResponse) => {
        const body = await application(environ, startResponse);
        return Object.assign(body, { close: () => void closed++ }) as ResponseBody;
      };
      for (const each of [application, counting]) {
        const { port, errors } = await started(each);
        const client = await RawClient.open(port);
        expect((await client.send(get('/')).response()).body.toString()).toBe('one two');
        client.send(get('/').repeat(5) + request('HEAD', '/') + get('/'));
        for (let round = 0; round < 5; round++) expect((await client.response()).body.toString()).toBe('one two');
        expect((await client.response('HEAD')).status).toBe(200);
        expect((await client.response()).body.toString()).toBe('one two');
        expect(errors.text).toBe('');
      }
      await until(() => closed === 8);
    });
  }

  it('has each block sent before it is asked for the next', async () => {
    for (const later of [false, true]) {
      const next = [gate(), gate()];
      const { port } = await started((_environ, startResponse) => {
        const write = startResponse('200 OK', plain());
        const blocks = async function* () {
          yield 'block 0';
          for (const [index, { opened }] of next.entries()) {
            await opened;
            yield `block ${index + 1}`;
          }
        };
        if (!later) return blocks();
        write('written');
        return blocks();
      });
      const client = await RawClient.open(port);
      client.send(get('/'));
      if (later) await client.seen('written');
      await client.seen('block 0');
      next[0]!.open();
      await client.seen('block 1');
      expect(client.received.includes('0\r\n\r\n')).toBe(false);
      next[1]!.open();
      expect((await client.response()).body.toString()).toBe(`${later ? 'written' : ''}block 0block 1block 2`);
    }
  });

  it('has close() awaited before the response is over, where that is asynchronous', async () => {
    const closing = gate();
    const order: string[] = [];
    const { port } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      return Object.assign(['body'], {
        async close() {
          order.push('close');
          await closing.opened;
          order.push('closed');
        },
      });
    });
    const client = await RawClient.open(port);
    expect((await client.send(get('/')).response()).body.toString()).toBe('body');
    await until(() => order.length === 1);
    closing.open();
    await until(() => order.length === 2);
  });

  it('may replace a response it has not begun to send, and no other', async () => {
    const { port, errors } = await started((environ, startResponse) => {
      const write = startResponse('200 OK', plain());
      if (environ.PATH_INFO === '/begun') write('begun');
      startResponse('503 Service Unavailable', plain(), new Error('replaced'));
      return ['sorry'];
    });
    const client = await RawClient.open(port);
    const response = await client.send(get('/')).response();
    expect([response.status, response.body.toString()]).toEqual([503, 'sorry']);
    expect(errors.text).toBe('');
    await expect(client.send(get('/begun')).response()).rejects.toThrow('ended');
    expect(errors.text).toContain('Error: replaced');
  });
});
