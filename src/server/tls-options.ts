/** `ServerOptions.tls`: its form, and what the engine is given of it. The files themselves: tls-files.ts. */

import { resolve } from 'node:path';

/** A certificate and its key: paths of PEM files. */
export interface CertificateOptions {
  key: string;
  /** The server's own certificate, and behind it those of its chain. */
  cert: string;
  /** Of an encrypted key. */
  passphrase?: string;
  /** The ciphers of TLS 1.2, as OpenSSL writes a list; those of TLS 1.3 are fixed. */
  ciphers?: string;
}

/** TLS of a server. The certificate given here is for clients that name no server, or none that `sni` has. */
export interface TlsOptions extends CertificateOptions {
  /** The authorities of client certificates, a PEM file. Clients are asked for a certificate where it is given. */
  ca?: string;
  /**
   * Whether a client that shows no certificate is refused (with 403), or served; default 'required' where there is a
   * `ca`. A certificate that none of the authorities vouches for ends the handshake in either case.
   */
  requestClientCertificate?: 'required' | 'optional';
  /** Certificates by the name that a client asks for. A label `*` stands for any one label. */
  sni?: Record<string, CertificateOptions>;
}

/** What the engine asks of clients, by its number: `net::ClientCertificate`. */
export const CLIENT_CERTIFICATE = { notAsked: 0, optional: 1, required: 2 } as const;

/** As the engine takes it: paths are absolute, so that they can be read again. */
export interface TlsFiles extends CertificateOptions {
  ca?: string;
  clientCertificate: number;
  names: Array<CertificateOptions & { name: string }>;
}

const CERTIFICATE_OPTIONS = ['key', 'cert', 'passphrase', 'ciphers'];
const TLS_OPTIONS = [...CERTIFICATE_OPTIONS, 'ca', 'requestClientCertificate', 'sni'];

// uSockets looks no further than ten labels deep, and reads the passphrase into a buffer of 1024 bytes unchecked.
const MAX_LABELS = 10;
const MAX_PASSPHRASE = 1023;
const LABEL = /^(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)$/;

/** @throws RangeError when an option is missing, unknown or of another form */
export function checkTlsOptions(options: TlsOptions): TlsFiles {
  const { ca, requestClientCertificate, sni = {} } = options;
  // An option that is not known, such as node:tls' requestCert, may be one that somebody relies on.
  refuseUnknown(options, 'tls', TLS_OPTIONS);
  if (requestClientCertificate !== undefined) {
    if (requestClientCertificate !== 'required' && requestClientCertificate !== 'optional') {
      throw new RangeError(
        `tls.requestClientCertificate must be 'required' or 'optional', got ${requestClientCertificate}`,
      );
    }
    if (ca === undefined) throw new RangeError('tls.requestClientCertificate needs tls.ca, the authorities to believe');
  }
  const files: TlsFiles = {
    ...checkCertificate(options, 'tls'),
    clientCertificate: CLIENT_CERTIFICATE[ca === undefined ? 'notAsked' : (requestClientCertificate ?? 'required')],
    names: [],
  };
  if (ca !== undefined) files.ca = checkPath(ca, 'tls.ca');
  for (const [pattern, certificate] of Object.entries(sni)) {
    const name = checkName(pattern);
    if (files.names.some((other) => other.name === name)) throw new RangeError(`tls.sni has ${name} twice`);
    refuseUnknown(certificate, `tls.sni['${pattern}']`, CERTIFICATE_OPTIONS);
    const ciphers = options.ciphers === undefined ? {} : { ciphers: options.ciphers };
    files.names.push({ ...ciphers, ...checkCertificate(certificate, `tls.sni['${pattern}']`), name });
  }
  return files;
}

function checkCertificate({ key, cert, passphrase, ciphers }: CertificateOptions, where: string): CertificateOptions {
  const checked: CertificateOptions = {
    key: checkPath(key, `${where}.key`),
    cert: checkPath(cert, `${where}.cert`),
  };
  if (passphrase !== undefined) {
    const size = Buffer.byteLength(passphrase);
    if (size === 0 || size > MAX_PASSPHRASE || passphrase.includes('\0')) {
      throw new RangeError(`${where}.passphrase must have 1 to ${MAX_PASSPHRASE} bytes, none of them 0`);
    }
    checked.passphrase = passphrase;
  }
  if (ciphers !== undefined) {
    if (ciphers === '' || ciphers.includes('\0')) throw new RangeError(`${where}.ciphers must be a list of ciphers`);
    checked.ciphers = ciphers;
  }
  return checked;
}

function checkPath(path: unknown, what: string): string {
  if (typeof path === 'string' && path.includes('-----BEGIN')) {
    throw new RangeError(`${what} must be the path of a PEM file, got the contents of one`);
  }
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new RangeError(`${what} must be the path of a PEM file`);
  }
  return resolve(path);
}

/** A name as clients send it: in lower case, without a dot at its end. */
function checkName(pattern: string): string {
  const name = pattern.toLowerCase();
  const labels = name.split('.');
  if (labels.length > MAX_LABELS || !labels.every((label) => LABEL.test(label))) {
    throw new RangeError(
      `tls.sni: '${pattern}' is no host name of at most ${MAX_LABELS} labels; a label is letters, digits and hyphens, or *`,
    );
  }
  return name;
}

/** @throws RangeError when `where` has an option that is not known */
export function refuseUnknown(options: object, where: string, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new RangeError(`${where} has no option '${unknown}'`);
}
