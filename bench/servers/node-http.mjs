import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { FILES, HELLO, KEEP_ALIVE_MS, PORT } from './site.mjs';

const server = createServer((request, response) => {
  if (request.url === '/') {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': HELLO.length });
    response.end(HELLO);
    return;
  }
  if (request.url === '/echo') {
    /** @type {Buffer[]} */
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = chunks.length === 1 ? /** @type {Buffer} */ (chunks[0]) : Buffer.concat(chunks);
      response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length });
      response.end(body);
    });
    return;
  }
  const file = FILES.get(request.url ?? '');
  if (file) {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': file.size });
    createReadStream(file.path).pipe(response);
    return;
  }
  response.writeHead(404, { 'Content-Length': 0 });
  response.end();
});

server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(PORT, '127.0.0.1');
