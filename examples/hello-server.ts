import { makeServer } from 'uwsgiref/simple-server';
import type { Application } from 'uwsgiref/types';

/**
 * An application is whatever can be called with these two: the environ, an object of CGI variables and WSGI's own, and
 * the function that begins the response (PEP 3333).
 */
const helloWorld: Application = (_environ, startResponse) => {
  startResponse('200 OK', [['Content-Type', 'text/plain']]);

  // The blocks of the body, one after the other.
  return ['Hello World'];
};

const httpd = makeServer('', Number(process.argv[2] ?? 8000), helloWorld);
console.log(`Serving on port ${httpd.serverPort}...`);

// Until the process is killed.
await httpd.serveForever();
