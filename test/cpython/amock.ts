/** The applications of CPython's tests, and its `run_amock`. */

import type { Application } from '../../src/types.js';
import { made, quiet } from '../server/fixtures/made-server.js';
import { RawClient } from '../server/fixtures/raw-client.js';

export const helloApp: Application = (_environ, startResponse) => {
  startResponse('200 OK', [
    ['Content-Type', 'text/plain'],
    ['Date', 'Mon, 05 Jun 2006 18:49:54 GMT'],
  ]);
  return [Buffer.from('Hello, world!')];
};

export const headerApp: Application = (environ, startResponse) => {
  startResponse('200 OK', [
    ['Content-Type', 'text/plain'],
    ['Date', 'Mon, 05 Jun 2006 18:49:54 GMT'],
  ]);
  const { HTTP_X_TEST_HEADER, QUERY_STRING, PATH_INFO } = environ;
  return [Buffer.from([HTTP_X_TEST_HEADER, QUERY_STRING, PATH_INFO].join(';'), 'latin1')];
};

/**
 * Answers one request. CPython calls its request handler with two buffers; here a server gets the bytes by a socket.
 *
 * @param data one byte a character; lines end with CR LF, because a bare LF is refused (RFC 9112 §2.2)
 * @returns what the client received, one character a byte, and what was logged
 */
export async function runAmock(
  application: Application = helloApp,
  data = 'GET / HTTP/1.0\r\n\r\n',
): Promise<[out: string, err: string]> {
  const { log, handlerClass } = quiet();
  const server = made(application, { handlerClass });
  const client = await RawClient.open(server.serverPort);
  const ended = client.send(data).end();
  // A request that the engine refuses is answered without the server, and handleRequest waits for the next.
  await Promise.race([server.handleRequest(), ended]);
  const received = await ended;
  return [received.toString('latin1'), log.text];
}
