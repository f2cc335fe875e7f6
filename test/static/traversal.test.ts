import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StaticOptions, staticFiles } from '../../src/static/index.js';
import { RawClient } from '../server/fixtures/raw-client.js';
import { started } from '../server/fixtures/started-server.js';
import { ask } from './ask.js';
import { ATTEMPTS } from './traversal-attempts.js';

const SECRET = 'UNMISTAKABLE';
const outside = mkdtempSync(join(tmpdir(), 'uwsgiref-traversal-'));
const root = join(outside, 'root');

beforeAll(() => {
  for (const folder of ['docs/.well-known', '.git', '.well-known']) mkdirSync(join(root, folder), { recursive: true });
  mkdirSync(join(outside, 'rootless'));
  const secret = `${SECRET}\n`;
  for (const path of ['secret.txt', 'rootless/secret.txt', 'root/.env', 'root/.git/config', 'root/docs/.hidden']) {
    writeFileSync(join(outside, path), secret);
  }
  writeFileSync(join(root, 'docs/.well-known/secret.txt'), secret);
  writeFileSync(join(root, '.well-known/.hidden'), secret);
  writeFileSync(join(root, 'hello.txt'), 'hello');
  writeFileSync(join(root, 'docs/page.html'), '<p>');
  writeFileSync(join(root, 'app.html'), 'app');
  symlinkSync('../secret.txt', join(root, 'escape'));
  symlinkSync('..', join(root, 'up'));
  symlinkSync('../rootless', join(root, 'sibling'));
  symlinkSync('/', join(root, 'slash'));
  symlinkSync(join(outside, 'secret.txt'), join(root, 'absolute'));
  symlinkSync('escape', join(root, 'chain'));
  symlinkSync('../..', join(root, 'docs/up-two'));
  symlinkSync('/dev/zero', join(root, 'device'));
  symlinkSync('/dev/null', join(root, 'null'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
});
afterAll(() => rmSync(outside, { recursive: true }));

/** `PATH_INFO` as a gateway makes it that refuses nothing: decoded once, up to the query. */
function pathInfoOf(target: string): string {
  const path = target.replace(/^http:\/\/[^/]*/, '').replace(/\?.*$/s, '');
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return decoded.startsWith('/') ? decoded : `/${decoded}`;
}

const leaks = (answer: string) => answer.includes(SECRET) || /root:.*:0:/.test(answer);
const short = (target: string) => (target.length > 80 ? `${target.slice(0, 60)}... (${target.length})` : target);

it('the corpus has a hundred attempts, each once', () => {
  expect(new Set(ATTEMPTS).size).toBe(ATTEMPTS.length);
  expect(ATTEMPTS.length).toBeGreaterThanOrEqual(100);
});

describe('in process', () => {
  const POLICIES: Array<[name: string, options: StaticOptions]> = [
    ['by default', {}],
    ['without links', { symlinks: 'never' }],
    ['with all that may show something', { listing: true, precompressed: true, fallback: 'app.html' }],
  ];
  describe.each(POLICIES)('%s', (_name, options) => {
    it.each(ATTEMPTS.map((target) => [short(target), target]))('%j gets nothing', (_short, target) => {
      const { status, body } = ask(root, pathInfoOf(target), {}, options);
      expect(leaks(body)).toBe(false);
      if (status === '200 OK') expect([options.fallback, body]).toEqual(['app.html', 'app']);
      else expect(['404 Not Found', '400 Bad Request']).toContain(status);
    });
  });

  it('the attempts would get at it where links are followed and nothing is hidden', () => {
    const open: StaticOptions = { symlinks: 'follow', dotfiles: 'allow' };
    const found = ATTEMPTS.filter((target) => leaks(ask(root, pathInfoOf(target), {}, open).body));
    expect(found).toEqual(expect.arrayContaining(['/.env', '/escape', '/up/secret.txt', '/slash/etc/passwd']));
    expect(found.filter((target) => target.includes('..'))).toEqual([]);
  });
});

describe('over the wire', () => {
  it('no attempt gets anything, and the server goes on', async () => {
    const { port, errors } = await started(staticFiles(root, { listing: true, precompressed: true }));
    // The second and the third time by what was kept of the first, if anything.
    for (const target of [...ATTEMPTS, ...ATTEMPTS, ...ATTEMPTS]) {
      const client = await RawClient.open(port);
      client.send(`GET ${target} HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n`);
      const { status, body } = await client.response();
      expect([short(target), status >= 400 && status < 500, leaks(body.toString('latin1'))]).toEqual([
        short(target),
        true,
        false,
      ]);
      client.socket.destroy();
    }
    for (let round = 0; round < 3; round++) {
      expect(await (await fetch(`http://127.0.0.1:${port}/hello.txt`)).text()).toBe('hello');
    }
    expect(errors.text).toBe('');
  });
});
