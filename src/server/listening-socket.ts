/** Listening sockets without a server: for a process that holds them, and has others accept at them. */

import { getSystemErrorName } from 'node:util';
import { type Address, type ListenOptions, loadAddon, type SocketOptions } from './native-addon.js';
import { checkSocketOptions } from './options.js';

/** A socket that listens, and at which this process accepts no connections. */
export interface BoundSocket {
  /**
   * Its descriptor. A program that this process starts has it only where the program is given it, in the `stdio` array
   * of `spawn()` and `fork()`.
   */
  readonly fd: number;
  readonly address: Address;
  /** Closes it here; whoever was given it goes on. The file of a Unix socket is removed. */
  close(): void;
  /** Closes it here, and leaves the file of a Unix socket to whoever was given it. */
  abandon(): void;
}

/** The socket cannot listen. The message names the address and the remedy; `code` is the system's, such as EADDRINUSE. */
export class ListenError extends Error {
  override name = 'ListenError';
  readonly code: string;

  constructor(message: string, code: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * Makes a listening socket for other processes, and starts no engine: connections wait until one of these accepts
 * them, with `serve()` and the `fd` that it was given.
 *
 * @param options those of {@link ServerOptions} that tell where to listen, and how
 * @throws ListenError when the address cannot be bound
 * @throws RangeError when an option is out of its range
 * @throws EngineUnavailableError when the native addon cannot be loaded
 * @example
 * const socket = bindSocket({ port: 8000 });
 * // In worker.js: await serve(application, { fd: 3 });
 * for (let count = 0; count < 4; count++) {
 *   spawn(process.execPath, ['worker.js'], { stdio: ['ignore', 'inherit', 'inherit', socket.fd] });
 * }
 */
export function bindSocket(options: SocketOptions = {}): BoundSocket {
  const checked = checkSocketOptions(options);
  const addon = loadAddon();
  try {
    return addon.bindSocket(checked);
  } catch (error) {
    throw listenError(error, checked);
  }
}

const REMEDIES: Record<string, string> = {
  EADDRINUSE: 'another program listens there; stop it or choose another port',
  EACCES: 'this user may not listen there; ports below 1024 need CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'this machine has no such address',
};

const PATH_REMEDIES: Record<string, string> = {
  ...REMEDIES,
  EACCES: 'this user may not write to its directory',
  ENOENT: 'there is no such directory',
};

const FD_REMEDIES: Record<string, string> = {
  EBADF: 'no such descriptor is open; whoever starts this process has to pass it on',
  ENOTSOCK: 'it is no socket',
  EPROTOTYPE: 'it is no stream socket',
  EAFNOSUPPORT: 'it is neither a TCP nor a Unix socket',
  EINVAL: 'the socket does not listen; whoever passes it on has to call listen(2)',
  EEXIST: 'this process serves it already',
};

/** @returns what to throw for an error of the engine when it was to listen: a ListenError if the system refused */
export function listenError(error: unknown, { host, port, path, fd }: ListenOptions): unknown {
  const { code } = error as { code?: string };
  if (code === undefined) return error;
  const name = /^\d+$/.test(code) ? getSystemErrorName(-Number(code)) : code;
  const remedies = fd !== undefined ? FD_REMEDIES : path !== undefined ? PATH_REMEDIES : REMEDIES;
  const remedy = remedies[name] ?? (error as Error).message;
  const where = fd === undefined ? (path ?? `${host}:${port}`) : `descriptor ${fd}`;
  // A descriptor is not what is wrong with a certificate; an address at least tells which of several servers it is.
  const what = fd !== undefined && name === 'ERR_TLS' ? 'serve HTTPS' : `listen at ${where}`;
  return new ListenError(`Cannot ${what}: ${remedy} (${name})`, name, error);
}
