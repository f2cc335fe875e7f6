/**
 * This project's server, as an application meets it: the full environ is built for every request, and the answer goes through
 * start_response.
 */
import { openFile, serve } from '../../dist/index.js';
import { FILES, HELLO, PORT } from './site.mjs';

const HELLO_BODY = Buffer.from(HELLO);

/** @type {import('../../dist/index.js').Application} */
function application(environ, startResponse) {
  const path = environ.PATH_INFO ?? '';
  if (path === '/') {
    startResponse('200 OK', [
      ['Content-Type', 'text/plain'],
      ['Content-Length', String(HELLO_BODY.length)],
    ]);
    return [HELLO_BODY];
  }
  if (path === '/echo') {
    const body = environ['wsgi.input'].read();
    startResponse('200 OK', [
      ['Content-Type', 'application/octet-stream'],
      ['Content-Length', String(body.length)],
    ]);
    return [body];
  }
  const file = FILES.get(path);
  const FileWrapper = environ['wsgi.file_wrapper'];
  if (file && FileWrapper) {
    startResponse('200 OK', [
      ['Content-Type', 'application/octet-stream'],
      ['Content-Length', String(file.size)],
    ]);
    return new FileWrapper(openFile(file.path));
  }
  startResponse('404 Not Found', [['Content-Length', '0']]);
  return [];
}

await serve(application, { host: '127.0.0.1', port: PORT });
