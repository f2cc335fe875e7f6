/** Answers that are no file. */

import type { Environ, HeaderList, ResponseBody, StartResponse } from '../types.js';

/** A request, and how to answer it. */
export interface Exchange {
  readonly environ: Environ;
  readonly startResponse: StartResponse;
}

/** An answer in words: those of its status. */
export function say(exchange: Exchange, status: string, headers: HeaderList = []): ResponseBody {
  return sayText(exchange, status, [...headers, ['Content-Type', 'text/plain; charset=utf-8']], `${status.slice(4)}\n`);
}

export function sayText(
  { environ, startResponse }: Exchange,
  status: string,
  headers: HeaderList,
  text: string,
): ResponseBody {
  const body = Buffer.from(text);
  startResponse(status, [...headers, ['Content-Length', String(body.length)]]);
  return environ.REQUEST_METHOD === 'HEAD' ? [] : [body];
}

/**
 * To the same address with a slash at its end. It is given relative to the request, whose last segment it repeats: right
 * wherever the application is mounted, and no address of another host whatever the request says.
 */
export function redirectToSlash(exchange: Exchange, name: string): ResponseBody {
  const { QUERY_STRING: query } = exchange.environ;
  const location = `./${encodeURIComponent(name)}/${query ? `?${query}` : ''}`;
  return say(exchange, '301 Moved Permanently', [['Location', location]]);
}
