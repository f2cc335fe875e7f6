import { describe, expect, it } from 'vitest';
import { findUSockets, loadAddon, type NativeEngine } from '../../src/server/native-addon.js';
import type { Application, ResponseBody } from '../../src/types.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { echoPath, later, plain, started, until } from './fixtures/started-server.js';

const JUNK: unknown[] = [
  null,
  undefined,
  0,
  42,
  true,
  'text',
  '',
  Symbol('s'),
  10n,
  {},
  () => ['x'],
  Buffer.from('x'),
  new Date(0),
];

/** Serves `/ok` properly, and everything else by `application`. */
function beside(application: Application) {
  return started((environ, startResponse) =>
    environ.PATH_INFO === '/ok' ? echoPath(environ, startResponse) : application(environ, startResponse),
  );
}

async function expectFailure(client: RawClient): Promise<void> {
  client.send(get('/') + get('/ok'));
  expect((await client.response()).status).toBe(500);
  expect((await client.response()).body.toString()).toBe('GET /ok');
}

describe('an application that', () => {
  it('returns junk is answered 500', async () => {
    for (const junk of JUNK) {
      for (const wrap of [(value: unknown) => value, (value: unknown) => Promise.resolve(value)]) {
        const { port, errors } = await beside((_environ, startResponse) => {
          startResponse('200 OK', plain());
          return wrap(junk) as ResponseBody;
        });
        await expectFailure(await RawClient.open(port));
        expect(errors.text).not.toBe('');
      }
    }
  });

  it('yields junk is answered 500', async () => {
    for (const junk of JUNK.filter((each) => typeof each !== 'string' && !Buffer.isBuffer(each))) {
      for (const wrap of [(value: unknown) => [value], (value: unknown) => new Set([value])]) {
        const { port } = await beside((_environ, startResponse) => {
          startResponse('200 OK', plain());
          return wrap(junk) as ResponseBody;
        });
        await expectFailure(await RawClient.open(port));
      }
    }
  });

  it('gives junk for a status or headers is answered 500', async () => {
    for (const junk of [...JUNK, [['a']], [['a', 1]], [[1, 'a']], ['ab'], [null]]) {
      for (const [status, headers] of [
        [junk, plain()],
        ['200 OK', junk],
      ]) {
        const { port } = await beside((_environ, startResponse) => {
          startResponse(status as string, headers as [string, string][]);
          return [];
        });
        await expectFailure(await RawClient.open(port));
      }
    }
  });

  it('never calls startResponse is answered 500', async () => {
    for (const body of [[], ['x'], new Set(['x']), (async function* () {})()]) {
      const { port, errors } = await beside(() => body);
      await expectFailure(await RawClient.open(port));
      expect(errors.text).toContain('startResponse');
    }
  });

  it('calls startResponse twice is answered 500', async () => {
    const { port, errors } = await beside((_environ, startResponse) => {
      startResponse('200 OK', plain());
      startResponse('200 OK', plain());
      return [];
    });
    await expectFailure(await RawClient.open(port));
    expect(errors.text).toContain('already set');
  });

  it('throws anything at all is answered 500', async () => {
    for (const junk of [
      ...JUNK,
      Object.create(null),
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('hostile');
          },
        },
      ),
    ]) {
      const { port } = await beside(() => {
        throw junk;
      });
      await expectFailure(await RawClient.open(port));
      const rejecting = await beside(() => Promise.reject(junk));
      await expectFailure(await RawClient.open(rejecting.port));
    }
  });

  it('uses write() or startResponse() when its response is over cannot touch another one', async () => {
    const kept: Array<() => void> = [];
    const { port } = await beside((_environ, startResponse) => {
      const write = startResponse('200 OK', plain());
      kept.push(
        () => write('late'),
        () => void startResponse('500 Late', plain(), new Error('late')),
      );
      return ['done'];
    });
    const client = await RawClient.open(port);
    for (let round = 0; round < 3; round++) {
      expect((await client.send(get('/')).response()).body.toString()).toBe('done');
      for (const call of kept) {
        try {
          call();
        } catch {}
      }
    }
    expect((await client.send(get('/ok')).response()).body.toString()).toBe('GET /ok');
    expect(client.received.length).toBe(0);
  });

  it('changes what it has returned while that is being sent harms itself alone', async () => {
    const { port } = await beside((_environ, startResponse) => {
      const headers = plain();
      startResponse('200 OK', headers);
      headers.push(['X-Late', 'a\r\nb'], ['', '']);
      return ['x'];
    });
    const client = await RawClient.open(port);
    for (let round = 0; round < 3; round++) {
      const response = await client.send(get('/')).response();
      expect(response.field('b')).toBeUndefined();
    }
    expect((await client.send(get('/ok')).response()).body.toString()).toBe('GET /ok');
  });

  it('hands over memory that it detaches afterwards sends what it was', async () => {
    const { port } = await beside(async (_environ, startResponse) => {
      const write = startResponse('200 OK', plain(['Content-Length', '600000']));
      const block = new Uint8Array(300_000).fill(65);
      write(block);
      structuredClone(block.buffer, { transfer: [block.buffer] });
      await later(1);
      return [new Uint8Array(300_000).fill(66)];
    });
    const client = await RawClient.open(port);
    client.send(get('/'));
    // Whether the detached block was taken in time or not: no other memory may show.
    const { body } = await client
      .response()
      .catch((error: { received?: Buffer }) => ({ body: error.received ?? Buffer.alloc(0) }));
    expect(body.every((byte) => byte === 65 || byte === 66)).toBe(true);
  });
});

describe('the engine, called as nobody should', () => {
  const nothing = () => undefined;

  it('answers "gone" for handles that never were, and ignores junk', () => {
    const engine = loadAddon(`${import.meta.dirname}/../../build/Release/uwsgiref.node`).open(
      findUSockets(),
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
    );
    const bytes = Buffer.from('x');
    for (const [slot, generation] of [
      [0, 0],
      [1, 1],
      [2 ** 32 - 1, 2 ** 32 - 1],
      [-1, -1],
      [Number.NaN, Number.POSITIVE_INFINITY],
    ] as const) {
      expect(engine.respond(slot, generation, '200 OK\n', 0, bytes)).toBe(-1);
      expect(engine.start(slot, generation, '200 OK\n', 0, -1)).toBe(-1);
      expect(engine.write(slot, generation, bytes)).toBe(-1);
      expect(engine.sendFile(slot, generation, '200 OK\n', 0, 0, -1, -1, 0)).toBe(-1);
      engine.finish(slot, generation);
      engine.abort(slot, generation);
    }
    expect(engine.stats(99)).toMatchObject({ openConnections: 0 });
    expect(engine.trusts(99, '127.0.0.1')).toBe(0);
    engine.drain(99, 0, 0);
    engine.closeConnections(99);
    engine.giveAnswers();
    type Loose = Record<string, (...junk: unknown[]) => unknown>;
    for (const name of [
      'respond',
      'start',
      'write',
      'finish',
      'abort',
      'sendFile',
      'drain',
      'closeConnections',
      'stats',
      'trusts',
      'addressText',
      'isHost',
    ]) {
      for (const junk of JUNK) (engine as unknown as Loose)[name]!(junk, junk, junk, junk, junk, junk, junk);
      (engine as unknown as Loose)[name]!();
    }
  });

  it('takes one answer to a request, and no other', async () => {
    let engine: NativeEngine | undefined;
    let handle: [number, number] | undefined;
    engine = loadAddon(`${import.meta.dirname}/../../build/Release/uwsgiref.node`).open(
      findUSockets(),
      () => {
        const places = new Uint32Array(engine!.shared, engine!.layout.record, 2);
        handle = [places[0]!, places[1]!];
      },
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
    );
    const { listener, address } = engine.listen({ host: '127.0.0.1', port: 0 });
    const client = await RawClient.open('port' in address ? address.port : 0);
    client.send(get('/'));
    await until(() => handle !== undefined);
    const first = handle!;
    const head = '200 OK\nContent-Type\ntext/plain\n';
    expect(engine.write(...first, Buffer.from('too early'))).toBe(-3);
    engine.finish(...first);
    // A head that is not what it says it is.
    for (const [text, count] of [
      ['200 OK\nA\nb\nc\n', 1],
      ['200 OK\nA\nb\n', 2],
      ['200 OK\n', 4_000_000_000],
      ['', 0],
      ['junk\n', 0],
      ['200 OK\nA b\nc\n', 1],
    ] as const) {
      expect(engine.respond(...first, text, count, undefined)).toBeLessThanOrEqual(-16);
      expect(engine.start(...first, text, count, -1)).toBeLessThanOrEqual(-16);
    }
    expect(engine.sendFile(...first, head, 1, 999_999, -1, -1, 0)).toBe(-2);
    expect(engine.start(...first, head, 1, 4)).toBe(0);
    expect(engine.start(...first, head, 1, 4)).toBe(-3);
    expect(engine.respond(...first, head, 1, Buffer.from('x'))).toBe(-3);
    expect(engine.sendFile(...first, head, 1, 0, 0, 0, 0)).toBe(-3);
    expect(engine.write(...first, Buffer.from('12'))).toBe(2);
    expect(engine.write(...first, Buffer.from('34'))).toBe(2);
    engine.finish(...first);
    expect((await client.response()).body.toString()).toBe('1234');
    expect(engine.respond(...first, head, 1, Buffer.from('again'))).toBe(-1);
    engine.finish(...first);
    engine.abort(...first);

    handle = undefined;
    client.send(get('/'));
    await until(() => handle !== undefined);
    const second: [number, number] = handle!;
    // The same place, another time.
    expect(engine.respond(...first, head, 1, Buffer.from('stale'))).toBe(-1);
    engine.abort(...first);
    expect(engine.respond(...second, head, 1, Buffer.from('fresh'))).toBe(5);
    expect((await client.response()).body.toString()).toBe('fresh');
    client.socket.destroy();
    engine.drain(listener, 0, 0);
  });
});
