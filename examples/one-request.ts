import { demoApp, makeServer } from 'uwsgiref/simple-server';

const httpd = makeServer('', Number(process.argv[2] ?? 8000), demoApp);
console.log(`Serving HTTP on port ${httpd.serverPort}...`);

// One request, then the end. To answer until the process is killed: await httpd.serveForever().
await httpd.handleRequest();
await httpd.serverClose();
