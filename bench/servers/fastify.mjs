import { Readable } from 'node:stream';
import fastifyStatic from '@fastify/static';
import fastify from 'fastify';
import { FILES_ROOT, HELLO, KEEP_ALIVE_MS, PORT, pieces, TLS_CONTENTS } from './site.mjs';

const app = fastify({ keepAliveTimeout: KEEP_ALIVE_MS, bodyLimit: 2 ** 24, https: TLS_CONTENTS });

for (const path of ['/', '/close']) app.get(path, (_request, reply) => reply.type('text/plain').send(HELLO));

app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/echo', (request, reply) => reply.type('application/octet-stream').send(request.body));
app.post('/upload', (request, reply) =>
  reply.type('text/plain').send(String(/** @type {Buffer} */ (request.body).length)),
);
app.get('/stream', (_request, reply) => reply.type('text/plain').send(Readable.from(pieces())));

await app.register(fastifyStatic, { root: FILES_ROOT, preCompressed: true });
await app.listen({ host: '127.0.0.1', port: PORT, backlog: 4096 });
