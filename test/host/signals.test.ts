import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Program } from '../server/fixtures/program.js';
import { get, RawClient } from '../server/fixtures/raw-client.js';
import { freePort, later, temporaryFolder, until } from '../server/fixtures/started-server.js';
import { Fleet } from './fixtures/fleet.js';

const root = compiledPackage();

/** Answers `/slow` when the file `go` appears beside it, and anything else with its version and process. */
function versioned(version: string): string {
  return `
    import { existsSync } from 'node:fs';
    export const app = async (environ, startResponse) => {
      while (environ.PATH_INFO === '/slow' && !existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 10));
      startResponse('200 OK', [['Content-Type', 'text/plain']]);
      return ['${version} ' + process.pid];
    };`;
}

async function answer(port: number | string, path = '/'): Promise<string> {
  const client = await RawClient.open(port);
  try {
    return (await client.send(get(path)).response()).body.toString();
  } finally {
    client.socket.destroy();
  }
}

async function ended(fleet: Fleet, code: number): Promise<void> {
  expect(await fleet.program.ended).toBe(code);
  expect(fleet.processes()).toEqual([]);
}

describe('SIGTERM', () => {
  it('has each worker finish what it has in hand, and waits for no idle client', async () => {
    const fleet = await Fleet.start({ root, args: ['--workers', '2'], files: { 'app.mjs': versioned('one') } });
    const idle = await RawClient.open(fleet.port);
    await idle.send(get('/')).response();
    // What a reload leaves behind has time for another request, and that ends here as well.
    fleet.signal('SIGHUP');
    await fleet.says(/^Reloaded in/);
    const slow = await Promise.all([RawClient.open(fleet.port), RawClient.open(fleet.port)]);
    for (const client of slow) client.send(get('/slow'));
    await later(200);
    fleet.signal('SIGTERM');
    await fleet.says(/^SIGTERM: finishing/);
    expect((await idle.end()).length).toBe(0);
    fleet.write('go', '');
    for (const client of slow) {
      const response = await client.response();
      expect([response.status, response.field('connection')]).toEqual([200, 'close']);
    }
    await ended(fleet, 0);
  });

  it('cuts off what is not over after --graceful-timeout', async () => {
    const args = ['--graceful-timeout', '300ms'];
    const fleet = await Fleet.start({ root, args, files: { 'app.mjs': versioned('one') } });
    const client = await RawClient.open(fleet.port);
    client.send(get('/slow'));
    await until(() => fleet.workers.length === 1);
    await later(100);
    fleet.signal('SIGTERM');
    expect((await client.end()).length).toBe(0);
    await ended(fleet, 0);
  });

  it('ends everything at once when it comes again', async () => {
    const fleet = await Fleet.start({ root, files: { 'app.mjs': versioned('one') } });
    const client = await RawClient.open(fleet.port);
    client.send(get('/slow'));
    await later(100);
    fleet.signal('SIGTERM');
    await fleet.says(/^SIGTERM: finishing/);
    fleet.signal('SIGINT');
    await ended(fleet, 1);
    expect((await client.end()).length).toBe(0);
  });

  it('ends a start that is under way, and a worker that is half there', async () => {
    const app = `process.stdout.write('loading\\n'); await new Promise((resolve) => setTimeout(resolve, 60_000));`;
    const fleet = Fleet.begin({ root, files: { 'app.mjs': app } });
    await fleet.says(/^loading$/);
    fleet.signal('SIGTERM');
    await ended(fleet, 0);
    expect(fleet.program.errorOutput).toBe('');
  });
});

describe('SIGHUP', () => {
  it('puts new workers with new code in the place of the old ones', async () => {
    const fleet = await Fleet.start({ root, args: ['--workers', '2'], files: { 'app.mjs': versioned('one') } });
    const before = fleet.workers;
    expect(await answer(fleet.port)).toMatch(/^one /);
    fleet.write('app.mjs', versioned('two'));
    fleet.signal('SIGHUP');
    await fleet.says(/^Reloaded in/);
    expect(await answer(fleet.port)).toMatch(/^two /);
    await until(() => fleet.workers.length === 2);
    expect(fleet.workers.filter((pid) => before.includes(pid))).toEqual([]);
  });

  it('keeps the old workers where a new one cannot start, and says why', async () => {
    const fleet = await Fleet.start({ root, args: ['--workers', '2'], files: { 'app.mjs': versioned('one') } });
    const before = fleet.workers;
    for (const [broken, complaint] of [
      ['export const app = ;', /Reload failed, and the old workers stay: app\.mjs failed to load: SyntaxError/],
      ['process.exit(7)', /Reload failed, and the old workers stay: exit code 7/],
    ] as const) {
      fleet.write('app.mjs', broken);
      fleet.signal('SIGHUP');
      await fleet.says(complaint);
      expect(fleet.workers.toSorted()).toEqual(before.toSorted());
      expect(await answer(fleet.port)).toMatch(/^one /);
    }
    fleet.write('app.mjs', versioned('two'));
    fleet.signal('SIGHUP');
    await fleet.says(/^Reloaded in/);
    expect(await answer(fleet.port)).toMatch(/^two /);
  });

  it('goes back to the directory of the old configuration where it fails', async () => {
    const configuration = JSON.stringify({ chdir: 'release' });
    const fleet = Fleet.begin({ root, files: { 'uwsgiref.config.json': configuration } });
    mkdirSync(join(fleet.folder, 'release'));
    fleet.write('release/app.mjs', versioned('one'));
    await fleet.says(/^Serving/);
    fleet.port = Number(/:(\d+)$/m.exec(fleet.log)![1]);
    mkdirSync(join(fleet.folder, 'next'));
    for (const [count, broken] of ['{', JSON.stringify({ chdir: 'next', umask: '077' })].entries()) {
      fleet.write('uwsgiref.config.json', broken);
      fleet.signal('SIGHUP');
      await fleet.says(/Reload failed/, count + 1);
      const [before] = fleet.workers;
      process.kill(before!, 'SIGKILL');
      await until(() => fleet.workers.some((pid) => pid !== before));
      expect(await answer(fleet.port)).toMatch(/^one /);
      expect(await answer(fleet.port)).not.toBe(`one ${before}`);
    }
    expect(readFileSync(`/proc/${fleet.program.pid}/status`, 'utf8')).not.toMatch(/^Umask:\t0077$/m);
  });

  it('needs a worker at least: nobody would serve any more', async () => {
    const fleet = await Fleet.start({ root, files: { 'uwsgiref.config.json': '{}', 'app.mjs': versioned('one') } });
    fleet.write('uwsgiref.config.json', JSON.stringify({ workers: 0 }));
    fleet.signal('SIGHUP');
    await fleet.says(/Reload failed, and the old workers stay: workers must be 1 or more here, got 0/);
    expect(await answer(fleet.port)).toMatch(/^one /);
    fleet.signal('SIGUSR2');
    await fleet.says(/workers must be 1 or more to take the place of a supervisor, got 0/);
    await fleet.says(/the new supervisor ended before it served/);
    expect(await answer(fleet.port)).toMatch(/^one /);
  });

  it('waits its turn behind the start, and behind another', async () => {
    const fleet = Fleet.begin({ root, args: ['--workers', '2'], files: { 'app.mjs': versioned('one') } });
    await until(() => fleet.workers.length === 2);
    for (let count = 0; count < 3; count++) fleet.signal('SIGHUP');
    await fleet.says(/^Reloaded in/);
    await fleet.says(/^Serving/);
    await until(() => fleet.workers.length === 2);
    expect(fleet.program.errorOutput).toBe('');
  });

  it('reads the configuration again: where it listens, and with how many', async () => {
    const ports = [await freePort(), await freePort()];
    const configuration = (port: number, workers: number) =>
      JSON.stringify({ app: 'app.mjs', bind: `127.0.0.1:${port}`, workers, accessLog: 'off' });
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'app.mjs'), versioned('one'));
    writeFileSync(join(folder, 'uwsgiref.config.json'), configuration(ports[0]!, 1));
    const main = join(root, 'dist/cli/main.js');
    const program = new Program(process.execPath, [main, 'serve'], { cwd: folder });
    await program.says(/^Serving/m);
    writeFileSync(join(folder, 'uwsgiref.config.json'), configuration(ports[1]!, 2));
    program.process.kill('SIGHUP');
    await program.says(/^Reloaded/m);
    expect(await answer(ports[1]!)).toMatch(/^one /);
    await until(async () => {
      const refused = await answer(ports[0]!).catch((error: Error) => error.message);
      return refused.includes('ECONNREFUSED');
    });
    // A reload that fails leaves nobody waiting at an address that nobody serves.
    writeFileSync(join(folder, 'app.mjs'), 'process.exit(1)');
    writeFileSync(join(folder, 'uwsgiref.config.json'), configuration(ports[0]!, 2));
    program.process.kill('SIGHUP');
    await until(() => program.errorOutput.includes('Reload failed'));
    await expect(answer(ports[0]!)).rejects.toThrow('ECONNREFUSED');
    expect(await answer(ports[1]!)).toMatch(/^one /);
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
  });

  it('finds a new release behind a symbolic link', async () => {
    const folder = temporaryFolder();
    for (const release of ['1', '2']) {
      mkdirSync(join(folder, release));
      writeFileSync(join(folder, release, 'app.mjs'), versioned(`release ${release}`));
    }
    const current = join(folder, 'current');
    symlinkSync('1', current);
    const args = [join(root, 'dist/cli/main.js'), 'serve', 'app.mjs', '--port', '0', '--access-log', 'off'];
    const program = new Program(process.execPath, args, { cwd: current, env: { ...process.env, PWD: current } });
    const port = Number((await program.says(/^Serving \S+ at \S+:(\d+)$/m))[1]);
    expect(await answer(port)).toMatch(/^release 1 /);
    symlinkSync('2', join(folder, 'next'));
    renameSync(join(folder, 'next'), current);
    program.process.kill('SIGHUP');
    await program.says(/^Reloaded/m);
    expect(await answer(port)).toMatch(/^release 2 /);
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
  });
});

it('SIGUSR2 starts the program of a new release behind a symbolic link', async () => {
  const folder = temporaryFolder();
  for (const release of ['1', '2']) {
    mkdirSync(join(folder, release));
    writeFileSync(join(folder, release, 'app.mjs'), versioned(`release ${release}`));
    const main = JSON.stringify(join(root, 'dist/cli/main.js'));
    writeFileSync(join(folder, release, 'run.mjs'), `console.log('Program ${release}'); await import(${main});`);
  }
  const current = join(folder, 'current');
  symlinkSync('1', current);
  const args = ['run.mjs', 'serve', 'app.mjs', '--port', '0', '--access-log', 'off'];
  const program = new Program(process.execPath, args, { cwd: current, env: { ...process.env, PWD: current } });
  const port = Number((await program.says(/^Program 1\nServing \S+ at \S+:(\d+)$/m))[1]);
  symlinkSync('2', join(folder, 'next'));
  renameSync(join(folder, 'next'), current);
  program.process.kill('SIGUSR2');
  const [, successor] = await program.says(/^Supervisor (\d+) takes over$/m);
  onTestFinished(() => void process.kill(Number(successor), 'SIGTERM'));
  expect(program.output).toMatch(/^Program 2$/m);
  // The old workers have yet to hear of it.
  await until(async () => (await answer(port)).startsWith('release 2 '));
});

it('SIGTTIN and SIGTTOU ask for a worker more or less, and one stays', async () => {
  const fleet = await Fleet.start({ root });
  fleet.signal('SIGTTIN');
  await until(() => fleet.workers.length === 2);
  for (let count = 0; count < 3; count++) {
    fleet.signal('SIGTTOU');
    await fleet.says(/^1 worker is wanted$/, count + 1);
  }
  await until(() => fleet.workers.length === 1);
  expect((await answer(fleet.port)).length).toBeGreaterThan(0);
});

it('SIGUSR1 opens the access log anew', async () => {
  const fleet = Fleet.begin({
    root,
    args: ['--workers', '2', '--access-log', 'combined', '--access-log-file', 'access.log'],
  });
  await fleet.says(/^Serving/);
  fleet.port = Number(/:(\d+)$/m.exec(fleet.log)![1]);
  const [log, rotated] = ['access.log', 'access.log.1'].map((name) => join(fleet.folder, name));
  await answer(fleet.port, '/before');
  await until(() => readFileSync(log!, 'utf8').includes('/before'));
  renameSync(log!, rotated!);
  fleet.signal('SIGUSR1');
  await until(() => existsSync(log!));
  await until(async () => {
    await answer(fleet.port, '/behind');
    return readFileSync(log!, 'utf8').includes('/behind');
  });
});

describe('a reload that fails when the file of a Unix socket was removed', () => {
  it.each([
    ['the configuration', 'uwsgiref.config.mjs', 'export default { nonsense: 1 };', 'export default {};'],
    ['the application', 'app.mjs', 'broken', versioned('one')],
  ])('has the socket served again as soon as workers can start: %s', async (_, name, broken, good) => {
    const path = join(temporaryFolder(), 'socket');
    const files = { 'app.mjs': versioned('one'), 'uwsgiref.config.mjs': 'export default {};' };
    const fleet = Fleet.begin({ root, where: ['--path', path], args: ['--workers', '2'], files });
    await fleet.says(/^Serving /);
    rmSync(path);
    fleet.write(name, broken);
    fleet.signal('SIGHUP');
    await fleet.says(/Reload failed, and the old workers stay: /);
    if (name === 'app.mjs') {
      await fleet.says(/Worker \d stays, since its successor failed: /);
      fleet.write(name, good);
    }
    expect(await answer(path)).toMatch(/^one /);
    await until(() => fleet.workers.length === 2);
  });
});

describe('SIGUSR2', () => {
  it('hands everything over: the Unix socket, the pid file, the administration', async () => {
    const admin = await freePort();
    const folder = temporaryFolder();
    const [socket, pidFile] = [join(folder, 'socket'), join(folder, 'pid')];
    const fleet = Fleet.begin({
      root,
      args: ['--path', socket, '--pid-file', pidFile, '--admin', `127.0.0.1:${admin}`],
      files: { 'app.mjs': versioned('one') },
    });
    await fleet.says(/^Serving/);
    const idle = await RawClient.open(socket);
    await idle.send(get('/')).response();
    for (let turn = 1; turn <= 2; turn++) {
      const before = fleet.supervisor;
      fleet.signal('SIGUSR2');
      await fleet.says(/^Administration at/, turn + 1);
      expect(fleet.supervisor).not.toBe(before);
      expect(await answer(socket)).toMatch(/^one /);
      expect(readFileSync(pidFile, 'utf8')).toBe(`${fleet.supervisor}\n`);
      const status = (await (await fetch(`http://127.0.0.1:${admin}/status`)).json()) as { pid: number };
      expect(status.pid).toBe(fleet.supervisor);
    }
    expect((await idle.send(get('/late')).response()).field('connection')).toBe('close');
    fleet.signal('SIGTERM');
    await ended(fleet, 0);
    expect([socket, pidFile].filter((path) => existsSync(path))).toEqual([]);
    expect(fleet.program.errorOutput).toBe('');
  });

  it('changes nothing where the new supervisor cannot serve', async () => {
    const folder = temporaryFolder();
    const [socket, pidFile] = [join(folder, 'socket'), join(folder, 'pid')];
    const fleet = Fleet.begin({
      root,
      args: ['--path', socket, '--pid-file', pidFile],
      files: { 'app.mjs': versioned('one') },
    });
    await fleet.says(/^Serving/);
    fleet.write('app.mjs', 'broken');
    fleet.signal('SIGUSR2');
    await fleet.says(/^uwsgiref: SIGUSR2: the new supervisor ended before it served: exit code 1$/);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${fleet.program.pid}\n`);
    expect(await answer(socket)).toMatch(/^one /);
    fleet.write('app.mjs', versioned('two'));
    fleet.signal('SIGUSR2');
    await fleet.says(/takes over$/);
    expect(await answer(socket)).toMatch(/^two /);
  });

  it('takes no word of others for that of the new supervisor', async () => {
    const file = `process.send?.('ready'); process.send?.(null); export default {};`;
    const fleet = await Fleet.start({ root, files: { 'uwsgiref.config.mjs': file, 'app.mjs': versioned('one') } });
    fleet.write('app.mjs', 'broken');
    fleet.signal('SIGUSR2');
    await fleet.says(/the new supervisor ended before it served: exit code 1$/);
    expect(await answer(fleet.port)).toMatch(/^one /);
    fleet.write('app.mjs', versioned('two'));
    fleet.signal('SIGUSR2');
    await fleet.says(/takes over$/);
    expect(await answer(fleet.port)).toMatch(/^two /);
  });

  it('has the administration go over where the pid file cannot', async () => {
    const admin = await freePort();
    const fleet = Fleet.begin({ root, args: ['--pid-file', 'run/pid', '--admin', `127.0.0.1:${admin}`] });
    mkdirSync(join(fleet.folder, 'run'));
    await fleet.says(/^Administration at/);
    rmSync(join(fleet.folder, 'run'), { recursive: true });
    fleet.signal('SIGUSR2');
    await fleet.says(/^uwsgiref: The pid file \S+ cannot be written: ENOENT/);
    await fleet.says(/^Administration at/, 2);
  });

  it('is taken back by SIGTERM while the new supervisor starts', async () => {
    const fleet = await Fleet.start({ root, files: { 'app.mjs': versioned('one') } });
    fleet.write('app.mjs', `process.stdout.write('loading\\n'); await new Promise((r) => setTimeout(r, 60_000));`);
    fleet.signal('SIGUSR2');
    await fleet.says(/^loading$/);
    fleet.signal('SIGTERM');
    await ended(fleet, 0);
  });
});

it('a second server with the same pid file does not start', async () => {
  const folder = temporaryFolder();
  const pidFile = join(folder, 'pid');
  const args = ['--pid-file', pidFile];
  const first = await Fleet.start({ root, args });
  const second = Fleet.begin({ root, args });
  expect(await second.program.ended).toBe(1);
  expect(second.program.errorOutput).toContain(`${pidFile} says that process ${first.program.pid} is the server`);
  expect(readFileSync(pidFile, 'utf8')).toBe(`${first.program.pid}\n`);
  process.kill(first.supervisor, 'SIGKILL');
  await until(() => first.processes().length === 0);
  // Nobody has removed it, and nobody it names lives.
  const third = await Fleet.start({ root, args });
  expect(readFileSync(pidFile, 'utf8')).toBe(`${third.program.pid}\n`);
  rmSync(pidFile);
});
