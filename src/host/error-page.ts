/** An error with the source around it, for a terminal and for a browser. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { escapeHtml } from '../escape-html.js';
import { describeError } from '../show.js';
import type { Environ } from '../types.js';

/** Lines before and behind the one in which an error arose. */
const CONTEXT = 5;

interface Excerpt {
  readonly path: string;
  readonly line: number;
  readonly lines: ReadonlyArray<{ number: number; text: string }>;
}

/** Whether the error says where in the developer's own source it arose. */
export function hasExcerpt(error: unknown): boolean {
  return excerptOf(error) !== undefined;
}

/** The error with its stack and, before it, the source where it arose. */
export function describeExcerpt(error: unknown): string {
  const excerpt = excerptOf(error);
  const description = `${describeError(error, null)}\n`;
  if (excerpt === undefined) return description;
  const width = String(excerpt.lines.at(-1)!.number).length;
  const source = excerpt.lines.map(({ number, text }) => {
    return `${number === excerpt.line ? '>' : ' '} ${String(number).padStart(width)} | ${text}`;
  });
  return `${excerpt.path}:${excerpt.line}\n${source.join('\n')}\n\n${description}`;
}

/** The same as a page, with the request that met it. */
export function errorPage(error: unknown, environ: Environ): string {
  const excerpt = excerptOf(error);
  const message = error instanceof Error ? `${error.name}: ${error.message}` : `Thrown: ${String(error)}`;
  const variables = Object.entries({ ...environ })
    .filter(([, value]) => typeof value === 'string')
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(message)}</title>
<style>${STYLE}</style>
<h1>${escapeHtml(message)}</h1>
<p>${escapeHtml(environ.REQUEST_METHOD)} ${escapeHtml(environ.REQUEST_URI ?? environ.PATH_INFO ?? '')}</p>
${excerpt === undefined ? '' : sourceOf(excerpt)}
<h2>Stack</h2>
<pre>${escapeHtml(describeError(error, null))}</pre>
<details><summary>Environ</summary>
<table>${variables.map(([name, value]) => `<tr><th>${escapeHtml(name)}<td>${escapeHtml(String(value))}`).join('\n')}</table>
</details>
<p class="note">This page is shown in development alone. It goes away when the file is saved without the error.</p>
`;
}

function sourceOf({ path, line, lines }: Excerpt): string {
  const rows = lines.map(({ number, text }) => {
    const row = `<span class="number">${number}</span>${escapeHtml(text)}`;
    return number === line ? `<mark>${row}</mark>` : row;
  });
  return `<h2>${escapeHtml(path)}:${line}</h2>\n<pre class="source">${rows.join('\n')}</pre>`;
}

/** The first place of the stack that is the developer's own. */
function excerptOf(error: unknown): Excerpt | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined;
  // A frame: "at name (file:///app.js:3:7)"; a syntax error: "file:///app.js:3" before anything else.
  for (const [, place, digits] of error.stack.matchAll(/((?:file:\/\/)?\/[^\s():]+):(\d+)(?::\d+)?\)?$/gm)) {
    if (place!.includes('/node_modules/')) continue;
    const path = place!.startsWith('file:') ? fileURLToPath(place!) : place!;
    const line = Number(digits);
    try {
      const source = readFileSync(path, 'utf8').split('\n');
      const first = Math.max(1, line - CONTEXT);
      const lines = source.slice(first - 1, line + CONTEXT).map((text, index) => ({ number: first + index, text }));
      if (lines.length > 0) return { path, line, lines };
    } catch {
      // Not a file, or one that is gone; the next frame may have one.
    }
  }
  return undefined;
}

const STYLE = `
:root { color-scheme: light dark; --edge: light-dark(#d8d8dd, #3a3a42); --hit: light-dark(#ffe3e0, #52211f) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem; color: light-dark(#b3261e, #ff8a80); overflow-wrap: anywhere }
h2 { font-size: 1rem; margin-top: 2rem; overflow-wrap: anywhere }
pre { border: 1px solid var(--edge); border-radius: 6px; padding: .75rem; overflow-x: auto; font: 13px/1.6 ui-monospace, monospace }
.number { display: inline-block; min-width: 3rem; opacity: .5; user-select: none }
mark { display: inline-block; min-width: 100%; background: var(--hit); color: inherit }
table { font: 13px ui-monospace, monospace; border-spacing: 0 } th { text-align: left; padding-right: 1rem; vertical-align: top } td { overflow-wrap: anywhere }
.note { opacity: .6; font-size: .875rem }
`;
