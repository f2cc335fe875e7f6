import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Program } from '../server/fixtures/program.js';
import { temporaryFolder } from '../server/fixtures/started-server.js';

const main = join(compiledPackage(), 'dist/cli/main.js');

async function check(source: string, ...args: string[]): Promise<Program> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'app.mjs'), source);
  const program = new Program(process.execPath, [main, 'check', 'app.mjs', ...args], { cwd: folder });
  await program.ended;
  return program;
}

describe('uwsgiref check', () => {
  it('is content with an application that keeps the rules', async () => {
    const program = await check(
      `export const app = (environ, startResponse) => {
         startResponse('200 OK', [['Content-Type', 'text/plain']]);
         return ['for ' + environ.PATH_INFO];
       };`,
      '--request-path',
      '/there',
    );
    expect(await program.ended).toBe(0);
    expect(program.output).toMatch(
      /^app\.mjs: GET \/there answered \S*.*200 OK, \d+ bytes; the validator found nothing\n$/,
    );
    expect(program.errorOutput).toBe('');
  });

  it('is content with the demo application, and with an asynchronous one', async () => {
    const demo = new Program(process.execPath, [main, 'check', 'uwsgiref/simple-server:demoApp']);
    expect([await demo.ended, demo.errorOutput]).toEqual([0, '']);
    const later = await check(
      `export default async function* (environ, startResponse) {
         startResponse('200 OK', [['Content-Type', 'text/plain']]);
         yield 'later';
       }`,
    );
    expect([await later.ended, later.errorOutput]).toEqual([0, '']);
  });

  it('tells which rule an application breaks, and exits with 1', async () => {
    for (const [body, complaint] of [
      ["startResponse('200', []); return ['x'];", 'Content-Type'],
      ["startResponse('OK', [['Content-Type', 'a/b']]); return ['x'];", 'Status'],
      ["startResponse('200 OK', [['Content-Type', 'a/b']]); return 'x';", 'Return [body]'],
      ["startResponse('200 OK', [['Content-Type', 'a/b']]); return [1];", 'must be a Uint8Array or a string'],
      ["throw new Error('on purpose');", 'on purpose'],
    ] as const) {
      const program = await check(`export const app = (environ, startResponse) => { ${body} };`);
      expect([body, await program.ended]).toEqual([body, 1]);
      expect(program.errorOutput).toContain(complaint);
      expect(program.output).toContain('breaks the rules of WSGI');
    }
  });

  it('says in one line that there is nothing to check', async () => {
    const program = await check('export const other = 1;');
    expect(await program.ended).toBe(1);
    expect(program.errorOutput).toMatch(/^uwsgiref: [^\n]+\n$/);
  });
});
