import { copyFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Server, TlsError } from '../../src/server/index.js';
import type { Application } from '../../src/types.js';
import { type CertificateFiles, certificate } from './fixtures/certificate.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { echoPath, later, plain, started, temporaryFolder, until } from './fixtures/started-server.js';
import { openTls, serverName } from './fixtures/tls-client.js';

/** An authority, two certificates of it, and the files that a server reads, which are one of the two. */
function certificates() {
  const folder = temporaryFolder();
  const authority = certificate(folder, 'authority', { subject: '/CN=Authority' });
  const first = certificate(folder, 'first', { subject: '/CN=first', issuer: authority });
  const second = certificate(folder, 'second', { subject: '/CN=second', issuer: authority });
  const used = { key: join(folder, 'used.key.pem'), cert: join(folder, 'used.cert.pem') };
  const use = ({ key, cert }: CertificateFiles) => {
    copyFileSync(key, used.key);
    copyFileSync(cert, used.cert);
  };
  use(first);
  return { authority, first, second, used, use };
}

const complaintOf = (reload: Promise<void>) => reload.then(() => undefined).catch((error: Error) => error);

describe('reloadCertificates()', () => {
  it('swaps certificates twenty times under load, and no connection fails', async () => {
    const { authority, first, second, used, use } = certificates();
    const { port, server } = await started(echoPath, { tls: used });
    const old = await openTls(port, { ca: authority.cert });

    const seen: Record<string, number> = {};
    let stop = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!stop) {
        const client = await openTls(port, { ca: authority.cert });
        const { status } = await client.send(get('/new')).response();
        expect(status).toBe(200);
        seen[serverName(client)] = (seen[serverName(client)] ?? 0) + 1;
        client.socket.destroy();
      }
    });
    for (let swap = 1; swap <= 20; swap++) {
      const next = swap % 2 ? second : first;
      use(next);
      await server.reloadCertificates();
      const client = await openTls(port, { ca: authority.cert });
      expect(serverName(client)).toBe(swap % 2 ? 'second' : 'first');
      client.socket.destroy();
      expect((await old.send(get('/old')).response()).status).toBe(200);
      await later(5);
    }
    stop = true;
    await Promise.all(load);
    expect(Object.keys(seen).sort()).toEqual(['first', 'second']);
    // Its context is the first of 21.
    expect((await old.send(get('/old')).response()).body.toString()).toBe('GET /old');
    expect(serverName(old)).toBe('first');
    await until(() => server.stats().openConnections === 1);
  });

  it('lets a handshake that is under way end with the certificate it began with', async () => {
    const { authority, second, used, use } = certificates();
    const { port, server } = await started(echoPath, { tls: used });
    const opened = server.stats().connections;
    const tcp = connect(port, '127.0.0.1');
    onTestFinished(() => {
      tcp.destroy();
    });
    await until(() => server.stats().connections > opened);
    use(second);
    await server.reloadCertificates();
    const socket = connectTls({ socket: tcp, servername: 'localhost', rejectUnauthorized: false });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(serverName({ socket })).toBe('first');
    const client = new RawClient(socket);
    expect((await client.send(get('/')).response()).status).toBe(200);
    expect(serverName(await openTls(port, { ca: authority.cert }))).toBe('second');
  });

  it('may be called by an application, in the midst of its request and at its end', async () => {
    const { second, used, use } = certificates();
    let server: Server | undefined;
    const reloading: Application = (environ, startResponse) => {
      if (environ.PATH_INFO === '/first') void server!.reloadCertificates();
      startResponse('200 OK', plain());
      return (async function* () {
        yield 'a';
        await server!.reloadCertificates();
        yield 'b';
      })();
    };
    const running = await started(reloading, { tls: used });
    server = running.server;
    use(second);
    const client = await openTls(running.port);
    for (const path of ['/first', '/later', '/first']) {
      expect((await client.send(get(path)).response()).body.toString()).toBe('ab');
    }
    expect(serverName(client)).toBe('first');
    expect(serverName(await openTls(running.port))).toBe('second');
  });

  it('reads the certificates of names too', async () => {
    const { first, second, used, use } = certificates();
    const { port, server } = await started(echoPath, { tls: { ...second, sni: { 'a.example.com': used } } });
    const nameOf = async (servername: string) => serverName(await openTls(port, { servername }));
    expect([await nameOf('a.example.com'), await nameOf('other')]).toEqual(['first', 'second']);
    use(second);
    await server.reloadCertificates();
    expect(await nameOf('a.example.com')).toBe('second');
    use(first);
    await server.reloadCertificates();
    expect(await nameOf('a.example.com')).toBe('first');
  });

  it('believes the new authorities of client certificates, and resumes no earlier session', async () => {
    const { authority, first, second, used } = certificates();
    const folder = temporaryFolder();
    const newcomers = certificate(folder, 'newcomers', { subject: '/CN=Newcomers' });
    const newcomer = certificate(folder, 'newcomer', { subject: '/CN=newcomer', issuer: newcomers });
    const ca = join(folder, 'ca.pem');
    copyFileSync(authority.cert, ca);
    const { port, server } = await started(echoPath, { tls: { ...used, ca, requestClientCertificate: 'required' } });
    const status = async (own: CertificateFiles, session?: Buffer) => {
      const client = await openTls(port, { own, ...(session === undefined ? {} : { session }), maxVersion: 'TLSv1.2' });
      const { status } = await client.send(get('/')).response();
      return { status, session: client.socket.getSession()!, reused: client.socket.isSessionReused() };
    };
    const before = await status(first);
    expect(before.status).toBe(200);
    expect((await status(first, before.session)).reused).toBe(true);
    await expect(status(newcomer)).rejects.toThrow();

    copyFileSync(newcomers.cert, ca);
    await server.reloadCertificates();
    expect((await status(newcomer)).status).toBe(200);
    await expect(status(second)).rejects.toThrow();
    await expect(status(first, before.session)).rejects.toThrow();
  });

  it('keeps the certificates it has where the new ones cannot be used, and says why', async () => {
    const { second, used, use } = certificates();
    const unusual = certificate(temporaryFolder(), 'unusual', { curve: 'secp256k1' });
    const { port, server } = await started(echoPath, { tls: used });
    for (const [spoil, complaint] of [
      [
        () => copyFileSync(second.key, used.key),
        `the TLS key ${used.key} is not that of the first certificate in ${used.cert}`,
      ],
      [() => writeFileSync(used.key, ''), `the TLS key ${used.key} is not a PEM file`],
      [() => use(unusual), `the engine's TLS library cannot use the certificate ${used.cert} with its key`],
    ] as const) {
      spoil();
      const error = await complaintOf(server.reloadCertificates());
      expect(error).toBeInstanceOf(TlsError);
      expect(error!.message).toBe(complaint);
      const client = await openTls(port);
      expect(serverName(client)).toBe('first');
      expect((await client.send(get('/')).response()).status).toBe(200);
    }
    use(second);
    await server.reloadCertificates();
    expect(serverName(await openTls(port))).toBe('second');
  });

  it('finds its files again wherever the process has gone', async () => {
    const { second, used, use } = certificates();
    const home = process.cwd();
    onTestFinished(() => process.chdir(home));
    process.chdir(join(used.key, '..'));
    const { port, server } = await started(echoPath, { tls: { key: 'used.key.pem', cert: './used.cert.pem' } });
    process.chdir('/');
    use(second);
    await server.reloadCertificates();
    expect(serverName(await openTls(port))).toBe('second');
  });

  it('ends every connection of every certificate with the server', async () => {
    const { second, used, use } = certificates();
    const { port, server } = await started(echoPath, { tls: used });
    const clients = [await openTls(port)];
    use(second);
    await server.reloadCertificates();
    clients.push(await openTls(port));
    for (const client of clients) await client.send(get('/')).response();
    await server.close({ graceMs: 3_600_000 });
    for (const client of clients) expect((await client.end()).length).toBe(0);
  });

  it('is refused without TLS, and by a server that is closed', async () => {
    const plainServer = await started(echoPath);
    expect((await complaintOf(plainServer.server.reloadCertificates()))?.message).toMatch(/is served without TLS$/);
    const { used } = certificates();
    const { server } = await started(echoPath, { tls: used });
    await server.close();
    // The engine may have given its place to another.
    const other = await started(echoPath, { tls: used });
    expect((await complaintOf(server.reloadCertificates()))?.message).toMatch(/is not served any more$/);
    expect((await (await openTls(other.port)).send(get('/')).response()).status).toBe(200);
  });
});
