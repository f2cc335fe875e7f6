/**
 * All settings, in one table. Flags, environment variables, the help, the JSON schema and docs/configuration.md follow
 * from it: `maxBodySize` is `--max-body-size` and `UWSGIREF_MAX_BODY_SIZE`.
 */

import type { z } from 'zod';
import { formatOf } from '../logging/format.js';
import { RATE_RANGE } from '../rate.js';
import { FORWARDED_FIELDS } from '../server/forwarded.js';
import { RANGES, type ServerOptions } from '../server/options.js';
import { type Encoding, SUFFIXES } from '../static/encodings.js';
import type { StaticOptions } from '../static/index.js';
import { OPEN_FILE_CACHE_RANGES } from '../static/options.js';
import * as kinds from './kinds.js';

/** The headings, in the order of the help and of the document. */
export const GROUPS = [
  'Application',
  'Listening',
  'TLS',
  'Processes',
  'Rights',
  'Logs',
  'Limits',
  'Timeouts',
  'Proxies',
  'Answers',
  'Files',
] as const;

export interface Setting {
  readonly kind: kinds.Kind;
  readonly group: (typeof GROUPS)[number];
  /** A clause; the help and the document have it. */
  readonly description: string;
  /** As a configuration file would have it. What the server or staticFiles defaults to is said here, and set there. */
  readonly default?: unknown;
  /** In words, what holds where nothing is given, and no value says it. */
  readonly otherwise?: string;
  /** A file's path, relative to `chdir`. */
  readonly path?: true;
  /** Not to be shown. */
  readonly secret?: true;
  /** Whether there is a flag, and a variable; else it is for a configuration file. */
  readonly flag?: false;
  readonly variable?: false;
}

/** Durations are Node's timers', which overflow beyond. */
const TIMER = [0, 2 ** 31 - 1] as const;
const COUNT = [0, Number.MAX_SAFE_INTEGER] as const;

/** What the process does; the server knows nothing of it. */
const HOST_SETTINGS = {
  app: {
    kind: kinds.text("a module's path or package name, and perhaps an export behind a colon", '<module[:export]>'),
    group: 'Application',
    description: "what to serve: a module and its export, './app.js:app'; the argument of `serve`",
    otherwise: 'none',
    flag: false,
  },
  bind: {
    kind: kinds.places(),
    group: 'Listening',
    description: 'where to listen: 127.0.0.1:8000, [::1]:8000, unix:/run/app.sock?mode=660 or fd:3; may be given again',
    default: '127.0.0.1:8000',
  },
  host: {
    kind: kinds.single(kinds.anyText, 'an address', '<address>'),
    group: 'Listening',
    description: 'address to listen at, in place of bind; 0.0.0.0 or :: for every one',
    default: '127.0.0.1',
  },
  port: {
    kind: kinds.integer(RANGES.port),
    group: 'Listening',
    description: 'port to listen at, in place of bind; 0 picks a free one',
    default: 8000,
  },
  path: {
    kind: kinds.text("a Unix socket's path", '<socket>'),
    group: 'Listening',
    description: 'Unix socket to listen at, in place of bind, host and port',
    otherwise: 'none',
  },
  admin: {
    kind: kinds.place(),
    group: 'Listening',
    description: 'where to listen for those who run the server: 127.0.0.1:9000 or unix:/run/app-admin.sock',
    otherwise: 'nowhere',
  },
  tlsCert: {
    kind: kinds.text("a PEM file's path", '<file>'),
    group: 'TLS',
    description: 'serve HTTPS: the certificate and its chain, a PEM file; SIGHUP reads it again',
    otherwise: 'no TLS',
    path: true,
  },
  tlsKey: {
    kind: kinds.text("a PEM file's path", '<file>'),
    group: 'TLS',
    description: "the certificate's key, a PEM file",
    otherwise: 'none',
    path: true,
  },
  tlsPassphrase: {
    kind: kinds.single(kinds.anyText, 'a text', '<text>'),
    group: 'TLS',
    description: 'what opens an encrypted key',
    otherwise: 'none',
    secret: true,
    flag: false,
  },
  tlsCiphers: {
    kind: kinds.single(kinds.anyText, "a list of ciphers in OpenSSL's form", '<list>'),
    group: 'TLS',
    description: "ciphers of TLS 1.2, in OpenSSL's form; those of TLS 1.3 are fixed",
    otherwise: "uSockets' own",
  },
  tlsCa: {
    kind: kinds.text("a PEM file's path", '<file>'),
    group: 'TLS',
    description: 'authorities of client certificates, a PEM file: clients without one are refused',
    otherwise: 'nobody is asked',
    path: true,
  },
  tlsClientCertificate: {
    kind: kinds.choice(['required', 'optional']),
    group: 'TLS',
    description: 'whether clients that show no certificate are refused; with tlsCa',
    otherwise: 'required',
  },
  tlsSni: {
    kind: kinds.certificates(),
    group: 'TLS',
    description: 'other certificates, by the host name that a client asks for: `{ key, cert }`',
    otherwise: 'none',
    secret: true,
    flag: false,
    variable: false,
  },
  workers: {
    kind: kinds.processes(),
    group: 'Processes',
    description: 'processes that serve; auto: one a processor; 0: this one, without a supervisor',
    default: 1,
  },
  gracefulTimeout: {
    kind: kinds.duration(TIMER),
    group: 'Processes',
    description: 'for requests in hand when a process is to end, before their connections are cut',
    default: '30s',
  },
  startTimeout: {
    kind: kinds.duration(TIMER),
    group: 'Processes',
    description: 'until a worker has to be ready',
    default: '30s',
  },
  watchdog: {
    kind: kinds.duration(TIMER),
    group: 'Processes',
    description: "how long a worker's event loop may be stuck before it is replaced; 0: for ever",
    default: '30s',
  },
  maxRequests: {
    kind: kinds.integer(COUNT),
    group: 'Processes',
    description: 'requests after which a worker is replaced; 0: never',
    default: 0,
  },
  maxRequestsJitter: {
    kind: kinds.integer(COUNT),
    group: 'Processes',
    description: 'up to so many requests more, at random, so that workers are not replaced all at once',
    default: 0,
  },
  maxMemory: {
    kind: kinds.size(COUNT),
    group: 'Processes',
    description: 'bytes that a worker may hold in memory before it is replaced; 0: any',
    default: 0,
  },
  reload: {
    kind: kinds.toggle(),
    group: 'Processes',
    description: 'restart when a module changes, for development',
    default: false,
  },
  pidFile: {
    kind: kinds.text("a file's path", '<file>'),
    group: 'Processes',
    description: 'file that holds the process id for as long as the server runs',
    otherwise: 'none',
    path: true,
  },
  chdir: {
    kind: kinds.text("a directory's path", '<directory>'),
    group: 'Processes',
    description: 'directory to work in; paths of the application and of files are relative to it',
    otherwise: 'where the command is run',
  },
  user: {
    kind: kinds.account(),
    group: 'Rights',
    description: 'who to become once the sockets are bound: a name or number; needs root',
    otherwise: 'who starts it',
  },
  group: {
    kind: kinds.account(),
    group: 'Rights',
    description: 'group to become a member of, likewise',
    otherwise: "the user's own",
  },
  umask: {
    kind: kinds.permissions(),
    group: 'Rights',
    description: 'permissions that new files do not get, in octal: 027',
    otherwise: 'that of whoever starts it',
  },
  accessLog: {
    kind: kinds.checkedText((format) => {
      if (format !== 'off' && format !== 'auto') formatOf(format);
    }, "'off', 'auto', the name of a format or a format string"),
    group: 'Logs',
    description:
      "format: combined, common, json, short, coloured, or a string with gunicorn's atoms; off; auto: coloured on a terminal, combined elsewhere",
    default: 'auto',
  },
  accessLogFile: {
    kind: kinds.text("a file's path", '<file>'),
    group: 'Logs',
    description: 'file that lines are appended to',
    otherwise: 'standard output',
    path: true,
  },
  errorLog: {
    kind: kinds.choice(['text', 'json']),
    group: 'Logs',
    description: 'how errors of the application are written to standard error',
    default: 'text',
  },
} as const satisfies Record<string, Setting>;

/** Options of the server that a configuration can say: all but where to listen, streams and callbacks. */
type ServerSetting = Exclude<
  keyof ServerOptions,
  'host' | 'port' | 'path' | 'mode' | 'fd' | 'tls' | 'errors' | 'onRefused' | 'onAnswered' | 'onError'
>;

/** Options of the server under their own names. Their defaults are its own. */
export const SERVER_SETTINGS = {
  backlog: {
    kind: kinds.integer(RANGES.backlog),
    group: 'Listening',
    description: 'connections that may wait to be accepted',
    otherwise: 'as many as the system lets',
  },
  multiprocess: {
    kind: kinds.toggle(),
    group: 'Processes',
    description: '`wsgi.multiprocess`: whether other processes run the application at the same time',
    otherwise: 'true with more than one worker',
  },
  maxHeadSize: {
    kind: kinds.size(RANGES.maxHeadSize),
    group: 'Limits',
    description: 'bytes of a request head; 431 beyond',
    default: '16KiB',
  },
  maxTargetLength: {
    kind: kinds.size(RANGES.maxTargetLength),
    group: 'Limits',
    description: 'bytes of a request target; 414 beyond',
    default: '8KiB',
  },
  maxFields: {
    kind: kinds.integer(RANGES.maxFields),
    group: 'Limits',
    description: 'field lines of a request; 431 beyond',
    default: 100,
  },
  maxBodySize: {
    kind: kinds.size(RANGES.maxBodySize),
    group: 'Limits',
    description: 'bytes of a request body; 413 beyond',
    default: '1GiB',
  },
  maxConnections: {
    kind: kinds.integer(RANGES.maxConnections),
    group: 'Limits',
    description: 'connections at a time, of a process; what comes beyond is closed at once',
    default: 50_000,
  },
  maxConnectionsPerAddress: {
    kind: kinds.integer(RANGES.maxConnectionsPerAddress),
    group: 'Limits',
    description: 'connections at a time of one IPv4 address, or one IPv6 network of 64 bits; 0: any',
    default: 0,
  },
  maxRequestsPerConnection: {
    kind: kinds.integer(RANGES.maxRequestsPerConnection),
    group: 'Limits',
    description: 'requests of one connection, the last of which is told to close; 0: any',
    default: 0,
  },
  maxPipelined: {
    kind: kinds.integer(RANGES.maxPipelined),
    group: 'Limits',
    description: 'pipelined requests of one connection that run at the same time',
    default: 16,
  },
  maxQueuedBytes: {
    kind: kinds.size(RANGES.maxQueuedBytes),
    group: 'Limits',
    description: 'bytes of an answer that wait for the client before its application does',
    default: '64KiB',
  },
  smallFileSize: {
    kind: kinds.size(RANGES.smallFileSize),
    group: 'Limits',
    description: 'bytes of a file that leaves in one write with its head, rather than by sendfile(2); 0: none does',
    default: '16KiB',
  },
  minUploadRate: {
    kind: kinds.size(RANGES.minUploadRate),
    group: 'Limits',
    description: 'bytes a second that a request body must come at, after 5 seconds; 0: any',
    default: 240,
  },
  minDownloadRate: {
    kind: kinds.size(RANGES.minDownloadRate),
    group: 'Limits',
    description:
      'bytes a second that must reach a client which something waits for, on average of each sendTimeout; 0: any',
    default: 240,
  },
  rate: {
    kind: kinds.rate(RATE_RANGE),
    group: 'Limits',
    description: 'bytes a second that one connection is sent at most, over TCP on Linux, as 2MB/s; 0: any',
    default: 0,
  },
  headersTimeout: {
    kind: kinds.duration(RANGES.headersTimeout),
    group: 'Timeouts',
    description:
      "for a request head, from its first byte or the connection's opening; 0: for ever, as for all of these",
    default: '30s',
  },
  bodyTimeout: {
    kind: kinds.duration(RANGES.bodyTimeout),
    group: 'Timeouts',
    description: 'between two pieces of a request body',
    default: '30s',
  },
  requestTimeout: {
    kind: kinds.duration(RANGES.requestTimeout),
    group: 'Timeouts',
    description: 'until an application has begun its answer; 504 beyond',
    default: '60s',
  },
  sendTimeout: {
    kind: kinds.duration(RANGES.sendTimeout),
    group: 'Timeouts',
    description: 'without any byte of an answer that reaches a client which something waits for',
    default: '30s',
  },
  keepAliveTimeout: {
    kind: kinds.duration(RANGES.keepAliveTimeout),
    group: 'Timeouts',
    description: 'between two requests of a connection',
    default: '75s',
  },
  trustedProxies: {
    kind: kinds.list("one or more of addresses, blocks such as 10.0.0.0/8, and 'unix:'"),
    group: 'Proxies',
    description: "who is believed about its clients: addresses, blocks such as 10.0.0.0/8, and 'unix:', by commas",
    otherwise: 'nobody',
  },
  forwardedFields: {
    kind: kinds.choice(FORWARDED_FIELDS),
    group: 'Proxies',
    description: 'what these are believed',
    default: 'x-forwarded',
  },
  proxyProtocol: {
    kind: kinds.toggle(),
    group: 'Proxies',
    description: 'connections of these begin with a PROXY header',
    default: false,
  },
  serverHeader: {
    kind: kinds.textOrNull('a text'),
    group: 'Answers',
    description: 'the Server field of answers that set none; none: no field',
    otherwise: '`uwsgiref/<version>`',
  },
} as const satisfies { [Name in ServerSetting]: Setting };

/** Options of `staticFiles`, under `static` in a configuration file. Their defaults are its own. */
export const STATIC_SETTINGS = {
  index: {
    kind: kinds.names(),
    group: 'Files',
    description: 'file that stands for its directory; may be given again',
    default: 'index.html',
  },
  listing: {
    kind: kinds.toggle(),
    group: 'Files',
    description: 'show what is in a directory that has no index',
    default: false,
  },
  cacheControl: {
    kind: kinds.rules(),
    group: 'Files',
    description: "Cache-Control, as '*.html: no-cache'; may be given again",
    otherwise: 'no such field',
  },
  precompressed: {
    kind: kinds.toggleOrNames(Object.keys(SUFFIXES) as Encoding[]),
    group: 'Files',
    description: 'send file.br, file.zst or file.gz in place of file',
    default: false,
  },
  fallback: {
    kind: kinds.text("a file's path beneath the directory", '<file>'),
    group: 'Files',
    description: 'what to send where there is no file, to requests without an extension',
    otherwise: 'none',
  },
  download: {
    kind: kinds.globs(),
    group: 'Files',
    description: "files to save rather than show, '**' for all; may be given again",
    default: false,
  },
  symlinks: {
    kind: kinds.choice(['beneath', 'follow', 'never']),
    group: 'Files',
    description: 'symbolic links to follow',
    default: 'beneath',
  },
  dotfiles: {
    kind: kinds.choice(['ignore', 'deny', 'allow']),
    group: 'Files',
    description: 'what to do about hidden names',
    default: 'ignore',
  },
  openFileCache: {
    kind: kinds.openFiles(OPEN_FILE_CACHE_RANGES),
    group: 'Files',
    description: 'how many files stay open from one request to the next; false: none',
    default: 1000,
  },
  rate: {
    kind: kinds.rate(RATE_RANGE),
    group: 'Files',
    description: 'bytes a second that one connection is sent of a file at most, as 2MB/s; 0: any',
    otherwise: "the server's",
    flag: false,
  },
} as const satisfies { [Name in keyof Required<StaticOptions>]: Setting };

/** All that has a name of its own in a configuration file. */
export const SETTINGS = { ...HOST_SETTINGS, ...SERVER_SETTINGS };

export type SettingName = keyof typeof SETTINGS;

type Values<Table extends Record<string, Setting>> = {
  -readonly [Name in keyof Table]?: z.output<Table[Name]['kind']['schema']>;
};

/** The settings as they are used; what is absent was not given. */
export type SettingValues = Values<typeof SETTINGS>;
export type StaticValues = Values<typeof STATIC_SETTINGS>;

/** `maxBodySize` to `--max-body-size`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `maxBodySize` to `UWSGIREF_MAX_BODY_SIZE`; `static.index` to `UWSGIREF_STATIC_INDEX`. */
export function variableOf(name: string): string {
  return `UWSGIREF_${name.replace('.', '_').replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}
