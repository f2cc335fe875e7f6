/**
 * The servers that can be measured: how each is started and which routes it offers.
 *
 * @typedef {object} Server
 * @property {string} name
 * @property {string} about what the server does for its answer, so that the figures are not read for more than they are
 * @property {readonly import('./scenarios.mjs').Route[]} routes
 * @property {() => string | null} missing why it cannot run here, or null
 * @property {() => string} version
 * @property {(site: import('./site.mjs').Site, port: number) => string[]} command argument vector
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nginxConfiguration } from '../servers/nginx-configuration.mjs';
import { IDLE_CONNECTIONS } from './scenarios.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SERVERS = join(ROOT, 'bench', 'servers');

/** @type {readonly Server[]} */
export const SERVER_LIST = Object.freeze([
  {
    name: 'uwsgiref',
    about: 'this project: full environ, start_response, an application in JavaScript',
    routes: ['hello', 'echo', 'file'],
    missing: () => (existsSync(join(ROOT, 'dist', 'index.js')) ? null : 'not built: run `npm run build`'),
    version: () => packageVersion(ROOT),
    command: nodeCommand('uwsgiref.mjs'),
  },
  {
    name: 'node-http',
    about: 'node:http; files by fs.createReadStream().pipe(response)',
    routes: ['hello', 'echo', 'file'],
    missing: () => null,
    version: () => process.version,
    command: nodeCommand('node-http.mjs'),
  },
  {
    name: 'fastify',
    about: 'Fastify without logger or schema; files as a stream',
    routes: ['hello', 'echo', 'file'],
    missing: () => missingPackage('fastify'),
    version: () => packageVersion(join(ROOT, 'node_modules', 'fastify')),
    command: nodeCommand('fastify.mjs'),
  },
  {
    name: 'uws',
    about: 'uWebSockets.js, request headers ignored; cannot send files',
    routes: ['hello', 'echo'],
    missing: () => missingPackage('uWebSockets.js'),
    version: () => packageVersion(join(ROOT, 'node_modules', 'uWebSockets.js')),
    command: nodeCommand('uws.mjs'),
  },
  {
    name: 'nginx',
    about: 'one worker, sendfile; hello by `return 200`, no application',
    routes: ['hello', 'file'],
    missing: () => (installed('nginx', '-v') ? null : 'nginx is not installed'),
    // nginx prints its version on standard error.
    version: () =>
      spawnSync('nginx', ['-v'], { encoding: 'utf8' })
        .stderr.replace(/^.*nginx\//s, '')
        .trim(),
    command: nginxCommand,
  },
  {
    name: 'floor',
    about: 'constant bytes from an epoll loop in C: the ceiling of the load generator, not a server',
    routes: ['hello'],
    missing: () => (installed('cc', '--version') ? null : 'no C compiler (cc)'),
    version: () => 'bench/servers/floor.c',
    command: floorCommand,
  },
]);

/** @param {string} file */
function nodeCommand(file) {
  /** @type {Server['command']} */
  return (site, port) => [process.execPath, join(SERVERS, file), String(port), site.files];
}

/** @type {Server['command']} */
function nginxCommand(site, port) {
  const scratch = mkdtempSync(join(site.scratch, 'nginx-'));
  const configuration = join(scratch, 'nginx.conf');
  const connections = IDLE_CONNECTIONS + 1024;
  writeFileSync(configuration, nginxConfiguration({ port, files: site.files, scratch, connections }));
  return ['nginx', '-p', scratch, '-e', 'stderr', '-c', configuration];
}

/** @type {Server['command']} */
function floorCommand(site, port) {
  const binary = join(site.scratch, 'floor');
  if (!existsSync(binary)) {
    execFileSync('cc', ['-O2', '-D_GNU_SOURCE', '-o', binary, join(SERVERS, 'floor.c')], { stdio: 'inherit' });
  }
  return [binary, String(port)];
}

/**
 * @param {string} command
 * @param {string} versionFlag
 */
export function installed(command, versionFlag) {
  return spawnSync(command, [versionFlag], { stdio: 'ignore' }).error === undefined;
}

/** @param {string} name */
function missingPackage(name) {
  return existsSync(join(ROOT, 'node_modules', name)) ? null : `${name} is not installed: run \`npm install\``;
}

/** @param {string} directory */
function packageVersion(directory) {
  return String(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).version);
}
