/** The process that a configuration describes, from its start to its end: signals, files and those who are told. */

import type { AdminServer } from '../admin/index.js';
import { type Configuration, ConfigurationError } from '../configuration/index.js';
import { enterDirectory, log, startDirectory } from './frame.js';
import { HeldSockets } from './held-sockets.js';
import { ModuleWatch } from './module-watch.js';
import { PidFile } from './pid-file.js';
import { nameOf } from './service.js';
import { endWithLineOfJson } from './stray-errors.js';
import { type Invocation, invocationFrom, Predecessor, Successor } from './successor.js';
import { type ConfigurationReader, Supervisor } from './supervisor.js';
import { activatedDescriptors, ServiceNotifier } from './systemd.js';

/** How often, and how far apart, the admin's address is tried while a predecessor has it. Milliseconds. */
const ADMIN_ATTEMPTS = 50;
const ADMIN_PAUSE = 100;

/**
 * Supervises workers until a signal says stop, and ends the process then.
 *
 * @param read reads the configuration again, for SIGHUP
 * @throws Error when the first workers cannot start
 */
export async function runSupervisor(configuration: Configuration, read: ConfigurationReader): Promise<void> {
  if (configuration.errorLog === 'json') endWithLineOfJson();
  const predecessor = Predecessor.from(process.env);
  const invocation = invocationFrom(startDirectory());
  enterDirectory(configuration, invocation.directory);
  const readAgain = async () => {
    process.chdir(invocation.directory);
    const { admin, pidFile, reload } = configuration;
    // The file and the address are had, and the modules watched or not, from start to end.
    const next = { ...(await read()), admin, pidFile, reload };
    if (next.workers === 0) {
      throw new ConfigurationError(
        'workers must be 1 or more here, got 0: to have no supervisor, stop this one and start the server again',
      );
    }
    enterDirectory(next, invocation.directory);
    return next;
  };
  const activated = predecessor?.activated ?? activatedDescriptors(process.env);
  const sockets = new HeldSockets(predecessor?.sockets ?? [], activated);
  const supervisor = new Supervisor(configuration, readAgain, sockets, log);
  const frame = new Frame(supervisor, new ServiceNotifier(process.env, log.warn), invocation);
  await frame.start(predecessor);
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
  #admin: AdminServer | undefined;
  #successor: Successor | undefined;

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

  async start(predecessor: Predecessor | undefined): Promise<void> {
    const { pidFile, admin, served } = this.#supervisor.configuration;
    this.#heedSignals();
    try {
      // While there is a predecessor, the file and the administration's address are its own.
      if (pidFile !== undefined && predecessor === undefined) this.#pidFile = PidFile.create(pidFile);
      await this.#supervisor.start();
      if (admin !== undefined && predecessor === undefined) this.#admin = await this.#openAdmin();
    } catch (error) {
      this.#supervisor.kill();
      this.#pidFile?.remove();
      throw error;
    }
    if (this.#supervisor.stopping) return;
    if (predecessor !== undefined) await this.#takeOver(predecessor);
    for (const url of this.#supervisor.urls) log.info(`Serving ${nameOf(served)} at ${url}`);
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
    if (this.#supervisor.stopping) return;
    log.info(`${why}: reloading`);
    this.#notifier.reloading();
    const begun = performance.now();
    try {
      await this.#supervisor.reload();
      if (!this.#supervisor.stopping) log.info(`Reloaded in ${Math.round(performance.now() - begun)} ms`);
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

  /** From here on nobody else serves, so that nothing that fails may end this process. */
  async #takeOver(predecessor: Predecessor): Promise<void> {
    const { pidFile, admin } = this.#supervisor.configuration;
    await predecessor.relieve();
    this.#supervisor.sockets.own();
    try {
      if (pidFile !== undefined) this.#pidFile = PidFile.create(pidFile, predecessor.pid);
    } catch (error) {
      log.warn((error as Error).message);
    }
    try {
      if (admin !== undefined) this.#admin = await this.#inheritAdmin();
    } catch (error) {
      log.warn((error as Error).message);
    }
  }

  /** The predecessor closes its own meanwhile. */
  async #inheritAdmin(): Promise<AdminServer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#openAdmin();
      } catch (error) {
        if (attempt === ADMIN_ATTEMPTS || (error as { code?: string }).code !== 'EADDRINUSE') throw error;
        await new Promise((resolve) => setTimeout(resolve, ADMIN_PAUSE));
      }
    }
  }

  async #openAdmin(): Promise<AdminServer> {
    // Loaded where it is wanted alone: a start without it is the sooner ready.
    const { serveAdmin } = await import('../admin/index.js');
    return serveAdmin(this.#supervisor, this);
  }

  #tellReady(): void {
    const { wanted, stopping } = this.#supervisor;
    if (!stopping) this.#notifier.ready(`Serving with ${wanted} worker${wanted === 1 ? '' : 's'}`);
  }

  /** The names are gunicorn's (its "Signal Handling"). */
  #heedSignals(): void {
    const supervisor = this.#supervisor;
    const stop = (signal: NodeJS.Signals) => this.#stop(signal);
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGQUIT', () => this.#kill());
    process.on('SIGHUP', () => this.#reload('SIGHUP'));
    process.on('SIGTTIN', () => supervisor.scale(supervisor.wanted + 1));
    process.on('SIGTTOU', () => supervisor.scale(supervisor.wanted - 1));
    process.on('SIGUSR1', () => supervisor.reopenLogs());
    process.on('SIGUSR2', () => void this.#replaceSelf());
  }

  #stop(signal: NodeJS.Signals): void {
    const supervisor = this.#supervisor;
    if (supervisor.stopping) {
      this.#kill();
      return;
    }
    log.info(`${signal}: finishing the requests in hand`);
    this.#notifier.stopping();
    this.#successor?.stop();
    supervisor.stop();
  }

  #kill(): void {
    process.exitCode = 1;
    this.#successor?.stop();
    this.#supervisor.kill();
  }

  async #replaceSelf(): Promise<void> {
    const supervisor = this.#supervisor;
    if (this.#successor !== undefined || supervisor.stopping) return;
    if (process.pid === 1) {
      log.warn('SIGUSR2: the container would end with this process, its first; replace the container');
      return;
    }
    log.info('SIGUSR2: starting a new supervisor');
    try {
      const successor = new Successor(supervisor.sockets, this.#invocation);
      this.#successor = successor;
      const pid = await successor.serves;
      if (supervisor.stopping) return;
      log.info(`Supervisor ${pid} takes over`);
      this.#notifier.replacedBy(pid);
      void this.#admin?.close({ graceMs: 0 });
      supervisor.stop(true);
      successor.release();
    } catch (error) {
      if (!supervisor.stopping) log.warn(`SIGUSR2: ${(error as Error).message}`);
    } finally {
      this.#successor = undefined;
    }
  }
}
