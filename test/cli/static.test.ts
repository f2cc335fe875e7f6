import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
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

  it('has the options of staticFiles', async () => {
    const root = join(temporaryFolder(), 'www');
    mkdirSync(join(root, 'docs'), { recursive: true });
    for (const name of ['home.htm', 'app.js', 'app.js.gz', '.env', 'docs/a.txt']) writeFileSync(join(root, name), name);
    symlinkSync('app.js', join(root, 'link'));
    const program = new Program(process.execPath, [
      ...[
        main,
        'static',
        '--port',
        '0',
        '--workers',
        '0',
        '--index',
        'index.htm',
        '--index',
        'home.htm',
        '--listing',
        '--precompressed',
      ],
      ...[
        '--cache-control',
        '*.js: max-age=60',
        '--cache-control',
        'no-cache',
        '--fallback',
        'home.htm',
        '--download',
        '*.txt',
      ],
      ...['--symlinks', 'never', '--dotfiles', 'deny', root],
    ]);
    const url = (await program.says(/^Serving \S+ at (http:\S+)\n/))[1]!;
    const get = (path: string, accept = 'identity') => fetch(url + path, { headers: { 'accept-encoding': accept } });

    const index = await get('/');
    expect([index.headers.get('cache-control'), await index.text()]).toEqual(['no-cache', 'home.htm']);
    const script = await get('/app.js');
    expect([script.headers.get('cache-control'), await script.text()]).toEqual(['max-age=60', 'app.js']);
    const { output } = await curl(['-H', 'Accept-Encoding: gzip', `${url}/app.js`]);
    expect(output.toString()).toBe('app.js.gz');
    expect(await (await get('/docs/')).text()).toContain('<a href="./a.txt">');
    expect((await get('/docs/a.txt')).headers.get('content-disposition')).toBe('attachment; filename="a.txt"');
    expect(await (await get('/users/7')).text()).toBe('home.htm');
    expect((await get('/.env')).status).toBe(403);
    // Not followed, it is not there, so that the fallback stands for it.
    expect(await (await get('/link')).text()).toBe('home.htm');
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
  });

  it('says in one line which option is wrong, and exits with 1', async () => {
    for (const [args, complaint] of [
      [['--symlinks', 'some'], "static.symlinks must be one of 'beneath', 'follow', 'never', got 'some' (--symlinks)"],
      [['--fallback', '../x'], "fallback must be the path of a file beneath the root, got '../x'"],
      [['--cache-control', '*.js:'], 'cacheControl must be one or more visible ASCII characters'],
    ] as const) {
      const program = new Program(process.execPath, [main, 'static', temporaryFolder(), '--port', '0', ...args]);
      expect(await program.ended).toBe(1);
      expect(program.errorOutput).toMatch(/^[^\n]+\n$/);
      expect(program.errorOutput).toContain(complaint);
    }
  });

  it('says in one line that there is no such directory, and exits with 1', async () => {
    const program = new Program(process.execPath, [main, 'static', join(temporaryFolder(), 'missing'), '--port', '0']);
    expect(await program.ended).toBe(1);
    expect(program.errorOutput).toMatch(/^uwsgiref: [^\n]*missing[^\n]*\n$/);
  });
});
