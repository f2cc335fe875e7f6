import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { configurationFile, DEPLOYED, hasNginx, NGINX } from '../server/fixtures/nginx.js';
import { later } from '../server/fixtures/started-server.js';
import { Load } from './fixtures/load.js';
import { hasNetworks } from './fixtures/network.js';
import { site } from './fixtures/site.js';

const command = join(compiledPackage(), 'dist/cli/main.js');
const canRun = hasNginx && hasNetworks;
const name = `behind nginx, two instances${canRun ? '' : ', which takes nginx, iproute2 and root'}`;

/** Beyond fail_timeout, for which nginx keeps away from an instance that is back. Milliseconds. */
const FORGIVEN = 2500;
const WHILE = 500;

describe.skipIf(!canRun)(name, () => {
  it('one is restarted, the other killed, and no request fails that may be done twice', async () => {
    const { network, one, two } = await site(command);
    network.start('proxy', NGINX, ['-e', 'stderr', '-c', configurationFile('http', DEPLOYED)]);
    const load = new Load((command, args) => network.start('client', command, args), '10.0.0.10');
    await later(WHILE);
    await one.restart();
    await later(FORGIVEN);
    await two.kill();
    await later(WHILE);
    const { instances, failures } = await load.end();
    expect(failures).toEqual([]);
    expect(Object.keys(instances).sort()).toEqual(['one', 'two']);
  });
});
