import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Generator } from '../../bench/harness/load.mjs';
import { measureScenario, type Run } from '../../bench/harness/measure.mjs';
import { SCENARIOS } from '../../bench/harness/scenarios.mjs';
import { ServerProcess } from '../../bench/harness/server-process.mjs';
import { SERVER_LIST, type Server } from '../../bench/harness/servers.mjs';
import { createSite, type Site } from '../../bench/harness/site.mjs';
import { isGone } from './processes.js';

const hello = SCENARIOS[0]!;
const scenarioNamed = (name: string) => SCENARIOS.find((each) => each.name === name)!;
const nodeHttp = SERVER_LIST.find(({ name }) => name === 'node-http')!;

/** A server whose program is given here. */
function inlineServer(name: string, program: string): Server {
  const command: Server['command'] = ({ port }) => [process.execPath, '-e', program, String(port)];
  return { ...nodeHttp, name, command };
}

/** A load generator that sends nothing, and says what it is told to say. */
function scriptedGenerator(failures: string[]): Generator {
  const result = { requests: 100, seconds: 1, p50: 0.001, p99: 0.002, p999: 0.003, failures };
  return {
    name: 'wrk',
    version: () => '1',
    unfit: () => null,
    input: () => '',
    command: () => [process.execPath, '-p', JSON.stringify(JSON.stringify(result))],
    parse: (output) => JSON.parse(output),
  };
}

describe.runIf(process.platform === 'linux')('measureScenario', () => {
  let site: Site;
  let order: string[];
  const run = (failures: string[] = []): Run => ({
    generators: [scriptedGenerator(failures)],
    pinning: { server: [], load: [], serverCore: null, about: 'not pinned' },
    site,
    rounds: 2,
    seconds: 1,
    connections: 64,
    progress: (text) => order.push(text),
  });

  beforeAll(() => {
    site = createSite();
  });
  afterAll(() => site.remove());

  it('interleaves the rounds of the servers and keeps a sample of each', async () => {
    order = [];
    const twin = { ...nodeHttp, name: 'twin' };
    const { samples, refused, load } = await measureScenario(hello, [nodeHttp, twin], run());
    expect([...refused]).toEqual([]);
    expect(load?.generator).toBe('wrk');
    expect(order).toEqual([
      'hello: calibration',
      'hello: round 1 of 2, node-http',
      'hello: round 1 of 2, twin',
      'hello: round 2 of 2, node-http',
      'hello: round 2 of 2, twin',
    ]);
    expect(samples.get('twin')?.throughput).toEqual([100, 100]);
  });

  it('refuses a server whose requests failed', async () => {
    const { samples, refused } = await measureScenario(hello, [nodeHttp], run(['5 socket errors (read)']));
    expect([...samples]).toEqual([]);
    expect(refused.get('node-http')).toBe('5 socket errors (read)');
  });

  it('refuses a server that answers otherwise, and measures the others', async () => {
    const other = inlineServer(
      'other',
      `require('node:http').createServer((_, response) => response.end('Goodbye!')).listen(process.argv[1], '127.0.0.1')`,
    );
    const { samples, refused } = await measureScenario(hello, [other, nodeHttp], run());
    expect(refused.get('other')).toContain('a body of 8 bytes that is not the expected 13 bytes');
    expect([...samples.keys()]).toEqual(['node-http']);
  });

  it('refuses a server that ends, and quotes what it said', async () => {
    const broken = inlineServer('broken', `console.error('out of order'); process.exit(3)`);
    const { refused } = await measureScenario(hello, [broken], run());
    expect(refused.get('broken')).toBe('ended with status 3: out of order');
  });

  it('leaves out a server that does not offer the route', async () => {
    const { samples, refused } = await measureScenario(hello, [{ ...nodeHttp, routes: ['file'] }], run());
    expect([samples.size, refused.size]).toEqual([0, 0]);
  });

  it('asks each server with its own ETag where nothing has changed', async () => {
    const conditional = scenarioNamed('not-modified');
    const sirv = SERVER_LIST.find(({ name }) => name === 'sirv')!;
    const { samples, refused } = await measureScenario(conditional, [sirv], run());
    expect([...refused]).toEqual([]);
    expect([...samples.keys()]).toEqual(['sirv']);
  });

  it('refuses all servers, and goes on, where no load generator can do it', async () => {
    const unfit = { ...scriptedGenerator([]), unfit: () => 'it is too slow' };
    const { samples, refused } = await measureScenario(hello, [nodeHttp], { ...run(), generators: [unfit] });
    expect([...samples]).toEqual([]);
    expect([...refused]).toEqual([['node-http', 'it is too slow: install wrk']]);
  });

  it('leaves out a server that cannot serve HTTPS', async () => {
    const { samples, refused } = await measureScenario(
      scenarioNamed('tls-hello'),
      [{ ...nodeHttp, tls: false }],
      run(),
    );
    expect([samples.size, refused.size]).toEqual([0, 0]);
  });

  it('ends a server that does not end itself, and what it started', async () => {
    const stubborn = inlineServer(
      'stubborn',
      `process.on('SIGTERM', () => {});
       const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
       require('node:http').createServer((_, response) => response.end(String(child.pid))).listen(process.argv[1], '127.0.0.1')`,
    );
    const server = await ServerProcess.start(stubborn, site, []);
    const grandchild = Number(await (await fetch(server.origin)).text());
    expect(isGone(grandchild)).toBe(false);
    await server.stop();
    await expect.poll(() => [isGone(server.pid), isGone(grandchild)]).toEqual([true, true]);
  });
});
