import { describe, expect, it } from 'vitest';
import type { Application } from '../../src/types.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { echoPath, gate, later, plain, started, until } from './fixtures/started-server.js';

/** Answers `/slow…` when its gate is opened, everything else at once; notes what has begun. */
function gated() {
  const slow = gate();
  const begun: string[] = [];
  const application: Application = (environ, startResponse) => {
    begun.push(`${environ.REQUEST_METHOD} ${environ.PATH_INFO}`);
    const answer = () => {
      startResponse('200 OK', plain());
      return [`${environ.REQUEST_METHOD} ${environ.PATH_INFO} ${environ['wsgi.input'].read()}`];
    };
    return environ.PATH_INFO?.startsWith('/slow') ? slow.opened.then(answer) : answer();
  };
  return { application, slow, begun };
}

async function bodies(client: RawClient, count: number): Promise<string[]> {
  const texts: string[] = [];
  for (let index = 0; index < count; index++) texts.push((await client.response()).body.toString().trim());
  return texts;
}

describe('pipelined requests', () => {
  it('are answered in their order, while those behind a slow one run', async () => {
    const { application, slow, begun } = gated();
    const { port } = await started(application);
    const client = await RawClient.open(port);
    client.send(get('/slow') + get('/b') + get('/c'));
    await until(() => begun.length === 3);
    expect(client.receivedBytes).toBe(0);
    slow.open();
    expect(await bodies(client, 3)).toEqual(['GET /slow', 'GET /b', 'GET /c']);
  });

  it('keep their order when each arrives by itself', async () => {
    const { application, slow, begun } = gated();
    const { port } = await started(application);
    const client = await RawClient.open(port);
    client.send(get('/slow'));
    await until(() => begun.length === 1);
    client.send(get('/b'));
    await until(() => begun.length === 2);
    slow.open();
    expect(await bodies(client, 2)).toEqual(['GET /slow', 'GET /b']);
  });

  it('leave a request with side effects waiting for those before it', async () => {
    const { application, slow, begun } = gated();
    const { port } = await started(application);
    const client = await RawClient.open(port);
    client.send(get('/slow') + request('DELETE', '/b') + get('/c'));
    const other = await RawClient.open(port);
    // Were the DELETE to start by itself, it had done so by the time that another connection is answered.
    await other.send(get('/other')).response();
    expect(begun).toEqual(['GET /slow', 'GET /other']);
    slow.open();
    expect(await bodies(client, 3)).toEqual(['GET /slow', 'DELETE /b', 'GET /c']);
  });

  it('leave requests behind one with side effects waiting for it', async () => {
    const { application, slow, begun } = gated();
    const { port } = await started(application);
    const client = await RawClient.open(port);
    client.send(`${request('POST', '/slow', 'Content-Length: 3')}abc${get('/b')}${get('/c')}`);
    await until(() => begun.length === 1);
    await (await RawClient.open(port)).send(get('/other')).response();
    expect(begun).toEqual(['POST /slow', 'GET /other']);
    slow.open();
    expect(await bodies(client, 3)).toEqual(['POST /slow abc', 'GET /b', 'GET /c']);
  });

  it('bring a POST behind a slow GET its whole body', async () => {
    const { application, slow, begun } = gated();
    const { port } = await started(application);
    const client = await RawClient.open(port);
    client.send(`${get('/slow') + request('POST', '/post', 'Content-Length: 6')}abc`);
    await until(() => begun.length === 1);
    client.send(`def${get('/last')}`);
    slow.open();
    expect(await bodies(client, 3)).toEqual(['GET /slow', 'POST /post abcdef', 'GET /last']);
    expect(begun).toEqual(['GET /slow', 'POST /post', 'GET /last']);
  });

  it('run no more at a time than maxPipelined, and all of them in the end', async () => {
    const { application, slow, begun } = gated();
    const { port } = await started(application, { maxPipelined: 4 });
    const client = await RawClient.open(port);
    const paths = Array.from({ length: 20 }, (_, index) => `/slow/${index}`);
    client.send(paths.map((path) => get(path)).join(''));
    await until(() => begun.length === 4);
    await (await RawClient.open(port)).send(get('/other')).response();
    expect(begun.filter((each) => each !== 'GET /other')).toHaveLength(4);
    slow.open();
    expect(await bodies(client, 20)).toEqual(paths.map((path) => `GET ${path}`));
  });

  it('are answered by the hundred from one packet', async () => {
    const { port } = await started(echoPath);
    const client = await RawClient.open(port);
    const paths = Array.from({ length: 300 }, (_, index) => `/${index}`);
    client.send(paths.map((path) => get(path)).join(''));
    expect(await bodies(client, 300)).toEqual(paths.map((path) => `GET ${path}`));
  });

  it('end with the one that asks to close', async () => {
    const { port, server } = await started(echoPath);
    const client = await RawClient.open(port);
    client.send(get('/a') + get('/b', 'Connection: close') + get('/c'));
    expect(await bodies(client, 2)).toEqual(['GET /a', 'GET /b']);
    expect((await client.end()).length).toBe(0);
    expect(server.stats().openConnections).toBe(0);
  });

  it('that finish before their turn are kept, however large and by whatever means they are answered', async () => {
    const slow = gate();
    const finished: string[] = [];
    const block = Buffer.alloc(50_000, 'x');
    const { port } = await started((environ, startResponse) => {
      const path = environ.PATH_INFO ?? '';
      if (path === '/slow') {
        return slow.opened.then(() => {
          startResponse('200 OK', plain());
          return ['slow'];
        });
      }
      finished.push(path);
      if (path === '/write') {
        const write = startResponse('200 OK', plain());
        for (let index = 0; index < 10; index++) write(block);
        return [];
      }
      startResponse('200 OK', plain());
      if (path === '/array') return Array(10).fill(block);
      if (path === '/one') return [Buffer.concat(Array(10).fill(block))];
      return (function* () {
        for (let index = 0; index < 10; index++) yield block;
      })();
    });
    const client = await RawClient.open(port);
    client.send(get('/slow') + get('/write') + get('/array') + get('/one') + get('/generator'));
    await until(() => finished.length === 4);
    slow.open();
    expect((await client.response()).body.toString()).toBe('slow');
    for (let index = 0; index < 4; index++) expect((await client.response()).body.length).toBe(500_000);
  });

  it('answer what comes behind a large response that has not left the server yet', async () => {
    let small = gate();
    let largeDone = false;
    let produced = 0;
    const { port } = await started((environ, startResponse) => {
      const answer = (body: Iterable<Uint8Array>, close = () => {}) => {
        startResponse('200 OK', plain());
        return Object.assign(body, { close });
      };
      if (environ.PATH_INFO === '/small') return small.opened.then(() => answer([Buffer.from('small')]));
      if (environ.PATH_INFO === '/endless') {
        return answer(
          (function* () {
            for (;;) {
              produced += 65_536;
              yield Buffer.alloc(65_536);
            }
          })(),
        );
      }
      const size = Number(environ.QUERY_STRING);
      return answer([Buffer.alloc(size)], () => {
        largeDone = true;
      });
    });
    // How much a connection takes whose client does not read.
    const probe = await RawClient.open(port);
    probe.socket.pause();
    probe.send(get('/endless'));
    for (let last = -1; last !== produced; await later(50)) last = produced;
    probe.reset();

    // One of these ends with part of it in the engine's own buffer, and that is what the next answer has to wait for.
    for (let size = produced - 768 * 1024; size < produced + 256 * 1024; size += 48 * 1024) {
      small = gate();
      largeDone = false;
      const client = await RawClient.open(port);
      client.socket.pause();
      client.send(get(`/large?${size}`) + get('/small'));
      for (let round = 0; round < 5 && !largeDone; round++) await later(5);
      small.open();
      await later(1);
      client.socket.resume();
      expect((await client.response()).body.length).toBe(size);
      expect((await client.response()).body.toString()).toBe('small');
      client.socket.destroy();
    }
  });

  it('that wait for their turn are answered though the client has ended its half', async () => {
    const { application, slow } = gated();
    const { port } = await started(application, { maxPipelined: 2 });
    const client = await RawClient.open(port);
    client.send(get('/slow') + request('DELETE', '/b') + get('/c') + get('/d') + get('/e')).halfClose();
    await (await RawClient.open(port)).send(get('/other')).response();
    slow.open();
    expect(await bodies(client, 5)).toEqual(['GET /slow', 'DELETE /b', 'GET /c', 'GET /d', 'GET /e']);
    expect((await client.end()).length).toBe(0);
  });

  it('are answered wholly though the client ends its half in the midst of the next one', async () => {
    const size = 20_000_000;
    const { port, server } = await started(
      (_environ, startResponse) => {
        startResponse('200 OK', plain());
        return [Buffer.alloc(size)];
      },
      { maxQueuedBytes: 2 * size },
    );
    const client = await RawClient.open(port);
    client.socket.pause();
    client.send(`${get('/')}${request('POST', '/', 'Content-Length: 10')}abc`).halfClose();
    await until(() => server.stats().requests > 0);
    await later(50);
    client.socket.resume();
    expect((await client.response()).body.length).toBe(size);
    expect((await client.end()).length).toBe(0);
    await until(() => server.stats().openConnections === 0);
  });
});
