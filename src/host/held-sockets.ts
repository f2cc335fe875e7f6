/** The listening sockets that a supervisor holds, so that workers come and go and no connection is refused. */

import { rmSync } from 'node:fs';
import type { Bind } from '../configuration/index.js';
import { type Address, type BoundSocket, bindSocket } from '../server/index.js';
import { activatedDescriptors } from './systemd.js';

/** A socket that is held, and which part of the configuration it answers. */
export interface HeldSocket extends BoundSocket {
  readonly bind: Bind;
}

/** The environment variable by which a supervisor that takes over learns of the sockets that it is given. */
export const SOCKETS_VARIABLE = 'UWSGIREF_SOCKETS';

interface HandedOver {
  readonly fd: number;
  readonly bind: Bind;
}

/** The sockets of a configuration's `bind`, opened once and held through its changes. */
export class HeldSockets {
  readonly #held = new Map<string, HeldSocket>();
  /** Sockets that came from another supervisor, until somebody wants them. */
  readonly #handedOver: Map<string, HandedOver>;
  /** systemd decides where the service listens, whatever its configuration says. */
  readonly #activated: readonly Bind[];
  #active: readonly Bind[] = [];

  constructor(environment: NodeJS.ProcessEnv) {
    const given = JSON.parse(environment[SOCKETS_VARIABLE] ?? '[]') as HandedOver[];
    this.#handedOver = new Map(given.map((socket) => [keyOf(socket.bind), socket]));
    this.#activated = activatedDescriptors(environment).map((fd) => ({ fd }));
  }

  /** Those in use, in the order of the configuration. */
  get all(): HeldSocket[] {
    return this.#active.map((bind) => this.#held.get(keyOf(bind))!);
  }

  /** Whether systemd gave this process its sockets. */
  get activated(): boolean {
    return this.#activated.length > 0;
  }

  /**
   * Opens what is not open yet. Sockets that are no longer asked for stay open until {@link closeOthers}.
   *
   * @throws ListenError when one cannot be had; those that are held stay as they were
   */
  open(wanted: readonly Bind[], backlog: number | undefined): void {
    const binds = this.activated ? this.#activated : wanted;
    const opened: HeldSocket[] = [];
    try {
      for (const bind of binds) if (!this.#held.has(keyOf(bind))) opened.push(this.#open(bind, backlog));
    } catch (error) {
      for (const socket of opened) socket.close();
      throw error;
    }
    for (const socket of opened) this.#held.set(keyOf(socket.bind), socket);
    this.#active = binds;
  }

  /** Closes the sockets that the configuration no longer asks for. */
  closeOthers(): void {
    const active = new Set(this.#active.map(keyOf));
    for (const [key, socket] of this.#held) {
      if (active.has(key)) continue;
      socket.close();
      this.#held.delete(key);
    }
  }

  /** What another supervisor needs to know of the sockets that it is given, the first of them at descriptor `first`. */
  describe(first: number): string {
    return JSON.stringify(this.all.map(({ bind }, index): HandedOver => ({ fd: first + index, bind })));
  }

  /** Leaves the sockets to whoever else has them. */
  abandon(): void {
    this.#held.clear();
    this.#active = [];
  }

  close(): void {
    for (const socket of this.#held.values()) socket.close();
    this.#held.clear();
    this.#active = [];
  }

  #open(bind: Bind, backlog: number | undefined): HeldSocket {
    const given = this.#handedOver.get(keyOf(bind));
    if (given === undefined) {
      return { bind, ...bindSocket('fd' in bind || backlog === undefined ? bind : { ...bind, backlog }) };
    }
    this.#handedOver.delete(keyOf(bind));
    const { fd, address, close } = bindSocket({ fd: given.fd });
    return {
      bind,
      fd,
      address,
      close() {
        close();
        // Who has made the file of a Unix socket is gone; removing it is the task of its heir.
        if ('path' in bind && !bind.path.startsWith('@')) rmSync(bind.path, { force: true });
      },
    };
  }
}

function keyOf(bind: Bind): string {
  if ('fd' in bind) return `fd:${bind.fd}`;
  return 'path' in bind ? `unix:${bind.path}` : `${bind.host}:${bind.port}`;
}

/** The address as a person writes it. */
export function textOf(address: Address): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
