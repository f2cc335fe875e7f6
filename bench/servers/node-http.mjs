import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { FILES, HELLO, KEEP_ALIVE_MS, PORT, pieces, TLS_CONTENTS } from './site.mjs';

const BINARY = 'application/octet-stream';

/** @type {import('node:http').RequestListener} */
function listener(request, response) {
  switch (request.url) {
    case '/':
    case '/close':
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': HELLO.length });
      response.end(HELLO);
      return;
    case '/echo':
      withBody(request, (body) => {
        response.writeHead(200, { 'Content-Type': BINARY, 'Content-Length': body.length });
        response.end(body);
      });
      return;
    case '/upload':
      withBody(request, (body) => {
        const length = String(body.length);
        response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': length.length });
        response.end(length);
      });
      return;
    case '/stream':
      response.writeHead(200, { 'Content-Type': 'text/plain' });
      for (const piece of pieces()) response.write(piece);
      response.end();
      return;
  }
  const file = FILES.get(request.url ?? '');
  if (file) {
    response.writeHead(200, { 'Content-Type': BINARY, 'Content-Length': file.size });
    createReadStream(file.path).pipe(response);
    return;
  }
  response.writeHead(404, { 'Content-Length': 0 });
  response.end();
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {(body: Buffer) => void} callback
 */
function withBody(request, callback) {
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => callback(chunks.length === 1 ? /** @type {Buffer} */ (chunks[0]) : Buffer.concat(chunks)));
}

const server = TLS_CONTENTS ? createSecureServer(TLS_CONTENTS, listener) : createServer(listener);
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen({ port: PORT, host: '127.0.0.1', backlog: 4096 });
