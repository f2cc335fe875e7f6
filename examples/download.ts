import { basename } from 'node:path';
import { type Application, FileWrapper, openFile } from 'uwsgiref';

const path = process.env.DOWNLOAD ?? import.meta.filename;

/** Sends one file: the engine hands it to sendfile(2), so that its bytes never pass through JavaScript. */
export const app: Application = (environ, startResponse) => {
  const file = openFile(path);
  startResponse('200 OK', [
    ['Content-Type', 'application/octet-stream'],
    ['Content-Length', String(file.size)],
    ['Content-Disposition', `attachment; filename="${encodeURIComponent(basename(path))}"`],
  ]);
  return new (environ['wsgi.file_wrapper'] ?? FileWrapper)(file);
};
