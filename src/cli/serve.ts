/** `uwsgiref serve` and `uwsgiref static`: serve until a signal says stop. */

import { type ServerOptions, serve } from '../server/index.js';
import { staticFiles } from '../static/index.js';
import { loadApplication } from './load-application.js';

type Served = { kind: 'application'; target: string } | { kind: 'directory'; root: string };

/** Serves until SIGINT or SIGTERM, then lets requests in hand finish. A second signal ends the process at once. */
export async function serveCommand(
  served: Served,
  { host, port, path }: { host: string; port: number; path?: string },
): Promise<void> {
  const application = served.kind === 'directory' ? staticFiles(served.root) : await loadApplication(served.target);
  const options: ServerOptions = path === undefined ? { host, port } : { path };
  const server = await serve(application, options);
  process.stdout.write(`Serving ${served.kind === 'directory' ? served.root : served.target} at ${server.url}\n`);

  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  process.stdout.write(`${signal}: finishing ${server.stats().openConnections} connections\n`);
  await server.close();
}
