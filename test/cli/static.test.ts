import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { curl } from '../server/fixtures/curl.js';
import { Program } from '../server/fixtures/program.js';
import { temporaryFolder } from '../server/fixtures/started-server.js';

const main = join(compiledPackage(), 'dist/cli/main.js');

describe('uwsgiref static', () => {
  it('serves the files of a directory, and nothing above it', async () => {
    const outside = temporaryFolder();
    const root = join(outside, 'www');
    mkdirSync(join(root, 'docs'), { recursive: true });
    writeFileSync(join(outside, 'secret.txt'), 'secret');
    writeFileSync(join(root, 'index.html'), '<h1>index</h1>');
    writeFileSync(join(root, 'docs/a b.txt'), 'spaced');
    const program = new Program(process.execPath, [main, 'static', root, '--port', '0']);
    const url = (await program.says(/^Serving \S+ at (http:\S+)\n/))[1]!;

    const index = await fetch(url);
    expect([index.status, index.headers.get('content-type'), await index.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      '<h1>index</h1>',
    ]);
    expect(await (await fetch(`${url}/docs/a%20b.txt`)).text()).toBe('spaced');
    const again = await fetch(url, { headers: { 'If-None-Match': index.headers.get('etag')! } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await fetch(`${url}/missing`)).status).toBe(404);
    expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405);
    for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/docs/..%2f..%2fsecret.txt']) {
      const { output } = await curl(['--path-as-is', '-w', '%{http_code}', url + path]);
      expect([path, output.toString()]).toEqual([path, expect.stringMatching(/^(?!.*secret)[\s\S]*404$/)]);
    }
    const head = await curl(['-I', `${url}/index.html`]);
    expect(head.output.toString()).toContain('Content-Length: 14\r\n');

    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
  });

  it('says in one line that there is no such directory, and exits with 1', async () => {
    const program = new Program(process.execPath, [main, 'static', join(temporaryFolder(), 'missing'), '--port', '0']);
    expect(await program.ended).toBe(1);
    expect(program.errorOutput).toMatch(/^uwsgiref: [^\n]*missing[^\n]*\n$/);
  });
});
