import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import sirv from 'sirv';
import { FILES_ROOT, HELLO, KEEP_ALIVE_MS, PORT, TLS_CONTENTS } from './site.mjs';

const files = sirv(FILES_ROOT, { dev: false, etag: true, gzip: true, brotli: true });

/** @type {import('node:http').RequestListener} */
function listener(request, response) {
  // For the scenarios in which hello is measured beside files.
  if (request.url === '/') {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': HELLO.length });
    response.end(HELLO);
    return;
  }
  files(request, response);
}

const server = TLS_CONTENTS ? createSecureServer(TLS_CONTENTS, listener) : createServer(listener);
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen({ port: PORT, host: '127.0.0.1', backlog: 4096 });
