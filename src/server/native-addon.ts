/**
 * The compiled engine: its functions as JavaScript sees them, and how it and the uWebSockets.js binary are found.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeFiles } from './held-file.js';
import type { ServerOptions } from './options.js';
import type { TlsEngine } from './tls-files.js';
import type { TlsFiles } from './tls-options.js';

/** The engine cannot be loaded. The message says what was looked for, where, and what to do. */
export class EngineUnavailableError extends Error {
  override name = 'EngineUnavailableError';
}

/** What start() says where no body may follow; else it says 0. */
export const NO_BODY = 1;
/** What an answering call says besides a count of bytes. */
export const GONE = -1;
export const NOT_A_FILE = -2;
export const WRONG_STATE = -3;
/** At and below this number an answer was refused: `REFUSED - (error + ERROR_KINDS * field)`. */
export const REFUSED = -16;
/** Why a client's answer is no longer wanted, `net::Gone`: the client is gone, or this. */
export const TIMED_OUT = 1;
export const ERROR_KINDS = 16;

/** Where a socket listens, and how. */
export type SocketOptions = Pick<ServerOptions, 'host' | 'port' | 'path' | 'mode' | 'backlog' | 'fd'>;

/** Options of {@link NativeEngine.listen}: those of the server that are the engine's business. */
export type ListenOptions = Omit<
  ServerOptions,
  'errors' | 'multiprocess' | 'serverHeader' | 'onRefused' | 'onAnswered' | 'forwardedFields' | 'rate' | 'tls'
> & {
  /** Bytes a second. */
  rate?: number;
  serverHeader?: string;
  /** Whether `onRefused` is to be called. */
  reportRefusals?: boolean;
  /** Whether answers are to be reported by way of the shared memory. */
  reportAnswers?: boolean;
  tls?: TlsFiles;
};

/** Where a socket is bound. */
export type Address = { host: string; port: number } | { path: string };

export interface NativeStats {
  openConnections: number;
  /** Accepted so far. */
  connections: number;
  /** Closed at once so far, for a limit. */
  dropped: number;
  requests: number;
  /** Requests that the engine answered by itself, because they may not reach an application. */
  refused: number;
  sendfileBytes: number;
  /** Reads that threads made, because a file was not in the page cache. */
  coldReads: number;
}

/**
 * The engine of this process. `slot` and `generation` name an exchange; a pair that is over answers {@link GONE}. A
 * `head` is the status and then the names and values of `fieldCount` fields, each with a line feed behind it.
 */
export interface NativeEngine extends TlsEngine {
  /** Memory that both sides write to, and where in it is what; see `SharedMemory`. */
  readonly shared: ArrayBuffer;
  readonly layout: SharedLayout;
  /** The environ keys of the known fields, by number. */
  readonly cgiKeys: readonly string[];

  /** Answers with a head and a whole body. Returns the bytes taken; all of them: the answer is finished. */
  respond(slot: number, generation: number, head: string, fieldCount: number, body: Uint8Array | undefined): number;
  /** Stores a head under a number, for the answers in the outbox to refer to. Returns 0. */
  storeHead(number: number, head: string, fieldCount: number): number;
  /** Has the engine look into the outbox. Due wherever `inCall` is 0. */
  giveAnswers(): void;
  /** Gives a head; `bodyLength` is -1 where it is not known. Returns 0 or {@link NO_BODY}. */
  start(slot: number, generation: number, head: string, fieldCount: number, bodyLength: number): number;
  /** Gives bytes of the body. Returns the bytes taken; `onReady` says when to come with the rest. */
  write(slot: number, generation: number, bytes: Uint8Array): number;
  /** Has the answer leave at so many bytes a second; 0: as fast as the client takes it. */
  pace(slot: number, generation: number, bytesPerSecond: number): void;
  /** Ends the body. */
  finish(slot: number, generation: number): void;
  /** Closes the connection without a proper end of the body. */
  abort(slot: number, generation: number): void;
  /**
   * Answers with a region of a file. `offset` -1 is the descriptor's own position, `length` -1 the rest; `verified` 1
   * says that the file is a regular one and has that region. Returns 1 when it has left, 0 when `onReady` or `onGone`
   * will say so, or {@link NOT_A_FILE}.
   */
  sendFile(
    slot: number,
    generation: number,
    head: string,
    fieldCount: number,
    descriptor: number,
    offset: number,
    length: number,
    verified: number,
  ): number;

  /**
   * Gives a region of a file as a part of the body that start() has begun and that has a Content-Length; all are of one
   * file. Returns 1 when it has left, 0 when `onReady` or `onGone` will say so.
   */
  sendPart(slot: number, generation: number, descriptor: number, offset: number, length: number): number;

  /** @throws RangeError where `trustedProxies` holds what names no address; else the error of a system call */
  listen(options: ListenOptions): { listener: number; address: Address };
  /** For connections that are accepted from now on. Throws, and keeps those it has, where one cannot be used. */
  replaceCertificates(listener: number, files: TlsFiles): void;
  /** `idle`: milliseconds that a connection without a request stays; `takeWaiting` 1: see {@link CloseOptions}. */
  drain(listener: number, idle: number, takeWaiting: number): void;
  closeConnections(listener: number): void;
  /** Takes a place among the processes that accept at the same sockets, before it listens at one; closes the descriptor. */
  joinScoreboard(fd: number, place: number): void;
  stats(listener: number): NativeStats;
  /** How many of a listener's connections wait for what, by `net::Wait`. */
  waits(listener: number): number[] | undefined;
  /** Milliseconds since a request's head was there; -1 where it is over. Of a listener that reports answers. */
  elapsed(slot: number, generation: number): number;

  // Of texts that came with a request, a character a byte:
  /** 1 where the text is the address of a proxy that the listener trusts, 0 where of another, -1 where of none. */
  trusts(listener: number, text: string): number;
  /** The address as the environ has it; '' where the text is none. */
  addressText(text: string): string;
  /** Whether a Host field could have that value. */
  isHost(text: string): boolean;
}

/** Byte offsets into the shared memory, and sizes. */
export interface SharedLayout {
  inCall: number;
  outboxUsed: number;
  record: number;
  /** Numbers that the records hold. */
  recordPlaces: number;
  /** How many answers are over that nobody has read of, and the records of them. */
  answeredCount: number;
  answered: number;
  answeredMost: number;
  outbox: number;
  /** Bytes. */
  outboxSize: number;
}

/** What the engine calls. */
export interface EngineCallbacks {
  /** Requests have arrived: `count` records, one text, and the body, in memory, of a request that came alone. */
  onRequests(text: string, count: number, body?: Buffer): void;
  onReady(slot: number, generation: number): void;
  onGone(slot: number, generation: number, why: number): void;
  onRefused(listener: number, status: number, reason: string, requestLine: string, address: string, port: number): void;
  onNotice(listener: number, notice: number, errorNumber: number): void;
  onDrained(listener: number): void;
  /** There is no room for the records of further answers that are over. */
  onAnswered(): void;
}

export interface NativeAddon {
  /**
   * Opens a regular file or a directory at `path`, relative to `root`, by openat2(2); see native/addon/open_beneath.h.
   *
   * @returns the descriptor, with size, mtime in nanoseconds, inode, device, mode and ctime in `found`; or a negative error
   */
  openBeneath(root: string, path: string, policy: number, found: BigInt64Array): number;
  readonly files: NativeFiles;
  /** @throws the error of a system call */
  bindSocket(options: SocketOptions): { fd: number; address: Address; close(): void; abandon(): void };
  /**
   * Memory in which processes that accept at the same sockets tell how many connections each has.
   *
   * @throws the error of a system call
   */
  createScoreboard(): { fd: number; places: number; clear(place: number): void };
  /** @throws the error of a system call */
  sendDatagram(path: string, text: string): void;
  open(
    usockets: string,
    onRequests: EngineCallbacks['onRequests'],
    onReady: EngineCallbacks['onReady'],
    onGone: EngineCallbacks['onGone'],
    onRefused: EngineCallbacks['onRefused'],
    onNotice: EngineCallbacks['onNotice'],
    onDrained: EngineCallbacks['onDrained'],
    onAnswered: EngineCallbacks['onAnswered'],
  ): NativeEngine;
}

const require = createRequire(import.meta.url);
const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * Loads the addon and, through it, uSockets.
 *
 * @throws EngineUnavailableError when one of them is missing or cannot be used
 */
export function openEngine(callbacks: EngineCallbacks): NativeEngine {
  const addon = loadAddon();
  const binary = findUSockets();
  try {
    return addon.open(
      binary,
      callbacks.onRequests,
      callbacks.onReady,
      callbacks.onGone,
      callbacks.onRefused,
      callbacks.onNotice,
      callbacks.onDrained,
      callbacks.onAnswered,
    );
  } catch (error) {
    throw new EngineUnavailableError(
      `The uWebSockets.js binary ${binary} cannot be used: ${messageOf(error)}. ${remedy()}`,
      { cause: error },
    );
  }
}

/**
 * Where the addon is: the one that was built with the package, or the one that the environment variable
 * `UWSGIREF_ADDON` names, for example one built with sanitizers.
 *
 * @throws EngineUnavailableError when the variable is not an absolute path
 */
export function addonPath(): string {
  const named = process.env.UWSGIREF_ADDON;
  if (named === undefined) return join(packageRoot, 'build', 'Release', 'uwsgiref.node');
  if (isAbsolute(named)) return named;
  throw new EngineUnavailableError(
    `UWSGIREF_ADDON is ${JSON.stringify(named)}: give it the absolute path of an addon, or unset it`,
  );
}

/** @throws EngineUnavailableError when the addon is not built, or was built for another system */
export function loadAddon(path: string = addonPath()): NativeAddon {
  if (!existsSync(path)) {
    throw new EngineUnavailableError(
      `The native addon is not built: there is no ${path}. Run 'npm rebuild uwsgiref' (or 'npm ci' in a checkout); ` +
        'that needs python3, make and a C++20 compiler',
    );
  }
  try {
    return require(path) as NativeAddon;
  } catch (error) {
    throw new EngineUnavailableError(
      `The native addon ${path} cannot be loaded: ${messageOf(error)}. Build it on this machine: 'npm rebuild uwsgiref'`,
      { cause: error },
    );
  }
}

// The binaries' file names end with the ABI of a Node release. uSockets is plain C, so any of them will do; the
// newest comes first.
const ABIS = [137, 131, 127, 120, 115, 108];

/**
 * Finds a uWebSockets.js binary for this system: at the root of the official package, or in `dist/bin` of the repack
 * on the npm registry, which is installed under the same name.
 *
 * @param root the package's folder, where it is not found from here
 * @throws EngineUnavailableError when there is none
 */
export function findUSockets(root: string = uwsPackageRoot()): string {
  const system = `${process.platform}_${process.arch}`;
  const names = ABIS.map((abi) => `uws_${system}_${abi}.node`);
  const folders = [root, join(root, 'dist', 'bin')];
  for (const folder of folders) {
    for (const name of names) {
      const path = join(folder, name);
      if (existsSync(path)) return path;
    }
  }
  throw new EngineUnavailableError(
    `No uWebSockets.js binary for this system: looked for uws_${system}_{${ABIS.join(',')}}.node ` +
      `in ${folders.join(' and ')}. ${remedy()}`,
  );
}

function uwsPackageRoot(): string {
  for (const folder of require.resolve.paths('uWebSockets.js') ?? []) {
    const root = join(folder, 'uWebSockets.js');
    if (existsSync(root)) return root;
  }
  throw new EngineUnavailableError(
    "The package 'uWebSockets.js' is not installed. Run 'npm install uWebSockets.js@npm:uws-pack@20.0.8'",
  );
}

function remedy(): string {
  return (
    'It ships for glibc Linux and macOS on x64 and arm64; on musl (Alpine) use a glibc image such as node:22-slim, ' +
    "else run 'npm install uWebSockets.js@npm:uws-pack@20.0.8'"
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
