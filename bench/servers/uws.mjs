/**
 * uWebSockets.js at its leanest: no request header is read, so nothing an application could look at is built. Its HTTP layer
 * has no file to send, so it takes no part in the file scenarios.
 */
import { App } from 'uWebSockets.js';
import { HELLO, PORT } from './site.mjs';

App()
  .get('/', (response) => {
    response.writeHeader('Content-Type', 'text/plain').end(HELLO);
  })
  .post('/echo', (response) => {
    /** @type {Buffer[]} */
    const chunks = [];
    response.onAborted(() => {
      chunks.length = 0;
    });
    response.onData((chunk, isLast) => {
      if (isLast && chunks.length === 0) {
        response.writeHeader('Content-Type', 'application/octet-stream').end(chunk);
        return;
      }
      // The engine takes the chunk's memory back when this function returns.
      chunks.push(Buffer.from(chunk.slice(0)));
      if (isLast) response.writeHeader('Content-Type', 'application/octet-stream').end(Buffer.concat(chunks));
    });
  })
  .listen('127.0.0.1', PORT, (listenSocket) => {
    if (!listenSocket) throw new Error(`cannot listen on port ${PORT}`);
  });
