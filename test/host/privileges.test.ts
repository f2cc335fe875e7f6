import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { get, RawClient } from '../server/fixtures/raw-client.js';
import { temporaryFolder } from '../server/fixtures/started-server.js';
import { Fleet } from './fixtures/fleet.js';

const root = compiledPackage();
// Whoever a worker becomes has to find it.
chmodSync(root, 0o755);

/** Real, effective, saved and file system's ids, and the other groups. */
function identity(pid: number): { users: string; groups: string; others: string } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const of = (name: string) => new RegExp(`^${name}:\\t(.*)$`, 'm').exec(status)![1]!.trim().replaceAll('\t', ' ');
  return { users: of('Uid'), groups: of('Gid'), others: of('Groups') };
}

async function begin(...args: string[]): Promise<{ fleet: Fleet; path: string }> {
  const path = join(temporaryFolder(), 'socket');
  const where = ['--bind', `unix:${path}?mode=660`];
  const fleet = Fleet.begin({ root, where, args: ['--access-log', 'common', '--access-log-file', 'log', ...args] });
  chmodSync(fleet.folder, 0o777);
  return { fleet, path };
}

describe.skipIf(process.getuid?.() !== 0)('--user and --group', () => {
  it('are who workers become, and whose the socket and the log are', async () => {
    for (const [user, group, ids] of [
      ['nobody', undefined, { users: 65534, groups: 65534 }],
      ['nobody', 'daemon', { users: 65534, groups: 1 }],
      // Of a container: known to nobody.
      ['12345', '12346', { users: 12345, groups: 12346 }],
    ] as const) {
      const { fleet, path } = await begin('--user', user, ...(group ? ['--group', group] : []), '--umask', '027');
      await fleet.says(/^Serving/);
      const client = await RawClient.open(path);
      expect((await client.send(get('/')).response()).status).toBe(200);
      const [worker] = fleet.workers;
      const four = (id: number) => Array.from({ length: 4 }, () => id).join(' ');
      const { users, groups, others } = identity(worker!);
      expect([users, groups]).toEqual([four(ids.users), four(ids.groups)]);
      expect(others.split(' ')).not.toContain('0');
      expect(identity(fleet.supervisor).users).toBe(four(0));
      const socket = statSync(path);
      expect([socket.uid, socket.gid, socket.mode & 0o777]).toEqual([ids.users, ids.groups, 0o660]);
      fleet.signal('SIGHUP');
      await fleet.says(/^Reloaded in/);
      fleet.signal('SIGTERM');
      expect(await fleet.program.ended).toBe(0);
    }
  });

  it('are refused in one line where there are no such', async () => {
    for (const [args, complaint] of [
      [['--user', 'no-such-user'], 'There is no user no-such-user whose group could be told'],
      [['--user', '54321'], 'There is no user 54321 whose group could be told'],
      [['--user', 'nobody', '--group', 'no-such-group'], 'cannot be given to user nobody and group no-such-group: '],
    ] as const) {
      const { fleet, path } = await begin(...args);
      expect(await fleet.program.ended).toBe(1);
      expect(fleet.program.errorOutput).toMatch(new RegExp(`^uwsgiref: [^\\n]*${complaint}[^\\n]*\\n$`));
      expect(() => statSync(path)).toThrow('ENOENT');
    }
  });
});
