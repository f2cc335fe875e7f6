import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { addCtl } from '../../src/cli/ctl.js';
import { administered, FakeFleet, vitals } from '../admin/fake-fleet.js';
import { freePort, started, temporaryFolder } from '../server/fixtures/started-server.js';

/** Runs the command in this process. @returns what it has printed */
async function ctl(...args: string[]): Promise<string> {
  let printed = '';
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  onTestFinished(() => stdout.mockRestore());
  const program = new Command('uwsgiref').exitOverride();
  addCtl(program);
  try {
    await program.parseAsync(['ctl', ...args], { from: 'user' });
  } finally {
    stdout.mockRestore();
  }
  return printed;
}

/** A fleet, and where its administration is, as `--admin` has it. */
async function administeredFleet(workers = 2): Promise<{ fleet: FakeFleet; at: string }> {
  const fleet = new FakeFleet(workers);
  const { url } = await administered(fleet);
  return { fleet, at: new URL(url).host };
}

describe('uwsgiref ctl status', () => {
  it('prints the server, and a table of its workers', async () => {
    const { fleet, at } = await administeredFleet();
    fleet.workers[0]!.vitals = vitals({ requests: 1234, openConnections: 5, inFlight: 2, loopDelayMs: 1.25 });
    fleet.workers[1]!.state = 'starting';
    const [server, , counts, , heading, one, other] = (await ctl('status', '--admin', at)).split('\n');
    expect(server).toBe('app.js:app at http://127.0.0.1:8000: ready');
    expect(counts).toBe('2 workers wanted, 2 started, 0 died, 0 reloads');
    expect(heading).toBe('Worker  Process  State      Up  Requests  Connections  In flight  Memory  Loop delay');
    expect(one).toMatch(/^ {5}1 {5}1001 {2}ready {5}\d s {5}1,234 {12}5 {10}2 {2}50 MiB {5}1\.25 ms$/);
    expect(other).toMatch(/^ {5}2 {5}1002 {2}starting {2}\d s( +–){5}$/);
  });

  it('says that the server drains, stops or has no worker', async () => {
    const { fleet, at } = await administeredFleet(1);
    const state = async () => /: ([a-z ]+)\n/.exec(await ctl('status', '--admin', at))?.[1];
    fleet.workers[0]!.state = 'starting';
    expect(await state()).toBe('not ready');
    fleet.draining = true;
    expect(await state()).toBe('draining');
    fleet.stopping = true;
    expect(await state()).toBe('stopping');
  });

  it('prints JSON on demand', async () => {
    const { at } = await administeredFleet();
    expect(JSON.parse(await ctl('status', '--json', '--admin', at))).toMatchObject({ served: 'app.js:app', wanted: 2 });
  });
});

describe('uwsgiref ctl slow', () => {
  it('prints the requests in flight, harmless to a terminal', async () => {
    const { fleet, at } = await administeredFleet();
    expect(await ctl('slow', '--admin', at)).toBe('No requests are in flight\n');
    fleet.workers[1]!.answers.slow = async () => [
      { method: 'GET', target: '/export\x9b31m', address: '192.0.2.1\x9b', elapsedMs: 12_345 },
    ];
    const [heading, line] = (await ctl('slow', '--admin', at)).split('\n');
    expect(heading).toBe('   For  Worker  Client         Request');
    expect(line).toBe('12.3 s       2  192.0.2.1\\x9b  GET /export\\x9b31m');
  });
});

describe('commands of uwsgiref ctl', () => {
  it('are obeyed, and what comes of them is printed', async () => {
    const { fleet, at } = await administeredFleet();
    expect(await ctl('drain', '--admin', at)).toMatch(/^Not ready/);
    expect(fleet.draining).toBe(true);
    await ctl('undrain', '--admin', at);
    expect(fleet.draining).toBe(false);
    await ctl('scale', '5', '--admin', at);
    expect(fleet.wanted).toBe(5);
    expect(await ctl('reload', '--admin', at)).toBe('Reloaded\n');
  });

  it('fail with the reason of the server', async () => {
    const fleet = new FakeFleet(1);
    const { url } = await administered(fleet, async () => {
      throw new Error('app.js is gone');
    });
    await expect(ctl('reload', '--admin', new URL(url).host)).rejects.toThrow(
      'Reload failed, and the old workers stay: app.js is gone',
    );
    const scaled = ctl('scale', '2&workers=1', '--admin', new URL(url).host);
    await expect(scaled).rejects.toThrow("workers must be a number from 1 to 1024, got '2&workers=1'");
  });
});

describe('where uwsgiref ctl asks', () => {
  it('is a Unix socket', async () => {
    const path = join(temporaryFolder(), 'admin.sock');
    await administered(new FakeFleet(1, { path }));
    expect(await ctl('status', '--admin', `unix:${path}`)).toMatch(/^app\.js:app/);
  });

  it('is what the environment says, and before that the configuration file', async () => {
    const { at } = await administeredFleet();
    const file = join(temporaryFolder(), 'uwsgiref.config.json');
    writeFileSync(file, JSON.stringify({ admin: at }));
    expect(await ctl('status', '--config', file)).toMatch(/^app\.js:app/);
    vi.stubEnv('UWSGIREF_ADMIN', at);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await ctl('status')).toMatch(/^app\.js:app/);
  });

  it('is not asked of a configuration file, which may be broken, where it is given', async () => {
    const { at } = await administeredFleet();
    const file = join(temporaryFolder(), 'uwsgiref.config.json');
    writeFileSync(file, '{ "workerz": 2 }');
    await expect(ctl('status', '--config', file)).rejects.toThrow(/workerz/);
    expect(await ctl('status', '--config', file, '--admin', at)).toMatch(/^app\.js:app/);
  });

  it('is told where nothing is known, and where nothing listens', async () => {
    vi.stubEnv('UWSGIREF_ADMIN', '');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(ctl('status')).rejects.toThrow(/^Which server\? Give its --admin/);
    await expect(ctl('status', '--admin', 'fd:3')).rejects.toThrow(/fd:3 is a descriptor/);
    const port = await freePort();
    await expect(ctl('status', '--admin', `127.0.0.1:${port}`)).rejects.toThrow(`Nothing listens at 127.0.0.1:${port}`);
    const path = join(temporaryFolder(), 'no.sock');
    await expect(ctl('status', '--admin', `unix:${path}`)).rejects.toThrow(`There is no socket unix:${path}`);
    // The server makes a file of any name.
    await expect(ctl('status', '--admin', 'unix:@no')).rejects.toThrow(/^There is no socket unix:\/\S+\/@no;/);
  });

  it('may be another server than ours, of whom the answer is told', async () => {
    const { port } = await started((_environ, startResponse) => {
      startResponse('404 Not Found', [['Content-Type', 'text/plain']]);
      return ['No such page'];
    });
    await expect(ctl('drain', '--admin', `127.0.0.1:${port}`)).rejects.toThrow('No such page');
    const other = await started((_environ, startResponse) => {
      startResponse('200 OK', [['Content-Type', 'text/html']]);
      return ['<!doctype html>'];
    });
    await expect(ctl('status', '--admin', `127.0.0.1:${other.port}`)).rejects.toThrow(
      /is no administration of uwsgiref/,
    );
  });
});
