/** A supervisor that takes the place of this one, with the sockets of this one: for a new version of node or of uwsgiref. */

import { spawn } from 'node:child_process';
import { type HeldSockets, SOCKETS_VARIABLE } from './held-sockets.js';
import { SYSTEMD_VARIABLES } from './systemd.js';

/** The environment variable by which a supervisor learns whose place it takes. */
export const PREDECESSOR_VARIABLE = 'UWSGIREF_PREDECESSOR';

/** Where its sockets begin: behind its standard streams and the channel. */
const FIRST_SOCKET = 4;

/** How this process was started, and where; read before anything is changed. */
export interface Invocation {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Starts it, as this process was started, and waits until it serves.
 *
 * @returns its process id
 * @throws Error when it ends before it serves
 */
export function startSuccessor(sockets: HeldSockets, { directory, environment }: Invocation): Promise<number> {
  const variables: NodeJS.ProcessEnv = { ...environment };
  // WATCHDOG_USEC goes on: systemd's watchdog waits for whoever is the main process.
  for (const name of SYSTEMD_VARIABLES) if (name !== 'WATCHDOG_USEC') delete variables[name];
  variables[SOCKETS_VARIABLE] = sockets.describe(FIRST_SOCKET);
  variables[PREDECESSOR_VARIABLE] = String(process.pid);
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    cwd: directory,
    env: variables,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...sockets.all.map(({ fd }) => fd)],
  });
  return new Promise((resolve, reject) => {
    const over = (how: string) => reject(new Error(`the new supervisor ended before it served: ${how}`));
    child.once('error', (error) => over(error.message));
    child.once('exit', (code, signal) => over(signal ?? `exit code ${code}`));
    child.once('message', () => {
      // From now on neither is the other's business.
      child.removeAllListeners('exit');
      child.disconnect();
      child.unref();
      resolve(child.pid!);
    });
  });
}

/** Tells the predecessor, if there is one, that this process serves; it finishes its requests and ends. */
export function relievePredecessor(): void {
  if (process.env[PREDECESSOR_VARIABLE] === undefined) return;
  delete process.env[PREDECESSOR_VARIABLE];
  delete process.env[SOCKETS_VARIABLE];
  process.send?.('ready');
}
