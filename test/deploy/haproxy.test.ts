import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Haproxy, hasHaproxy } from './fixtures/haproxy.js';
import { Load } from './fixtures/load.js';
import { hasNetworks, type Network } from './fixtures/network.js';
import { site } from './fixtures/site.js';

const command = join(compiledPackage(), 'dist/cli/main.js');
const canRun = hasHaproxy && hasNetworks;
const name = `behind HAProxy${canRun ? '' : ', which takes HAProxy, iproute2 and root'}`;

/** How often all instances are restarted and killed; `npm run rolling` asks for more. */
const ROUNDS = Number(process.env.ROLLING_ROUNDS ?? 1);
const LONG = 30_000 * ROUNDS;

/** Asks once, by the proxy, and answers what the application has seen. */
async function ask(network: Network, ...args: string[]): Promise<object> {
  const url = 'http://10.0.0.10/';
  const wait = ['--retry', '20', '--retry-delay', '0', '--retry-connrefused'];
  return JSON.parse(await network.run('client', 'curl', ['--silent', '--show-error', ...wait, ...args, url])) as object;
}

describe.skipIf(!canRun)(name, () => {
  it('clients are told apart, and cannot be somebody else', async () => {
    const { network } = await site(command);
    new Haproxy(network, 'proxy', 'haproxy.cfg');
    const spoofed = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: evil.test'];
    const seen = await ask(network, ...spoofed.flatMap((field) => ['--header', field]));
    expect(seen).toMatchObject({ client: '10.0.0.20', scheme: 'http', host: '10.0.0.10' });
  });

  it(
    'a rolling restart costs nothing',
    async () => {
      const { network, one, two } = await site(command);
      const proxy = new Haproxy(network, 'proxy', 'haproxy.cfg');
      await ask(network);
      const load = new Load((command, args) => network.start('client', command, args), '10.0.0.10');
      for (let round = 0; round < ROUNDS; round++) {
        for (const [server, instance] of Object.entries({ one, two })) {
          await proxy.sees(server, 'DOWN', () => instance.drain());
          await proxy.sees(server, 'UP', () => instance.restart());
        }
      }
      const { failures, instances } = await load.end();
      expect(failures).toEqual([]);
      expect(Object.keys(instances).sort()).toEqual(['one', 'two']);
      expect(proxy.retried()).toBe(0);
    },
    LONG,
  );

  it(
    'an instance that is killed, or restarted with no word before, costs retries and no failure',
    async () => {
      const { network, one, two } = await site(command);
      const proxy = new Haproxy(network, 'proxy', 'haproxy.cfg');
      await ask(network);
      const load = new Load((command, args) => network.start('client', command, args), '10.0.0.10');
      for (let round = 0; round < ROUNDS; round++) {
        await proxy.sees('one', 'DOWN', () => one.kill());
        await proxy.sees('one', 'UP', () => one.start());
        await proxy.sees('two', 'DOWN', () => two.stop());
        await proxy.sees('two', 'UP', () => two.start());
      }
      const { failures, instances } = await load.end();
      expect(failures).toEqual([]);
      expect(Object.keys(instances).sort()).toEqual(['one', 'two']);
      expect(proxy.retried()).toBeGreaterThan(0);
    },
    LONG,
  );

  it('what may not be done twice is not sent twice', async () => {
    const { network, one, two } = await site(command);
    new Haproxy(network, 'proxy', 'haproxy.cfg');
    await ask(network);
    const url = 'http://10.0.0.10/?pause=60000';
    const post = network.run('client', 'curl', ['--silent', '--data', 'x', '--write-out', '%{http_code}', url]);
    let busy: typeof one | undefined;
    while (busy === undefined) {
      for (const instance of [one, two]) if ((await instance.requests()).length > 0) busy = instance;
    }
    await busy.kill();
    expect(await post).toMatch(/502$/);
  });

  it('as a proxy of TCP, it says by PROXY headers who the clients are', async () => {
    const { network } = await site(command, '--proxy-protocol');
    new Haproxy(network, 'proxy', 'haproxy-tcp.cfg');
    const spoofed = ['--header', 'X-Forwarded-For: 6.6.6.6'];
    expect(await ask(network, ...spoofed)).toMatchObject({ client: '10.0.0.20' });
  });
});
