import { describe, expect, it } from 'vitest';
import type { Application, Chunk, ResponseBody } from '../../src/types.js';
import { descriptorsBackTo, openDescriptors } from './fixtures/descriptors.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoPath, gate, later, plain, type StartedServer, started, until } from './fixtures/started-server.js';

/** What goes wrong in an application, at each point where it can; and nothing of it is left behind. */

const PURPOSE = 'SecretError on purpose';
const fail = (): never => {
  throw new Error(PURPOSE);
};
const never = new Promise<never>(() => undefined);

/** Counts how often the results of an application are made and closed. */
class Results {
  made = 0;
  closed = 0;
  /** Those that were closed twice. */
  twice = 0;

  /** A result of these blocks. */
  of<Blocks extends object>(blocks: Blocks, close: () => void | Promise<void> = () => undefined): Blocks {
    let closed = false;
    this.made++;
    return Object.assign(blocks, {
      close: () => {
        if (closed) this.twice++;
        closed = true;
        this.closed++;
        return close();
      },
    });
  }
}

/** Blocks from an iterator, each of whose methods may be given. */
function iterable(iterator: Partial<Iterator<Chunk>>): Iterable<Chunk> {
  return { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 'block' }), ...iterator }) };
}

function asyncIterable(iterator: Partial<AsyncIterator<Chunk>>): AsyncIterable<Chunk> {
  return {
    [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 'block' }), ...iterator }),
  };
}

/** Answers a block, and then what `end` has instead of another. */
function once<Step>(end: () => Step): () => Step | { done: false; value: string } {
  let begun = false;
  return () => {
    if (begun) return end();
    begun = true;
    return { done: false, value: 'begun' };
  };
}

type Fault = (results: Results) => ResponseBody | Promise<ResponseBody>;

/** Faults after which the connection is free again, or closed, by itself; and those where the client has to leave. */
const FAULTS: Array<[what: string, ends: boolean, fault: Fault]> = [
  ['throws before the head', true, fail],
  ['throws what is no error', true, () => Promise.reject(undefined)],
  ['rejects', true, () => Promise.reject(new Error(PURPOSE))],
  ['rejects late', true, () => later(5).then(fail)],
  ['never answers', false, () => never],
  ['answers what is no result', true, (results) => results.of({}) as never],
  ['has an iterator that cannot be had', true, (results) => results.of({ [Symbol.iterator]: fail })],
  ['throws at the first block', true, (results) => results.of(iterable({ next: fail }))],
  ['throws at the second block', true, (results) => results.of(iterable({ next: once(fail) }))],
  [
    'rejects at the second block',
    true,
    (results) => {
      const next = once(fail);
      return results.of(asyncIterable({ next: async () => next() }));
    },
  ],
  ['never makes its first block', false, (results) => results.of(asyncIterable({ next: () => never }))],
  [
    'never makes its second block',
    false,
    (results) => {
      const next = once(() => never);
      return results.of(asyncIterable({ next: async () => next() }));
    },
  ],
  ['makes a block that is none', true, (results) => results.of([42 as never])],
  ['throws in return()', true, (results) => results.of(iterable({ next: once(() => 0 as never), return: fail }))],
  ['throws in return(), without end', false, (results) => results.of(iterable({ return: fail }))],
  [
    'rejects in return(), without end',
    false,
    (results) => results.of(asyncIterable({ return: () => Promise.reject(new Error(PURPOSE)) })),
  ],
  ['throws in close()', true, (results) => results.of(['whole'], fail)],
  ['rejects in close()', true, (results) => results.of(['whole'], () => later(1).then(fail))],
  ['never comes back from close()', true, (results) => results.of(['whole'], () => never)],
  [
    'throws at the second block and in close()',
    true,
    (results) => results.of(iterable({ next: once(fail), return: fail }), fail),
  ],
];

/** Has every request but those to /ok go wrong. */
async function failing(fault: Fault): Promise<StartedServer & { results: Results }> {
  const results = new Results();
  const application: Application = (environ, startResponse) => {
    if (environ.PATH_INFO === '/ok') return echoPath(environ, startResponse);
    // Behind this the head is the application's, and has not left.
    startResponse('200 OK', plain());
    return fault(results);
  };
  return { ...(await started(application)), results };
}

/** Nothing is left of what the server had to do, and it does what comes. */
async function nothingIsLeft({ server, port, results }: StartedServer & { results: Results }, descriptors: number) {
  await until(() => server.stats().openConnections === 0 && results.closed === results.made);
  await descriptorsBackTo(descriptors);
  const client = await RawClient.open(port);
  expect((await client.send(get('/ok')).response()).body.toString()).toBe('GET /ok');
  await later(10);
  expect(results).toMatchObject({ closed: results.made, twice: 0 });
}

/** So large that it is stored in a file. */
const UPLOAD = request('POST', '/', 'Content-Length: 5000000') + 'x'.repeat(5_000_000);
const UPLOAD_IN_MEMORY = request('POST', '/', 'Content-Length: 600000') + 'x'.repeat(600_000);
const SENT = [get('/'), get('/').repeat(3), UPLOAD];

describe.each(FAULTS.filter(([, ends]) => ends))('an application that %s', (_what, _ends, fault) => {
  it('leaves nothing behind, whether its requests come alone, pipelined or with a stored body', async () => {
    const server = await failing(fault);
    const descriptors = openDescriptors().length;
    for (const sent of SENT) {
      const client = await RawClient.open(server.port);
      client.send(sent);
      await client.response().catch(() => undefined);
      client.socket.end();
      await client.end();
      client.socket.destroy();
    }
    await nothingIsLeft(server, descriptors);
  });
});

describe.each(FAULTS)('an application that %s', (_what, _ends, fault) => {
  it('leaves nothing behind when its client goes away', async () => {
    const server = await failing(fault);
    const descriptors = openDescriptors().length;
    for (const sent of SENT) {
      const { requests } = server.server.stats();
      const client = await RawClient.open(server.port);
      client.send(sent);
      await until(() => server.server.stats().requests > requests);
      await later(10);
      client.reset();
    }
    await nothingIsLeft(server, descriptors);
  });
});

describe('an application', () => {
  it('that never answers keeps nothing of the engine when its time is up', async () => {
    const { port, server } = await started(() => never, { requestTimeout: 300 });
    const descriptors = openDescriptors().length;
    const client = await RawClient.open(port);
    expect((await client.send(UPLOAD).response()).status).toBe(504);
    client.socket.end();
    await until(() => server.stats().openConnections === 0);
    client.socket.destroy();
    await descriptorsBackTo(descriptors);
  });

  it('that never comes back from return() keeps nothing of the engine, though its close() has to wait', async () => {
    const server = await failing((results) => results.of(asyncIterable({ return: () => never })));
    const descriptors = openDescriptors().length;
    const client = await RawClient.open(server.port);
    client.send(UPLOAD);
    await client.seen('block');
    client.reset();
    await until(() => server.server.stats().openConnections === 0);
    await descriptorsBackTo(descriptors);
    expect(server.results).toMatchObject({ made: 1, closed: 0 });
  });

  it.each([
    ['in memory', UPLOAD_IN_MEMORY],
    ['in a file', UPLOAD],
  ])('is told that a body %s is lost which it reads when its client is gone', async (_, upload) => {
    const input = gate();
    const read: unknown[] = [];
    const { port, server, errors } = await started(async (environ) => {
      read.push(environ['wsgi.input'].read(10).length);
      await input.opened;
      try {
        read.push(environ['wsgi.input'].read());
      } catch (error) {
        read.push((error as Error).name);
        throw error;
      }
      return [];
    });
    const client = await RawClient.open(port);
    client.send(upload);
    await until(() => read.length === 1);
    client.reset();
    await until(() => server.stats().openConnections === 0);
    input.open();
    await until(() => read.length === 2);
    expect(read).toEqual([10, 'ClientDisconnectedError']);
    await later(5);
    expect(errors.text).toBe('');
  });

  it('may read a stored body in close(), if it does so at once', async () => {
    let length = 0;
    const { port } = await started((environ, startResponse) => {
      startResponse('200 OK', plain());
      const close = async () => {
        length = environ['wsgi.input'].read().length;
        await never;
      };
      return Object.assign(['whole'], { close });
    });
    const client = await RawClient.open(port);
    expect((await client.send(UPLOAD).response()).body.toString()).toBe('whole');
    await until(() => length === 5_000_000);
  });
});
