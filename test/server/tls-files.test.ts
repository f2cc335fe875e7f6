import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkTlsFiles } from '../../src/server/tls-files.js';
import { checkTlsOptions, type TlsOptions } from '../../src/server/tls-options.js';
import { certificate, openssl } from './fixtures/certificate.js';
import { get } from './fixtures/raw-client.js';
import { echoPath, started } from './fixtures/started-server.js';
import { openTls, serverName } from './fixtures/tls-client.js';

const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-tls-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { key, cert } = certificate(folder, 'server');
const other = certificate(folder, 'other', { subject: '/CN=other' });

/** The path of a file with that text. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const read = (path: string) => readFileSync(path, 'latin1');
const missing = join(folder, 'missing.pem');
const directory = join(folder, 'directory');
mkdirSync(directory);
const junk = file('junk.pem', 'no PEM at all');
const halfKey = file('half.key.pem', read(key).replace(/\n.{20}/, '\n'));
const halfCert = file('half.cert.pem', read(cert).replace(/\n.{20}/, '\n'));
const halfChain = file('half-chain.pem', read(cert) + read(halfCert));
const chain = file('chain.pem', read(cert) + read(other.cert));
const wrongOrder = file('wrong-order.pem', read(other.cert) + read(cert));
const locked = join(folder, 'locked.pem');
openssl('pkcs8', '-topk8', '-in', key, '-out', locked, '-passout', 'pass:open sésame');
const oldLocked = join(folder, 'old-locked.pem');
openssl('ec', '-in', key, '-aes128', '-out', oldLocked, '-passout', 'pass:open sésame');
const unusual = certificate(folder, 'unusual', { curve: 'secp256k1' });

describe('a server does not start, and says in one line why, when', () => {
  it.each<[string, TlsOptions, string]>([
    ['the key is missing', { key: missing, cert }, `the TLS key ${missing} does not exist (ENOENT)`],
    ['the key cannot be read', { key: directory, cert }, `the TLS key ${directory} cannot be read (EISDIR)`],
    ['the key is no PEM file', { key: junk, cert }, `the TLS key ${junk} is not a PEM file`],
    ['the key is a certificate', { key: cert, cert }, `the TLS key ${cert} holds no private key`],
    ['the key is damaged', { key: halfKey, cert }, `the TLS key ${halfKey} is damaged`],
    [
      'the key is encrypted, and there is no passphrase',
      { key: locked, cert },
      `the TLS key ${locked} is encrypted, and no passphrase is given`,
    ],
    [
      'the passphrase is wrong',
      { key: locked, cert, passphrase: 'wrong' },
      `the passphrase does not open the TLS key ${locked}`,
    ],
    [
      "the passphrase of a key in OpenSSL's own form is wrong",
      { key: oldLocked, cert, passphrase: 'wrong' },
      `the passphrase does not open the TLS key ${oldLocked}`,
    ],
    ['the certificate is missing', { key, cert: missing }, `the TLS certificate ${missing} does not exist (ENOENT)`],
    ['the certificate is no PEM file', { key, cert: junk }, `the TLS certificate ${junk} is not a PEM file`],
    ['the certificate is a key', { key, cert: key }, `the TLS certificate ${key} holds no certificate`],
    [
      'the certificate is damaged',
      { key, cert: halfCert },
      `the TLS certificate ${halfCert} is damaged: certificate 1 cannot be read`,
    ],
    [
      'its chain is damaged',
      { key, cert: halfChain },
      `the TLS certificate ${halfChain} is damaged: certificate 2 cannot be read`,
    ],
    [
      'key and certificate do not belong together',
      { key: other.key, cert },
      `the TLS key ${other.key} is not that of the first certificate in ${cert}`,
    ],
    [
      "the server's own certificate is not the first",
      { key, cert: wrongOrder },
      `the TLS key ${key} is not that of the first certificate in ${wrongOrder}`,
    ],
    [
      'the engine cannot use a key of that kind',
      unusual,
      `the engine's TLS library cannot use the certificate ${unusual.cert} with its key`,
    ],
    [
      "a name's certificate cannot be used",
      { key, cert, sni: { good: other, bad: unusual } },
      `the engine's TLS library cannot use the certificate ${unusual.cert} with its key`,
    ],
    [
      "a name's files are wrong",
      { key, cert, sni: { bad: { key, cert: missing } } },
      `the TLS certificate ${missing} does not exist (ENOENT)`,
    ],
    [
      'the authorities are missing',
      { key, cert, ca: missing },
      `the TLS authority file ${missing} does not exist (ENOENT)`,
    ],
    ['the authorities are a key', { key, cert, ca: key }, `the TLS authority file ${key} holds no certificate`],
    [
      'there are ciphers that the engine does not know',
      { key, cert, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:[nonsense|AES128-SHA]:!RC4' },
      'the TLS ciphers have DHE-RSA-AES128-GCM-SHA256, nonsense, which the engine does not know',
    ],
    [
      'the ciphers are no list',
      { key, cert, ciphers: 'HIGH:@SECLEVEL=2' },
      'the TLS ciphers HIGH:@SECLEVEL=2 leave none, or are no list of ciphers',
    ],
    [
      "a name's ciphers are not known",
      { key, cert, sni: { a: { ...other, ciphers: 'nonsense' } } },
      'the TLS ciphers have nonsense, which the engine does not know',
    ],
  ])('%s', async (_case, tls, complaint) => {
    const error = (await started(echoPath, { tls }).catch((error: unknown) => error)) as Error & { code: string };
    expect([error.name, error.code]).toEqual(['ListenError', 'ERR_TLS']);
    expect(error.message).toBe(`Cannot listen at 127.0.0.1:0: ${complaint} (ERR_TLS)`);
    expect(error.message).not.toContain('\n');
  });

  it('client certificates cannot be told', () => {
    const engine = { tellsClientCertificates: false, knowsCiphers: () => true };
    expect(() => checkTlsFiles(checkTlsOptions({ key, cert }), engine)).not.toThrow();
    expect(() => checkTlsFiles(checkTlsOptions({ key, cert, ca: cert }), engine)).toThrow(
      /this uWebSockets\.js binary/,
    );
  });
});

describe('a server starts with', () => {
  it.each<[string, TlsOptions]>([
    ['a chain', { key, cert: chain }],
    [
      'key and certificate in one file',
      { key: file('both.pem', read(key) + read(cert)), cert: join(folder, 'both.pem') },
    ],
    ['an encrypted key', { key: locked, cert, passphrase: 'open sésame' }],
    ["an encrypted key in OpenSSL's own form", { key: oldLocked, cert, passphrase: 'open sésame' }],
    ['a passphrase that the key does not need', { key, cert, passphrase: 'open sésame' }],
    ['a list of ciphers with operators', { key, cert, ciphers: 'HIGH:!aNULL:!MD5 -3DES,ECDHE+AESGCM;AES128-SHA' }],
    ['a path from where the process is', { key: `${folder}/../${folder.split('/').at(-1)}/server.key.pem`, cert }],
  ])('%s', async (_case, tls) => {
    const { port } = await started(echoPath, { tls });
    const client = await openTls(port);
    expect(serverName(client)).toBe('localhost');
    expect((await client.send(get('/')).response()).status).toBe(200);
  });
});

describe('an option of TLS is refused that', () => {
  const files = { key, cert };
  it.each<[string, object, RegExp]>([
    ['is missing', { key }, /^tls\.cert must be the path of a PEM file$/],
    ['is empty', { key: '', cert }, /^tls\.key must be the path of a PEM file$/],
    ['is the text of a file', { key: read(key), cert }, /^tls\.key must be the path of a PEM file, got the contents/],
    ['is a buffer', { key, cert: Buffer.from('x') }, /^tls\.cert must be the path/],
    ['has a NUL in its path', { key: `${key}\0`, cert }, /^tls\.key must be the path/],
    ['is not known', { ...files, requestCert: true }, /^tls has no option 'requestCert'$/],
    ['asks for certificates without authorities', { ...files, requestClientCertificate: 'optional' }, /needs tls\.ca/],
    [
      'is neither required nor optional',
      { ...files, ca: cert, requestClientCertificate: true },
      /^tls\.requestClientCertificate must be 'required' or 'optional', got true$/,
    ],
    ['is an empty passphrase', { ...files, passphrase: '' }, /^tls\.passphrase must have 1 to 1023 bytes/],
    ['is too long a passphrase', { ...files, passphrase: 'é'.repeat(512) }, /^tls\.passphrase must have/],
    ['is an empty list of ciphers', { ...files, ciphers: '' }, /^tls\.ciphers must be a list/],
    ['is a name with an empty label', { ...files, sni: { 'a..b': files } }, /'a\.\.b' is no host name/],
    ['is a name with a dot at its end', { ...files, sni: { 'a.b.': files } }, /'a\.b\.' is no host name/],
    ['is a name with an asterisk in a label', { ...files, sni: { 'a*.b': files } }, /'a\*\.b' is no host name/],
    ['is a name of eleven labels', { ...files, sni: { 'a.b.c.d.e.f.g.h.i.j.k': files } }, /at most 10 labels/],
    ['is a name given twice', { ...files, sni: { 'A.b': files, 'a.B': files } }, /^tls\.sni has a\.b twice$/],
    ['is a name without a key', { ...files, sni: { a: { cert } } }, /^tls\.sni\['a'\]\.key must be the path/],
    [
      'has authorities for one name',
      { ...files, sni: { a: { ...files, ca: cert } } },
      /^tls\.sni\['a'\] has no option 'ca'/,
    ],
  ])('%s', async (_case, tls, complaint) => {
    const error = (await started(echoPath, { tls: tls as TlsOptions }).catch((error: unknown) => error)) as Error;
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(complaint);
  });
});
