import { describe, expect, it } from 'vitest';
import { autocannon, parseAutocannonOutput } from '../../bench/harness/autocannon.mjs';
import { SCENARIOS } from '../../bench/harness/scenarios.mjs';
import { parseWrkOutput, wrk } from '../../bench/harness/wrk.mjs';

const WRK_OUTPUT = `Running 2s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   481.20us  310.55us   9.58ms   91.20%
    Req/Sec   131.02k     4.10k  136.81k    75.00%
  Latency Distribution
     50%  440.00us
     75%  520.00us
     90%  701.00us
     99%    1.52ms
  262144 requests in 2.01s, 25.50MB read
Requests/sec: 130419.90
Transfer/sec:     12.69MB
`;

function scenarioNamed(name: string) {
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (!scenario) throw new Error(`no scenario ${name}`);
  return scenario;
}

function plan(name: string) {
  return { url: 'http://127.0.0.1:8080/', scenario: scenarioNamed(name), connections: 64, seconds: 2 };
}

describe('parseWrkOutput', () => {
  it('reads requests, time and latencies, in seconds', () => {
    const result = parseWrkOutput(WRK_OUTPUT);
    expect(result.requests).toBe(262144);
    expect(result.seconds).toBeCloseTo(2.01);
    expect(result.p50).toBeCloseTo(440e-6);
    expect(result.p99).toBeCloseTo(1.52e-3);
    expect(result.failures).toEqual([]);
  });

  it('reads every unit of time', () => {
    const slow = WRK_OUTPUT.replace('440.00us', '1.25s').replace('1.52ms', '1.50m').replace('2.01s', '1.00h');
    expect(parseWrkOutput(slow)).toMatchObject({ p50: 1.25, p99: 90, seconds: 3600 });
  });

  it('reports socket errors of each kind that occurred', () => {
    const output = `${WRK_OUTPUT}  Socket errors: connect 0, read 12, write 0, timeout 3\n`;
    expect(parseWrkOutput(output).failures).toEqual(['12 socket errors (read)', '3 socket errors (timeout)']);
  });

  it('reports answers that are no success', () => {
    expect(parseWrkOutput(`${WRK_OUTPUT}  Non-2xx or 3xx responses: 7\n`).failures).toEqual([
      '7 answers that are neither 2xx nor 3xx',
    ]);
  });

  it('refuses what is not its output', () => {
    expect(() => parseWrkOutput('unable to connect to 127.0.0.1:8080 Connection refused')).toThrow(/not the output/);
    expect(() => parseWrkOutput(WRK_OUTPUT.replace('440.00us', '440.00ns'))).toThrow(/not a duration/);
  });
});

describe('the command line of wrk', () => {
  it('has one thread, the connections, the time and the latencies', () => {
    expect(wrk.command(plan('hello'))).toEqual(expect.arrayContaining(['-t1', '-c64', '-d2s', '--latency']));
  });

  it('names every field of a browser', () => {
    const command = wrk.command(plan('hello-browser'));
    expect(command.filter((argument) => argument === '-H')).toHaveLength(10);
    expect(command).toContain('Sec-Fetch-Mode: navigate');
  });

  it('hands method, depth and body to its script', () => {
    expect(wrk.command(plan('hello-pipelined')).slice(-4)).toEqual(['--', 'GET', '16', '']);
    expect(wrk.command(plan('post-1k')).slice(-4)).toEqual(['--', 'POST', '1', 'wsgi'.repeat(256)]);
  });
});

describe('autocannon', () => {
  const output = {
    requests: { total: 5200 },
    '2xx': 5000,
    non2xx: 0,
    errors: 0,
    timeouts: 0,
    duration: 2.02,
    latency: { p50: 2, p99: 11 },
  };

  it('counts the successful answers, and latencies in seconds', () => {
    expect(parseAutocannonOutput(JSON.stringify(output))).toEqual({
      requests: 5000,
      seconds: 2.02,
      p50: 0.002,
      p99: 0.011,
      failures: [],
    });
  });

  it('reports every kind of failure', () => {
    const failed = { ...output, non2xx: 4, errors: 3, timeouts: 2 };
    expect(parseAutocannonOutput(JSON.stringify(failed)).failures).toEqual([
      '3 socket errors',
      '2 timeouts',
      '4 answers that are not 2xx',
    ]);
  });

  it('is given method, depth and body', () => {
    const command = autocannon.command(plan('post-1k')).join(' ');
    expect(command).toContain('-p 1 -m POST -H Content-Type=application/octet-stream -b wsgi');
  });
});
