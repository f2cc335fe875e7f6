import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { certificate } from '../server/fixtures/certificate.js';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Program } from '../server/fixtures/program.js';
import { temporaryFolder, until } from '../server/fixtures/started-server.js';

const main = join(compiledPackage(), 'dist/cli/main.js');

/** Runs `uwsgiref serve --check` in the folder. */
async function preflight(folder: string, args: string[], command = 'serve'): Promise<Program> {
  const program = new Program(process.execPath, [main, command, ...args, '--check'], { cwd: folder });
  await program.ended;
  return program;
}

/** A folder with an application that would go on for ever. */
function project(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'app.mjs'), 'setInterval(() => {}, 1000); export const app = () => [];');
  return folder;
}

describe('uwsgiref serve --check', () => {
  it('goes through all parts, and exits with 0 where they are in order', async () => {
    const folder = project();
    const { cert } = certificate(folder, 'own', {});
    const args = ['app.mjs', '--bind', '127.0.0.1:0,unix:app.sock', '--admin', '127.0.0.1:0', '--pid-file', 'app.pid'];
    const program = await preflight(folder, [...args, '--tls-cert', cert, '--tls-key', cert.replace('cert', 'key')]);
    expect(program.output.split('\n')).toEqual([
      `ok     directory ${folder}`,
      `ok     server HTTPS, ${cert}`,
      'ok     address 127.0.0.1:0',
      'ok     address unix:app.sock',
      'ok     address 127.0.0.1:0',
      `ok     file ${join(folder, 'app.pid')}`,
      'ok     application app.mjs',
      '',
    ]);
    expect([await program.ended, program.errorOutput]).toEqual([0, '']);
  });

  it('says all that is wrong, and exits with 1', async () => {
    const folder = project();
    const { key } = certificate(folder, 'own', {});
    const other = certificate(folder, 'other', {});
    const blocker = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void blocker.close());
    await until(() => blocker.listening);
    const taken = `127.0.0.1:${(blocker.address() as { port: number }).port}`;
    const args = ['nothing.mjs', '--bind', taken, '--access-log-file', 'no/such/log'];
    const program = await preflight(folder, [...args, '--tls-cert', other.cert, '--tls-key', key]);
    expect(program.output).toContain(`wrong  server HTTPS, ${other.cert}: the TLS key ${key} is not that of`);
    expect(program.output).toContain(
      `wrong  address ${taken}: Cannot listen at ${taken}: another program listens there`,
    );
    expect(program.output).toMatch(/^wrong {2}file \S+no\/such\/log: ENOENT/m);
    expect(program.output).toMatch(/^wrong {2}application nothing\.mjs: There is no file \S+nothing\.mjs/m);
    expect(await program.ended).toBe(1);
  });

  it('does not mind that the server of this configuration runs', async () => {
    const folder = project();
    const running = new Program(process.execPath, [main, 'serve', 'app.mjs', '--port', '0', '--pid-file', 'app.pid'], {
      cwd: folder,
    });
    const [, port] = await running.says(/ at http:\S+:(\d+)\n/);
    const args = ['app.mjs', '--port', port!, '--pid-file', 'app.pid'];
    expect(await (await preflight(folder, args)).ended).toBe(0);
    rmSync(join(folder, 'app.pid'));
    expect(await (await preflight(folder, args)).ended).toBe(1);
  });

  it('looks at a directory as well', async () => {
    const folder = project();
    expect((await preflight(folder, ['.', '--port', '0'], 'static')).output).toMatch(/^ok {5}application \.$/m);
    const missing = await preflight(folder, ['missing', '--port', '0'], 'static');
    expect(missing.output).toMatch(/^wrong {2}application missing: /m);
    expect(await missing.ended).toBe(1);
  });

  it('says of settings that cannot be read what a start would say', async () => {
    const program = await preflight(project(), ['app.mjs', '--port', 'many']);
    expect(program.errorOutput).toMatch(
      /^uwsgiref: port must be a whole number from 0 to 65535, got 'many' \(--port\)\n$/,
    );
    expect(await program.ended).toBe(1);
  });
});

describe('uwsgiref serve --print-config', () => {
  it('prints what holds, and serves nobody', async () => {
    const program = new Program(process.execPath, [main, 'serve', 'app.mjs', '--print-config'], { cwd: project() });
    expect(await program.ended).toBe(0);
    expect(program.output).toMatch(/^ {2}app: 'app\.mjs', +\/\/ argument$/m);
    expect(program.output).toMatch(/^ {2}bind: \[ '127\.0\.0\.1:8000' \], +\/\/ default$/m);
  });
});
