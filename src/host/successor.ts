/** A supervisor that takes the place of this one, with the sockets of this one: for a new version of node or of uwsgiref. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { relative } from 'node:path';
import type { HandedSocket, HeldSockets } from './held-sockets.js';
import { OURS } from './messages.js';
import { SYSTEMD_VARIABLES } from './systemd.js';

/** The environment variable by which a supervisor learns whose place it takes. */
const HANDOVER_VARIABLE = 'UWSGIREF_HANDOVER';

/** What the new supervisor says when it serves. */
const SERVES = 'serves';

/** What a supervisor hands over to its successor. */
interface Handover {
  /** The predecessor's process id. */
  readonly pid: number;
  readonly sockets: readonly HandedSocket[];
  /** The descriptors by which systemd knows them; none where it did not make them. */
  readonly activated: readonly number[];
}

/** How this process was started, and where; read before anything is changed. */
export interface Invocation {
  readonly directory: string;
  /** The program, from there where it is beneath. */
  readonly program: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** @param directory the name by which the successor enters what is the working directory now */
export function invocationFrom(directory: string): Invocation {
  // node has made it absolute: where the directory is a link that is turned to a new release, it names the old one.
  const [, given = ''] = process.argv;
  const beneath = relative(process.cwd(), given);
  const program = beneath.startsWith('..') ? given : beneath;
  return { directory, program, environment: { ...process.env } };
}

/** The new supervisor, as its predecessor sees it. */
export class Successor {
  readonly #child: ChildProcess;
  /** Settles with its process id when it serves; rejects when it ends before. */
  readonly serves: Promise<number>;

  /** Starts it as this process was started. */
  constructor(sockets: HeldSockets, { directory, program, environment }: Invocation) {
    const handover: Handover = {
      pid: process.pid,
      sockets: sockets.handOver(),
      activated: sockets.activated,
    };
    const variables: NodeJS.ProcessEnv = { ...environment, [HANDOVER_VARIABLE]: JSON.stringify(handover) };
    // Of these only the watchdog is its business as well; by which process id, nobody knows yet.
    for (const name of SYSTEMD_VARIABLES) if (name !== 'WATCHDOG_USEC') delete variables[name];
    this.#child = spawn(process.execPath, [...process.execArgv, program, ...process.argv.slice(2)], {
      cwd: directory,
      env: variables,
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...sockets.all.map(({ fd }) => fd)],
    });
    const child = this.#child;
    this.serves = new Promise((resolve, reject) => {
      const over = (how: string) => reject(new Error(`the new supervisor ended before it served: ${how}`));
      child.once('error', (error) => over(error.message));
      child.once('exit', (code, signal) => over(signal ?? `exit code ${code}`));
      // What it runs, such as a configuration file, may have a word with its parent as well.
      child.on('message', (message: unknown) => {
        if ((message as { [OURS]?: unknown } | null)?.[OURS] === SERVES) resolve(child.pid!);
      });
    });
  }

  /** The sockets are left to it; from now on neither is the other's business. */
  release(): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.unref();
  }

  /** Has it end, while it does not serve yet. */
  stop(): void {
    this.#child.kill('SIGTERM');
  }
}

/** The supervisor in whose place this one was started. */
export class Predecessor {
  readonly pid: number;
  readonly sockets: readonly HandedSocket[];
  readonly activated: readonly number[];

  private constructor({ pid, sockets, activated }: Handover) {
    this.pid = pid;
    this.sockets = sockets;
    this.activated = activated;
  }

  /** @returns undefined where there is none. What is handed over is for nobody else: the variable is gone then. */
  static from(environment: NodeJS.ProcessEnv): Predecessor | undefined {
    const text = environment[HANDOVER_VARIABLE];
    delete environment[HANDOVER_VARIABLE];
    return text ? new Predecessor(JSON.parse(text) as Handover) : undefined;
  }

  /** Tells it that this process serves. Resolves when it has left its sockets to this process, or is gone. */
  async relieve(): Promise<void> {
    if (!process.connected) return;
    const left = once(process, 'disconnect');
    process.send?.({ [OURS]: SERVES }, undefined, undefined, () => {});
    await left;
  }
}
