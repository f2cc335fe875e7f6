/**
 * The servers that can be measured: how each is started and which routes it offers. Each is one process that does the work (one
 * worker, where there is a master), set up as its own documentation recommends for speed.
 *
 * @typedef {object} Launch
 * @property {import('./site.mjs').Site} site
 * @property {number} port
 * @property {boolean} tls
 *
 * @typedef {object} Server
 * @property {string} name
 * @property {string} about what the server does for its answer, so that the figures are not read for more than they are
 * @property {readonly import('./scenarios.mjs').Route[]} routes
 * @property {boolean} tls whether it serves HTTPS, too
 * @property {boolean} [closes] it ends each connection with its answer, and cannot do otherwise
 * @property {() => string | null} missing why it cannot run here, or null
 * @property {() => string} version
 * @property {(launch: Launch) => string[]} command argument vector
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lighttpdConfiguration } from '../servers/lighttpd-configuration.mjs';
import { nginxConfiguration } from '../servers/nginx-configuration.mjs';
import { IDLE_CONNECTIONS } from './scenarios.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SERVERS = join(ROOT, 'bench', 'servers');

/** Debian's own: its servers in Python are of its own packages, which another python3 in PATH does not see. */
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

/** @type {readonly Server[]} */
export const SERVER_LIST = Object.freeze([
  {
    name: 'uwsgiref',
    about:
      'this project: full environ, start_response, an application in JavaScript; files by staticFiles() as it comes',
    routes: ['hello', 'wsgi', 'echo', 'upload', 'stream', 'file', 'range', 'conditional', 'mix'],
    tls: true,
    missing: () => (existsSync(join(ROOT, 'dist', 'index.js')) ? null : 'not built: run `npm run build`'),
    version: () => packageVersion(ROOT),
    command: nodeCommand('uwsgiref.mjs'),
  },
  {
    name: 'uwsgiref-wrapper',
    about: 'this project: an application that hands out files by wsgi.file_wrapper, without ETag, ranges and the like',
    routes: ['file'],
    tls: false,
    missing: () => (existsSync(join(ROOT, 'dist', 'index.js')) ? null : 'not built: run `npm run build`'),
    version: () => packageVersion(ROOT),
    command: nodeCommand('uwsgiref-wrapper.mjs'),
  },
  {
    name: 'node-http',
    about: 'node:http; files by fs.createReadStream().pipe(response), sizes known beforehand',
    routes: ['hello', 'echo', 'upload', 'stream', 'file'],
    tls: true,
    missing: () => null,
    version: () => process.version,
    command: nodeCommand('node-http.mjs'),
  },
  {
    name: 'fastify',
    about: 'Fastify without logger; files by @fastify/static',
    routes: ['hello', 'echo', 'upload', 'stream', 'file', 'range', 'conditional', 'mix'],
    tls: true,
    missing: () => missingPackage('fastify') ?? missingPackage('@fastify/static'),
    version: () => `${installedVersion('fastify')}, @fastify/static ${installedVersion('@fastify/static')}`,
    command: nodeCommand('fastify.mjs'),
  },
  {
    name: 'sirv',
    about: 'sirv on node:http in production mode: it looks at the directory once, at start, and never again',
    routes: ['file', 'range', 'conditional', 'mix'],
    tls: true,
    missing: () => missingPackage('sirv'),
    version: () => installedVersion('sirv'),
    command: nodeCommand('sirv.mjs'),
  },
  {
    name: 'uws',
    about: 'uWebSockets.js, request headers ignored; cannot send files',
    routes: ['hello', 'echo', 'upload', 'stream'],
    tls: true,
    missing: () => missingPackage('uWebSockets.js'),
    version: () => installedVersion('uWebSockets.js'),
    command: nodeCommand('uws.mjs'),
  },
  {
    name: 'nginx',
    about: 'one worker, sendfile, tcp_nopush, gzip_static; hello by `return 200`, no application',
    routes: ['hello', 'file', 'range', 'conditional', 'mix'],
    tls: true,
    missing: () => (installed('nginx', '-v') ? null : 'nginx is not installed'),
    version: nginxVersion,
    command: nginxCommand(),
  },
  {
    name: 'nginx-cache',
    about: 'the same with open_file_cache, whose entries nginx believes for 30 seconds',
    routes: ['file', 'range', 'conditional', 'mix'],
    tls: false,
    missing: () => (installed('nginx', '-v') ? null : 'nginx is not installed'),
    version: nginxVersion,
    command: nginxCommand({ openFileCache: true }),
  },
  {
    name: 'nginx-tuned',
    about: 'nginx-cache as it is fastest over loopback: no tcp_nopush, small files without sendfile, the mix as before',
    routes: ['file', 'range', 'conditional', 'mix'],
    tls: false,
    missing: () => (installed('nginx', '-v') ? null : 'nginx is not installed'),
    version: nginxVersion,
    command: nginxCommand({ openFileCache: true, tuned: true }),
  },
  {
    name: 'lighttpd',
    about: 'lighttpd, sendfile, no application; takes no part in the mix, as it has no precompressed files',
    routes: ['file', 'range', 'conditional'],
    tls: false,
    missing: () => (installed('lighttpd', '-v') ? null : 'lighttpd is not installed'),
    version: () => printed('lighttpd', '-v').replace(/^lighttpd\/(\S+).*$/s, '$1'),
    command: lighttpdCommand,
  },
  {
    name: 'gunicorn',
    about: 'one gthread worker of four threads, which keeps connections as its sync worker does not; CPython',
    routes: ['wsgi'],
    tls: false,
    missing: () => missingModule('gunicorn'),
    version: () => moduleVersion('gunicorn'),
    command: ({ port }) => [
      ...[PYTHON, '-m', 'gunicorn', '--chdir', SERVERS, '--bind', `127.0.0.1:${port}`, '--workers', '1'],
      ...['--worker-class', 'gthread', '--threads', '4', '--keep-alive', '120', '--backlog', '2048', 'wsgi_hello:app'],
    ],
  },
  {
    name: 'uwsgi',
    about: 'uWSGI, one process at its own http-socket, a connection for each request; CPython',
    routes: ['wsgi'],
    tls: false,
    closes: true,
    missing: () => (installed('uwsgi', '--version') ? null : 'uwsgi is not installed'),
    version: () => printed('uwsgi', '--version'),
    command: ({ port }) => [
      ...['uwsgi', '--plugin', 'python3', '--http-socket', `127.0.0.1:${port}`, '--listen', '1024', '--processes', '1'],
      ...['--single-interpreter', '--disable-logging', '--die-on-term', '--add-header', 'Connection: close'],
      ...['--wsgi-file', join(SERVERS, 'wsgi_hello.py'), '--callable', 'app'],
    ],
  },
  {
    name: 'waitress',
    about: 'waitress with its four threads; CPython',
    routes: ['wsgi'],
    tls: false,
    missing: () => missingModule('waitress'),
    version: () => moduleVersion('waitress'),
    command: ({ port }) => [PYTHON, join(SERVERS, 'wsgi_waitress.py'), String(port)],
  },
  {
    name: 'wsgiref',
    about: "CPython's own: HTTP/1.0, a connection for each request",
    routes: ['wsgi'],
    tls: false,
    closes: true,
    missing: () => missingModule('wsgiref'),
    version: () => printed(PYTHON, '--version'),
    command: ({ port }) => [PYTHON, join(SERVERS, 'wsgi_wsgiref.py'), String(port)],
  },
]);

/**
 * A server written in JavaScript: `node SERVER.mjs PORT DIRECTORY http|tls`.
 *
 * @param {string} file
 * @param {readonly string[]} more
 */
export function nodeCommand(file, ...more) {
  /** @type {Server['command']} */
  return ({ site, port, tls }) => [
    ...[process.execPath, join(SERVERS, file), String(port), site.directory, tls ? 'tls' : 'http'],
    ...more,
  ];
}

/**
 * @param {{ openFileCache?: boolean, tuned?: boolean }} [settings]
 * @returns {Server['command']}
 */
function nginxCommand({ openFileCache = false, tuned = false } = {}) {
  return ({ site, port, tls }) => {
    const scratch = mkdtempSync(join(site.scratch, 'nginx-'));
    const file = join(scratch, 'nginx.conf');
    const connections = IDLE_CONNECTIONS + 1024;
    writeFileSync(file, nginxConfiguration({ port, site, scratch, connections, openFileCache, tuned, tls }));
    return ['nginx', '-p', scratch, '-e', 'stderr', '-c', file];
  };
}

/** @type {Server['command']} */
function lighttpdCommand({ site, port }) {
  const file = join(mkdtempSync(join(site.scratch, 'lighttpd-')), 'lighttpd.conf');
  writeFileSync(file, lighttpdConfiguration({ port, root: site.root, connections: IDLE_CONNECTIONS + 1024 }));
  return ['lighttpd', '-D', '-f', file];
}

/**
 * @param {string} command
 * @param {string} versionFlag
 */
export function installed(command, versionFlag) {
  return spawnSync(command, [versionFlag], { stdio: 'ignore' }).error === undefined;
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function printed(command, ...args) {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout.trim();
}

/** nginx prints its version on standard error. */
function nginxVersion() {
  const { stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8' });
  return stderr.replace(/^.*nginx\//s, '').trim();
}

/** @param {string} name */
function missingPackage(name) {
  return existsSync(join(ROOT, 'node_modules', name)) ? null : `${name} is not installed: run \`npm install\``;
}

/** @param {string} name of a package among this project's own */
function installedVersion(name) {
  return packageVersion(join(ROOT, 'node_modules', name));
}

/** @param {string} directory */
function packageVersion(directory) {
  return String(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).version);
}

/** @param {string} name of a module of Python's */
function missingModule(name) {
  const { status } = spawnSync(PYTHON, ['-c', `import ${name}`], { stdio: 'ignore' });
  return status === 0 ? null : `${PYTHON} has no ${name}`;
}

/** @param {string} name */
function moduleVersion(name) {
  const version = printed(PYTHON, '-c', `from importlib.metadata import version; print(version('${name}'))`);
  return `${version}, ${printed(PYTHON, '--version')}`;
}
