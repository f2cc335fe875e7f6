import { expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { get, RawClient } from '../server/fixtures/raw-client.js';
import { Fleet } from './fixtures/fleet.js';

const root = compiledPackage();

/** So many connections at once, each answered once; how many each worker has, by its process. */
async function shares(port: number, connections: number): Promise<Map<string, number>> {
  const clients = await Promise.all(Array.from({ length: connections }, () => RawClient.open(port)));
  for (const client of clients) client.send(get('/'));
  const shares = new Map<string, number>();
  for (const client of clients) {
    const pid = (await client.response()).field('x-pid')!;
    shares.set(pid, (shares.get(pid) ?? 0) + 1);
  }
  return shares;
}

it('workers have their share of connections that come at once, and of those that come later', async () => {
  const fleet = await Fleet.start({ root, args: ['--workers', '2'] });
  const smaller: number[] = [];
  for (let round = 0; round < 5; round++) {
    const [one = 0, other = 0] = (await shares(fleet.port, 64)).values();
    expect(one + other).toBe(64);
    smaller.push(Math.min(one, other));
  }
  // One that the system does not let run in time has less, once in a while.
  expect(smaller.sort((one, other) => one - other)[2]).toBeGreaterThanOrEqual(16);
  // One that is killed is not waited for, and the one in its place begins with none.
  process.kill(fleet.workers[0]!, 'SIGKILL');
  await fleet.says(/: SIGKILL$/);
  const [...counts] = (await shares(fleet.port, 64)).values();
  expect(counts.reduce((sum, count) => sum + count)).toBe(64);
});

it('one worker goes on where another is busy', async () => {
  const app = `
    import { writeSync } from 'node:fs';
    export const app = (environ, startResponse) => {
      if (environ.PATH_INFO === '/busy') {
        writeSync(1, 'busy\\n');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
      }
      startResponse('200 OK', [['X-Pid', String(process.pid)]]);
      return ['done'];
    };`;
  const fleet = await Fleet.start({ root, args: ['--workers', '2'], files: { 'app.mjs': app } });
  const busy = await RawClient.open(fleet.port);
  busy.send(get('/busy'));
  let over = false;
  const answered = busy.response().then((response) => {
    over = true;
    return response;
  });
  await fleet.says(/^busy$/);
  const [...pids] = (await shares(fleet.port, 64)).keys();
  expect(over).toBe(false);
  expect(pids).toHaveLength(1);
  expect(pids).not.toContain((await answered).field('x-pid'));
});
