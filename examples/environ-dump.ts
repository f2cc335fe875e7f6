import { inspect } from 'node:util';
import { makeServer } from 'uwsgiref/simple-server';
import type { Application } from 'uwsgiref/types';
import { setupTestingDefaults } from 'uwsgiref/util';

/** Shows its environ; what the server has left out is made up. The process environment is in it: show it to no stranger. */
const simpleApp: Application = (environ, startResponse) => {
  setupTestingDefaults(environ);

  startResponse('200 OK', [['Content-Type', 'text/plain; charset=utf-8']]);

  return Object.entries(environ).map(
    ([key, value]) => `${key}: ${typeof value === 'string' ? value : inspect(value)}\n`,
  );
};

const httpd = makeServer('', Number(process.argv[2] ?? 8000), simpleApp);
console.log(`Serving on port ${httpd.serverPort}...`);
await httpd.serveForever();
