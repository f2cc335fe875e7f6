import { serve, staticFiles } from 'uwsgiref';

const server = await serve(staticFiles(process.argv[2] ?? '.', { cacheControl: 'no-cache' }), {
  port: Number(process.argv[3] ?? 8000),
  keepAliveTimeout: 30_000,
});
console.log(`Serving at ${server.url}`);

process.once('SIGTERM', async () => {
  await server.close({ graceMs: 5_000 });
  console.log(`Stopped after ${server.stats().requests} requests`);
});
