import type { Application } from 'uwsgiref';

export const app: Application = (environ, startResponse) => {
  startResponse('200 OK', [['Content-Type', 'text/plain; charset=utf-8']]);
  return [`Hello, ${environ.REMOTE_ADDR}! You asked for ${environ.PATH_INFO}\n`];
};
