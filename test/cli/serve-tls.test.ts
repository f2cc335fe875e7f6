import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CertificateFiles, certificate } from '../server/fixtures/certificate.js';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Program } from '../server/fixtures/program.js';
import { get } from '../server/fixtures/raw-client.js';
import { temporaryFolder, until } from '../server/fixtures/started-server.js';
import { openTls, serverName } from '../server/fixtures/tls-client.js';

const main = join(compiledPackage(), 'dist/cli/main.js');

/** Runs a command at a free port, in a folder of its own. */
function uwsgiref(command: string, flags: string[], cwd: string): Program {
  const served = command === 'serve' ? 'uwsgiref/simple-server:demoApp' : '.';
  return new Program(process.execPath, [main, command, served, '--port', '0', ...flags], { cwd });
}

/** Makes certificates, the first of them in the files that the flags name. */
function certificates() {
  const folder = temporaryFolder();
  const [first, second] = ['first', 'second'].map((name) => certificate(folder, name, { subject: `/CN=${name}` }));
  const used = { key: join(folder, 'used.key.pem'), cert: join(folder, 'used.cert.pem') };
  const use = ({ key, cert }: CertificateFiles) => {
    copyFileSync(key, used.key);
    copyFileSync(cert, used.cert);
  };
  use(first!);
  const flags = ['--tls-cert', 'used.cert.pem', '--tls-key', 'used.key.pem'];
  return { folder, first: first!, second: second!, used, use, flags };
}

async function portOf(program: Program): Promise<number> {
  const [, port] = await program.says(/^Serving \S+ at https:\/\/127\.0\.0\.1:(\d+)\n/);
  return Number(port);
}

describe.each([
  ['serve', '1', /^Reloaded in \d+ ms$/m],
  ['serve', '0', /^SIGHUP: read the certificates again$/m],
  ['static', '1', /^Reloaded in \d+ ms$/m],
] as const)('uwsgiref %s --tls-cert --tls-key --workers %s', (command, workers, reloaded) => {
  it('serves HTTPS, reads the certificate again on SIGHUP, and ends on SIGTERM', async () => {
    const { folder, second, use, flags } = certificates();
    const program = uwsgiref(command, [...flags, '--workers', workers], folder);
    const port = await portOf(program);
    const old = await openTls(port);
    expect(serverName(old)).toBe('first');
    use(second);
    program.process.kill('SIGHUP');
    await program.says(reloaded);
    expect(serverName(await openTls(port))).toBe('second');
    expect((await old.send(get('/used.cert.pem')).response()).status).toBe(200);
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(program.errorOutput).toBe('');
  });
});

describe('uwsgiref serve', () => {
  it.each([
    [
      '1',
      (why: string) => `Reload failed, and the old workers stay: Cannot serve HTTPS: ${why} (ERR_TLS)`,
      /^Reloaded in \d+ ms$/m,
    ],
    [
      '0',
      (why: string) => `SIGHUP: ${why}; going on with the certificates in use`,
      /^SIGHUP: read the certificates again$/m,
    ],
  ])(
    'goes on with the certificate it has where the new one is no good, and says why, with %s workers',
    async (workers, complaint, reloaded) => {
      const { folder, second, used, use, flags } = certificates();
      const program = uwsgiref('serve', [...flags, '--workers', workers], folder);
      const port = await portOf(program);
      rmSync(used.key);
      program.process.kill('SIGHUP');
      await until(() => program.errorOutput.endsWith('\n'));
      expect(program.errorOutput).toBe(`uwsgiref: ${complaint(`the TLS key ${used.key} does not exist (ENOENT)`)}\n`);
      expect(serverName(await openTls(port))).toBe('first');
      use(second);
      program.process.kill('SIGHUP');
      await program.says(reloaded);
      expect(serverName(await openTls(port))).toBe('second');
    },
  );

  it('demands client certificates of the authorities of --tls-ca', async () => {
    const { folder, first, second, flags } = certificates();
    const program = uwsgiref('serve', [...flags, '--tls-ca', first.cert], folder);
    const port = await portOf(program);
    expect((await (await openTls(port)).send(get('/')).response()).status).toBe(403);
    const known = await openTls(port, { own: first });
    const { body } = await known.send(get('/')).response();
    expect(body.toString()).toMatch(/^SSL_CLIENT_S_DN = 'CN=first'$/m);
    const attempt = openTls(port, { own: second });
    await expect(attempt.then((client) => client.send(get('/')).response())).rejects.toThrow();
  });

  it('says in one line what is wrong with the files, and exits with 1', async () => {
    const { folder, first, second, flags } = certificates();
    for (const [args, complaint] of [
      [['--tls-cert', first.cert], 'HTTPS needs both --tls-cert and --tls-key'],
      [['--tls-ca', first.cert], 'HTTPS needs both --tls-cert and --tls-key'],
      [
        [...flags, '--tls-key', second.key],
        `Cannot serve HTTPS: the TLS key ${second.key} is not that of the first certificate in ` +
          `${join(folder, 'used.cert.pem')} (ERR_TLS)`,
      ],
    ] as const) {
      const program = uwsgiref('serve', [...args], folder);
      expect(await program.ended).toBe(1);
      expect([program.output, program.errorOutput]).toEqual(['', `uwsgiref: ${complaint}\n`]);
    }
  });

  it('ends on SIGHUP without TLS and without a supervisor, as any program does', async () => {
    const program = uwsgiref('serve', ['--workers', '0'], temporaryFolder());
    await program.says(/^Serving /);
    program.process.kill('SIGHUP');
    expect(await program.ended).toBe('SIGHUP');
  });
});
