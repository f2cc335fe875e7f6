/** `uwsgiref serve` and `uwsgiref static`: serve until a signal says stop. */

import { type ServerOptions, serve } from '../server/index.js';
import { staticFiles } from '../static/index.js';
import { loadApplication } from './load-application.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

type Served = { kind: 'application'; target: string } | { kind: 'directory'; root: string };

/** The options of the command line that are those of the server. `path` stands above `host` and `port`. */
export interface ListenFlags
  extends Pick<ServerOptions, 'path' | 'trustedProxies' | 'forwardedFields' | 'proxyProtocol'> {
  host: string;
  port: number;
}

/** Serves until SIGINT or SIGTERM, then lets requests in hand finish. A second signal ends the process at once. */
export async function serveCommand(served: Served, { host, port, ...others }: ListenFlags): Promise<void> {
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      for (const each of SIGNALS) process.off(each, stop);
      resolve(signal);
    };
    for (const each of SIGNALS) process.on(each, stop);
  });
  const application = served.kind === 'directory' ? staticFiles(served.root) : await loadApplication(served.target);
  const options: ServerOptions = others.path === undefined ? { host, port, ...others } : others;
  const server = await serve(application, options);
  process.stdout.write(`Serving ${served.kind === 'directory' ? served.root : served.target} at ${server.url}\n`);

  const signal = await stopped;
  process.stdout.write(`${signal}: finishing ${server.stats().openConnections} connections\n`);
  await server.close();
}
