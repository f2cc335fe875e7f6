import { statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLES, runnable, runnableExamples } from './runnable-examples.js';
import { Program } from './server/fixtures/program.js';

let folder = '';
let cli = '';
beforeAll(async () => {
  ({ folder, cli } = await runnableExamples());
});

/** Runs an example as the README says, at a free port; answers the program and where it serves. */
async function served(name: string): Promise<{ program: Program; url: string }> {
  const program = new Program(process.execPath, [cli, 'serve', runnable(name), '--port', '0'], { cwd: folder });
  const [, url = ''] = await program.says(/ at (http:\S+)\n/);
  return { program, url };
}

describe('examples', () => {
  it.each([...EXAMPLES])('%s is short, and imports the package by its name', (_name, source) => {
    expect(source.split('\n').length).toBeLessThanOrEqual(31);
    expect(source).toContain("from 'uwsgiref';");
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
});
