import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXAMPLES, runnable, runnableExamples } from './runnable-examples.js';
import { Program } from './server/fixtures/program.js';
import { until } from './server/fixtures/started-server.js';

const { folder, cli } = await runnableExamples();

/** Runs an example as the README says, at a free port; answers the program and where it serves. */
async function served(name: string): Promise<{ program: Program; url: string }> {
  const program = new Program(process.execPath, [cli, 'serve', runnable(name), '--port', '0'], { cwd: folder });
  const [, url = ''] = await program.says(/ at (http:\S+)\n/);
  return { program, url };
}

describe('examples', () => {
  it.each([...EXAMPLES])('%s is short, and imports the package by its name', (_name, source) => {
    expect(source.split('\n').length).toBeLessThanOrEqual(31);
    expect(source).toMatch(/ from 'uwsgiref(\/[\w-]+)?';\n/);
  });

  it('hello.ts answers, and passes the validator', async () => {
    const { url } = await served('hello.ts');
    const response = await fetch(`${url}/some/where`);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe('Hello, 127.0.0.1! You asked for /some/where\n');

    const check = new Program(process.execPath, [cli, 'check', runnable('hello.ts')], { cwd: folder });
    expect(await check.ended).toBe(0);
    expect(check.output).toContain('the validator found nothing');
  });

  it('download.ts sends itself, with its length', async () => {
    const { url } = await served('download.ts');
    const response = await fetch(url);
    const path = join(folder, runnable('download.ts'));
    expect(response.headers.get('content-length')).toBe(String(statSync(path).size));
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${runnable('download.ts')}"`);
    expect(await response.text()).toContain('openFile(path)');
  });

  it('async.ts streams its blocks', async () => {
    const { url } = await served('async.ts');
    const response = await fetch(`${url}/?from=3&pause=1`);
    expect(response.headers.get('content-length')).toBeNull();
    expect(await response.text()).toBe('3\n2\n1\nLift-off!\n');
  });

  it('serve.ts serves a directory, and stops when told to', async () => {
    const program = new Program(process.execPath, [runnable('serve.ts'), '.', '0'], { cwd: folder });
    const [, url] = await program.says(/Serving at (http:\S+)\n/);
    const response = await fetch(`${url}/hello.ts`);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(await response.text()).toBe(EXAMPLES.get('hello.ts'));
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(program.output).toContain('Stopped after 1 requests');
  });

  it('mount.ts hands requests to its applications', async () => {
    const { url } = await served('mount.ts');
    expect(await (await fetch(`${url}/files/hello.ts`)).text()).toBe(EXAMPLES.get('hello.ts'));
    const api = await fetch(`${url}/api/x`);
    expect(await api.text()).toBe('/x beneath /api\n');
    expect(api.headers.get('server-timing')).toMatch(/^app;dur=\d/);
    expect(await (await fetch(`${url}/apis`)).text()).toBe('/apis beneath the root\n');
  });

  it('hono.ts greets, and echoes', async () => {
    const { url } = await served('hono.ts');
    expect(await (await fetch(`${url}/hello/you`)).text()).toBe('Hello, you! You are at 127.0.0.1\n');
    const body = 'x'.repeat(1_000_000);
    expect(await (await fetch(`${url}/echo`, { method: 'POST', body })).text()).toBe(body);
  });

  it('cgi.ts answers the request of its environment and its standard input', () => {
    const run = (variables: Record<string, string>, input = '') => {
      const env = { SERVER_NAME: 'example.test', SERVER_PORT: '80', SERVER_PROTOCOL: 'HTTP/1.1', ...variables };
      const { stdout, stderr } = spawnSync(process.execPath, [runnable('cgi.ts')], { cwd: folder, env, input });
      return { answer: stdout.toString(), log: stderr.toString() };
    };
    const head = 'Content-Type: text/plain; charset=utf-8\r\nSet-Cookie: visited=yes\r\nSet-Cookie: theme=dark\r\n\r\n';

    const post = { REQUEST_METHOD: 'POST', PATH_INFO: '/echo', CONTENT_LENGTH: '5' };
    expect(run(post, 'hello, and more').answer).toBe(`Status: 200 OK\r\n${head}5 bytes\nhello`);

    const get = { REQUEST_METHOD: 'GET', PATH_INFO: '/request/gr\xfcn', HTTP_PROXY: 'http://evil.example' };
    const environ = JSON.parse(run(get).answer.split('\r\n\r\n')[1] ?? '');
    expect(environ).toMatchObject({ PATH_INFO: '/gr\xc3\xbcn', uri: 'http://example.test/request/gr%C3%BCn' });
    expect(environ).not.toHaveProperty('HTTP_PROXY');

    const failed = run({ REQUEST_METHOD: 'GET', PATH_INFO: '/fail' });
    expect(failed.answer).toMatch(/^Status: 500 Internal Server Error\r\nContent-Type: text\/plain\r\n/);
    expect(failed.log).toContain("Error: There is no letter after ''\n    at letters");
  });
});

describe("the examples of wsgiref's own documentation", () => {
  /** Runs an example that serves, at a free port. */
  async function serving(name: string, greeting: RegExp): Promise<{ program: Program; url: string }> {
    const program = new Program(process.execPath, [runnable(name), '0'], { cwd: folder });
    const [, port] = await program.says(greeting);
    return { program, url: `http://127.0.0.1:${port}` };
  }

  it('environ-dump.ts shows the environ of the request, not the made up one', async () => {
    const { url } = await serving('environ-dump.ts', /^Serving on port (\d+)\.\.\.\n/);
    const response = await fetch(`${url}/a%20b?c=d`, { method: 'PUT', body: 'body', headers: { 'X-Y': 'z' } });
    expect(response.status).toBe(200);
    const lines = (await response.text()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'REQUEST_METHOD: PUT',
        'SCRIPT_NAME: ',
        'PATH_INFO: /a b',
        'QUERY_STRING: c=d',
        'CONTENT_LENGTH: 4',
        `SERVER_PORT: ${new URL(url).port}`,
        `HTTP_HOST: ${new URL(url).host}`,
        'HTTP_X_Y: z',
        'wsgi.version: [ 1, 0 ]',
        'wsgi.url_scheme: http',
        'wsgi.run_once: false',
        expect.stringMatching(/^wsgi\.input: /),
        expect.stringMatching(/^wsgi\.errors: /),
      ]),
    );
  });

  it('file-wrapper.ts prints its file, five bytes a line', async () => {
    const program = new Program(process.execPath, [runnable('file-wrapper.ts')], { cwd: folder });
    expect(await program.ended).toBe(0);
    const blocks = program.output.trimEnd().split('\n');
    expect(blocks.join('')).toBe('This is an example file-like object'.repeat(10));
    expect(blocks.slice(0, 3)).toEqual(['This ', 'is an', ' exam']);
    expect(new Set(blocks.map((block) => block.length))).toEqual(new Set([5]));
  });

  it('headers.ts adds a field with a parameter', async () => {
    const program = new Program(process.execPath, [runnable('headers.ts')], { cwd: folder });
    expect(await program.ended).toBe(0);
    expect(program.output).toBe('Content-Type: image/gif\nContent-Disposition: attachment; filename="bud.gif"\n');
  });

  it('bare-string.ts is found out by the validator, and answers 500', async () => {
    const { program, url } = await serving('bare-string.ts', /^Listening on port (\d+)\.\.\.\n/);
    const response = await fetch(url);
    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(await response.text()).toBe('A server error occurred.  Please contact the administrator.');
    await until(() => program.errorOutput.includes('" 500 '));
    expect(program.errorOutput).toMatch(
      /^AssertionError [^\n]*: Return \[body\], an array of one block, not the body itself: 'Hello World' would/,
    );
    expect((await fetch(url)).status).toBe(500);
  });

  it('hello-server.ts serves until it is killed', async () => {
    const { program, url } = await serving('hello-server.ts', /^Serving on port (\d+)\.\.\.\n/);
    for (const path of ['/', '/any/where']) {
      const response = await fetch(url + path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/plain');
      expect(await response.text()).toBe('Hello World');
    }
    await until(() => program.errorOutput.includes('"GET /any/where HTTP/1.1" 200 11\n'));
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe('SIGTERM');
  });

  it('one-request.ts shows the demo page once, and ends', async () => {
    const { program, url } = await serving('one-request.ts', /^Serving HTTP on port (\d+)\.\.\.\n/);
    const page = await (await fetch(`${url}/xyz?abc`)).text();
    expect(page).toMatch(/^Hello world!\n\n/);
    expect(page).toContain("PATH_INFO = '/xyz'\n");
    expect(page).toContain("QUERY_STRING = 'abc'\n");
    expect(await program.ended).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });
});
