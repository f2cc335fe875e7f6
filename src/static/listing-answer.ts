/** A directory as an answer: a page for people, JSON for programs. */

import type { HeaderList, ResponseBody } from '../types.js';
import { type Exchange, sayText } from './answers.js';
import type { Opened, SymlinkPolicy } from './beneath.js';
import { type Listing, readListing } from './listing.js';
import { type Order, orderOf, sorted } from './listing-order.js';
import { CONTENT_SECURITY_POLICY, renderListing } from './listing-page.js';
import { qualitiesOf } from './qualities.js';
import type { DotfilePolicy } from './request-path.js';

/** @param names those of the directory; its descriptor stays the caller's */
export function sendListing(
  site: { root: string; symlinks: SymlinkPolicy; dotfiles: DotfilePolicy },
  exchange: Exchange,
  directory: Opened,
  names: readonly string[],
): ResponseBody {
  const { HTTP_ACCEPT: accept, QUERY_STRING: query, SCRIPT_NAME: scriptName = '' } = exchange.environ;
  const listing = readListing(site.root, names, directory, site);
  const order = orderOf(query);
  const mount = Buffer.from(scriptName, 'latin1').toString();
  const headers: HeaderList = [
    ['Vary', 'Accept'],
    ['Cache-Control', 'no-cache'],
    ['X-Content-Type-Options', 'nosniff'],
  ];
  if (wantsJson(accept)) {
    headers.push(['Content-Type', 'application/json']);
    return sayText(exchange, '200 OK', headers, json(mount, names, listing, order));
  }
  headers.push(['Content-Type', 'text/html; charset=utf-8'], ['Content-Security-Policy', CONTENT_SECURITY_POLICY]);
  const page = renderListing(mount, names, sorted(listing.entries, order), order, listing.cut);
  return sayText(exchange, '200 OK', headers, page);
}

function json(mount: string, names: readonly string[], { entries, cut }: Listing, order: Order): string {
  const path = [mount, ...names, ''].join('/');
  return `${JSON.stringify({ path, entries: sorted(entries, order), cut })}\n`;
}

/** Whether it is asked for by name, and rather than a page. */
function wantsJson(accept: unknown): boolean {
  if (typeof accept !== 'string') return false;
  const qualities = qualitiesOf(accept);
  const json = qualities.get('application/json') ?? 0;
  return json > 0 && json > (qualities.get('text/html') ?? 0);
}
