import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { certificate } from './fixtures/certificate.js';
import { get } from './fixtures/raw-client.js';
import { echoPath, started } from './fixtures/started-server.js';
import { openTls, serverName } from './fixtures/tls-client.js';

const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-tls-names-'));
afterAll(() => rmSync(folder, { recursive: true }));
const own = certificate(folder, 'own', { subject: '/CN=own' });
const one = certificate(folder, 'one', { subject: '/CN=one' });
const two = certificate(folder, 'two', { subject: '/CN=two' });

describe('tls.sni', () => {
  it.each([
    ['one.example.com', 'one'],
    ['two.example.com', 'two'],
    ['three.example.com', 'own'],
    ['example.com', 'own'],
    ['deep.two.example.com', 'own'],
    ['any.example.org', 'two'],
    ['one.example.org', 'one'],
    ['deep.any.example.org', 'own'],
    ['example.org', 'own'],
    ['shouted.example.net', 'two'],
    ['a.b.c.d.e.f.g.h.i.j', 'one'],
    ['z.a.b.c.d.e.f.g.h.i.j', 'own'],
    ['', 'own'],
  ])('a client that asks for %s is shown the certificate of %s', async (servername, name) => {
    const { port } = await started(echoPath, {
      tls: {
        ...own,
        sni: {
          'one.example.com': one,
          'two.example.com': two,
          '*.example.org': two,
          'one.example.org': one,
          'Shouted.Example.Net': two,
          'a.b.c.d.e.f.g.h.i.j': one,
        },
      },
    });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const client = await openTls(port, { servername, maxVersion });
      expect(serverName(client)).toBe(name);
      expect((await client.send(get('/')).response()).status).toBe(200);
    }
  });

  it('a name may have ciphers of its own, and has those of the server else', async () => {
    const [first, second] = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'];
    const { port } = await started(echoPath, {
      tls: { ...own, ciphers: first, sni: { one: { ...one, ciphers: second }, two } },
    });
    for (const [servername, cipher] of [
      ['own', first],
      ['one', second],
      ['two', first],
    ]) {
      const client = await openTls(port, { servername, maxVersion: 'TLSv1.2' });
      expect([servername, client.socket.getCipher().name]).toEqual([servername, cipher]);
    }
  });
});
