/** `onAnswered`: what a log and metrics are told of each answer. */

import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../src/files.js';
import type { Answer, ServerOptions } from '../../src/server/index.js';
import type { Application } from '../../src/types.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { gate, later, plain, started, temporaryFolder, until } from './fixtures/started-server.js';

/** Serves, and keeps what is told of the answers. */
async function reporting(application: Application, options: ServerOptions = {}) {
  const answers: Answer[] = [];
  const { port, server, errors } = await started(application, {
    ...options,
    onAnswered: (answer) => void answers.push(answer),
  });
  return { port, server, errors, answers };
}

/** What can be known of an answer beforehand. */
function known({ environ, status, bytes, complete }: Answer) {
  return [environ.REQUEST_URI, status, bytes, complete];
}

const KINDS: Record<string, Application> = {
  '/small': (_environ, startResponse) => {
    startResponse('200 OK', plain());
    return ['hello'];
  },
  '/empty': (_environ, startResponse) => {
    startResponse('204 No Content', []);
    return [];
  },
  '/chunks': (_environ, startResponse) => {
    startResponse('201 Created', plain());
    return (async function* () {
      yield 'one';
      await later(20);
      yield 'three';
    })();
  },
  '/large': (_environ, startResponse) => {
    startResponse('200 OK', plain());
    return [Buffer.alloc(3_000_000)];
  },
  '/fails': () => {
    throw new Error('on purpose');
  },
};

const dispatch: Application = (environ, startResponse) => KINDS[environ.PATH_INFO ?? '']!(environ, startResponse);

describe('onAnswered', () => {
  it('hears of every answer once: its status, the bytes of its body, its end', async () => {
    const { port, answers } = await reporting(dispatch);
    const paths = ['/small', '/empty', '/chunks', '/large', '/fails'];
    const client = await RawClient.open(port);
    for (const path of paths) await client.send(get(path)).response();
    await until(() => answers.length === paths.length);
    expect(answers.map(known)).toEqual([
      ['/small', 200, 5, true],
      ['/empty', 204, 0, true],
      ['/chunks', 201, 8, true],
      ['/large', 200, 3_000_000, true],
      ['/fails', 500, expect.any(Number), true],
    ]);
    for (const { firstByte, duration } of answers) {
      expect(firstByte).toBeGreaterThanOrEqual(0);
      expect(duration).toBeGreaterThanOrEqual(firstByte);
    }
    const chunks = answers[2]!;
    expect(chunks.duration - chunks.firstByte).toBeGreaterThan(10);
  });

  it('counts a HEAD without a body, and pipelined answers in their order', async () => {
    const { port, answers } = await reporting(dispatch);
    const client = await RawClient.open(port);
    client.send(get('/chunks') + get('/small') + request('HEAD', '/small'));
    await until(() => answers.length === 3);
    expect(answers.map(known)).toEqual([
      ['/chunks', 201, 8, true],
      ['/small', 200, 5, true],
      ['/small', 200, 0, true],
    ]);
  });

  it('says of a file how much of it left, and that the client did not stay', async () => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, Buffer.alloc(50_000_000));
    const { port, answers } = await reporting((environ, startResponse) => {
      startResponse('200 OK', plain());
      return new environ['wsgi.file_wrapper']!(openFile(path));
    });
    const whole = await RawClient.open(port);
    whole.sink = () => undefined;
    whole.send(get('/whole'));
    await until(() => answers.length === 1);
    const part = await RawClient.open(port);
    part.send(get('/part'));
    await until(() => part.receivedBytes > 0);
    part.reset();
    await until(() => answers.length === 2);
    expect(known(answers[0]!)).toEqual(['/whole', 200, 50_000_000, true]);
    expect(known(answers[1]!)).toEqual(['/part', 200, expect.any(Number), false]);
    expect(answers[1]!.bytes).toBeGreaterThan(0);
    expect(answers[1]!.bytes).toBeLessThan(50_000_000);
  });

  it('says how much had left of a file that was cut in its midst', async () => {
    const path = join(temporaryFolder(), 'cut.bin');
    writeFileSync(path, Buffer.alloc(24_000_000));
    const { port, answers } = await reporting((environ, startResponse) => {
      startResponse('200 OK', plain());
      return new environ['wsgi.file_wrapper']!(openFile(path));
    });
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(get('/'));
    await later(100);
    truncateSync(path, 0);
    client.socket.resume();
    const received = await client.end();
    await until(() => answers.length === 1);
    const left = received.length - received.indexOf('\r\n\r\n') - 4;
    expect(answers[0]).toMatchObject({ status: 200, bytes: left, complete: false });
  });

  it('tells of a client that left before the answer began, and of an answer that did not begin in time', async () => {
    const never = gate();
    const { port, answers } = await reporting(
      async (_environ, startResponse) => {
        await never.opened;
        startResponse('200 OK', plain());
        return ['late'];
      },
      { requestTimeout: 500 },
    );
    const late = await RawClient.open(port);
    late.send(get('/late'));
    const gone = await RawClient.open(port);
    gone.send(get('/gone'));
    await later(50);
    gone.reset();
    await until(() => answers.length === 2);
    never.open();
    expect(answers.map(known)).toEqual([
      ['/gone', 0, 0, false],
      ['/late', 504, 0, true],
    ]);
  });

  it('has heard of everything when the server is closed', async () => {
    const { port, server, answers } = await reporting(dispatch);
    const client = await RawClient.open(port);
    await client.send(get('/small')).response();
    await server.close();
    expect(answers.map(known)).toEqual([['/small', 200, 5, true]]);
  });

  it('hears of more answers than are recorded at a time', async () => {
    const { port, answers } = await reporting(dispatch);
    const client = await RawClient.open(port);
    client.sink = () => undefined;
    for (let round = 0; round < 40; round++) client.send(get('/small').repeat(100));
    await until(() => answers.length === 4000);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('that fails costs nobody an answer, and is reported', async () => {
    const { port, errors } = await started(dispatch, {
      onAnswered: () => {
        throw new Error('the log is full');
      },
    });
    const client = await RawClient.open(port);
    for (let round = 0; round < 3; round++) expect((await client.send(get('/small')).response()).status).toBe(200);
    await until(() => errors.text.includes('the log is full'));
  });
});
