import { randomBytes } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { get, request } from '../server/fixtures/raw-client.js';
import { later, temporaryFolder } from '../server/fixtures/started-server.js';
import { AttackedServer } from './fixtures/attacked-server.js';
import type { Attack } from './fixtures/attacker.mjs';
import { Attacker, asFarAsDescriptorsGo, underAttack } from './fixtures/under-attack.js';

/** Attacks by what is sent, or not read. */

const root = compiledPackage();
const KIB = 1024;
/** Of a processor, while every connection waits for its client. */
const NEXT_TO_NOTHING = 0.5;

function inMebibytes(sizes: number[]): string {
  return sizes.map((size) => Math.round(size / KIB / KIB)).join(', ');
}

/** Waits until the server has ended all connections by itself. */
async function untilAllEnded(server: AttackedServer): Promise<void> {
  while ((await server.openConnections()) > 0) await later(100);
}

describe.runIf(process.platform === 'linux')('a server that is attacked by', () => {
  it('clients that read large answers a byte at a time closes their connections', async () => {
    const { load, stats } = await underAttack({
      root,
      options: { sendTimeout: 2500 },
      attacks: ['/large', '/blocks', '/file'].map((path) => ({
        connections: 60,
        opening: get(path),
        reads: 'little',
        everyMs: 200,
      })),
      perConnection: 512 * KIB,
      until: untilAllEnded,
    });
    expect(load).toBeLessThan(NEXT_TO_NOTHING);
    expect(stats.sendfileBytes).toBeGreaterThan(0);
  }, 60_000);

  it('2,000 downloads of 1 GiB that are read slowly holds next to nothing of them in memory', async () => {
    const connections = asFarAsDescriptorsGo(2000);
    const path = join(temporaryFolder(), 'sparse.bin');
    writeFileSync(path, randomBytes(8 * KIB * KIB));
    truncateSync(path, 1024 * KIB * KIB);
    const { load, reports, stats } = await underAttack({
      root,
      attacks: [
        { connections, opening: get(`/file?${path}`), reads: 'little', bytes: 16 * KIB, everyMs: 500, expects: path },
      ],
      lasts: 2000,
      // 64 MiB in all, with what is the process' own noise.
      perConnection: 20 * KIB,
    });
    expect(load).toBeLessThan(NEXT_TO_NOTHING);
    expect(reports[0]).toMatchObject({ open: connections, ended: 0, wrong: 0 });
    // They have all come on, and none of them far.
    expect(reports[0]?.received).toBeGreaterThan(connections * 32 * KIB);
    expect(reports[0]?.received).toBeLessThan(connections * 1024 * KIB);
    expect(stats.sendfileBytes).toBeGreaterThan(0);
  }, 60_000);

  it('crowds that leave large answers queued, one crowd after the other, gives their memory back', async () => {
    const crowd: Attack = { connections: 400, opening: get('/pieces').repeat(10), reads: 'nothing' };
    const server = await AttackedServer.start(root);
    const descriptors = server.descriptors();
    const taken: number[] = [];
    const kept: number[] = [];
    for (let round = 0; round < 3; round++) {
      const attacker = await Attacker.begin(server.port, crowd);
      await later(1000);
      taken.push(server.memory());
      await attacker.end();
      await server.recovered(descriptors);
      await server.tell('collect');
      kept.push(server.memory());
    }
    console.log(`memory, with and behind each: ${inMebibytes(taken)} and ${inMebibytes(kept)} MiB`);
    expect(Math.max(...kept)).toBeLessThan(Math.max(...taken) / 2);
  }, 60_000);

  it('clients that pipeline without end, and read nothing, stops reading and closes their connections', async () => {
    const { reports } = await underAttack({
      root,
      options: { sendTimeout: 3000 },
      attacks: [{ connections: 60, opening: '', more: get('/').repeat(1000), reads: 'nothing' }],
      perConnection: 1024 * KIB,
      until: untilAllEnded,
    });
    expect(reports[0]).toMatchObject({ ended: 60, received: 0 });
  }, 60_000);

  it('clients that pipeline without end, and read it all, serves the others in between', async () => {
    const { reports } = await underAttack({
      root,
      attacks: [{ connections: 60, opening: '', more: get('/').repeat(1000) }],
      perConnection: 2048 * KIB,
    });
    expect(reports[0]).toMatchObject({ open: 60, ended: 0 });
  }, 60_000);

  it('bodies that come a byte at a time ends them with 408', async () => {
    const { load, reports } = await underAttack({
      root,
      attacks: ['Content-Length: 100000', 'Transfer-Encoding: chunked'].map((framing, index) => ({
        connections: 1000,
        opening: request('POST', '/length', framing),
        more: index === 0 ? 'x' : '1\r\nx\r\n',
        everyMs: 500,
      })),
      lasts: 500,
      perConnection: 8 * KIB,
      until: untilAllEnded,
    });
    expect(load).toBeLessThan(NEXT_TO_NOTHING);
    for (const { answers } of reports) expect(answers).toEqual({ 408: 1000 });
  }, 60_000);

  it('requests that never end refuses them at their limits, again and again', async () => {
    const chunked = request('POST', '/length', 'Transfer-Encoding: chunked');
    const attack = { connections: 25, everyMs: 50, reopens: true } as const;
    const { load, reports } = await underAttack({
      root,
      options: { maxBodySize: 600 * KIB },
      attacks: [
        { ...attack, opening: `GET /${'x'.repeat(4096)}`, more: 'x'.repeat(4096) },
        { ...attack, opening: 'GET / HTTP/1.1\r\nHost: x\r\n', more: 'X-Field: x\r\n'.repeat(64) },
        { ...attack, opening: 'GET / HTTP/1.1\r\nHost: x\r\nX-Value: ', more: 'x'.repeat(4096) },
        { ...attack, opening: chunked, more: `10000\r\n${'x'.repeat(65_536)}\r\n` },
        // Chunks of a byte, too.
        { ...attack, connections: 10, opening: chunked, more: '1\r\nx\r\n'.repeat(30_000) },
        { ...attack, opening: `${chunked}1`, more: ';x=y'.repeat(64) },
        { ...attack, opening: `${chunked}0\r\n`, more: 'X-Trailer: x\r\n'.repeat(64) },
      ],
      perConnection: 1024 * KIB,
    });
    expect(load).toBeLessThan(1);
    const statuses = reports.map(({ answers }) => Object.keys(answers).join());
    expect(statuses).toEqual(['414', '431', '431', '413', '413', '400', '431']);
  }, 60_000);

  it('bodies that fill memory and then stop coming forgets them with 408', async () => {
    const connections = 100;
    const { load, reports } = await underAttack({
      root,
      options: { bodyTimeout: 2000 },
      attacks: [
        {
          connections,
          opening: request('POST', '/length', 'Content-Length: 1000000'),
          more: 'x'.repeat(65_536),
          everyMs: 100,
          times: 7,
        },
      ],
      lasts: 1500,
      perConnection: 1200 * KIB,
      until: untilAllEnded,
    });
    expect(load).toBeLessThan(NEXT_TO_NOTHING);
    expect(reports[0]?.answers).toEqual({ 408: connections });
  }, 60_000);

  it('a client process that is stopped (kill -STOP) in the midst of downloads closes its connections', async () => {
    const { load, reports } = await underAttack({
      root,
      options: { sendTimeout: 2500 },
      attacks: ['/large', '/blocks', '/file'].map((path) => ({ connections: 8, opening: get(path).repeat(1000) })),
      perConnection: 512 * KIB,
      meanwhile: async (attackers) => {
        await later(500);
        for (const { program } of attackers) program.process.kill('SIGSTOP');
      },
      lasts: 1500,
      until: async (server, attackers) => {
        await untilAllEnded(server);
        for (const { program } of attackers) program.process.kill('SIGCONT');
      },
    });
    expect(load).toBeLessThan(NEXT_TO_NOTHING);
    for (const { received } of reports) expect(received).toBeGreaterThan(0);
  }, 60_000);
});
