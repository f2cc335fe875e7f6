/**
 * The shortest application that sends files: `wsgi.file_wrapper`, and sizes that are known beforehand as those of node-http.mjs.
 */
import { openFile, serve } from '../../dist/index.js';
import { FILES, HELLO, PORT } from './site.mjs';

await serve(
  (environ, startResponse) => {
    const file = FILES.get(environ.PATH_INFO ?? '');
    const FileWrapper = environ['wsgi.file_wrapper'];
    if (file && FileWrapper) {
      startResponse('200 OK', [
        ['Content-Type', 'application/octet-stream'],
        ['Content-Length', String(file.size)],
      ]);
      return new FileWrapper(openFile(file.path));
    }
    // For the scenarios in which hello is measured beside files.
    startResponse('200 OK', [
      ['Content-Type', 'text/plain'],
      ['Content-Length', String(HELLO.length)],
    ]);
    return [HELLO];
  },
  { host: '127.0.0.1', port: PORT },
);
