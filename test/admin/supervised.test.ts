import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../src/admin/status.js';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Program } from '../server/fixtures/program.js';
import { temporaryFolder, until } from '../server/fixtures/started-server.js';
import { metricValue, parseMetrics } from './prometheus-text.js';

const main = join(compiledPackage(), 'dist/cli/main.js');

/** For processes that start and end; the test's own timeout is the limit. */
const PATIENT = { timeout: 20_000, interval: 100 };

const APPLICATION = `
  export default async (environ, startResponse) => {
    if (environ.PATH_INFO === '/slow') await new Promise((resolve) => setTimeout(resolve, 60_000));
    startResponse('200 OK', [['Content-Type', 'text/plain']]);
    return ['x'.repeat(1000)];
  };`;

/** A server with two workers, and its administration at a Unix socket. */
async function supervised(...flags: string[]): Promise<{ program: Program; url: string; admin: string }> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'app.mjs'), APPLICATION);
  const admin = join(folder, 'admin.sock');
  const args = ['serve', 'app.mjs', '--port', '0', '--workers', '2', '--admin', `unix:${admin}`, '--access-log', 'off'];
  const program = new Program(process.execPath, [main, ...args, ...flags], { cwd: folder });
  const [, url] = await program.says(/^Serving app\.mjs at (\S+)\n/m);
  await program.says(/^Administration at /m);
  return { program, url: url!, admin };
}

function ask(admin: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath: admin, path, headers: { Host: 'localhost' }, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      answer.on('end', () => resolve(body));
    })
      .on('error', reject)
      .end();
  });
}

const statusOf = async (admin: string) => JSON.parse(await ask(admin, '/status')) as Status;

async function ctl(admin: string, ...args: string[]): Promise<string> {
  const program = new Program(process.execPath, [main, 'ctl', ...args, '--admin', `unix:${admin}`]);
  expect([args, await program.ended, program.errorOutput]).toEqual([args, 0, '']);
  return program.output;
}

/** Asks so often, some at a time. */
async function load(url: string, count: number): Promise<void> {
  let left = count;
  const client = async () => {
    while (left-- > 0) await (await fetch(url)).arrayBuffer();
  };
  await Promise.all(Array.from({ length: 8 }, client));
}

describe('the administration of a server with workers', () => {
  it('counts every request, and never backwards, while workers are replaced and killed', async () => {
    const { url, admin } = await supervised('--max-requests', '150');
    const last = new Map<string, number>();
    let text = '';
    const scrape = async () => {
      text = await ask(admin, '/metrics');
      for (const { type, samples } of parseMetrics(text).values()) {
        if (type === 'gauge') continue;
        for (const { name, labels, value } of samples) {
          const key = `${name} ${JSON.stringify(labels)}`;
          expect([key, value]).toEqual([key, expect.toSatisfy((now) => now >= (last.get(key) ?? 0))]);
          last.set(key, value);
        }
      }
    };
    const rounds = 8;
    for (let round = 0; round < rounds; round++) {
      await Promise.all([load(url, 200), scrape()]);
      await scrape();
    }
    // What has been told of a worker that is killed is kept. A request counts when it comes, an answer when it has left.
    const told = ['uwsgiref_requests_total', 'uwsgiref_request_duration_seconds_count'];
    await expect
      .poll(() => scrape().then(() => told.map((name) => metricValue(text, name))), PATIENT)
      .toEqual([rounds * 200, rounds * 200]);
    // One that is about to be replaced would not die of this.
    const settled = ({ workers }: Status) =>
      workers.every(({ state, vitals }) => state === 'ready' && vitals !== null && vitals.requests < 150);
    await expect.poll(() => statusOf(admin).then(settled), PATIENT).toBe(true);
    const { workers, deaths } = await statusOf(admin);
    expect(deaths).toBe(0);
    process.kill(workers[0]!.pid, 'SIGKILL');
    await expect.poll(async () => (await statusOf(admin)).deaths, PATIENT).toBe(1);
    await scrape();
    expect(metricValue(text, 'uwsgiref_requests_total')).toBe(rounds * 200);
    expect(metricValue(text, 'uwsgiref_responses_total', { status: '200' })).toBe(rounds * 200);
    expect(metricValue(text, 'uwsgiref_response_bytes_total')).toBe(rounds * 200 * 1000);
    expect(metricValue(text, 'uwsgiref_request_duration_seconds_count')).toBe(rounds * 200);
    expect(metricValue(text, 'uwsgiref_worker_starts_total')).toBeGreaterThan(3);
  });

  it('has the page of the package, and is what uwsgiref ctl asks and tells', async () => {
    const { program, url, admin } = await supervised();
    expect(await ask(admin, '/')).toMatch(/^<!doctype html>\n[\s\S]*class Chart/);
    expect(await ctl(admin, 'status')).toContain(`app.mjs at ${url}: ready\n`);
    const slow = fetch(new URL('/slow', url)).catch(() => undefined);
    await expect.poll(() => ctl(admin, 'slow'), PATIENT).toMatch(/ GET \/slow\n$/);
    await ctl(admin, 'scale', '3');
    const states = async () => (await statusOf(admin)).workers.map(({ state }) => state);
    await expect.poll(states, PATIENT).toEqual(Array(3).fill('ready'));
    await ctl(admin, 'drain');
    expect(await ask(admin, '/ready')).toBe('not ready\n');
    await ctl(admin, 'undrain');
    expect(await ask(admin, '/ready')).toBe('ready\n');
    const before = await statusOf(admin);
    expect(await ctl(admin, 'reload')).toBe('Reloaded\n');
    const after = await statusOf(admin);
    const serving = ({ workers }: Status) => workers.filter(({ state }) => state === 'ready').map(({ pid }) => pid);
    expect(serving(after).filter((pid) => serving(before).includes(pid))).toEqual([]);
    program.process.kill('SIGQUIT');
    await slow;
    await until(() => program.process.exitCode !== null || program.process.signalCode !== null);
  });
});
