/** A listing as a page: one table, without a script, in the colours that the reader's system has. */

import { createHash } from 'node:crypto';
import { escapeHtml } from '../escape-html.js';
import type { Entry } from './listing.js';
import { COLUMNS, type Column, type Order } from './listing-order.js';

const STYLE = `
:root { color-scheme: light dark; --ground: #f3f4f7; --card: #fff; --ink: #15181e; --soft: #566070; --edge: #dfe3e9; --row: #f6f8fb; --link: #2458d3; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0e1116; --card: #171b22; --ink: #e9ecf1; --soft: #9ba6b5; --edge: #2a313b; --row: #1d222b; --link: #8ab0ff; }
}
body { margin: 0 auto; max-width: 60rem; padding: 2rem clamp(.75rem, 3vw, 2rem) 3rem; background: var(--ground); color: var(--ink); font: 1rem/1.5 Inter, system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.375rem; line-height: 1.3; letter-spacing: -.01em; overflow-wrap: anywhere; }
h1 a { color: var(--soft); font-weight: 500; }
p { margin: .15rem 0 1.25rem; color: var(--soft); }
a { color: inherit; text-decoration: none; }
a:hover { color: var(--link); text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
table { width: 100%; border: 1px solid var(--edge); border-radius: 10px; border-spacing: 0; background: var(--card); font-variant-numeric: tabular-nums; }
th, td { padding: .45rem 1rem; text-align: left; vertical-align: top; color: var(--soft); white-space: nowrap; }
th { position: sticky; top: 0; border-radius: 10px 10px 0 0; background: var(--card); font-size: .8125rem; font-weight: 500; }
th[aria-sort] { color: var(--ink); font-weight: 600; }
th[aria-sort=ascending] a::after { content: " \\2191"; }
th[aria-sort=descending] a::after { content: " \\2193"; }
td { border-top: 1px solid var(--edge); }
td:first-child { width: 100%; color: var(--ink); white-space: normal; overflow-wrap: anywhere; }
td:first-child a { display: flex; gap: .65rem; }
th:nth-child(2), td:nth-child(2) { text-align: right; }
tr:hover td { background: var(--row); }
tr:last-child td:first-child { border-bottom-left-radius: 10px; }
tr:last-child td:last-child { border-bottom-right-radius: 10px; }
td:first-child a::before { content: ""; flex: none; width: 1.125rem; height: 1.5rem; background: var(--soft); mask: ${icon('M3.5 4.5h7l4 4v11h-11zm7 0v4h4')}; }
td:first-child a[href$="/"]::before { background: var(--link); mask: ${icon('M1.5 6.5a1 1 0 0 1 1-1h4l2 2.5h7a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-13a1 1 0 0 1-1-1z')}; }
td:first-child a[rel=up]::before { background: var(--soft); mask: ${icon('M9 18V7m-4.5 4.5L9 7l4.5 4.5')}; }
@media (max-width: 36rem) { th:nth-child(3), td:nth-child(3) { display: none; } }
`;

/** @param path on a ground of 18 by 24 */
function icon(path: string): string {
  const attributes =
    "fill-opacity='.15' stroke='%23000' stroke-width='1.5' stroke-linejoin='round' stroke-linecap='round'";
  const image = `%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 24'%3E%3Cpath ${attributes} d='${path}'/%3E%3C/svg%3E`;
  return `url("data:image/svg+xml,${image}") center / contain no-repeat`;
}

/** Nothing is loaded or run, whatever a file is called; the icons are in the style. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
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
<p>${cut ? `The first that were found: ${count}. There are more.` : count}</p>
<table>
<thead>
<tr>${COLUMNS.map((column) => heading(column, order)).join('')}</tr>
</thead>
<tbody>
${place.length > 0 ? '<tr><td><a href="../" rel="up">../</a></td><td></td><td></td></tr>\n' : ''}${entries.map(row).join('')}</tbody>
</table>
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
