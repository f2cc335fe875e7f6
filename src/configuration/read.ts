/** The configuration of `uwsgiref serve` and `uwsgiref static`, from what was given and what else holds. */

import { resolve } from 'node:path';
import { checkOptions, type ServerOptions } from '../server/options.js';
import type { TlsOptions } from '../server/tls-options.js';
import type { StaticOptions } from '../static/index.js';
import { checkOptions as checkStaticOptions } from '../static/options.js';
import { ConfigurationError } from './errors.js';
import type { Certificates } from './kinds.js';
import { SERVER_SETTINGS, SETTINGS, type SettingName, type SettingValues } from './schema.js';
import { RANKS, readSettings, type Settings, type Source } from './settings.js';
import type { Bind } from './values.js';

/** What is served. */
export type Served =
  | { kind: 'application'; target: string }
  | { kind: 'directory'; root: string; options: StaticOptions };

/** Times are in milliseconds; 0 switches a limit or a timeout off. */
export interface Configuration {
  readonly served: Served;
  readonly bind: readonly Bind[];
  /** Limits, timeouts and the like: no place to listen, no callbacks, no streams. */
  readonly server: ServerOptions;
  /** 0: this process serves by itself, without a supervisor. */
  readonly workers: number;
  readonly gracefulTimeout: number;
  /** Until a worker must be ready. */
  readonly startTimeout: number;
  /** How long a worker's event loop may be stuck. */
  readonly watchdog: number;
  /** Of a worker. */
  readonly maxRequests: number;
  /** Up to so many more, at random. */
  readonly maxRequestsJitter: number;
  /** Bytes resident, of a worker. */
  readonly maxMemory: number;
  /** 'off', 'auto', a name of `FORMAT_NAMES` or a format string. */
  readonly accessLog: string;
  readonly accessLogFile: string | undefined;
  readonly errorLog: 'text' | 'json';
  readonly admin: Bind | undefined;
  /** Name or number. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly umask: number | undefined;
  readonly pidFile: string | undefined;
  /** Absolute, as all paths of files here, but for those of sockets, for which the system has little room. */
  readonly chdir: string | undefined;
  readonly reload: boolean;
}

/**
 * Reads a configuration file, then `UWSGIREF_*` of the environment, then flags, in rising precedence. May be called
 * again: the file is read afresh.
 *
 * @throws ConfigurationError when something is unknown, not allowed or missing
 */
export async function readConfiguration(source: Source): Promise<Configuration> {
  return configurationOf(await readSettings(source), source);
}

/** @throws ConfigurationError when settings contradict each other, or there is nothing to serve */
export function configurationOf(settings: Settings, { flags, directory }: Source): Configuration {
  const { values } = settings;
  const chdir = values.chdir === undefined ? undefined : resolve(directory, values.chdir);
  const absolute = (path: string) => resolve(chdir ?? directory, path);
  const workers = values.workers ?? defaultOf('workers');
  if (workers === 0) refuseSupervision(values);
  return {
    served: servedOf(settings, flags.directory as string | undefined),
    bind: placesOf(settings),
    server: serverOptionsOf(values, workers, absolute),
    workers,
    gracefulTimeout: values.gracefulTimeout ?? defaultOf('gracefulTimeout'),
    startTimeout: values.startTimeout ?? defaultOf('startTimeout'),
    watchdog: values.watchdog ?? defaultOf('watchdog'),
    maxRequests: values.maxRequests ?? defaultOf('maxRequests'),
    maxRequestsJitter: values.maxRequestsJitter ?? defaultOf('maxRequestsJitter'),
    maxMemory: values.maxMemory ?? defaultOf('maxMemory'),
    accessLog: values.accessLog ?? defaultOf('accessLog'),
    accessLogFile: values.accessLogFile === undefined ? undefined : absolute(values.accessLogFile),
    errorLog: values.errorLog ?? defaultOf('errorLog'),
    admin: values.admin,
    user: values.user,
    group: values.group,
    umask: values.umask,
    pidFile: values.pidFile === undefined ? undefined : absolute(values.pidFile),
    chdir,
    reload: values.reload ?? defaultOf('reload'),
  };
}

/** What a supervisor does. */
const SUPERVISION = ['admin', 'reload', 'user', 'group', 'maxRequests', 'maxMemory'] as const;

function refuseSupervision(values: SettingValues): void {
  const wanted = SUPERVISION.filter((name) => values[name]);
  if (wanted.length === 0) return;
  throw new ConfigurationError(
    `workers must be 1 or more with ${wanted.join(', ')}, got 0: without a supervisor there is nobody to do it`,
  );
}

type Defaulted = {
  [Name in SettingName]: (typeof SETTINGS)[Name] extends { default: unknown } ? Name : never;
}[SettingName];

function defaultOf<Name extends Defaulted>(name: Name): NonNullable<SettingValues[Name]> {
  const { kind, default: value } = SETTINGS[name];
  return kind.schema.parse(value) as NonNullable<SettingValues[Name]>;
}

function servedOf({ values, files }: Settings, root: string | undefined): Served {
  if (root !== undefined) {
    const options = files as StaticOptions;
    refusing(() => checkStaticOptions(options));
    return { kind: 'directory', root, options };
  }
  if (values.app !== undefined) return { kind: 'application', target: values.app };
  throw new ConfigurationError(
    "There is nothing to serve: name the application, as in 'uwsgiref serve app.js:app', or as app in a configuration file",
  );
}

/**
 * The places of whoever stands highest: a flag `--port` replaces `bind` of a file. `path` stands above `host` and `port`
 * that are given likewise.
 */
function placesOf({ values, rank }: Settings): Bind[] {
  const { bind, host, port, path } = values;
  const tcp = Math.max(rank('host'), rank('port'));
  const single = Math.max(tcp, rank('path'));
  if (bind !== undefined && rank('bind') === single) {
    throw new ConfigurationError(
      'bind is in place of host, port and path, but was given along with them; give one of them',
    );
  }
  if (bind !== undefined && rank('bind') > single) return bind;
  if (path !== undefined && rank('path') >= tcp) return [{ path }];
  if (single === RANKS.none) return defaultOf('bind');
  return [{ host: host ?? defaultOf('host'), port: port ?? defaultOf('port') }];
}

function serverOptionsOf(values: SettingValues, workers: number, absolute: (path: string) => string): ServerOptions {
  const given = Object.keys(SERVER_SETTINGS).map((name) => [name, values[name as SettingName]]);
  const options: ServerOptions = {
    multiprocess: workers > 1,
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
  };
  const tls = tlsOptionsOf(values, absolute);
  if (tls !== undefined) options.tls = tls;
  refusing(() => checkOptions(options));
  return options;
}

function tlsOptionsOf(values: SettingValues, absolute: (path: string) => string): TlsOptions | undefined {
  const { tlsCert: cert, tlsKey: key, tlsCa: ca, tlsPassphrase: passphrase, tlsCiphers: ciphers, tlsSni: sni } = values;
  const { tlsClientCertificate: requestClientCertificate } = values;
  if (cert === undefined || key === undefined) {
    const others = [cert, key, ca, passphrase, ciphers, sni, requestClientCertificate];
    if (others.every((each) => each === undefined)) return undefined;
    throw new ConfigurationError('HTTPS needs both --tls-cert and --tls-key');
  }
  return {
    cert: absolute(cert),
    key: absolute(key),
    ...(passphrase !== undefined && { passphrase }),
    ...(ciphers !== undefined && { ciphers }),
    ...(ca !== undefined && { ca: absolute(ca) }),
    ...(requestClientCertificate !== undefined && { requestClientCertificate }),
    ...(sni !== undefined && { sni: certificatesOf(sni, absolute) }),
  };
}

function certificatesOf(sni: Certificates, absolute: (path: string) => string): NonNullable<TlsOptions['sni']> {
  const named = Object.entries(sni).map(([name, { key, cert, passphrase, ciphers }]) => [
    name,
    {
      key: absolute(key),
      cert: absolute(cert),
      ...(passphrase !== undefined && { passphrase }),
      ...(ciphers !== undefined && { ciphers }),
    },
  ]);
  return Object.fromEntries(named) as NonNullable<TlsOptions['sni']>;
}

/** What the server and staticFiles would refuse when they start is refused here already. */
function refusing(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new ConfigurationError((error as Error).message, { cause: error });
  }
}
