import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Generator } from '../../bench/harness/load.mjs';
import { measureScenario, type Run } from '../../bench/harness/measure.mjs';
import { SCENARIOS } from '../../bench/harness/scenarios.mjs';
import { SERVER_LIST, type Server } from '../../bench/harness/servers.mjs';
import { createSite, type Site } from '../../bench/harness/site.mjs';

const hello = SCENARIOS[0]!;
const nodeHttp = SERVER_LIST.find(({ name }) => name === 'node-http')!;

/** A server whose program is given here. */
function inlineServer(name: string, program: string): Server {
  const command: Server['command'] = (_site, port) => [process.execPath, '-e', program, String(port)];
  return { ...nodeHttp, name, command };
}

/** A load generator that sends nothing, and says what it is told to say. */
function scriptedGenerator(failures: string[]): Generator {
  const result = { requests: 100, seconds: 1, p50: 0.001, p99: 0.002, failures };
  return {
    name: 'scripted',
    probe: [process.execPath, '--version'],
    command: () => [process.execPath, '-p', JSON.stringify(JSON.stringify(result))],
    parse: (output) => JSON.parse(output),
  };
}

describe.runIf(process.platform === 'linux')('measureScenario', () => {
  let site: Site;
  let order: string[];
  const run = (failures: string[] = []): Run => ({
    generator: scriptedGenerator(failures),
    pinning: { server: [], load: [], about: 'not pinned' },
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
    const { samples, refused } = await measureScenario(hello, [nodeHttp, twin], run());
    expect([...refused]).toEqual([]);
    expect(order).toEqual([
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
});
