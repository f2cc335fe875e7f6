/** The options of {@link serve}, their defaults and their checks. */

import { DescriptorErrors } from '../streams.js';
import type { ErrorStream } from '../types.js';
import { VERSION } from '../version.js';
import type { ListenOptions } from './native-addon.js';

/** PEM files of a TLS listener. */
export interface TlsOptions {
  key: string;
  cert: string;
  /** Authorities whose client certificates are accepted. */
  ca?: string;
  passphrase?: string;
  /** A cipher list as OpenSSL writes it. */
  ciphers?: string;
}

/** How a server listens, and what it demands of its clients. Times are in milliseconds; 0 switches a timeout off. */
export interface ServerOptions {
  /** The address to bind; default '127.0.0.1'. '' or '::' binds every address. */
  host?: string;
  /** The port to bind; default 8000. 0 picks a free one. */
  port?: number;
  /** A Unix socket to bind, instead of host and port. */
  path?: string;
  /** Serve HTTPS. */
  tls?: TlsOptions;
  /** `wsgi.errors`, and where the server reports; default standard error. */
  errors?: ErrorStream;
  /** The Server field of answers that set none, and `SERVER_SOFTWARE`; default 'uwsgiref/<version>'. null: no field. */
  serverHeader?: string | null;
  /** `wsgi.multiprocess`; default false. */
  multiprocess?: boolean;
  /** Bytes of a request head; default 16384. 431 beyond. */
  maxHeadSize?: number;
  /** Bytes of a request target; default 8192. 414 beyond. */
  maxTargetLength?: number;
  /** Field lines of a request, up to 1000; default 100. 431 beyond. */
  maxFields?: number;
  /** Bytes of a request body; default 1 GiB. 413 beyond. */
  maxBodySize?: number;
  /** Connections at a time; default 50000. What comes beyond is closed at once. */
  maxConnections?: number;
  /** Pipelined requests of one connection that run at the same time; default 16. */
  maxPipelined?: number;
  /** For a request head, from its first byte or the connection's opening; default 30000. */
  headersTimeout?: number;
  /** Between two pieces of a request body; default 30000. */
  bodyTimeout?: number;
  /** Without any progress of an answer that the client does not read; default 30000. */
  sendTimeout?: number;
  /** Between two requests of a connection; default 75000. */
  keepAliveTimeout?: number;
}

/** The options as the server uses them. */
export interface CheckedOptions {
  readonly listen: ListenOptions;
  readonly software: string;
  readonly errors: ErrorStream;
  readonly multiprocess: boolean;
}

const SOFTWARE = `uwsgiref/${VERSION}`;

/** The numeric options: least and greatest value. */
const RANGES = {
  port: [0, 65_535],
  maxHeadSize: [256, 1 << 20],
  maxTargetLength: [16, 1 << 20],
  maxFields: [1, 1000],
  maxBodySize: [0, Number.MAX_SAFE_INTEGER],
  maxConnections: [1, 1_000_000],
  maxPipelined: [1, 1000],
  headersTimeout: [0, 86_400_000],
  bodyTimeout: [0, 86_400_000],
  sendTimeout: [0, 86_400_000],
  keepAliveTimeout: [0, 86_400_000],
} as const satisfies Record<string, readonly [least: number, greatest: number]>;

/** @throws RangeError when a number is out of its range, or host and path are both given, or the path is empty */
export function checkOptions(options: ServerOptions): CheckedOptions {
  const listen: ListenOptions = { host: options.host ?? '127.0.0.1', port: options.port ?? 8000 };
  if (options.path !== undefined) {
    if (options.host !== undefined || options.port !== undefined) {
      throw new RangeError('A server listens at a path or at host and port; give either');
    }
    if (options.path === '') throw new RangeError('path must name a Unix socket, got an empty string');
    listen.path = options.path;
  }
  for (const [name, [least, greatest]] of Object.entries(RANGES) as Array<[keyof typeof RANGES, [number, number]]>) {
    const value = options[name];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < least || value > greatest) {
      throw new RangeError(`${name} must be a whole number from ${least} to ${greatest}, got ${value}`);
    }
    listen[name] = value;
  }
  if (options.tls !== undefined) listen.tls = options.tls;
  const serverHeader = options.serverHeader === undefined ? SOFTWARE : options.serverHeader;
  if (serverHeader !== null) listen.serverHeader = serverHeader;
  return {
    listen,
    software: serverHeader ?? SOFTWARE,
    errors: options.errors ?? new DescriptorErrors(),
    multiprocess: options.multiprocess ?? false,
  };
}
