#!/usr/bin/env node
import type { Application, Chunk, Environ } from 'uwsgiref';
import { CGIHandler } from 'uwsgiref/handlers';
import { requestUri, shiftPathInfo } from 'uwsgiref/util';

const text: [string, string] = ['Content-Type', 'text/plain; charset=utf-8'];
const sized = (body: Uint8Array) => [`${body.length} bytes\n`, body];
const pages = new Map<string | null, (environ: Environ) => Iterable<Chunk>>([
  ['request', (environ) => [JSON.stringify({ uri: requestUri(environ), ...environ }, null, 2)]],
  ['echo', (environ) => sized(environ['wsgi.input'].read(Number(environ.CONTENT_LENGTH ?? -1)))],
  ['letters', () => letters('h')],
  ['fail', () => letters('')],
  ['fail-late', () => letters('d')],
]);

function* letters(upTo: string) {
  for (const letter of 'abcdefgh') {
    if (letter > upTo) throw new Error(`There is no letter after '${upTo}'`);
    yield `${letter.repeat(79)}\n`.repeat(256);
  }
}

/** A web server starts this program anew for each request: it imports what it needs, and that is not the engine. */
const app: Application = (environ, startResponse) => {
  const page = pages.get(shiftPathInfo(environ));
  startResponse(page ? '200 OK' : '404 Not Found', [text, ['Set-Cookie', 'visited=yes'], ['Set-Cookie', 'theme=dark']]);
  return page?.(environ) ?? [`There is ${[...pages.keys()].join(', ')}\n`];
};

await new CGIHandler().run(app);
