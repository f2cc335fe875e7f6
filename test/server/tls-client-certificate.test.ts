import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { addClientCertificate } from '../../src/server/client-certificate.js';
import type { Application, Environ } from '../../src/types.js';
import { certificate, openssl } from './fixtures/certificate.js';
import { curl } from './fixtures/curl.js';
import { get, request } from './fixtures/raw-client.js';
import { later, plain, started } from './fixtures/started-server.js';
import { openTls } from './fixtures/tls-client.js';

const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-tls-client-'));
afterAll(() => rmSync(folder, { recursive: true }));
const server = certificate(folder, 'server');
const authority = certificate(folder, 'authority', { subject: '/CN=Authority' });
const alice = certificate(folder, 'alice', { subject: '/CN=alice', issuer: authority });
const bob = certificate(folder, 'bob', { subject: '/CN=bob', issuer: authority });
const stranger = certificate(folder, 'stranger', { subject: '/CN=alice' });

const whoami: Application = (environ, startResponse) => {
  startResponse('200 OK', plain());
  return [`${environ.SSL_CLIENT_VERIFY} ${environ.SSL_CLIENT_S_DN}`];
};
const required = { ...server, ca: authority.cert };
const optional = { ...required, requestClientCertificate: 'optional' } as const;
const versions = ['TLSv1.2', 'TLSv1.3'] as const;

describe.each(versions)('client certificates by %s', (maxVersion) => {
  it('are told to the application, each with its own requests', async () => {
    const { port } = await started(whoami, { tls: required });
    const clients = await Promise.all([alice, bob, alice, bob].map((own) => openTls(port, { own, maxVersion })));
    for (const client of clients) client.send(`${get('/')}${get('/')}${request('POST', '/', 'Content-Length: 2')}ab`);
    const names: string[] = [];
    for (const client of clients) {
      for (let count = 0; count < 3; count++) names.push((await client.response()).body.toString());
    }
    const three = (name: string) => Array(3).fill(`SUCCESS CN=${name}`);
    expect(names).toEqual([...three('alice'), ...three('bob'), ...three('alice'), ...three('bob')]);
  });

  it('are required where there is a ca: clients without one are refused, and no application hears of them', async () => {
    let called = 0;
    const told: string[] = [];
    const { port, server } = await started(
      (environ, startResponse) => {
        called++;
        return whoami(environ, startResponse);
      },
      {
        tls: { ...required, requestClientCertificate: 'required' },
        onRefused: ({ status, requestLine }) => void told.push(`${status} ${requestLine}`),
      },
    );
    const before = server.stats().refused;
    for (const bytes of [get('/') + get('/'), `${request('POST', '/', 'Content-Length: 5')}ab`]) {
      const client = await openTls(port, { maxVersion });
      const response = await client.send(bytes).response();
      expect([response.status, response.field('connection')]).toEqual([403, 'close']);
      expect(response.body.toString()).toMatch(/certificate/);
      expect((await client.end()).length).toBe(0);
    }
    expect([called, server.stats().refused - before]).toEqual([0, 2]);
    expect(told).toEqual(['403 GET / HTTP/1.1', '403 POST / HTTP/1.1']);
  });

  it('may be optional', async () => {
    const { port } = await started(whoami, { tls: optional });
    const anonymous = await openTls(port, { maxVersion });
    expect((await anonymous.send(get('/')).response()).body.toString()).toBe('NONE undefined');
    const known = await openTls(port, { maxVersion, own: alice });
    expect((await known.send(get('/')).response()).body.toString()).toBe('SUCCESS CN=alice');
  });

  it.each([
    ['required', required],
    ['optional', optional],
  ])('of another authority end the handshake, where they are %s', async (_mode, tls) => {
    const { port, server } = await started(whoami, { tls });
    const before = server.stats().requests;
    const attempt = openTls(port, { maxVersion, own: stranger });
    // In TLS 1.3 the client has finished before the server looks at its certificate.
    await expect(attempt.then((client) => client.send(get('/')).response())).rejects.toThrow();
    expect(server.stats().requests).toBe(before);
  });

  it('are those of a session that is resumed', async () => {
    const { port } = await started(whoami, { tls: optional });
    const first = await openTls(port, { maxVersion, own: alice });
    const arrived = new Promise<Buffer>((resolve) => first.socket.once('session', resolve));
    await first.send(get('/')).response();
    const session = maxVersion === 'TLSv1.3' ? await arrived : first.socket.getSession()!;
    const second = await openTls(port, { maxVersion, session });
    expect(second.socket.isSessionReused()).toBe(true);
    expect((await second.send(get('/')).response()).body.toString()).toBe('SUCCESS CN=alice');
  });

  it('are asked for in the same way under every name', async () => {
    const other = certificate(folder, 'other', { subject: '/CN=other' });
    const { port } = await started(whoami, { tls: { ...required, sni: { other } } });
    const anonymous = await openTls(port, { maxVersion, servername: 'other' });
    expect((await anonymous.send(get('/')).response()).status).toBe(403);
    const known = await openTls(port, { maxVersion, servername: 'other', own: alice });
    expect((await known.send(get('/')).response()).body.toString()).toBe('SUCCESS CN=alice');
    const attempt = openTls(port, { maxVersion, servername: 'other', own: stranger });
    await expect(attempt.then((client) => client.send(get('/')).response())).rejects.toThrow();
  });
});

it('curl shows its certificate', async () => {
  const { server: running } = await started(whoami, { tls: required });
  const trust = ['--cacert', server.cert];
  const shown = await curl([...trust, '--cert', alice.cert, '--key', alice.key, running.url]);
  expect([shown.code, shown.output.toString()]).toEqual([0, 'SUCCESS CN=alice']);
  const none = await curl([...trust, '-w', '%{http_code}', '-o', '/dev/null', running.url]);
  expect([none.code, none.output.toString()]).toEqual([0, '403']);
});

describe('the environ', () => {
  it("has a certificate's parts by mod_ssl's names", async () => {
    let seen: Environ | undefined;
    const { port } = await started(
      async (environ, startResponse) => {
        seen = environ;
        await later(1);
        startResponse('200 OK', plain());
        return [];
      },
      { tls: required },
    );
    const subject = '/C=DE/O=Sons, Daughters/OU=a + b+CN=Zoë \\"Z\\"';
    const own = certificate(folder, 'special', { subject, issuer: authority });
    const client = await openTls(port, { own });
    await client.send(request('GET', '/', 'SSL_CLIENT_S_DN: CN=root')).response();
    const field = (...args: string[]) => openssl('x509', '-in', own.cert, '-noout', ...args).replace(/^\w+=|\n$/g, '');
    const name = (what: string) => Buffer.from(field(what, '-nameopt', 'RFC2253,-esc_msb')).toString('latin1');
    const parts = Object.entries(seen!).filter(([key]) => key.startsWith('SSL_'));
    expect(Object.fromEntries(parts)).toEqual({
      SSL_CLIENT_VERIFY: 'SUCCESS',
      SSL_CLIENT_CERT: readFileSync(own.cert, 'latin1'),
      SSL_CLIENT_S_DN: name('-subject'),
      SSL_CLIENT_I_DN: 'CN=Authority',
      SSL_CLIENT_M_SERIAL: field('-serial'),
      SSL_CLIENT_V_START: field('-startdate'),
      SSL_CLIENT_V_END: field('-enddate'),
    });
    expect(seen!.SSL_CLIENT_S_DN).toContain('O=Sons\\, Daughters,C=DE');
  });

  it('does not vouch for a certificate that Node cannot read', () => {
    const environ = {} as Environ;
    addClientCertificate(environ, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(environ.SSL_CLIENT_VERIFY).toMatch(/^FAILED:/);
    expect(environ).not.toHaveProperty('SSL_CLIENT_S_DN');
  });
});
