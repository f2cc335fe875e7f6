import { setTimeout as later } from 'node:timers/promises';
import type { Application } from 'uwsgiref';

async function* countdown(from: number, pauseMs: number) {
  for (let left = from; left > 0; left--) {
    yield `${left}\n`;
    await later(pauseMs);
  }
  yield 'Lift-off!\n';
}

/** Streams: each block leaves when it is there, and a client that stops reading stops the countdown. */
export const app: Application = (environ, startResponse) => {
  const query = new URLSearchParams(environ.QUERY_STRING);
  startResponse('200 OK', [['Content-Type', 'text/plain; charset=utf-8']]);
  return countdown(Number(query.get('from') ?? 5), Number(query.get('pause') ?? 1000));
};
