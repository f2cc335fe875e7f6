/**
 * What a run writes to disk: the files that servers offer, a certificate, and room for what servers write themselves.
 *
 * @typedef {object} Site
 * @property {string} directory holds the rest; what the servers in JavaScript are given
 * @property {string} root the directory that file servers serve
 * @property {string} scratch directory for configurations and compiled programs
 * @property {boolean} tls whether there is a certificate, as there is with openssl
 * @property {() => void} remove deletes everything
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { ASSETS, assetBytes } from './assets.mjs';
import { noise } from './noise.mjs';
import { COLD_FILE_SIZE, COLD_FILES, FILE_SIZES, HELLO } from './scenarios.mjs';

/** The cipher of every TLS connection, whichever a server would rather have: the work is to be alike. */
export const TLS_CIPHER = 'TLS_AES_128_GCM_SHA256';

/**
 * @param {{ cold?: boolean }} [options] cold: with the files of the scenario of cold files, 160 MiB
 * @returns {Site}
 */
export function createSite({ cold = false } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'uwsgiref-bench-'));
  const root = join(directory, 'root');
  const scratch = join(directory, 'scratch');
  // Started by root, nginx reads the files as an unprivileged user.
  chmodSync(directory, 0o755);
  for (const each of [root, scratch, join(root, 'file'), join(root, 'assets'), join(root, 'cold')]) mkdirSync(each);
  for (const [name, size] of Object.entries(FILE_SIZES)) writeFileSync(join(root, 'file', name), noise(size));
  for (const asset of ASSETS) writeAsset(join(root, asset.path), asset);
  // The index of a server that has nothing but files.
  writeFileSync(join(root, 'hello.txt'), HELLO);
  // What is not on the disk yet cannot be dropped from memory.
  if (cold)
    for (const name of COLD_FILES) writeFileSync(join(root, 'cold', name), noise(COLD_FILE_SIZE), { flush: true });
  return {
    directory,
    root,
    scratch,
    tls: makeCertificate(directory),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/**
 * @param {string} file
 * @param {import('./assets.mjs').Asset} asset
 */
function writeAsset(file, asset) {
  const bytes = assetBytes(asset);
  writeFileSync(file, bytes);
  if (!asset.precompressed) return;
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }));
}

/**
 * A certificate on P-256, and a configuration by which OpenSSL's clients, wrk among them, offer one cipher alone.
 *
 * @param {string} directory
 * @returns {boolean} whether there is an openssl to make them
 */
function makeCertificate(directory) {
  writeFileSync(join(directory, 'openssl.cnf'), opensslConfiguration());
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(directory, 'key.pem')];
  const certificate = ['-x509', '-days', '2', '-subj', '/CN=127.0.0.1', '-out', join(directory, 'cert.pem')];
  const { status } = spawnSync('openssl', ['req', ...key, ...certificate], { stdio: 'ignore' });
  if (status !== 0) return false;
  chmodSync(join(directory, 'key.pem'), 0o644);
  return true;
}

function opensslConfiguration() {
  return `openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = client
[client]
MinProtocol = TLSv1.3
Ciphersuites = ${TLS_CIPHER}
`;
}
