import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import type { Program } from '../server/fixtures/program.js';
import { hasNetworks, Network } from './fixtures/network.js';

const command = join(compiledPackage(), 'dist/cli/main.js');
const APPLICATION = fileURLToPath(new URL('fixtures/application.mjs', import.meta.url));
const read = (name: string) => readFileSync(fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url)), 'utf8');
const dockerfile = read('Dockerfile');

/** The environment of the image. */
const ENVIRONMENT = Object.fromEntries(
  (/^ENV NODE_ENV.*$/m.exec(dockerfile)?.[0] ?? '')
    .split(' ')
    .slice(1)
    .map((assignment) => assignment.split('=')),
) as Record<string, string>;

/** The server as the first process of a container of the image, as far as it can tell. */
class Container {
  readonly program: Program;
  readonly #network = new Network({ container: '10.0.0.2' });

  constructor() {
    const isolated = ['--pid', '--fork', '--kill-child', '--mount-proc'];
    const args = [...isolated, process.execPath, command, 'serve', APPLICATION];
    this.program = this.#network.start('container', 'unshare', args, ENVIRONMENT);
  }

  async signal(name: string): Promise<void> {
    const namespace = `--pid=/proc/${this.program.pid}/ns/pid_for_children`;
    await this.run('nsenter', namespace, 'kill', '-s', name, '1');
  }

  run(command: string, ...args: string[]): Promise<string> {
    return this.#network.run('container', command, args);
  }

  /** Asks the administration. */
  ask(path: string, ...args: string[]): Promise<string> {
    return this.run('curl', '--silent', '--fail', ...args, `http://${ENVIRONMENT.UWSGIREF_ADMIN}${path}`);
  }

  /** Does what Kubernetes does before it ends a pod, but for the pause. */
  async preStop(): Promise<void> {
    const [, drain = ''] = /command: \[sh, -c, '(.*); sleep \d+'\]/.exec(read('kubernetes.yaml')) ?? [];
    const place = 'UWSGIREF_ADMIN=0.0.0.0:9000';
    const [, ...args] = drain.split(' ');
    await this.run('env', place, process.execPath, command, ...args);
  }

  /** Runs the command of HEALTHCHECK. */
  async isHealthy(): Promise<boolean> {
    const [, json = '[]'] = /^ +CMD (\[.*\])$/m.exec(dockerfile) ?? [];
    const [, ...args] = JSON.parse(json) as string[];
    return (await this.#network.start('container', process.execPath, args).ended) === 0;
  }
}

const name = `the first process of a container${hasNetworks ? '' : ', which takes namespaces'}`;

describe.skipIf(!hasNetworks)(name, () => {
  it('is healthy while it is ready', async () => {
    const container = new Container();
    expect(await container.isHealthy()).toBe(false);
    await container.program.says(/Administration at/);
    expect(await container.isHealthy()).toBe(true);
    await container.preStop();
    expect(await container.isHealthy()).toBe(false);
  });

  it('has the metrics that Kubernetes scales by', async () => {
    const container = new Container();
    await container.program.says(/Administration at/);
    const metrics = await container.ask('/metrics');
    const wanted = read('kubernetes.yaml').match(/uwsgiref_\w+/g) ?? [];
    expect(wanted).not.toEqual([]);
    for (const metric of wanted) expect(metrics).toMatch(new RegExp(`^${metric} \\d`, 'm'));
  });

  it('ends by SIGTERM when its requests are over, and stays by SIGUSR2', async () => {
    const container = new Container();
    await container.program.says(/Administration at/);
    await container.signal('USR2');
    const slow = container.run('curl', '--silent', '--fail', 'http://127.0.0.1:8000/?pause=1000');
    while ((await container.ask('/slow')).trim() === '[]');
    await container.signal('TERM');
    expect(await slow).toContain('"method":"GET"');
    expect(await container.program.ended).toBe(0);
    expect(container.program.errorOutput).toContain('SIGUSR2: the container would end');
  });
});
