/** The listening sockets that a supervisor holds, so that workers come and go and no connection is refused. */

import { lstatSync, rmSync } from 'node:fs';
import type { Bind } from '../configuration/index.js';
import { bindSocket } from '../server/index.js';
import { type Account, giveTo } from './privileges.js';

/** The descriptor of the first socket in a process that is given them: behind its standard streams and the channel. */
export const FIRST_SOCKET = 4;

/** A socket that is held, and which part of the configuration it answers. */
export interface HeldSocket {
  readonly bind: Bind;
  readonly fd: number;
  /** Of the file of a Unix socket that goes with it: device and inode. */
  readonly file: string | undefined;
  /** Closes it, and removes its file. */
  close(): void;
  /** Closes it, and leaves its file to somebody else. */
  abandon(): void;
}

/** A socket as another supervisor hands it over. */
export type HandedSocket = Pick<HeldSocket, 'fd' | 'bind' | 'file'>;

/** The sockets of a configuration's `bind`, opened once and held through its changes. */
export class HeldSockets {
  readonly #held = new Map<string, HeldSocket>();
  /** Where the service listens, whatever its configuration says, because systemd has decided it. */
  readonly #activated: readonly Bind[];
  /** Whether they are another supervisor's yet. */
  #lent: boolean;
  #active: readonly Bind[] = [];

  /**
   * @param handed sockets of another supervisor; {@link own} says when they are not its any more
   * @param activated descriptors that systemd has handed to this process, or had to that other supervisor
   */
  constructor(handed: readonly HandedSocket[], activated: readonly number[]) {
    for (const socket of handed) this.#held.set(keyOf(socket.bind), heir(socket));
    this.#lent = handed.length > 0;
    this.#activated = activated.map((fd) => ({ fd }));
  }

  /** Those in use, in the order of the configuration. */
  get all(): HeldSocket[] {
    return this.#active.map((bind) => this.#held.get(keyOf(bind))!);
  }

  /** The descriptors by which systemd knows the sockets; none where it did not make them. */
  get activated(): number[] {
    return this.#activated.map((bind) => ('fd' in bind ? bind.fd : -1));
  }

  /**
   * Opens what is not open yet, and anew a Unix socket whose file somebody has removed, which nobody can reach any more.
   * Sockets that are no longer asked for stay open until {@link closeOthers}.
   *
   * @param owner who is to own the files of Unix sockets
   * @throws ListenError when one cannot be had; those that are held stay as they were
   */
  open(wanted: readonly Bind[], backlog: number | undefined, owner: Account): void {
    const binds = this.#activated.length > 0 ? this.#activated : wanted;
    const opened: HeldSocket[] = [];
    try {
      for (const bind of binds) if (!this.#has(bind)) opened.push(open(bind, backlog, owner));
    } catch (error) {
      for (const socket of opened) socket.close();
      throw error;
    }
    for (const socket of opened) {
      this.#held.get(keyOf(socket.bind))?.abandon();
      this.#held.set(keyOf(socket.bind), socket);
    }
    this.#active = binds;
  }

  #has(bind: Bind): boolean {
    const held = this.#held.get(keyOf(bind));
    return held !== undefined && ('path' in bind ? fileAt(bind.path) === held.file : true);
  }

  /** Closes the sockets that the configuration no longer asks for. */
  closeOthers(): void {
    const active = new Set(this.#active.map(keyOf));
    for (const [key, socket] of this.#held) {
      if (active.has(key)) continue;
      this.#lent ? socket.abandon() : socket.close();
      this.#held.delete(key);
    }
  }

  /** What another supervisor is told of the sockets that it is given. */
  handOver(): HandedSocket[] {
    return this.all.map(({ bind, file }, index) => ({ fd: FIRST_SOCKET + index, bind, file }));
  }

  /** Whoever has handed sockets over has left them to this process. */
  own(): void {
    this.#lent = false;
    this.closeOthers();
  }

  /** Leaves the sockets to whoever else has them. */
  abandon(): void {
    this.#lent = true;
    this.close();
  }

  close(): void {
    this.#active = [];
    this.closeOthers();
  }
}

function open(bind: Bind, backlog: number | undefined, owner: Account): HeldSocket {
  const { fd, close, abandon } = bindSocket('fd' in bind || backlog === undefined ? bind : { ...bind, backlog });
  if (!('path' in bind)) return { bind, fd, file: undefined, close, abandon };
  try {
    giveTo(owner, bind.path);
  } catch (error) {
    close();
    throw error;
  }
  return { bind, fd, file: fileAt(bind.path), close, abandon };
}

/** Of a socket that this process was given: its file is to be removed, and not by who has made it. */
function heir({ bind, fd, file }: HandedSocket): HeldSocket {
  const { abandon } = bindSocket({ fd });
  return {
    bind,
    fd,
    file,
    abandon,
    close() {
      abandon();
      try {
        if ('path' in bind && file !== undefined && fileAt(bind.path) === file) rmSync(bind.path);
      } catch {
        // A file that is left is no reason for a server to end.
      }
    },
  };
}

function fileAt(path: string): string | undefined {
  const status = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return status && `${status.dev}:${status.ino}`;
}

function keyOf(bind: Bind): string {
  if ('fd' in bind) return `fd:${bind.fd}`;
  return 'path' in bind ? `unix:${bind.path}` : `${bind.host}:${bind.port}`;
}
