import { createReadStream } from 'node:fs';
import fastify from 'fastify';
import { FILES, HELLO, KEEP_ALIVE_MS, PORT } from './site.mjs';

const app = fastify({ keepAliveTimeout: KEEP_ALIVE_MS });

app.get('/', (_request, reply) => reply.type('text/plain').send(HELLO));

app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/echo', (request, reply) => reply.type('application/octet-stream').send(request.body));

for (const [path, file] of FILES) {
  app.get(path, (_request, reply) =>
    reply.type('application/octet-stream').header('Content-Length', file.size).send(createReadStream(file.path)),
  );
}

await app.listen({ host: '127.0.0.1', port: PORT });
