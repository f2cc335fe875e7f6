/** The options of {@link serve}, their defaults and their checks. */

import { checkField, type Headers } from '../headers.js';
import { checkRate } from '../rate.js';
import { show } from '../show.js';
import { DescriptorErrors } from '../streams.js';
import type { Environ, ErrorStream } from '../types.js';
import { VERSION } from '../version.js';
import type { Failure } from './failures.js';
import { FORWARDED_FIELDS, type ForwardedFields } from './forwarded.js';
import type { ListenOptions, SocketOptions } from './native-addon.js';
import { checkTlsOptions, refuseUnknown, type TlsOptions } from './tls-options.js';

/** A request that the engine answered by itself, with an error, because it may not reach an application. */
export interface Refusal {
  readonly status: number;
  /** One sentence. */
  readonly reason: string;
  /** As far as it came, at most 256 bytes, one a character; it may hold anything but a line end. */
  readonly requestLine: string;
  readonly address: string;
  readonly port: number;
}

/** How an answer went, told when it is over. Times are in milliseconds since the request's head was there. */
export interface Answer {
  /** When it is told, in milliseconds since 1970. */
  readonly time: number;
  /** As the application leaves it. */
  readonly environ: Environ;
  /** The fields that the application gave; null where it gave none. */
  readonly headers: Headers | null;
  /** 0: there was none, because the client left before it began. */
  readonly status: number;
  /** Bytes of the body that the kernel took. */
  readonly bytes: number;
  /** Until the head of the answer was there. */
  readonly firstByte: number;
  readonly duration: number;
  /** Whether the answer came to its proper end. */
  readonly complete: boolean;
}

/** How a server listens, and what it demands of its clients. Times are in milliseconds; 0 switches a timeout off. */
export interface ServerOptions {
  /** The address to bind; default '127.0.0.1'. '' or '::' binds every address. */
  host?: string;
  /** The port to bind; default 8000. 0 picks a free one. */
  port?: number;
  /** A Unix socket to bind, instead of host and port. */
  path?: string;
  /** Who may connect to the Unix socket at `path`, such as 0o660 for the group as well; default 0o700: this user. */
  mode?: number;
  /**
   * Connections that may wait to be accepted; default as many as the system lets (4096 on Linux, or
   * `net.core.somaxconn`).
   */
  backlog?: number;
  /**
   * A listening socket that this process was given, by `bindSocket()` of another or by systemd, instead of host, port
   * and path. It becomes the server's, which closes it; others may accept connections at it, too.
   */
  fd?: number;
  /** Serve HTTPS. */
  tls?: TlsOptions;
  /** `wsgi.errors`, and where the server reports; default standard error. */
  errors?: ErrorStream;
  /** The Server field of answers that set none, and `SERVER_SOFTWARE`; default 'uwsgiref/<version>'. null: no field. */
  serverHeader?: string | null;
  /** Told of each request that is refused with an error, for a log. */
  onRefused?: (refusal: Refusal) => void;
  /** Told of each answer that is over, for a log and for metrics; within a tenth of a second. */
  onAnswered?: (answer: Answer) => void;
  /**
   * Told of each error of an application, and of an answer that did not begin in time; default: both are written to
   * `errors`, with the request and its `uwsgiref.request_id`.
   */
  onError?: (failure: Failure) => void;
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
  /**
   * Connections at a time of one IPv4 address, or one IPv6 network of 64 bits; default 0: as many as there may be. A
   * trusted proxy may have them all.
   */
  maxConnectionsPerAddress?: number;
  /** Requests of one connection, the last of which is told to close; default 0: as many as the client likes. */
  maxRequestsPerConnection?: number;
  /** Pipelined requests of one connection that run at the same time; default 16. */
  maxPipelined?: number;
  /** For a request head, from its first byte or the connection's opening; default 30000. */
  headersTimeout?: number;
  /** Bytes of an answer that wait for the client before its application does; default 65536. */
  maxQueuedBytes?: number;
  /**
   * Bytes of a file that leaves in one write with its head, rather than by sendfile(2); default 16384. 0: none does.
   */
  smallFileSize?: number;
  /**
   * Until an application has begun its answer; default 60000. 504 beyond, and `environ['uwsgiref.signal']` is aborted.
   */
  requestTimeout?: number;
  /** Between two pieces of a request body; default 30000. */
  bodyTimeout?: number;
  /** Bytes a second that a request body must come at, on average, after its first 5 seconds; default 240. 0: none. */
  minUploadRate?: number;
  /** Without any byte of an answer that reaches a client which something waits for; default 30000. */
  sendTimeout?: number;
  /**
   * Bytes a second that must reach a client while something waits for it, on average of each `sendTimeout` (5 seconds
   * where that is 0); default 240. 0: none. Half of an answer's `rate` is enough.
   */
  minDownloadRate?: number;
  /**
   * How fast one connection is sent at most, as '2MB/s' or in bytes a second; default 0: as fast as the client takes it.
   * The kernel sees to it, over TCP on Linux; elsewhere nobody does.
   */
  rate?: number | string;
  /** Between two requests of a connection; default 75000. */
  keepAliveTimeout?: number;
  /**
   * Who is believed what it says of its clients: addresses ('192.0.2.1'), blocks ('10.0.0.0/8', 'fd00::/8') and
   * 'unix:' for all peers of a Unix socket; default none. docs/proxies.md tells how to use it.
   */
  trustedProxies?: readonly string[];
  /** The fields they are believed: X-Forwarded-For, -Proto and -Host, or Forwarded; default 'x-forwarded'. */
  forwardedFields?: ForwardedFields;
  /** Each of their connections begins with a PROXY header, version 1 or 2, before the handshake of TLS; default false. */
  proxyProtocol?: boolean;
}

/** The options as the server uses them. */
export interface CheckedOptions {
  readonly listen: ListenOptions;
  readonly software: string;
  readonly errors: ErrorStream;
  readonly multiprocess: boolean;
  readonly onRefused: ((refusal: Refusal) => void) | undefined;
  readonly onAnswered: ((answer: Answer) => void) | undefined;
  readonly onError: ((failure: Failure) => void) | undefined;
  readonly forwardedFields: ForwardedFields;
}

const SOFTWARE = `uwsgiref/${VERSION}`;

/** The default of `smallFileSize`; `net::Settings` has the same. */
export const SMALL_FILE_SIZE = 16_384;

/** The numeric options: least and greatest value. */
export const RANGES = {
  port: [0, 65_535],
  mode: [0, 0o777],
  backlog: [1, 65_535],
  fd: [0, 2 ** 31 - 1],
  maxHeadSize: [256, 1 << 20],
  maxTargetLength: [16, 1 << 20],
  maxFields: [1, 1000],
  maxBodySize: [0, Number.MAX_SAFE_INTEGER],
  maxConnections: [1, 1_000_000],
  maxConnectionsPerAddress: [0, 1_000_000],
  maxRequestsPerConnection: [0, 2 ** 32 - 1],
  maxPipelined: [1, 1000],
  maxQueuedBytes: [1024, 1 << 30],
  smallFileSize: [0, 1 << 20],
  headersTimeout: [0, 86_400_000],
  requestTimeout: [0, 86_400_000],
  bodyTimeout: [0, 86_400_000],
  minUploadRate: [0, 1 << 30],
  minDownloadRate: [0, 1 << 30],
  sendTimeout: [0, 86_400_000],
  keepAliveTimeout: [0, 86_400_000],
} as const satisfies Record<string, readonly [least: number, greatest: number]>;

/** All options: one that is misspelt may be a limit that somebody relies on. */
const OPTIONS: ReadonlyArray<keyof ServerOptions> = [
  ...(Object.keys(RANGES) as Array<keyof typeof RANGES>),
  ...(['host', 'path', 'tls', 'errors', 'serverHeader', 'onRefused', 'onAnswered', 'onError'] as const),
  ...(['multiprocess', 'rate', 'trustedProxies', 'forwardedFields', 'proxyProtocol'] as const),
];

/**
 * What names no address in `trustedProxies` the engine finds when it listens.
 *
 * @throws RangeError when an option is unknown or out of its range, or options contradict each other
 */
export function checkOptions(options: ServerOptions): CheckedOptions {
  refuseUnknown(options, 'serve()', OPTIONS);
  const listen: ListenOptions = whereToListen(options);
  copyNumbers(options, listen);
  if (options.rate !== undefined) listen.rate = checkRate('rate', options.rate);
  if (options.tls !== undefined) listen.tls = checkTlsOptions(options.tls);
  if (options.onRefused !== undefined) listen.reportRefusals = true;
  if (options.onAnswered !== undefined) listen.reportAnswers = true;
  checkProxies(options, listen);
  const serverHeader = options.serverHeader === undefined ? SOFTWARE : options.serverHeader;
  if (serverHeader !== null) listen.serverHeader = checkServerHeader(serverHeader);
  return {
    listen,
    software: serverHeader ?? SOFTWARE,
    errors: options.errors ?? new DescriptorErrors(),
    multiprocess: options.multiprocess ?? false,
    onRefused: options.onRefused,
    onAnswered: options.onAnswered,
    onError: options.onError,
    forwardedFields: options.forwardedFields ?? 'x-forwarded',
  };
}

/** @throws RangeError when a number is out of its range */
function copyNumbers(options: ServerOptions, listen: ListenOptions): void {
  for (const [name, [least, greatest]] of Object.entries(RANGES) as Array<[keyof typeof RANGES, [number, number]]>) {
    const value = options[name];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < least || value > greatest) {
      throw new RangeError(`${name} must be a whole number from ${least} to ${greatest}, got ${value}`);
    }
    listen[name] = value;
  }
}

/**
 * Where a socket is to listen, and how.
 *
 * @throws RangeError when the options are out of their range, or contradict each other
 */
export function checkSocketOptions(options: SocketOptions): SocketOptions {
  const checked = whereToListen(options);
  copyNumbers(options, checked);
  return checked;
}

/** @throws RangeError when the options of a socket contradict each other */
function whereToListen({ host, port, path, mode, fd, backlog }: ServerOptions): ListenOptions {
  const places = [host !== undefined || port !== undefined, path !== undefined, fd !== undefined];
  if (places.filter(Boolean).length > 1) {
    throw new RangeError('A server listens at host and port, at a path or at the socket of an fd; give one of them');
  }
  if (mode !== undefined && path === undefined) {
    throw new RangeError('mode is for the Unix socket of path, and none was given');
  }
  if (backlog !== undefined && fd !== undefined) {
    throw new RangeError('backlog is for who makes the socket; that of fd listens already');
  }
  if (path === '') throw new RangeError('path must name a Unix socket, got an empty string');
  if (fd !== undefined) return { fd };
  return path !== undefined ? { path } : { host: host ?? '127.0.0.1', port: port ?? 8000 };
}

function checkServerHeader(value: string): string {
  try {
    checkField('Server', value);
  } catch (error) {
    throw new RangeError(`serverHeader cannot be sent: ${(error as Error).message}`, { cause: error });
  }
  return value;
}

function checkProxies(options: ServerOptions, listen: ListenOptions): void {
  const { trustedProxies = [], forwardedFields = 'x-forwarded', proxyProtocol = false } = options;
  if (!Array.isArray(trustedProxies) || !trustedProxies.every((each) => typeof each === 'string')) {
    throw new RangeError(`trustedProxies must be an array of strings, got ${show(trustedProxies)}`);
  }
  if (!FORWARDED_FIELDS.includes(forwardedFields)) {
    throw new RangeError(
      `forwardedFields must be ${FORWARDED_FIELDS.map(show).join(' or ')}, got ${show(forwardedFields)}`,
    );
  }
  if (typeof proxyProtocol !== 'boolean') {
    throw new RangeError(`proxyProtocol must be true or false, got ${show(proxyProtocol)}`);
  }
  if (proxyProtocol && trustedProxies.length === 0) {
    throw new RangeError('proxyProtocol true needs trustedProxies: the addresses of those who send a PROXY header');
  }
  listen.trustedProxies = trustedProxies;
  listen.proxyProtocol = proxyProtocol;
}
