import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { later } from '../server/fixtures/started-server.js';
import { Load } from './fixtures/load.js';
import { hasSystemd, Systemd, UNITS } from './fixtures/systemd.js';

const installed = compiledPackage();
// As npm does it with what a package says is a command.
chmodSync(join(installed, 'dist/cli/main.js'), 0o755);

const APPLICATION = '/srv/application/application.mjs';
/** How long each state of affairs lasts under load. Milliseconds. */
const WHILE = 500;

describe.skipIf(!hasSystemd)(`under systemd${hasSystemd ? '' : ', which cannot be booted here'}`, () => {
  it('the first connection starts the service, without rights', async () => {
    const systemd = await Systemd.boot(installed);
    await systemd.run('systemctl', 'start', 'uwsgiref.socket');
    expect(await stateOf(systemd, 'ActiveState')).toBe('inactive');
    expect(JSON.parse(await systemd.run('curl', '--silent', 'http://127.0.0.1/'))).toMatchObject({
      client: '127.0.0.1',
    });
    // It answers a moment before it says that it is ready.
    while ((await stateOf(systemd, 'ActiveState')) === 'activating') await later(20);
    expect(await stateOf(systemd, 'StatusText')).toBe('Serving with 1 worker');
    const control = ['/srv/application/node_modules/.bin/uwsgiref', 'ctl', 'status'];
    const status = await systemd.run(process.execPath, ...control, '--admin', 'unix:/run/uwsgiref/admin.sock');
    expect(status).toContain('application.mjs at http://127.0.0.1:80: ready');
    const rights = await systemd.run('cat', `/proc/${await stateOf(systemd, 'MainPID')}/status`);
    expect(rights).toMatch(/^CapEff:\t0+$/m);
    expect(rights).not.toMatch(/^Uid:\t0\b/m);
  });

  it('a reload, a restart and a takeover cost nothing', async () => {
    const systemd = await Systemd.boot(installed);
    await systemd.run('systemctl', 'start', 'uwsgiref.socket', 'uwsgiref.service');
    const load = new Load((command, args) => systemd.start(command, args), '127.0.0.1');
    await later(WHILE);

    const first = await stateOf(systemd, 'MainPID');
    await systemd.run('systemctl', 'reload', 'uwsgiref.service');
    await systemd.run('mv', APPLICATION, `${APPLICATION}.away`);
    await expect(systemd.run('systemctl', 'reload', 'uwsgiref.service')).rejects.toThrow(/no file \S+application\.mjs/);
    await systemd.run('mv', `${APPLICATION}.away`, APPLICATION);
    expect(await stateOf(systemd, 'MainPID')).toBe(first);
    await later(WHILE);

    await systemd.run('systemctl', 'restart', 'uwsgiref.service');
    const second = await stateOf(systemd, 'MainPID');
    expect(second).not.toBe(first);
    await later(WHILE);

    await systemd.run('systemctl', 'kill', '--signal=USR2', '--kill-who=main', 'uwsgiref.service');
    while ((await stateOf(systemd, 'MainPID')) === second) await later(50);
    await later(WHILE);
    const { answered, failures } = await load.end();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(0);

    // The new main process is no child of systemd, which does not wait for it then if KillMode is mixed.
    const slow = systemd.run('curl', '--silent', '--fail', 'http://127.0.0.1/?pause=1000');
    await later(WHILE);
    await systemd.run('systemctl', 'stop', 'uwsgiref.socket', 'uwsgiref.service');
    expect(await slow).toContain('instance');
    expect(await stateOf(systemd, 'Result')).toBe('success');
  });

  it('a server that hangs is replaced', async () => {
    const systemd = await Systemd.boot(installed, 'WatchdogSec=1500ms');
    await systemd.run('systemctl', 'start', 'uwsgiref.service');
    // It is alive to the watchdog.
    await later(2000);
    expect(await stateOf(systemd, 'NRestarts')).toBe('0');
    await systemd.run('kill', '-STOP', await stateOf(systemd, 'MainPID'));
    while ((await stateOf(systemd, 'NRestarts')) !== '1') await later(100);
    await systemd.run('curl', '--silent', '--fail', 'http://127.0.0.1/');
  });

  it('systemd finds nothing wrong with the units', async () => {
    const systemd = await Systemd.boot(installed);
    await systemd.run('systemd-analyze', 'verify', '/run/units/uwsgiref.service', '/run/units/uwsgiref.socket');
  });
});

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;

it.skipIf(!hasAnalyze)('the service is exposed to little, as systemd-analyze sees it', () => {
  const unit = join(UNITS, 'uwsgiref.service');
  const { status, stdout } = spawnSync('systemd-analyze', ['security', '--offline=yes', '--threshold=15', unit], {
    encoding: 'utf8',
  });
  expect(status, stdout).toBe(0);
});

async function stateOf(systemd: Systemd, property: string): Promise<string> {
  return (await systemd.run('systemctl', 'show', '--value', '--property', property, 'uwsgiref.service')).trim();
}
