/**
 * This project's server, as an application meets it: the full environ is built for every request, and the answer goes through
 * start_response. Files are those of staticFiles() with its defaults, the assets of a page with precompressed files. Another
 * argument names the `dist` of another build, for bench/compare.mjs.
 */
import { pathToFileURL } from 'node:url';
import { FILES_ROOT, HELLO, PORT, pieces, TLS } from './site.mjs';

const build = process.argv[5];

/** @type {typeof import('../../dist/index.js')} */
const { serve, staticFiles } = await import(
  build ? pathToFileURL(`${build}/index.js`).href : new URL('../../dist/index.js', import.meta.url).href
);

const HELLO_BODY = Buffer.from(HELLO);
const files = staticFiles(FILES_ROOT);
const page = staticFiles(FILES_ROOT, { precompressed: true });

/** @type {import('../../dist/index.js').Application} */
function application(environ, startResponse) {
  switch (environ.PATH_INFO) {
    case '/':
    case '/close':
      startResponse('200 OK', [
        ['Content-Type', 'text/plain'],
        ['Content-Length', String(HELLO_BODY.length)],
      ]);
      return [HELLO_BODY];
    case '/echo': {
      const body = environ['wsgi.input'].read();
      startResponse('200 OK', [
        ['Content-Type', 'application/octet-stream'],
        ['Content-Length', String(body.length)],
      ]);
      return [body];
    }
    case '/upload': {
      const length = String(environ['wsgi.input'].read().length);
      startResponse('200 OK', [
        ['Content-Type', 'text/plain'],
        ['Content-Length', String(length.length)],
      ]);
      return [length];
    }
    case '/stream':
      startResponse('200 OK', [['Content-Type', 'text/plain']]);
      return pieces();
    default:
      return environ.PATH_INFO?.startsWith('/assets/') ? page(environ, startResponse) : files(environ, startResponse);
  }
}

await serve(application, { host: '127.0.0.1', port: PORT, ...(TLS && { tls: TLS }) });
