import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Configuration, ConfigurationError, readConfiguration } from '../../src/configuration/index.js';
import { temporaryFolder } from '../server/fixtures/started-server.js';

interface Given {
  flags?: Record<string, unknown>;
  environment?: NodeJS.ProcessEnv;
  file?: object;
  directory?: string;
}

/** Reads flags, variables and a file beside each other; what is served is given unless that is the matter. */
function read({ flags = {}, environment = {}, file, directory = temporaryFolder() }: Given): Promise<Configuration> {
  if (file !== undefined) writeFileSync(join(directory, 'uwsgiref.config.json'), JSON.stringify(file));
  return readConfiguration({ flags: { app: 'app.js', ...flags }, environment, directory });
}

/** The lines of the error. */
async function complaints(given: Given): Promise<string[]> {
  const error: unknown = await read(given).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigurationError);
  return (error as Error).message.split('\n');
}

describe('readConfiguration', () => {
  it('has defaults for all that is the process host, and leaves those of the server to it', async () => {
    expect(await read({})).toEqual({
      served: { kind: 'application', target: 'app.js' },
      bind: [{ host: '127.0.0.1', port: 8000 }],
      server: { multiprocess: false },
      workers: 1,
      gracefulTimeout: 30_000,
      startTimeout: 30_000,
      watchdog: 30_000,
      maxRequests: 0,
      maxRequestsJitter: 0,
      maxMemory: 0,
      accessLog: 'auto',
      errorLog: 'text',
      reload: false,
    });
  });

  it('lets variables stand above the file, and flags above both', async () => {
    const file = { maxFields: 1, maxPipelined: 1, maxConnections: 1, app: 'file.js' };
    const environment = { UWSGIREF_MAX_FIELDS: '2', UWSGIREF_MAX_PIPELINED: '2', UWSGIREF_APP: 'variable.js' };
    const { server, served } = await read({ file, environment, flags: { maxFields: '3', app: undefined } });
    expect(server).toMatchObject({ maxFields: 3, maxPipelined: 2, maxConnections: 1 });
    expect(served).toEqual({ kind: 'application', target: 'variable.js' });
  });

  it('takes each kind of value from a file and as text', async () => {
    const configured = await read({
      file: {
        $schema: 'x',
        maxBodySize: '2MB',
        headersTimeout: 1500,
        bodyTimeout: '2m',
        workers: 'auto',
        umask: '027',
        user: 1000,
        serverHeader: null,
        trustedProxies: '10.0.0.0/8',
        proxyProtocol: true,
        accessLog: '%(h)s %(s)s',
        admin: 'unix:/run/admin.sock',
      },
    });
    const texts = await read({
      environment: {
        UWSGIREF_MAX_BODY_SIZE: '2000000',
        UWSGIREF_HEADERS_TIMEOUT: '1500ms',
        UWSGIREF_BODY_TIMEOUT: '120000',
        UWSGIREF_WORKERS: 'auto',
        UWSGIREF_UMASK: '0o027',
        UWSGIREF_USER: '1000',
        UWSGIREF_SERVER_HEADER: 'none',
        UWSGIREF_TRUSTED_PROXIES: '10.0.0.0/8',
        UWSGIREF_PROXY_PROTOCOL: 'yes',
        UWSGIREF_ACCESS_LOG: '%(h)s %(s)s',
        UWSGIREF_ADMIN: 'unix:/run/admin.sock',
        UWSGIREF_RELOAD: '',
      },
    });
    expect(texts).toEqual(configured);
    expect(configured).toMatchObject({
      server: {
        maxBodySize: 2_000_000,
        headersTimeout: 1500,
        bodyTimeout: 120_000,
        serverHeader: null,
        trustedProxies: ['10.0.0.0/8'],
        proxyProtocol: true,
        multiprocess: availableParallelism() > 1,
      },
      workers: availableParallelism(),
      umask: 0o27,
      user: '1000',
      accessLog: '%(h)s %(s)s',
      admin: { path: '/run/admin.sock' },
    });
  });

  it('separates several values by commas, and where these may be part of one, by line ends', async () => {
    const environment = {
      UWSGIREF_BIND: '[::1]:1, unix:/a?mode=660,fd:3',
      UWSGIREF_STATIC_DOWNLOAD: '*.{a,b}\n*.c',
      UWSGIREF_STATIC_CACHE_CONTROL: '*.js: max-age=1, immutable\nno-cache',
      UWSGIREF_STATIC_PRECOMPRESSED: 'zstd,gzip',
    };
    const { bind, served } = await read({ environment, flags: { directory: '.', trustedProxies: ['a', 'b,c'] } });
    expect(bind).toEqual([{ host: '::1', port: 1 }, { path: '/a', mode: 0o660 }, { fd: 3 }]);
    expect(served).toEqual({
      kind: 'directory',
      root: '.',
      options: {
        download: ['*.{a,b}', '*.c'],
        cacheControl: { '*.js': 'max-age=1, immutable', '**': 'no-cache' },
        precompressed: ['zstd', 'gzip'],
      },
    });
  });

  it('has the settings of files under static, and their flags beside the others', async () => {
    const { served } = await read({
      file: { static: { index: ['a.html', 'b.html'], listing: true, symlinks: 'never', download: true } },
      flags: { directory: 'www', index: ['c.html'], listing: false },
    });
    expect(served).toEqual({
      kind: 'directory',
      root: 'www',
      options: { index: ['c.html'], listing: false, symlinks: 'never', download: true },
    });
  });

  it('takes a flag whose name is that of a setting of files as well for that of the server', async () => {
    const { server, served } = await read({
      file: { static: { rate: '1MB/s' } },
      flags: { app: undefined, directory: 'www', rate: '2MB/s' },
    });
    expect(server.rate).toBe(2_000_000);
    expect(served).toMatchObject({ options: { rate: 1_000_000 } });
  });

  it('makes paths absolute, beneath chdir where it is given, but those of sockets', async () => {
    const directory = temporaryFolder();
    const paths = { pidFile: 'a.pid', accessLogFile: 'log/a', tlsCert: 'c.pem', tlsKey: '/k.pem', path: 'app.sock' };
    const here = await read({ directory, flags: paths });
    const there = await read({ directory, flags: { ...paths, chdir: 'srv' } });
    for (const [{ pidFile, accessLogFile, server, bind, chdir }, base] of [
      [here, directory],
      [there, join(directory, 'srv')],
    ] as const) {
      expect([pidFile, accessLogFile]).toEqual([join(base, 'a.pid'), join(base, 'log/a')]);
      expect(server.tls).toEqual({ cert: join(base, 'c.pem'), key: '/k.pem' });
      expect(bind).toEqual([{ path: 'app.sock' }]);
      expect(chdir).toBe(base === directory ? undefined : base);
    }
  });

  it('has all of TLS', async () => {
    const directory = temporaryFolder();
    const file = {
      tlsCert: '/c',
      tlsKey: '/k',
      tlsCa: '/a',
      tlsClientCertificate: 'optional',
      tlsCiphers: 'HIGH',
      tlsSni: { 'a.example': { key: 'ak', cert: '/ac' } },
    };
    const { server } = await read({ directory, file, environment: { UWSGIREF_TLS_PASSPHRASE: '123' } });
    expect(server.tls).toEqual({
      cert: '/c',
      key: '/k',
      ca: '/a',
      requestClientCertificate: 'optional',
      ciphers: 'HIGH',
      passphrase: '123',
      sni: { 'a.example': { key: join(directory, 'ak'), cert: '/ac' } },
    });
  });
});

describe('where to listen', () => {
  it.each<[string, Given, Configuration['bind']]>([
    ['host and port by themselves', { flags: { port: '0' } }, [{ host: '127.0.0.1', port: 0 }]],
    [
      'host and port from two sources',
      { environment: { UWSGIREF_HOST: '::' }, flags: { port: '1' } },
      [{ host: '::', port: 1 }],
    ],
    ['path above host and port', { flags: { path: 'p', host: 'h', port: '1' } }, [{ path: 'p' }]],
    [
      'a flag --port above path of a file',
      { file: { path: 'p' }, flags: { port: '1' } },
      [{ host: '127.0.0.1', port: 1 }],
    ],
    [
      'a flag --port above bind of a file',
      { file: { bind: ':1' }, flags: { port: '2' } },
      [{ host: '127.0.0.1', port: 2 }],
    ],
    ['a flag --bind above port of a file', { file: { port: 2 }, flags: { bind: [':1'] } }, [{ host: '', port: 1 }]],
    [
      'objects of a file',
      { file: { bind: [{ host: '::1', port: 1 }, { path: '/a', mode: '660' }, { fd: 3 }] } },
      [{ host: '::1', port: 1 }, { path: '/a', mode: 0o660 }, { fd: 3 }],
    ],
  ])('%s', async (_what, given, bind) => {
    expect((await read(given)).bind).toEqual(bind);
  });

  it('is said in one way', async () => {
    expect(await complaints({ flags: { bind: [':1'], port: '1' } })).toEqual([
      'bind is in place of host, port and path, but was given along with them; give one of them',
    ]);
  });
});

describe('what is wrong', () => {
  it.each<[Given, string]>([
    [{ flags: { maxFields: 'many' } }, "maxFields must be a whole number from 1 to 1000, got 'many' (--max-fields)"],
    [{ flags: { maxFields: '0' } }, 'maxFields must be a whole number from 1 to 1000, got 0 (--max-fields)'],
    [{ file: { maxFields: '7' } }, "maxFields must be a whole number from 1 to 1000, got '7' (uwsgiref.config.json)"],
    [
      { environment: { UWSGIREF_BODY_TIMEOUT: '2 weeks' } },
      "bodyTimeout must be a number of milliseconds, or a duration as '500ms', '30s', '2m' or '1h', from 0 to 24h, got '2 weeks' (UWSGIREF_BODY_TIMEOUT)",
    ],
    [
      { environment: { UWSGIREF_MAX_HEAD_SIZE: '2MiB' } },
      "maxHeadSize must be a number of bytes, or a size as '512KiB', '2MB' or '1GiB', from 256 to 1048576, got '2MiB' (UWSGIREF_MAX_HEAD_SIZE)",
    ],
    [
      { flags: { bind: ['127.0.0.1'] } },
      "bind must be 'HOST:PORT', '[IPV6]:PORT', ':PORT', 'unix:PATH', 'unix:PATH?mode=660' or 'fd:NUMBER', or an array of such, got [ '127.0.0.1' ] (--bind)",
    ],
    [{ flags: { umask: '999' } }, "umask must be an octal text as '027', up to '777', got '999' (--umask)"],
    [{ file: { umask: 27 } }, "umask must be an octal text as '027', up to '777', got 27 (uwsgiref.config.json)"],
    [{ file: { proxyProtocol: 'yes' } }, "proxyProtocol must be true or false, got 'yes' (uwsgiref.config.json)"],
    [
      { file: { static: { dotfiles: 'show' } } },
      "static.dotfiles must be one of 'ignore', 'deny', 'allow', got 'show' (uwsgiref.config.json)",
    ],
    [{ file: { static: [] } }, 'static must be an object of settings for files, got [] (uwsgiref.config.json)'],
    [{ file: { maxBodySise: 1 } }, 'There is no setting maxBodySise; did you mean maxBodySize? (uwsgiref.config.json)'],
    [
      { file: { static: { indx: 1 } } },
      'There is no setting static.indx; did you mean static.index? (uwsgiref.config.json)',
    ],
    [
      { environment: { UWSGIREF_WROKERS: '1' } },
      'There is no variable UWSGIREF_WROKERS; did you mean UWSGIREF_WORKERS? (environment)',
    ],
    [{ environment: { UWSGIREF_TLS_SNI: 'x' } }, 'There is no variable UWSGIREF_TLS_SNI'],
    [{ file: { static: {}, colour: 1 } }, 'There is no setting colour; there are app, bind, '],
    [{ flags: { tlsCert: 'a' } }, 'HTTPS needs both --tls-cert and --tls-key'],
    [{ file: { tlsSni: {} } }, 'HTTPS needs both --tls-cert and --tls-key'],
    [{ flags: { proxyProtocol: true } }, 'proxyProtocol true needs trustedProxies'],
    [{ flags: { app: undefined } }, 'There is nothing to serve: name the application'],
    [{ flags: { directory: '.', fallback: '../x' } }, 'fallback must be the path of a file beneath the root'],
    [{ flags: { config: 'other.json' } }, 'There is no configuration file other.json'],
    [
      { file: { workers: 0, admin: ':1', reload: true, maxMemory: '1GiB' } },
      'workers must be 1 or more with admin, reload, maxMemory, got 0: without a supervisor there is nobody to do it',
    ],
  ])('%j', async (given, complaint) => {
    const lines = await complaints(given);
    expect(lines).toHaveLength(1);
    expect(lines[0]!.slice(0, complaint.length)).toBe(complaint);
  });

  it('says of a format string which atom there is not', async () => {
    const [line] = await complaints({ flags: { accessLog: '%(zz)s' } });
    expect(line).toMatch(/^accessLog: The access log's format has no '%\(zz\)s'; there are .* \(--access-log\)$/);
  });

  it('is all said at once', async () => {
    const lines = await complaints({
      file: { maxFields: 0, what: 1 },
      environment: { UWSGIREF_PORT: '-1' },
      flags: { workers: 'some' },
    });
    expect(lines.map((line) => line.split(' ').slice(0, 4).join(' '))).toEqual([
      'There is no setting',
      'maxFields must be a',
      'port must be a',
      'workers must be a',
    ]);
  });

  it('does not show what is secret', async () => {
    const sni = { 'a.example': { key: 'k', passphrase: 'hush' } };
    expect(await complaints({ file: { tlsCert: 'c', tlsKey: 'k', tlsSni: sni } })).toEqual([
      'tlsSni must be an object by host name of { key, cert } and perhaps passphrase and ciphers, got another (uwsgiref.config.json)',
    ]);
  });
});

describe('a configuration file', () => {
  const workers = (directory: string, flags = {}) =>
    readConfiguration({ flags: { app: 'a', ...flags }, environment: {}, directory }).then((read) => read.workers);

  it.each([
    ['mjs', '{}', (count: number) => `export default { workers: ${count} };`],
    ['js', '{ "type": "module" }', (count: number) => `export default { workers: ${count} };`],
    ['js', '{ "type": "commonjs" }', (count: number) => `module.exports = { workers: ${count} };`],
    ['json', '{}', (count: number) => `{ "workers": ${count} }`],
  ])('.%s in a package of %s is read, and read afresh', async (extension, manifest, source) => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'package.json'), manifest);
    for (const count of [2, 3, 4]) {
      writeFileSync(join(directory, `uwsgiref.config.${extension}`), source(count));
      expect(await workers(directory)).toBe(count);
    }
  });

  it('may be another, by flag or by variable', async () => {
    const directory = temporaryFolder();
    mkdirSync(join(directory, 'etc'));
    writeFileSync(join(directory, 'uwsgiref.config.json'), '{ "workers": 2 }');
    writeFileSync(join(directory, 'etc/other.json'), '{ "workers": 3 }');
    expect(await workers(directory, { config: 'etc/other.json' })).toBe(3);
    const environment = { UWSGIREF_CONFIG: 'etc/other.json' };
    expect((await readConfiguration({ flags: { app: 'a' }, environment, directory })).workers).toBe(3);
    expect(await workers(directory)).toBe(2);
  });

  it.each([
    [{ 'uwsgiref.config.json': '{', 'x.json': '' }, /^uwsgiref\.config\.json cannot be read: [^\n]+$/],
    [{ 'uwsgiref.config.json': '[]' }, /^uwsgiref\.config\.json must hold an object, got \[\]$/],
    [
      { 'uwsgiref.config.mjs': 'export const workers = 1;' },
      /^uwsgiref\.config\.mjs must have an object for its default/,
    ],
    [
      { 'uwsgiref.config.mjs': 'throw new Error("on purpose");' },
      /^uwsgiref\.config\.mjs cannot be loaded: Error: on p/,
    ],
    [
      { 'uwsgiref.config.mjs': '', 'uwsgiref.config.json': '{}' },
      /^There are uwsgiref\.config\.mjs and uwsgiref\.config\.json; keep one of them, or name one with --config$/,
    ],
  ])('%j is refused', async (files, complaint) => {
    const directory = temporaryFolder();
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    await expect(workers(directory)).rejects.toThrow(complaint);
    await expect(workers(directory)).rejects.toThrow(ConfigurationError);
  });
});
