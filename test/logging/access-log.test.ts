import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { type AccessLog, accessLog } from '../../src/logging/access-log.js';
import { compile } from '../compile.js';
import { Program } from '../server/fixtures/program.js';
import { temporaryFolder, until } from '../server/fixtures/started-server.js';

const refusal = { status: 400, reason: 'r', requestLine: 'GET / HTTP/1.1', address: '192.0.2.1', port: 1 };

function tell(log: AccessLog, ...targets: Array<string | number>): void {
  for (const target of targets) log.onRefused({ ...refusal, requestLine: `GET /${target} HTTP/1.1` });
}

/** The targets of the lines of a log in the format '%(U)s'. */
function targets(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

describe('an access log', () => {
  it('appends lines, in their order, all of them when it is closed', async () => {
    const path = join(temporaryFolder(), 'log');
    writeFileSync(path, 'before\n');
    const log = accessLog({ format: '%(U)s', path });
    const numbers = Array.from({ length: 20_000 }, (_, number) => number);
    tell(log, ...numbers);
    await log.close();
    expect(targets(path)).toEqual(['before', ...numbers.map((number) => `/${number}`)]);
    expect(log.dropped).toBe(0);
  });

  it('writes a line though no other follows', async () => {
    const path = join(temporaryFolder(), 'log');
    const log = accessLog({ format: '%(U)s', path });
    tell(log, 'one');
    await until(() => targets(path).length > 0);
    expect(targets(path)).toEqual(['/one']);
    await log.close();
  });

  it('goes on in a new file, once the old one was renamed and it is told to', async () => {
    const path = join(temporaryFolder(), 'log');
    const log = accessLog({ format: '%(U)s', path });
    tell(log, 'a');
    await until(() => targets(path).length > 0);
    renameSync(path, `${path}.1`);
    tell(log, 'b');
    log.reopen();
    tell(log, 'c');
    await until(() => existsSync(path) && targets(path).length > 0);
    tell(log, 'd');
    await log.close();
    expect([targets(`${path}.1`), targets(path)].flat()).toEqual(['/a', '/b', '/c', '/d']);
    expect(targets(path)).toContain('/d');
  });

  it('takes nothing more when it is closed, and is closed once', async () => {
    const path = join(temporaryFolder(), 'log');
    const log = accessLog({ format: '%(U)s', path });
    tell(log, 'a');
    await Promise.all([log.close(), log.close()]);
    tell(log, 'b');
    log.reopen();
    await log.close();
    expect(targets(path)).toEqual(['/a']);
  });

  it('refuses a file that cannot be opened, and a format that is none', () => {
    const path = join(temporaryFolder(), 'none', 'log');
    expect(() => accessLog({ path })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => accessLog({ format: '%(zz)s' })).toThrow(/'%\(zz\)s'/);
  });

  it('says once that the disk is full, and goes on', async () => {
    const troubles: string[] = [];
    const log = accessLog({ format: '%(U)s', path: '/dev/full', onTrouble: (message) => troubles.push(message) });
    for (let block = 0; block < 20; block++) {
      tell(log, 'x'.repeat(3000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    expect(troubles).toEqual([expect.stringMatching(/^The access log \/dev\/full: ENOSPC\b/)]);
  });
});

const compiled = mkdtempSync(join(tmpdir(), 'uwsgiref-log-'));
afterAll(() => rmSync(compiled, { recursive: true }));
compile(compiled, 'logging/access-log.ts');
symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(compiled, 'node_modules'));

describe('an access log on standard output', () => {
  it('drops lines rather than wait for whoever does not read, says so once, and lets itself be closed', async () => {
    const source = `
      import { accessLog } from './logging/access-log.js';
      const log = accessLog({ format: '%(U)s', onTrouble: (message) => console.error(message) });
      const refusal = { status: 400, reason: 'r', requestLine: 'GET /' + 'x'.repeat(999), address: '', port: 1 };
      for (let turn = 0; turn < 100; turn++) {
        for (let line = 0; line < 100; line++) log.onRefused(refusal);
        await new Promise((resolve) => setImmediate(resolve));
      }
      console.error(log.dropped);
      await log.close();
      console.error('closed');`;
    writeFileSync(join(compiled, 'stalled.js'), source);
    const program = new Program(process.execPath, ['stalled.js'], { cwd: compiled });
    program.process.stdout!.pause();
    await until(() => program.errorOutput.endsWith('closed\n'));
    const [trouble, dropped] = program.errorOutput.split('\n');
    expect(trouble).toBe('The access log on standard output does not keep pace; lines are left out');
    program.process.stdout!.resume();
    await program.ended;
    const whole = program.output.split('\n').slice(0, -1);
    expect(Number(dropped)).toBeGreaterThan(1000);
    expect(whole.length).toBeLessThanOrEqual(10_000 - Number(dropped));
    expect(new Set(whole.map((line) => line.length))).toEqual(new Set([1000]));
  });

  it('is shared by several processes without a line in another', async () => {
    const source = `
      import { accessLog } from './logging/access-log.js';
      const log = accessLog({ format: '%(U)s' });
      const refusal = { status: 400, reason: 'r', requestLine: 'GET /' + process.argv[2].repeat(99), address: '', port: 1 };
      for (let turn = 0; turn < 500; turn++) {
        for (let line = 0; line < 20; line++) log.onRefused(refusal);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await log.close();`;
    writeFileSync(join(compiled, 'sharing.js'), source);
    const node = `'${process.execPath}' sharing.js`;
    const program = new Program('sh', ['-c', `${node} a & ${node} b & wait`], { cwd: compiled });
    await program.ended;
    const lines = program.output.split('\n').slice(0, -1);
    expect(lines).toHaveLength(20_000);
    expect(new Set(lines)).toEqual(new Set([`/${'a'.repeat(99)}`, `/${'b'.repeat(99)}`]));
  });
});
