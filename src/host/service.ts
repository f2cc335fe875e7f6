/** Serves what a configuration names: what a worker does, and a process that has no supervisor. */

import { loadApplication } from '../cli/load-application.js';
import type { Configuration, Served } from '../configuration/index.js';
import { type AccessLog, accessLog } from '../logging/access-log.js';
import { errorLine } from '../logging/error-log.js';
import {
  type Answer,
  type CloseOptions,
  type Failure,
  type Refusal,
  type Server,
  type ServerOptions,
  serve,
} from '../server/index.js';
import { staticFiles } from '../static/index.js';
import { DescriptorErrors } from '../streams.js';
import type { Application } from '../types.js';
import { dropPrivileges } from './privileges.js';

/** Where one server of the service listens: `host` and `port`, `path`, or the `fd` of a socket that was handed over. */
export type Place = Pick<ServerOptions, 'host' | 'port' | 'path' | 'mode' | 'fd'>;

/** Who else hears of each request. */
export interface Audience {
  answered?(answer: Answer): void;
  refused?(refusal: Refusal): void;
}

/** Servers of one application, and their log. */
export class Service {
  readonly servers: Server[] = [];
  readonly #log: AccessLog | undefined;
  #logClosed: Promise<void> | undefined;

  private constructor(log: AccessLog | undefined) {
    this.#log = log;
  }

  /**
   * Loads the application and serves it at every place.
   *
   * @param load where the application comes from
   * @throws what the application's module throws, ListenError, and errors that name an option
   */
  static async start(
    configuration: Configuration,
    places: readonly Place[],
    audience: Audience,
    load: (served: Served) => Promise<Application> = applicationOf,
  ): Promise<Service> {
    const { server, user, group, errorLog } = configuration;
    // Before any file is opened, and any code of others runs.
    dropPrivileges({ user, group });
    const application = await load(configuration.served);
    const log = logOf(configuration);
    const service = new Service(log);
    const { backlog, ...options }: ServerOptions = { ...server, ...hooks(log, audience) };
    if (errorLog === 'json') options.onError = writeAsJson;
    for (const place of places) {
      // Who made the socket of a descriptor has said already how many connections may wait.
      const waiting = 'fd' in place || backlog === undefined ? {} : { backlog };
      service.servers.push(await serve(application, { ...options, ...waiting, ...place }));
    }
    return service;
  }

  reopenLogs(): void {
    this.#log?.reopen();
  }

  /** Called again, it can only take less time. */
  async stop(how: CloseOptions): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close(how)));
    this.#logClosed ??= this.#log?.close();
    await this.#logClosed;
  }
}

/** What is served, as an application. */
export async function applicationOf(served: Served): Promise<Application> {
  return served.kind === 'directory' ? staticFiles(served.root, served.options) : loadApplication(served.target);
}

/** What a configuration says is served, as a person writes it. */
export function nameOf(served: Served): string {
  return served.kind === 'directory' ? served.root : served.target;
}

function logOf({ accessLog: format, accessLogFile: path }: Configuration): AccessLog | undefined {
  if (format === 'off') return undefined;
  const onTrouble = (message: string) => process.stderr.write(`uwsgiref: ${message}\n`);
  const toTerminal = path === undefined && process.stdout.isTTY === true;
  // no-color.org
  const forEyes = process.env.NO_COLOR ? 'short' : 'coloured';
  const chosen = format === 'auto' ? (toTerminal ? forEyes : 'combined') : format;
  return accessLog({ format: chosen, onTrouble, ...(path !== undefined && { path }) });
}

function writeAsJson(failure: Failure): void {
  new DescriptorErrors().write(`${errorLine(failure, Date.now())}\n`);
}

/** None where nobody listens, so that nothing is recorded. */
function hooks(log: AccessLog | undefined, audience: Audience): Pick<ServerOptions, 'onAnswered' | 'onRefused'> {
  const { answered, refused } = audience;
  if (log === undefined && answered === undefined && refused === undefined) return {};
  return {
    onAnswered(answer) {
      answered?.(answer);
      log?.onAnswered(answer);
    },
    onRefused(refusal) {
      refused?.(refusal);
      log?.onRefused(refusal);
    },
  };
}
