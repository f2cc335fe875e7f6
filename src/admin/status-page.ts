/** The status page: its parts, which are in `page/`, put together to one document that loads nothing. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Reply } from './index.js';

/** tsc copies neither HTML nor CSS to where it compiles to. The package has the sources as well. */
const PARTS = new URL('../../src/admin/page/', import.meta.url);
/** In the order in which they need each other. */
const MODULES = ['format.js', 'chart.js', 'page.js'];

/** @throws Error when the package's sources are not there */
export function readStatusPage(): Reply {
  const style = read('page.css');
  const script = MODULES.map(withoutLinkage).join('');
  const body = read('page.html')
    .replace('</head>', () => `<style>${style}</style>\n</head>`)
    .replace('</body>', () => `<script type="module">${script}</script>\n</body>`);
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ];
  return {
    status: '200 OK',
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Content-Security-Policy', policy.join('; ')],
    ],
    body,
  };
}

function read(name: string): string {
  return readFileSync(new URL(name, PARTS), 'utf8');
}

/** A module as it can stand with the others in one script: a document that loads nothing has nothing to import from. */
function withoutLinkage(name: string): string {
  return read(name)
    .replace(/^import [^;]*;\n/gm, '')
    .replace(/^export (?=const|class|function|async)/gm, '');
}

/** As CSP has the hash of what may stand in the document itself. */
function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
