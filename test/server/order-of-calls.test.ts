import { describe, expect, it } from 'vitest';
import { made } from './fixtures/made-server.js';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { later, plain, started, until } from './fixtures/started-server.js';

describe('what one poll phase brings', () => {
  it('reaches JavaScript in order: a request before the end of its server', async () => {
    const server = made((_environ, startResponse) => {
      startResponse('200 OK', plain());
      return ['never'];
    });
    let closed = false;
    const { port } = await started((_environ, startResponse) => {
      startResponse('200 OK', plain());
      const body = (async function* () {
        yield 'begun';
        await new Promise(() => {});
      })();
      // Called when the client is gone, in the midst of the phase.
      return Object.assign(body, {
        close: () => {
          void server.serverClose().then(() => {
            closed = true;
          });
        },
      });
    });
    const first = await RawClient.open(server.serverPort);
    const second = await RawClient.open(server.serverPort);
    const closer = await RawClient.open(port);
    first.send(get('/waits'));
    closer.send(get('/'));
    await closer.seen('begun');
    await later(20);
    // Both are there when the loop polls next, in this order.
    second.send(get('/same-phase'));
    closer.reset();
    await until(() => closed);
    expect(closed).toBe(true);
  });

  it('reaches JavaScript as it was sent, whatever the requests before it let in', async () => {
    const seen: string[] = [];
    const { port } = await started((environ, startResponse) => {
      const body = environ['wsgi.input'].read().toString();
      seen.push(`${environ.REQUEST_METHOD} ${environ.PATH_INFO} ${environ.HTTP_X_NAME ?? ''} ${body}`);
      // All that is sent meanwhile comes in one phase.
      if (environ.PATH_INFO === '/busy') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      // Two blocks are answered by calls, at once, and not at the end of the phase.
      startResponse('200 OK', plain());
      return ['one', 'two'];
    });
    const [busy, first, second] = [await RawClient.open(port), await RawClient.open(port), await RawClient.open(port)];
    busy.send(get('/busy'));
    await until(() => seen.length === 1);
    // The second of these waits for the first one's answer, because a DELETE is not safe.
    first.send(get('/first') + request('DELETE', '/behind', 'X-Name: somebody else'));
    second.send(`${request('POST', '/second', 'Content-Length: 4')}mine`);
    for (const client of [busy, first, first, second]) await client.response();
    expect(seen.slice(1).toSorted()).toEqual(['DELETE /behind somebody else ', 'GET /first  ', 'POST /second  mine']);
  });
});
