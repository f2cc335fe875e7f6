/** `uwsgiref serve` and `uwsgiref static`: serve until a signal says stop. */

import { type Server, type ServerOptions, serve } from '../server/index.js';
import { type StaticOptions, staticFiles } from '../static/index.js';
import { loadApplication } from './load-application.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

type Served = { kind: 'application'; target: string } | { kind: 'directory'; root: string; options: StaticOptions };

/** The options of the command line that are those of the server. `path` stands above `host` and `port`. */
export interface ListenFlags
  extends Pick<ServerOptions, 'path' | 'trustedProxies' | 'forwardedFields' | 'proxyProtocol'> {
  host: string;
  port: number;
  tlsCert?: string;
  tlsKey?: string;
  tlsCa?: string;
}

/**
 * Serves until SIGINT or SIGTERM, then lets requests in hand finish. A second signal ends the process at once. With TLS
 * SIGHUP reads the certificates again.
 */
export async function serveCommand(served: Served, flags: ListenFlags): Promise<void> {
  const options = optionsOf(flags);
  let server: Server | undefined;
  if (options.tls !== undefined) process.on('SIGHUP', () => void reload(server));
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      for (const each of SIGNALS) process.off(each, stop);
      resolve(signal);
    };
    for (const each of SIGNALS) process.on(each, stop);
  });
  const application =
    served.kind === 'directory' ? staticFiles(served.root, served.options) : await loadApplication(served.target);
  server = await serve(application, options);
  process.stdout.write(`Serving ${served.kind === 'directory' ? served.root : served.target} at ${server.url}\n`);

  const signal = await stopped;
  process.stdout.write(`${signal}: finishing ${server.stats().openConnections} connections\n`);
  await server.close();
}

function optionsOf({ host, port, tlsCert: cert, tlsKey: key, tlsCa: ca, ...others }: ListenFlags): ServerOptions {
  const options: ServerOptions = others.path === undefined ? { host, port, ...others } : others;
  if (cert !== undefined && key !== undefined) options.tls = ca === undefined ? { key, cert } : { key, cert, ca };
  else if (cert ?? key ?? ca) throw new Error('HTTPS needs both --tls-cert and --tls-key');
  return options;
}

/** A server that is not there yet is going to read the files. */
async function reload(server: Server | undefined): Promise<void> {
  if (server === undefined) return;
  try {
    await server.reloadCertificates();
    process.stdout.write('SIGHUP: read the certificates again\n');
  } catch (error) {
    process.stderr.write(`uwsgiref: SIGHUP: ${(error as Error).message}; going on with the certificates in use\n`);
  }
}
