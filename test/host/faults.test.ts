import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { get, RawClient } from '../server/fixtures/raw-client.js';
import { later, until } from '../server/fixtures/started-server.js';
import { Fleet } from './fixtures/fleet.js';

/** What goes wrong with workers, and with whoever looks after them. */

const root = compiledPackage();

/** Does what the path says. */
const FAULTY = `
  import { execFileSync, spawn } from 'node:child_process';
  const kept = [];
  function spinInVain() { for (;;); }
  function matchInVain() { return /^(a+)+$/.test('a'.repeat(50) + 'b'); }
  process.send?.('ready');
  export const app = async (environ, startResponse) => {
    startResponse('200 OK', [['Content-Type', 'text/plain']]);
    switch (environ.PATH_INFO) {
      case '/spin': spinInVain(); break;
      case '/match': matchInVain(); break;
      case '/wait': execFileSync('sleep', ['60']); break;
      case '/throw': setImmediate(() => { throw new Error('a stray error'); }); break;
      case '/reject': void Promise.reject(new Error('a stray rejection')); break;
      case '/grow': for (let i = 0; i < 30; i++) kept.push(Buffer.alloc(4 << 20, 'x')); break;
      case '/spawn': return [String(spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).pid)];
      case '/slow': await new Promise((resolve) => setTimeout(resolve, 500)); break;
    }
    return [String(process.pid)];
  };`;

async function ask(fleet: Fleet, path: string): Promise<string> {
  const client = await RawClient.open(fleet.port);
  try {
    return (await client.send(get(path)).response()).body.toString();
  } finally {
    client.socket.destroy();
  }
}

describe('a worker', () => {
  it('whose loop is stuck is killed, and the log has what it was doing', async () => {
    const args = ['--workers', '2', '--watchdog', '1s'];
    const fleet = await Fleet.start({ root, args, files: { 'app.mjs': FAULTY } });
    for (const [path, place] of [
      ['/spin', /stuck for 1000 ms, in\n {4}at spinInVain \(file:\S+\/app\.mjs:4:\d+\)\n {4}at app \(/],
      ['/match', /stuck for 1000 ms, in\n {4}at matchInVain \(file:\S+\/app\.mjs:5:\d+\)/],
      ['/wait', /stuck for 1000 ms, in\n {4}a call that JavaScript waits for/],
    ] as const) {
      const deaths = fleet.log.match(/ended by itself/g)?.length ?? 0;
      const client = await RawClient.open(fleet.port);
      client.send(get(path));
      await later(50);
      // Another one answers meanwhile.
      expect(Number(await ask(fleet, '/'))).toBeGreaterThan(0);
      expect((await client.end()).length).toBe(0);
      await fleet.says(place);
      if (path !== '/wait') await fleet.says(new RegExp(`^ {4}with GET ${path} of 127.0.0.1, for \\d+ ms$`));
      await fleet.says(/^uwsgiref: Worker \d+ \(\d+\) ended by itself: SIGKILL$/, deaths + 1);
      await until(() => fleet.workers.length === 2);
    }
    // Nobody else was killed.
    expect(fleet.log.match(/ended by itself/g)).toHaveLength(3);
  });

  it('that is stopped as a whole is killed by the supervisor', async () => {
    const fleet = await Fleet.start({ root, args: ['--watchdog', '500ms'], files: { 'app.mjs': FAULTY } });
    const [worker] = fleet.workers;
    process.kill(worker!, 'SIGSTOP');
    await fleet.says(/^uwsgiref: Worker 1 \(\d+\) ended by itself: it was silent for 3000 ms$/);
    expect(Number(await ask(fleet, '/'))).not.toBe(worker);
  });

  it('that grows too large, or has had an error, or is sent SIGTERM, is replaced', async () => {
    const fleet = await Fleet.start({ root, args: ['--max-memory', '150MiB'], files: { 'app.mjs': FAULTY } });
    let replaced = 0;
    for (const [path, reason] of [
      ['/grow', /is to be replaced: it has \d+ bytes of memory$/],
      ['/throw', /is to be replaced: of an uncaughtException$/],
      ['/reject', /is to be replaced: of an unhandledRejection$/],
      ['/', /is to be replaced: it was sent SIGTERM$/],
    ] as const) {
      const before = await ask(fleet, path);
      if (path === '/') process.kill(Number(before), 'SIGTERM');
      await fleet.says(reason);
      // It goes on until the other one is there.
      await until(async () => (await ask(fleet, '/')) !== before);
      expect(fleet.log.match(/is to be replaced/g)).toHaveLength(++replaced);
      await until(() => fleet.workers.length === 1);
    }
    expect(fleet.program.errorOutput).toMatch(/uncaughtException: Error: a stray error\n {4}at /);
    expect(fleet.log).not.toContain('ended by itself');
  });

  it('says in a line of JSON which error nobody has caught, where errors are JSON', async () => {
    const fleet = await Fleet.start({ root, args: ['--error-log', 'json'], files: { 'app.mjs': FAULTY } });
    for (const [path, event, message] of [
      ['/throw', 'uncaughtException', 'a stray error'],
      ['/reject', 'unhandledRejection', 'a stray rejection'],
    ] as const) {
      const pid = Number(await ask(fleet, path));
      const own = new RegExp(`^\\{.*"${event}".*$`, 'm');
      await fleet.says(own);
      const { stack, time, ...others } = JSON.parse(own.exec(fleet.program.errorOutput)![0]) as Record<string, string>;
      expect(others).toEqual({ level: 'error', event, pid, error: 'Error', message });
      expect(stack).toMatch(new RegExp(`^Error: ${message}\\n {4}at `));
      await until(async () => Number(await ask(fleet, '/')) !== pid);
    }
    expect(fleet.program.errorOutput).toMatch(/^(?:\{.*\}\n)+$/);
  });

  it('that dies is replaced, and one that does so again and again not at once', async () => {
    const fleet = await Fleet.start({ root, args: ['--workers', '2'] });
    fleet.write('app.mjs', 'process.exit(3)');
    process.kill(fleet.workers[0]!, 'SIGKILL');
    await fleet.says(/^uwsgiref: A worker could not start: exit code 3$/, 4);
    // The other one serves.
    expect(await ask(fleet, '/')).toBe('Hello world!\n');
    fleet.write('app.mjs', FAULTY);
    await until(() => fleet.workers.length === 2);
    await until(async () => /^\d+$/.test(await ask(fleet, '/')));
  });

  it('has the sockets, its channel and nothing else of its supervisor; programs that it starts have none of them', async () => {
    const args = ['--admin', '127.0.0.1:0', '--workers', '2'];
    const fleet = await Fleet.start({ root, args, files: { 'app.mjs': FAULTY } });
    const sockets = (pid: number) =>
      readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
        const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
        return Number(fd) > 2 && target.startsWith('socket:') ? [target] : [];
      });
    const held = sockets(fleet.supervisor);
    for (const worker of fleet.workers) {
      const own = sockets(worker);
      expect(own.filter((socket) => held.includes(socket))).toHaveLength(1);
      expect(own).toHaveLength(2);
    }
    const child = Number(await ask(fleet, '/spawn'));
    try {
      await until(() => readFileSync(`/proc/${child}/comm`, 'latin1') === 'sleep\n');
      expect(sockets(child)).toEqual([]);
    } finally {
      process.kill(child, 'SIGKILL');
    }
  });
});

describe('a start that fails', () => {
  it('leaves nobody, and says what is wrong', async () => {
    for (const [app, complaint] of [
      ['export const app = ;', /^uwsgiref: app\.mjs failed to load: SyntaxError/],
      ['throw new Error("no database")', /^uwsgiref: app\.mjs failed to load: Error: no database/],
      ['process.exit(4)', /^uwsgiref: exit code 4\n$/],
    ] as const) {
      const fleet = Fleet.begin({ root, args: ['--workers', '2', '--pid-file', 'pid'], files: { 'app.mjs': app } });
      expect(await fleet.program.ended).toBe(1);
      expect(fleet.program.errorOutput).toMatch(complaint);
      expect(fleet.program.output).toBe('');
      expect(fleet.processes()).toEqual([]);
      expect(readdirSync(fleet.folder)).toEqual(['app.mjs']);
    }
  });

  it('is one that takes longer than --start-timeout', async () => {
    const app = 'await new Promise((resolve) => setTimeout(resolve, 60_000));';
    const fleet = Fleet.begin({ root, args: ['--start-timeout', '300ms'], files: { 'app.mjs': app } });
    expect(await fleet.program.ended).toBe(1);
    expect(fleet.program.errorOutput).toBe('uwsgiref: it was not ready after 300 ms\n');
  });
});

describe('a supervisor', () => {
  it('that is killed leaves workers that finish what they have in hand, and end', async () => {
    const fleet = await Fleet.start({ root, args: ['--workers', '2'], files: { 'app.mjs': FAULTY } });
    const { workers } = fleet;
    const client = await RawClient.open(fleet.port);
    client.send(get('/slow'));
    await later(100);
    fleet.signal('SIGKILL');
    expect((await client.response()).status).toBe(200);
    await fleet.program.ended;
    expect(workers.filter((pid) => readlinkOrNone(pid) !== '')).toEqual([]);
    await expect(RawClient.open(fleet.port)).rejects.toThrow('ECONNREFUSED');
  });

  it('goes on when nobody reads its output any more', async () => {
    const fleet = await Fleet.start({ root, files: { 'app.mjs': FAULTY } });
    fleet.program.process.stdout?.destroy();
    fleet.program.process.stderr?.destroy();
    const before = await ask(fleet, '/throw');
    await until(async () => (await ask(fleet, '/')) !== before);
    fleet.signal('SIGHUP');
    const between = await ask(fleet, '/');
    await until(async () => (await ask(fleet, '/')) !== between);
    fleet.signal('SIGTERM');
    expect(await fleet.program.ended).toBe(0);
  });
});

function readlinkOrNone(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}
