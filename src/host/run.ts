/** The process that a configuration describes, from its start to its end: signals, files and those who are told. */

import { serveAdmin } from '../admin/index.js';
import type { Configuration } from '../configuration/index.js';
import type { Server } from '../server/index.js';
import { enterDirectory, log } from './frame.js';
import { HeldSockets } from './held-sockets.js';
import { ModuleWatch } from './module-watch.js';
import { PidFile } from './pid-file.js';
import { nameOf } from './service.js';
import { type Invocation, PREDECESSOR_VARIABLE, relievePredecessor, startSuccessor } from './successor.js';
import { type ConfigurationReader, Supervisor } from './supervisor.js';
import { ServiceNotifier } from './systemd.js';

/** How often, and how far apart, the admin's address is tried while a predecessor has it. Milliseconds. */
const ADMIN_ATTEMPTS = 50;
const ADMIN_PAUSE = 100;

/**
 * Supervises workers until a signal says stop.
 *
 * @param read reads the configuration again, for SIGHUP
 * @throws Error when the first workers cannot start
 */
export async function runSupervisor(configuration: Configuration, read: ConfigurationReader): Promise<void> {
  const invocation: Invocation = { directory: process.cwd(), environment: { ...process.env } };
  enterDirectory(configuration, invocation.directory);
  const notifier = new ServiceNotifier(process.env, log.warn);
  const readAgain = async () => {
    process.chdir(invocation.directory);
    const next = await read();
    enterDirectory(next, invocation.directory);
    return next;
  };
  const supervisor = new Supervisor(configuration, readAgain, new HeldSockets(process.env), log);
  const frame = new Frame(supervisor, notifier, invocation);
  await frame.start();
  await supervisor.over;
  await frame.end();
}

/** What surrounds a supervisor in its process. */
class Frame {
  readonly #supervisor: Supervisor;
  readonly #notifier: ServiceNotifier;
  readonly #invocation: Invocation;
  readonly #modules: ModuleWatch | undefined;
  #pidFile: PidFile | undefined;
  #admin: Server | undefined;
  #replacing = false;

  constructor(supervisor: Supervisor, notifier: ServiceNotifier, invocation: Invocation) {
    this.#supervisor = supervisor;
    this.#notifier = notifier;
    this.#invocation = invocation;
    if (supervisor.configuration.reload) {
      const modules = new ModuleWatch((path) => this.#reload(`${path} has changed`));
      this.#modules = modules;
      supervisor.onModule = (url) => modules.add(url);
    }
  }

  async start(): Promise<void> {
    const { configuration } = this.#supervisor;
    const { pidFile, admin } = configuration;
    const predecessor = process.env[PREDECESSOR_VARIABLE];
    if (pidFile !== undefined) this.#pidFile = PidFile.create(pidFile, Number(predecessor ?? 0));
    this.#heedSignals();
    try {
      await this.#supervisor.start();
      relievePredecessor();
      if (admin !== undefined) this.#admin = await this.#openAdmin(predecessor === undefined ? 1 : ADMIN_ATTEMPTS);
    } catch (error) {
      this.#supervisor.kill();
      this.#pidFile?.remove();
      throw error;
    }
    for (const url of this.#supervisor.urls) log.info(`Serving ${nameOf(configuration.served)} at ${url}`);
    if (this.#admin !== undefined) log.info(`Administration at ${this.#admin.url}`);
    this.#tellReady();
  }

  async end(): Promise<void> {
    this.#modules?.close();
    this.#pidFile?.remove();
    await this.#admin?.close({ graceMs: 0 });
    // Signals are heeded by handlers that hold the process, and so does the channel of a predecessor.
    process.exit();
  }

  /** @throws Error when nothing has changed, because something is wrong; the log has it as well */
  async reload(why: string): Promise<void> {
    log.info(`${why}: reloading`);
    this.#notifier.reloading();
    const begun = performance.now();
    try {
      await this.#supervisor.reload();
      log.info(`Reloaded in ${Math.round(performance.now() - begun)} ms`);
    } catch (error) {
      log.warn(`Reload failed, and the old workers stay: ${(error as Error).message}`);
      throw error;
    } finally {
      this.#tellReady();
    }
  }

  /** For who hears of a failure from the log alone. */
  #reload(why: string): void {
    this.reload(why).catch(() => {});
  }

  #tellReady(): void {
    const { wanted } = this.#supervisor;
    this.#notifier.ready(`Serving with ${wanted} worker${wanted === 1 ? '' : 's'}`);
  }

  async #openAdmin(attempts: number): Promise<Server> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await serveAdmin(this.#supervisor, this);
      } catch (error) {
        if (attempt >= attempts || (error as { code?: string }).code !== 'EADDRINUSE') throw error;
        await new Promise((resolve) => setTimeout(resolve, ADMIN_PAUSE));
      }
    }
  }

  /** The names are gunicorn's (its "Signal Handling"). */
  #heedSignals(): void {
    const supervisor = this.#supervisor;
    const stop = (signal: NodeJS.Signals) => this.#stop(signal);
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGQUIT', () => {
      process.exitCode = 1;
      supervisor.kill();
    });
    process.on('SIGHUP', () => this.#reload('SIGHUP'));
    process.on('SIGTTIN', () => supervisor.scale(supervisor.wanted + 1));
    process.on('SIGTTOU', () => supervisor.scale(supervisor.wanted - 1));
    process.on('SIGUSR1', () => supervisor.reopenLogs());
    process.on('SIGUSR2', () => void this.#replaceSelf());
  }

  #stop(signal: NodeJS.Signals): void {
    const supervisor = this.#supervisor;
    if (supervisor.stopping) {
      process.exitCode = 1;
      supervisor.kill();
      return;
    }
    const open = supervisor.workers.reduce((sum, { vitals }) => sum + (vitals?.openConnections ?? 0), 0);
    log.info(`${signal}: finishing ${open} connections`);
    this.#notifier.stopping();
    supervisor.stop();
  }

  async #replaceSelf(): Promise<void> {
    if (this.#replacing || this.#supervisor.stopping) return;
    if (process.pid === 1) {
      log.warn('SIGUSR2: the container would end with this process, its first; replace the container');
      return;
    }
    this.#replacing = true;
    log.info('SIGUSR2: starting a new supervisor');
    try {
      const pid = await startSuccessor(this.#supervisor.sockets, this.#invocation);
      log.info(`Supervisor ${pid} takes over`);
      this.#notifier.replacedBy(pid);
      void this.#admin?.close({ graceMs: 0 });
      this.#supervisor.stop(true);
    } catch (error) {
      log.warn(`SIGUSR2: ${(error as Error).message}`);
    }
    this.#replacing = false;
  }
}
