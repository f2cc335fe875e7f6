/** A listing as a page: one table, without a script, in the colours that the reader's system has. */

import { createHash } from 'node:crypto';
import { escapeHtml } from '../escape-html.js';
import type { Entry } from './listing.js';
import { COLUMNS, type Column, type Order } from './listing-order.js';

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #5d6570; --link: #0a58ca; --row: #8881; }
@media (prefers-color-scheme: dark) { :root { --soft: #9aa4b2; --link: #7ab7ff; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; margin: 0 0 1rem; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
a:focus-visible { outline: 2px solid; outline-offset: 2px; border-radius: 2px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: Canvas; font-weight: 600; box-shadow: inset 0 -1px var(--line); }
th, td { text-align: left; padding: .4rem .6rem; vertical-align: top; }
td { border-top: 1px solid var(--line); color: var(--soft); white-space: nowrap; }
td:first-child { width: 100%; white-space: normal; overflow-wrap: anywhere; }
th:nth-child(2), td:nth-child(2) { text-align: right; }
tbody tr:hover { background: var(--row); }
th[aria-sort=ascending] a::after { content: " \\2191"; }
th[aria-sort=descending] a::after { content: " \\2193"; }
p { color: var(--soft); }
@media (max-width: 32rem) { th:nth-child(3), td:nth-child(3) { display: none; } }
`;

/** Nothing is loaded or run, whatever a file is called. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TITLES: Record<Column, string> = { name: 'Name', size: 'Size', modified: 'Modified (UTC)' };

/**
 * @param mount where the application is, without a slash at its end
 * @param place the names of the directories from there to this one
 * @param cut whether there is more than is shown
 */
export function renderListing(
  mount: string,
  place: readonly string[],
  entries: readonly Entry[],
  order: Order,
  cut: boolean,
): string {
  const title = escapeHtml([mount, ...place, ''].join('/'));
  const files = entries.filter(({ type }) => type === 'file').length;
  const count = `${quantity(entries.length - files, 'directory', 'directories')}, ${quantity(files, 'file', 'files')}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<nav aria-label="Directories above">
<h1>${breadcrumbs([mount, ...place])}</h1>
</nav>
<main>
<table>
<thead>
<tr>${COLUMNS.map((column) => heading(column, order)).join('')}</tr>
</thead>
<tbody>
${place.length > 0 ? '<tr><td><a href="../" rel="up">../</a></td><td></td><td></td></tr>\n' : ''}${entries.map(row).join('')}</tbody>
</table>
<p>${cut ? `The first that were found: ${count}. There are more.` : count}</p>
</main>
</body>
</html>
`;
}

function breadcrumbs(place: readonly string[]): string {
  const links = place.map((name, index) => {
    const up = place.length - 1 - index;
    const text = `${escapeHtml(name)}/`;
    return up === 0 ? `<span aria-current="page">${text}</span>` : `<a href="${'../'.repeat(up)}">${text}</a>`;
  });
  return links.join('<wbr>');
}

function heading(column: Column, order: Order): string {
  const isCurrent = column === order.column;
  const sort = isCurrent ? ` aria-sort="${order.descending ? 'descending' : 'ascending'}"` : '';
  const next = isCurrent && !order.descending ? 'desc' : 'asc';
  return `<th scope="col"${sort}><a href="?sort=${column}&amp;order=${next}">${TITLES[column]}</a></th>`;
}

function row({ name, type, size, modified }: Entry): string {
  const slash = type === 'directory' ? '/' : '';
  // With the dot, a name with a colon is no scheme.
  const link = `<a href="./${encodeURIComponent(name)}${slash}">${escapeHtml(name)}${slash}</a>`;
  const date = modified.toISOString();
  const time = `<time datetime="${date}">${date.slice(0, 16).replace('T', ' ')}</time>`;
  const bytes = size === null ? '' : `<data value="${size}">${readableSize(size)}</data>`;
  return `<tr><td>${link}</td><td>${bytes}</td><td>${time}</td></tr>\n`;
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** `1.4 MiB`: two digits at least, where there are two. */
export function readableSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let size = bytes / 1024;
  let unit = 0;
  // What would be rounded up to 1024 is one of the next.
  for (; size >= 1023.5; unit++) size /= 1024;
  return `${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}

function quantity(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
