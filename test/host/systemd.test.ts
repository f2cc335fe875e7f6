import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bindSocket } from '../../src/server/index.js';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Program } from '../server/fixtures/program.js';
import { get, RawClient } from '../server/fixtures/raw-client.js';
import { freePort, temporaryFolder, until } from '../server/fixtures/started-server.js';
import { Fleet } from './fixtures/fleet.js';

const root = compiledPackage();

/** A datagram socket in systemd's place, and what came. */
class Manager {
  readonly path: string;
  readonly #program: Program;

  private constructor(path: string) {
    this.path = path;
    this.#program = new Program('python3', [join(import.meta.dirname, 'fixtures/notify-socket.py'), path]);
  }

  static async at(path: string): Promise<Manager> {
    const manager = new Manager(path);
    await manager.#program.says(/^bound$/m);
    return manager;
  }

  /** What it was told, but for the watchdog's beats. */
  get heard(): string[] {
    return this.#all.filter((text) => text !== 'WATCHDOG=1');
  }

  get beats(): number {
    return this.#all.filter((text) => text === 'WATCHDOG=1').length;
  }

  get #all(): string[] {
    return this.#program.output
      .split('\n')
      .filter((line) => line.startsWith('"'))
      .map((line) => JSON.parse(line) as string);
  }
}

describe('sd_notify', () => {
  it('tells when the workers serve, of reloads, of a successor and of the end', async () => {
    const manager = await Manager.at(join(temporaryFolder(), 'notify'));
    const fleet = await Fleet.start({ root, args: ['--workers', '2'], env: { NOTIFY_SOCKET: manager.path } });
    await until(() => manager.heard.length === 1);
    expect(manager.heard).toEqual(['READY=1\nSTATUS=Serving with 2 workers']);
    fleet.signal('SIGHUP');
    await until(() => manager.heard.length === 3);
    expect(manager.heard[1]).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=Reloading$/);
    // On the clock of CLOCK_MONOTONIC, which hrtime() reads.
    const [, microseconds] = /MONOTONIC_USEC=(\d+)/.exec(manager.heard[1]!)!;
    const age = Number(process.hrtime.bigint() / 1000n) - Number(microseconds);
    expect(age).toBeGreaterThan(0);
    expect(age).toBeLessThan(60e6);
    expect(manager.heard[2]).toBe('READY=1\nSTATUS=Serving with 2 workers');

    fleet.write('app.mjs', 'broken');
    fleet.signal('SIGHUP');
    await until(() => manager.heard.length === 5);
    expect(manager.heard[4]).toMatch(/^READY=1\n/);
    fleet.write('app.mjs', 'export const app = () => [];');

    fleet.signal('SIGUSR2');
    await until(() => manager.heard.length === 7);
    // Who is not the main process is not heard, so that this has to come first.
    expect(manager.heard.slice(5)).toEqual([`MAINPID=${fleet.supervisor}`, 'READY=1\nSTATUS=Serving with 2 workers']);
    expect(fleet.supervisor).not.toBe(fleet.program.pid);
    fleet.signal('SIGTERM');
    await until(() => manager.heard.length === 8);
    expect(manager.heard[7]).toBe('STOPPING=1\nSTATUS=Finishing the requests in hand');
    await fleet.program.ended;
    expect(manager.heard).toHaveLength(8);
    expect(manager.beats).toBe(0);
  });

  it('feeds the watchdog, in an abstract namespace and from a successor as well', async () => {
    const manager = await Manager.at(`@uwsgiref-test-${process.pid}`);
    const env = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '100000' };
    const fleet = await Fleet.start({ root, env });
    await until(() => manager.beats > 3);
    fleet.signal('SIGUSR2');
    await until(() => manager.heard.some((text) => text.startsWith('MAINPID=')));
    await until(() => fleet.processes().every((pid) => pid !== fleet.program.pid));
    const { beats } = manager;
    await until(() => manager.beats > beats + 3);
  });

  it('says in the log that nobody hears it, once, and goes on', async () => {
    const fleet = await Fleet.start({ root, env: { NOTIFY_SOCKET: join(temporaryFolder(), 'nobody') } });
    fleet.signal('SIGHUP');
    await fleet.says(/^Reloaded in/);
    expect(fleet.log.match(/NOTIFY_SOCKET/g)).toHaveLength(1);
    expect((await ask(fleet.port)).status).toBe(200);
  });
});

async function ask(where: number | string, path = '/') {
  const client = await RawClient.open(where);
  try {
    return await client.send(get(path)).response();
  } finally {
    client.socket.destroy();
  }
}

describe('socket activation', () => {
  /** Starts the server as systemd does: the sockets from descriptor 3 on, and variables that say so. */
  function activated(folder: string, sockets: number[]): Program {
    const args = [join(root, 'dist/cli/main.js'), 'serve', 'app.mjs', '--port', '1', '--access-log', 'off'];
    const script = `LISTEN_PID=$$ LISTEN_FDS=${sockets.length} exec "$@"`;
    return new Program('sh', ['-c', script, 'sh', process.execPath, ...args], { cwd: folder, descriptors: sockets });
  }

  it('serves at the sockets that it is given, and leaves them to the next', async () => {
    const { folder } = Fleet.begin({ root, args: ['--help'] });
    const path = join(folder, 'socket');
    const sockets = [bindSocket({ port: 0 }), bindSocket({ path })];
    onTestFinished(() => {
      for (const socket of sockets) socket.close();
    });
    const { port } = sockets[0]!.address as { port: number };
    const fds = sockets.map(({ fd }) => fd);

    const first = activated(folder, fds);
    await first.says(/^Serving app\.mjs at unix:\S+socket$/m);
    expect(first.output).toContain(`Serving app.mjs at http://127.0.0.1:${port}\n`);
    for (const where of [port, path]) expect((await ask(where)).status).toBe(200);
    first.process.kill('SIGUSR2');
    const [, successor] = await first.says(/^Supervisor (\d+) takes over$/m);
    await until(() => first.output.match(/^Serving/gm)?.length === 4);
    for (const where of [port, path]) expect((await ask(where)).status).toBe(200);
    process.kill(Number(successor), 'SIGTERM');
    await first.ended;
    expect(first.errorOutput).toBe('');
    expect(existsSync(path)).toBe(true);

    const waiting = await Promise.all([port, path].map((where) => RawClient.open(where)));
    for (const client of waiting) client.send(get('/'));
    const second = activated(folder, fds);
    for (const client of waiting) expect((await client.response()).status).toBe(200);
    second.process.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  it.skipIf(!existsSync('/usr/bin/systemd-socket-activate'))('by systemd-socket-activate', async () => {
    const { folder } = Fleet.begin({ root, args: ['--help'] });
    const port = await freePort();
    const command = [process.execPath, join(root, 'dist/cli/main.js'), 'serve', 'app.mjs', '--access-log', 'off'];
    const program = new Program('systemd-socket-activate', ['-l', `127.0.0.1:${port}`, ...command], { cwd: folder });
    await until(() => program.errorOutput.includes('Listening on'));
    // The first connection starts the server, and waits for it.
    expect((await ask(port)).body.toString()).toBe('Hello world!\n');
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
  });
});
