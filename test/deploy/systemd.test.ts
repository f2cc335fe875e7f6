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
    const status = await systemd.run('cat', `/proc/${await stateOf(systemd, 'MainPID')}/status`);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).not.toMatch(/^Uid:\t0\b/m);
  });

  it('a reload and a restart cost nothing', async () => {
    const systemd = await Systemd.boot(installed);
    await systemd.run('systemctl', 'start', 'uwsgiref.socket', 'uwsgiref.service');
    const load = new Load((command, args) => systemd.start(command, args), '127.0.0.1');
    await later(500);
    const before = await stateOf(systemd, 'MainPID');
    await systemd.run('systemctl', 'reload', 'uwsgiref.service');
    await systemd.run('sh', '-c', 'until grep -q Reloaded /run/output; do sleep 0.1; done');
    expect(await stateOf(systemd, 'MainPID')).toBe(before);
    await later(500);
    await systemd.run('systemctl', 'restart', 'uwsgiref.service');
    expect(await stateOf(systemd, 'MainPID')).not.toBe(before);
    await later(500);
    const { answered, failures } = await load.end();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(0);
  });

  it('a server that hangs is replaced', async () => {
    const systemd = await Systemd.boot(installed, 'WatchdogSec=1s');
    await systemd.run('systemctl', 'start', 'uwsgiref.service');
    // It is alive to the watchdog.
    await later(1500);
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
