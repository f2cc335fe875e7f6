/**
 * uWebSockets.js at its leanest: no request header is read, so nothing an application could look at is built. Its HTTP layer
 * has no file to send, so it takes no part in the file scenarios.
 */
import { App, SSLApp } from 'uWebSockets.js';
import { HELLO, PORT, pieces, TLS } from './site.mjs';

const app = TLS ? SSLApp({ key_file_name: TLS.key, cert_file_name: TLS.cert }) : App();

app
  .get('/', (response) => {
    response.writeHeader('Content-Type', 'text/plain').end(HELLO);
  })
  .get('/close', (response) => {
    response.writeHeader('Content-Type', 'text/plain').writeHeader('Connection', 'close').end(HELLO);
  })
  .get('/stream', (response) => {
    response.writeHeader('Content-Type', 'text/plain');
    response.cork(() => {
      for (const piece of pieces()) response.write(piece);
      response.end();
    });
  })
  .post('/echo', (response) => {
    withBody(response, (body) => response.writeHeader('Content-Type', 'application/octet-stream').end(body));
  })
  .post('/upload', (response) => {
    withBody(response, (body) => response.writeHeader('Content-Type', 'text/plain').end(String(body.byteLength)));
  })
  .listen('127.0.0.1', PORT, (listenSocket) => {
    if (!listenSocket) throw new Error(`cannot listen on port ${PORT}`);
  });

/**
 * @param {import('uWebSockets.js').HttpResponse} response
 * @param {(body: ArrayBuffer | Buffer) => void} callback
 */
function withBody(response, callback) {
  /** @type {Buffer[]} */
  const chunks = [];
  response.onAborted(() => {
    chunks.length = 0;
  });
  response.onData((chunk, isLast) => {
    if (isLast && chunks.length === 0) {
      callback(chunk);
      return;
    }
    // The engine takes the chunk's memory back when this function returns.
    chunks.push(Buffer.from(chunk.slice(0)));
    if (isLast) callback(Buffer.concat(chunks));
  });
}
