import { makeServer } from 'uwsgiref/simple-server';
import type { Application } from 'uwsgiref/types';
import { validator } from 'uwsgiref/validate';

/**
 * Departs from the standard on purpose: a body is an iterable of blocks, such as ['Hello World']. The compiler has
 * nothing to object to, for a string is an iterable of strings too, one a character. So the validator has to.
 */
const simpleApp: Application = (_environ, startResponse) => {
  startResponse('200 OK', [['Content-Type', 'text/plain']]);

  return 'Hello World';
};

const validatedApp = validator(simpleApp);

const httpd = makeServer('', Number(process.argv[2] ?? 8000), validatedApp);
console.log(`Listening on port ${httpd.serverPort}...`);
await httpd.serveForever();
