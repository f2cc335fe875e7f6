import { describe, expect, it } from 'vitest';
import { made } from './fixtures/made-server.js';
import { get, RawClient } from './fixtures/raw-client.js';
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
});
