/** A client's certificate in the environ, by the names that Apache's mod_ssl has for it (PEP 3333: "environ Variables"). */

import { X509Certificate } from 'node:crypto';
import type { Environ } from '../types.js';

interface Described {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly from: string;
  readonly to: string;
}

// A certificate is read once, not with each request of its client.
const MOST_REMEMBERED = 1000;
const remembered = new Map<string, Described | null>();

/**
 * @param pem empty where the client has shown no certificate. Any other one has been verified: one that no authority
 *   vouches for, or that is out of its time, ends the handshake.
 */
export function addClientCertificate(environ: Environ, pem: string): void {
  if (pem === '') {
    environ.SSL_CLIENT_VERIFY = 'NONE';
    return;
  }
  environ.SSL_CLIENT_CERT = pem;
  const described = describe(pem);
  if (described === null) {
    environ.SSL_CLIENT_VERIFY = 'FAILED:the certificate cannot be read';
    return;
  }
  environ.SSL_CLIENT_VERIFY = 'SUCCESS';
  environ.SSL_CLIENT_S_DN = described.subject;
  environ.SSL_CLIENT_I_DN = described.issuer;
  environ.SSL_CLIENT_M_SERIAL = described.serial;
  environ.SSL_CLIENT_V_START = described.from;
  environ.SSL_CLIENT_V_END = described.to;
}

function describe(pem: string): Described | null {
  const known = remembered.get(pem);
  if (known !== undefined) return known;
  const described = read(pem);
  if (remembered.size === MOST_REMEMBERED) remembered.clear();
  // A copy: `pem` is a part of the text of all requests that came with this one, and would keep it.
  remembered.set(Buffer.from(pem, 'latin1').toString('latin1'), described);
  return described;
}

function read(pem: string): Described | null {
  try {
    const { subject, issuer, serialNumber, validFrom, validTo } = new X509Certificate(pem);
    return {
      subject: distinguishedName(subject),
      issuer: distinguishedName(issuer),
      serial: serialNumber,
      from: validFrom,
      to: validTo,
    };
  } catch {
    return null;
  }
}

/**
 * As RFC 2253 writes a name, the last part first. Node has a part a line, and a plus sign between spaces where a part
 * has several values; special characters, line feeds and plus signs among them, it has escaped as that RFC does.
 */
function distinguishedName(lines: string | undefined): string {
  const parts = (lines ?? '').split('\n').map((part) => part.split(' + ').reverse().join('+'));
  const name = parts.reverse().join(',');
  // One character a byte, as all strings of an environ (PEP 3333).
  return Buffer.from(name).toString('latin1');
}
