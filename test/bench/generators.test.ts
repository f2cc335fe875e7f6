import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { autocannon, parseAutocannonResult } from '../../bench/harness/autocannon.mjs';
import { runChild } from '../../bench/harness/child-processes.mjs';
import { candidates, chooseGenerator } from '../../bench/harness/generator-choice.mjs';
import type { Generator } from '../../bench/harness/load.mjs';
import { SCENARIOS } from '../../bench/harness/scenarios.mjs';
import { parseWrkOutput, wrk } from '../../bench/harness/wrk.mjs';

const WRK_OUTPUT = `Running 2s test @ http://127.0.0.1:8080/
  262144 requests in 2.01s, 25.50MB read
Requests/sec: 130419.90
Transfer/sec:     12.69MB
figures requests=262144 microseconds=2010000 connect=0 read=0 write=0 timeout=0 status=0 p50=440 p99=1520 p999=9100
`;

function scenarioNamed(name: string) {
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (!scenario) throw new Error(`no scenario ${name}`);
  return scenario;
}

function plan(name: string) {
  const scenario = scenarioNamed(name);
  return {
    origin: 'http://127.0.0.1:8080',
    scenario,
    connections: 64,
    seconds: 2,
    tlsCipher: 'TLS_AES_128_GCM_SHA256',
  };
}

describe('parseWrkOutput', () => {
  it('reads requests, time and latencies, in seconds', () => {
    const result = parseWrkOutput(WRK_OUTPUT);
    expect(result).toEqual({ requests: 262144, seconds: 2.01, p50: 440e-6, p99: 1520e-6, p999: 9100e-6, failures: [] });
  });

  it('reports socket errors of each kind that occurred, and answers that are no success', () => {
    const output = WRK_OUTPUT.replace('read=0', 'read=12')
      .replace('timeout=0', 'timeout=3')
      .replace('status=0', 'status=7');
    expect(parseWrkOutput(output).failures).toEqual([
      '12 socket errors (read)',
      '3 socket errors (timeout)',
      '7 answers with a status of 400 or more',
    ]);
  });

  it('refuses what is not its output', () => {
    expect(() => parseWrkOutput('unable to connect to 127.0.0.1:8080 Connection refused')).toThrow(/not the output/);
  });
});

describe('the command line of wrk', () => {
  it('has one thread, the connections and the time', () => {
    expect(wrk.command(plan('hello'))).toEqual(expect.arrayContaining(['-t1', '-c64', '-d2s']));
  });

  it('names every field of a browser', () => {
    const command = wrk.command(plan('hello-browser'));
    expect(command.filter((argument) => argument === '-H')).toHaveLength(10);
    expect(command).toContain('Sec-Fetch-Mode: navigate');
  });

  it('hands method, depth and paths to its script, and a body by its length', () => {
    expect(wrk.command(plan('hello-pipelined')).slice(-5)).toEqual(['--', 'GET', '16', '', '/']);
    expect(wrk.command(plan('post-1k')).slice(-5)).toEqual(['--', 'POST', '1', '1024', '/echo']);
    expect(wrk.input(plan('post-1k'))).toBe('wsgi'.repeat(256));
    expect(wrk.command(plan('asset-mix')).filter((argument) => argument.startsWith('/assets/'))).toHaveLength(20);
  });
});

describe('autocannon', () => {
  const output = {
    errors: 0,
    timeouts: 0,
    duration: 2.02,
    statusCodeStats: { 200: { count: 5000 } },
    latency: { p50: 2, p99: 11, p99_9: 20 },
  };

  it('counts the answers with the expected status, and latencies in seconds', () => {
    expect(parseAutocannonResult(JSON.stringify(output), 200)).toEqual({
      requests: 5000,
      seconds: 2.02,
      p50: 0.002,
      p99: 0.011,
      p999: 0.02,
      failures: [],
    });
  });

  it('reports every kind of failure', () => {
    const failed = { ...output, statusCodeStats: { 304: { count: 9 }, 500: { count: 4 } }, errors: 3, timeouts: 2 };
    const result = parseAutocannonResult(JSON.stringify(failed), 304);
    expect(result.failures).toEqual(['3 socket errors', '2 timeouts', '4 answers with status 500']);
    expect(result.requests).toBe(9);
  });

  it('is not used where it would lose answers', () => {
    expect(autocannon.unfit(scenarioNamed('hello'))).toBeNull();
    expect(autocannon.unfit(scenarioNamed('hello-new-connection'))).toMatch(/loses answers/);
  });
});

describe('chooseGenerator', () => {
  const hello = scenarioNamed('hello');
  const shares = (busy: Record<string, number | null>) => (_: Generator, name: string) => Promise.resolve(busy[name]!);
  const choose = (busy: Record<string, number | null>, generators = [autocannon, wrk], scenario = hello) =>
    chooseGenerator(generators, scenario, Object.keys(busy), shares(busy), (name) => name);

  it('stays with autocannon where it keeps every server busy', async () => {
    const { generator, reason } = await choose({ a: 0.99, b: 0.93 });
    expect([generator.name, reason]).toEqual(['autocannon', 'it kept every server at least 93 % busy']);
  });

  it('takes wrk where autocannon leaves a core idle, and says which', async () => {
    const { generator, reason } = await choose({ a: 0.99, b: 0.41 });
    expect([generator.name, reason]).toEqual(['wrk', "autocannon left 59 % of b's core idle"]);
  });

  it('takes wrk where requests of autocannon fail', async () => {
    const { generator, reason } = await choose({ a: null });
    expect([generator.name, reason]).toEqual(['wrk', 'requests of autocannon to a failed']);
  });

  it('takes what is there, whatever it leaves idle', async () => {
    expect((await choose({ a: 0.2 }, [autocannon])).generator.name).toBe('autocannon');
  });

  it('says what to install where none can do it', async () => {
    const closing = scenarioNamed('hello-new-connection');
    await expect(choose({ a: 1 }, [autocannon], closing)).rejects.toThrow(/loses answers.*install wrk/);
    expect((await choose({ a: 1 }, [autocannon, wrk], closing)).generator.name).toBe('wrk');
  });

  it('has autocannon among its candidates, which is a dependency', () => {
    expect(candidates('autocannon')).toEqual([autocannon]);
    expect(candidates('auto')[0]).toBe(autocannon);
  });
});

describe.runIf(wrk.version() !== '')('wrk itself', () => {
  it.each([
    ['post-1k', 'POST', ['/echo'], 1024],
    ['range', 'GET', ['/file/10m.bin'], 0],
    ['asset-mix', 'GET', scenarioNamed('asset-mix').paths, 0],
  ])('sends what %s asks for', async (name, method, paths, length) => {
    const seen = { methods: new Set<string>(), paths: new Set<string>(), lengths: new Set<number>() };
    const server = createServer(async (request, response) => {
      seen.methods.add(request.method ?? '');
      seen.paths.add(request.url ?? '');
      seen.lengths.add((await buffer(request)).length);
      response.end('seen');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const whole = { ...plan(name), origin, connections: 4, seconds: 1 };
    const output = await runChild(wrk.command(whole), { input: wrk.input(whole), timeoutMs: 20_000 });
    server.close();
    expect(parseWrkOutput(output)).toMatchObject({ failures: [] });
    expect([[...seen.methods], [...seen.lengths]]).toEqual([[method], [length]]);
    expect([...seen.paths].sort()).toEqual([...paths].sort());
  });
});
