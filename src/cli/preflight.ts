/** `--check`: all that a start would find out, without serving anybody. */

import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { type Bind, type Configuration, formatBind } from '../configuration/index.js';
import { enterDirectory } from '../host/frame.js';
import { isRunning } from '../host/pid-file.js';
import { checkPrivileges } from '../host/privileges.js';
import { applicationOf, nameOf } from '../host/service.js';
import { bindSocket, serve, TlsError } from '../server/index.js';
import { describeError } from '../show.js';

/** Tells of each part whether it is in order. @returns whether all of them are */
export async function preflight(configuration: Configuration): Promise<boolean> {
  const { served, server, bind, admin, pidFile, accessLogFile, chdir, user, group } = configuration;
  const report = new Report();
  await report.look('directory', chdir ?? process.cwd(), () => enterDirectory(configuration, process.cwd()));
  // What the engine alone can say: ciphers, certificates, and which texts are addresses.
  const { tls } = server;
  await report.look('server', tls === undefined ? 'HTTP' : `HTTPS, ${tls.cert}`, () => startOnce(configuration));
  for (const place of admin === undefined ? bind : [...bind, admin]) {
    await report.look('address', formatBind(place), () => bindOnce(place, pidFile));
  }
  const account = user ?? group;
  if (account !== undefined) await report.look('account', account, () => checkPrivileges({ user, group }));
  for (const file of [pidFile, accessLogFile]) {
    if (file !== undefined) await report.look('file', file, () => accessSync(dirname(file), constants.W_OK));
  }
  await report.look('application', nameOf(served), async () => void (await applicationOf(served)));
  return report.good;
}

class Report {
  good = true;

  async look(what: string, which: string, at: () => unknown): Promise<void> {
    try {
      await at();
      process.stdout.write(`ok     ${what} ${which}\n`);
    } catch (error) {
      this.good = false;
      process.stdout.write(
        `wrong  ${what} ${which}: ${error instanceof Error ? error.message : describeError(error, 5)}\n`,
      );
    }
  }
}

async function startOnce({ server: { backlog, ...options } }: Configuration): Promise<void> {
  try {
    const server = await serve(() => [], { ...options, host: '127.0.0.1', port: 0 });
    await server.close({ graceMs: 0 });
  } catch (error) {
    // Of a certificate, the address of this trial says nothing.
    const { cause } = error as Error;
    throw cause instanceof TlsError ? cause : error;
  }
}

/** An address where the server of this configuration listens already is in order: this is about its next start. */
function bindOnce(place: Bind, pidFile: string | undefined): void {
  try {
    bindSocket(place).close();
  } catch (error) {
    const taken = (error as { code?: string }).code === 'EADDRINUSE';
    if (!taken || pidFile === undefined || !isRunning(pidFile)) throw error;
  }
}
