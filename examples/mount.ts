import { type Application, mount, staticFiles } from 'uwsgiref';

const page: Application = (environ, startResponse) => {
  startResponse('200 OK', [['Content-Type', 'text/plain; charset=utf-8']]);
  return [`${environ.PATH_INFO} beneath ${environ.SCRIPT_NAME || 'the root'}\n`];
};

/** A middleware: an application that calls another, and adds a field to what it answers. */
const timed =
  (app: Application): Application =>
  (environ, startResponse) => {
    const start = performance.now();
    return app(environ, (status, headers, excInfo) => {
      const spent = (performance.now() - start).toFixed(2);
      return startResponse(status, [...headers, ['Server-Timing', `app;dur=${spent}`]], excInfo);
    });
  };

export const app = mount({
  '/files': staticFiles('.', { listing: true }),
  '/api': timed(page),
  '/': page,
});
