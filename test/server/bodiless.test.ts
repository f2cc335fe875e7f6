import { describe, expect, it } from 'vitest';
import { get, RawClient, request } from './fixtures/raw-client.js';
import { started } from './fixtures/started-server.js';

/** An application that would never come to its end, and counts how often it was begun and ended. */
function endless() {
  const seen = { blocks: 0, ended: 0, closed: 0 };
  function* blocks() {
    try {
      for (;;) {
        seen.blocks++;
        yield 'again ';
      }
    } finally {
      seen.ended++;
    }
  }
  return { seen, body: () => Object.assign(blocks(), { close: () => void seen.closed++ }) };
}

describe('an endless body', () => {
  for (const [what, method, status] of [
    ['of an answer to HEAD', 'HEAD', '200 OK'],
    ['of a 204', 'GET', '204 No Content'],
    ['of a 304', 'GET', '304 Not Modified'],
  ] as const) {
    it(`${what} is not produced, and the next request is answered`, async () => {
      const { seen, body } = endless();
      const { port, errors } = await started((environ, startResponse) => {
        if (environ.PATH_INFO === '/next') {
          startResponse('200 OK', [['Content-Type', 'text/plain']]);
          return ['next'];
        }
        startResponse(status, []);
        return body();
      });
      const client = await RawClient.open(port);
      client.send(request(method, '/'));
      await client.seen('\r\n\r\n');
      client.send(get('/next'));
      await client.seen('next');
      expect(seen).toEqual({ blocks: 1, ended: 1, closed: 1 });
      expect(errors.text).toBe('');
    });
  }
});
