import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { later, until } from '../server/fixtures/started-server.js';
import { Fleet, SteadyLoad } from './fixtures/fleet.js';
import type { Account } from './fixtures/steady-load.mjs';

/**
 * What clients see of a fleet whose workers come and go: nothing. `npm run fleet` asks 100,000 times for each event, the
 * tests a few thousand times.
 */

const REQUESTS = Number(process.env.FLEET_REQUESTS ?? 3000);
const PLAN = { fresh: 6, kept: 6, idle: 60, pauseMs: 1200 };
const TIMEOUT = 30_000 + REQUESTS * 5;
const root = compiledPackage();

/** Has clients ask all the time while `event` happens again and again, and at least twice. */
async function underLoad(
  fleet: Fleet,
  name: string,
  event: (turn: number, load: SteadyLoad) => Promise<void>,
): Promise<Account> {
  const load = await SteadyLoad.begin(fleet.port, PLAN);
  const begun = performance.now();
  let turn = 0;
  while (turn < 2 || (await load.account()).answers < REQUESTS) {
    await event(turn++, load);
    await later(200);
  }
  const account = await load.end();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${name}: ${account.answers} answers by ${Object.keys(account.byPid).length} workers over ${account.connections} ` +
      `connections in ${seconds} s, ${turn} times, ${account.failures.length} failures`,
  );
  return account;
}

async function ends(fleet: Fleet): Promise<void> {
  fleet.signal('SIGTERM');
  expect(await fleet.program.ended).toBe(0);
  expect(fleet.processes()).toEqual([]);
  expect(fleet.program.errorOutput).toBe('');
}

describe('clients lose nothing', () => {
  it(
    'while the code is reloaded by SIGHUP',
    async () => {
      const fleet = await Fleet.start({ root, args: ['--workers', '2'] });
      const account = await underLoad(fleet, 'SIGHUP', async (turn) => {
        fleet.signal('SIGHUP');
        await fleet.says(/^Reloaded in/, turn + 1);
      });
      expect(account.failures).toEqual([]);
      expect(Object.keys(account.byPid).length).toBeGreaterThanOrEqual(6);
      await ends(fleet);
    },
    TIMEOUT,
  );

  it(
    'while the supervisor is replaced by SIGUSR2',
    async () => {
      const fleet = await Fleet.start({ root, args: ['--workers', '2'] });
      const account = await underLoad(fleet, 'SIGUSR2', async (turn) => {
        fleet.signal('SIGUSR2');
        await fleet.says(/^Serving/, turn + 2);
      });
      expect(account.failures).toEqual([]);
      expect(Object.keys(account.byPid).length).toBeGreaterThanOrEqual(6);
      await ends(fleet);
    },
    TIMEOUT,
  );

  it(
    'while workers come and go by SIGTTIN and SIGTTOU',
    async () => {
      const fleet = await Fleet.start({ root, args: ['--workers', '1'] });
      const account = await underLoad(fleet, 'SIGTTIN, SIGTTOU', async (turn, load) => {
        fleet.signal('SIGTTIN');
        // The first worker, and one more in each turn.
        await load.hears(turn + 2);
        fleet.signal('SIGTTOU');
        await fleet.says(/^1 worker is wanted/, turn + 1);
      });
      expect(account.failures).toEqual([]);
      await ends(fleet);
    },
    TIMEOUT,
  );

  it(
    'while workers are replaced that have served enough',
    async () => {
      const most = Math.min(5000, REQUESTS / 4);
      const args = ['--workers', '2', '--max-requests', String(most), '--max-requests-jitter', String(most)];
      const fleet = await Fleet.start({ root, args });
      const account = await underLoad(fleet, 'max-requests', (turn, load) => load.hears(2 * (turn + 2)));
      expect(account.failures).toEqual([]);
      await ends(fleet);
    },
    TIMEOUT,
  );
});

it(
  'loses with a worker that is killed what that one held, and no more',
  async () => {
    const fleet = await Fleet.start({ root, args: ['--workers', '2'] });
    const killed: number[] = [];
    const account = await underLoad(fleet, 'SIGKILL', async (turn) => {
      const [victim] = fleet.workers;
      killed.push(victim!);
      process.kill(victim!, 'SIGKILL');
      await fleet.says(/: SIGKILL$/, turn + 1);
      await until(() => fleet.workers.length === 2);
    });
    for (const { what, pid, client } of account.failures) {
      expect(['reset', 'unanswered', 'short']).toContain(what);
      // Nobody knows whose a connection was that had no answer.
      if (client !== 'fresh' && pid !== 0) expect(killed).toContain(pid);
    }
    expect(account.failures.length).toBeLessThanOrEqual(killed.length * (PLAN.fresh + PLAN.kept + PLAN.idle));
    fleet.signal('SIGTERM');
    expect(await fleet.program.ended).toBe(0);
  },
  TIMEOUT,
);
