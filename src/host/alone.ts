/** A process that serves by itself, with nobody to hold its sockets or to replace it: `workers: 0`. */

import { type Configuration, ConfigurationError } from '../configuration/index.js';
import { enterDirectory, log } from './frame.js';
import { PidFile } from './pid-file.js';
import { nameOf, Service } from './service.js';
import { endWithLineOfJson } from './stray-errors.js';
import { Predecessor } from './successor.js';
import { activatedDescriptors, ServiceNotifier } from './systemd.js';

/**
 * Serves until SIGINT or SIGTERM, then lets requests in hand finish. A second signal ends the process at once.
 *
 * @throws Error when the application cannot be loaded, or an address not be bound
 */
export async function runAlone(configuration: Configuration): Promise<void> {
  const { served, bind, pidFile: pidPath, gracefulTimeout, errorLog } = configuration;
  if (Predecessor.from(process.env) !== undefined) {
    throw new ConfigurationError(
      'workers must be 1 or more to take the place of a supervisor, got 0: stop that one and start the server again',
    );
  }
  enterDirectory(configuration, process.cwd());
  if (errorLog === 'json') endWithLineOfJson();
  const notifier = new ServiceNotifier(process.env, log.warn);
  const stopped = stopSignal();
  let service: Service | undefined;
  // Before the pid file tells others whom to send them to: where nobody heeds it, SIGUSR1 opens node's debugger.
  process.on('SIGUSR1', () => service?.reopenLogs());
  if (configuration.server.tls !== undefined) process.on('SIGHUP', () => void reloadCertificates(service));
  const pidFile = pidPath === undefined ? undefined : PidFile.create(pidPath);
  try {
    const activated = activatedDescriptors(process.env).map((fd) => ({ fd }));
    service = await Service.start(configuration, activated.length > 0 ? activated : bind, {});
    for (const { url } of service.servers) log.info(`Serving ${nameOf(served)} at ${url}`);
    notifier.ready('Serving');

    const signal = await stopped;
    log.info(`${signal}: finishing the requests in hand`);
    notifier.stopping();
    await service.stop({ graceMs: gracefulTimeout });
  } finally {
    pidFile?.remove();
  }
  // An application may have timers and connections of its own; nobody waits for them.
  process.exit();
}

/** The first signal that says stop. The next one does what it does to any program. */
function stopSignal(): Promise<NodeJS.Signals> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      for (const each of signals) process.off(each, stop);
      resolve(signal);
    };
    for (const each of signals) process.on(each, stop);
  });
}

async function reloadCertificates(service: Service | undefined): Promise<void> {
  // While it starts it has yet to read them.
  if (service === undefined) return;
  try {
    for (const server of service.servers) await server.reloadCertificates();
    log.info('SIGHUP: read the certificates again');
  } catch (error) {
    log.warn(`SIGHUP: ${(error as Error).message}; going on with the certificates in use`);
  }
}
