import { describe, expect, it } from 'vitest';
import { certificate } from '../server/fixtures/certificate.js';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { get, request } from '../server/fixtures/raw-client.js';
import { later, temporaryFolder } from '../server/fixtures/started-server.js';
import type { AttackedServer } from './fixtures/attacked-server.js';
import { type Attacker, asFarAsDescriptorsGo, underAttack } from './fixtures/under-attack.js';

/** Attacks with more connections than anybody needs, which send as little as they can. */

const root = compiledPackage();
const KIB = 1024;
/** Of a processor, while nothing happens but that a byte arrives now and then. */
const NEXT_TO_NOTHING = 0.5;

/** Waits until the server has ended all connections by itself. */
async function untilAllEnded(server: AttackedServer, attackers: Attacker[]): Promise<void> {
  while ((await server.openConnections()) > 0) await later(100);
  // An attacker learns of it when it has its turn.
  for (const attacker of attackers) while ((await attacker.report()).open > 0) await later(100);
}

describe.runIf(process.platform === 'linux')('a server that is attacked by', () => {
  it('10,000 connections that send their heads a byte at a time (slowloris) ends them with 408', async () => {
    const connections = asFarAsDescriptorsGo(10_000);
    const { load, reports } = await underAttack({
      root,
      options: { headersTimeout: 6000 },
      attacks: [{ connections, opening: 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ', more: 'a', everyMs: 2500 }],
      lasts: 1000,
      perConnection: 8 * KIB,
      until: untilAllEnded,
    });
    expect(load).toBeLessThan(NEXT_TO_NOTHING);
    expect(reports[0]).toMatchObject({ opened: connections, ended: connections, answers: { 408: connections } });
  }, 60_000);

  it('10,000 idle connections, with a request behind them and without, closes them', async () => {
    const connections = asFarAsDescriptorsGo(10_000) / 2;
    const { load, reports } = await underAttack({
      root,
      options: { headersTimeout: 4000, keepAliveTimeout: 4000 },
      attacks: [
        { connections, opening: '' },
        { connections, opening: get('/') },
      ],
      lasts: 500,
      perConnection: 4 * KIB,
      until: untilAllEnded,
    });
    expect(load).toBeLessThan(NEXT_TO_NOTHING);
    expect(reports.map(({ answers }) => answers)).toEqual([{ none: connections }, { 200: connections }]);
  }, 60_000);

  it('5,000 bodies that stop coming at the same moment ends them with 408', async () => {
    const connections = asFarAsDescriptorsGo(5000);
    const beginning = `${request('POST', '/length', 'Content-Length: 1000000')}begun`;
    const { reports } = await underAttack({
      root,
      options: { bodyTimeout: 1500 },
      attacks: [{ connections, opening: '', more: beginning, everyMs: 500, times: 1, together: true }],
      lasts: 3000,
      perConnection: 8 * KIB,
      until: untilAllEnded,
    });
    expect(reports[0]?.answers).toEqual({ 408: connections });
  }, 60_000);

  it('connections beyond maxConnections, one after the other, closes these at once', async () => {
    const maxConnections = 500;
    const { load, stats, reports } = await underAttack({
      root,
      options: { maxConnections },
      attacks: [{ connections: 2 * maxConnections, opening: get('/'), reopens: true }],
      perConnection: 4 * KIB,
      othersMayOpen: false,
    });
    expect(load).toBeLessThan(1);
    expect(stats.openConnections).toBeLessThanOrEqual(maxConnections);
    expect(stats.dropped).toBeGreaterThan(maxConnections);
    expect(reports[0]?.answers).toEqual({ none: expect.any(Number) });
  }, 60_000);

  it('TLS handshakes that never end closes them', async () => {
    const connections = 500;
    const { load, reports } = await underAttack({
      root,
      options: { headersTimeout: 3000, tls: certificate(temporaryFolder(), 'server') },
      secure: true,
      // A ClientHello of 512 bytes, of which one comes every now and then.
      attacks: [{ connections, opening: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', more: 'x', everyMs: 200 }],
      lasts: 500,
      perConnection: 64 * KIB,
      until: untilAllEnded,
    });
    expect(load).toBeLessThan(NEXT_TO_NOTHING);
    expect(reports[0]?.answers).toEqual({ none: connections });
  }, 60_000);

  it('PROXY headers before the handshake that never end closes them', async () => {
    const connections = 1000;
    const { load, reports } = await underAttack({
      root,
      options: {
        headersTimeout: 3000,
        tls: certificate(temporaryFolder(), 'server'),
        trustedProxies: ['127.0.0.1'],
        proxyProtocol: true,
      },
      secure: true,
      attacks: [{ connections, opening: 'PROXY UNKNOWN ', more: 'x', everyMs: 200 }],
      lasts: 500,
      perConnection: 4 * KIB,
      until: untilAllEnded,
    });
    expect(load).toBeLessThan(NEXT_TO_NOTHING);
    expect(reports[0]?.answers).toEqual({ none: connections });
  }, 60_000);
});
