/**
 * Checks certificates and keys before the engine gets them, which says of a file that it cannot use no more than that.
 */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type CertificateOptions, CLIENT_CERTIFICATE, type TlsFiles } from './tls-options.js';

/** A certificate or key cannot be used. The message is one line that names the file. */
export class TlsError extends Error {
  override name = 'TlsError';
  readonly code = 'ERR_TLS';
}

/** What the checks ask the engine. */
export interface TlsEngine {
  readonly tellsClientCertificates: boolean;
  /** Whether it knows any cipher of the list. */
  knowsCiphers(ciphers: string): boolean;
}

/** @throws TlsError when a file or a list of ciphers cannot be used */
export function checkTlsFiles(files: TlsFiles, engine: TlsEngine): void {
  for (const certificate of [files, ...files.names]) {
    checkCertificate(certificate);
    if (certificate.ciphers !== undefined) checkCiphers(certificate.ciphers, engine);
  }
  if (files.clientCertificate === CLIENT_CERTIFICATE.notAsked) return;
  readCertificates(files.ca as string, 'authority file');
  if (!engine.tellsClientCertificates) {
    throw new TlsError('client certificates cannot be told with this uWebSockets.js binary; leave tls.ca out');
  }
}

function checkCertificate({ key, cert, passphrase }: CertificateOptions): void {
  const privateKey = readKey(key, passphrase);
  const [own] = readCertificates(cert, 'certificate') as [X509Certificate];
  if (!own.checkPrivateKey(privateKey)) {
    throw new TlsError(`the TLS key ${key} is not that of the first certificate in ${cert}`);
  }
}

function readKey(path: string, passphrase: string | undefined): KeyObject {
  const pem = readPem(path, 'key');
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw new TlsError(`the TLS key ${path} holds no private key`);
  const encrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem);
  if (encrypted && passphrase === undefined) {
    throw new TlsError(`the TLS key ${path} is encrypted, and no passphrase is given`);
  }
  try {
    return createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  } catch (error) {
    if (encrypted) throw new TlsError(`the passphrase does not open the TLS key ${path}`, { cause: error });
    throw new TlsError(`the TLS key ${path} is damaged`, { cause: error });
  }
}

/** At least one. */
function readCertificates(path: string, what: string): X509Certificate[] {
  const pem = readPem(path, what);
  const blocks = pem.match(/-----BEGIN (X509 )?CERTIFICATE-----.*?-----END (X509 )?CERTIFICATE-----/gs);
  if (blocks === null) throw new TlsError(`the TLS ${what} ${path} holds no certificate`);
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new TlsError(`the TLS ${what} ${path} is damaged: certificate ${index + 1} cannot be read`, {
        cause: error,
      });
    }
  });
}

function readPem(path: string, what: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    throw new TlsError(`the TLS ${what} ${path} ${reason} (${code})`, { cause: error });
  }
  if (!text.includes('-----BEGIN ')) throw new TlsError(`the TLS ${what} ${path} is not a PEM file`);
  return text;
}

/** Of a list that has a cipher it knows, the engine passes over those that it does not. Here each one counts. */
function checkCiphers(list: string, engine: TlsEngine): void {
  const named = list.split(/[:;, [\]|]+/).filter((word) => word !== '' && !/^[-+!@]/.test(word));
  const unknown = named.filter((cipher) => !engine.knowsCiphers(cipher));
  if (unknown.length > 0)
    throw new TlsError(`the TLS ciphers have ${unknown.join(', ')}, which the engine does not know`);
  if (!engine.knowsCiphers(list)) throw new TlsError(`the TLS ciphers ${list} leave none, or are no list of ciphers`);
}
