/** The administration of a supervisor, over HTTP: what Prometheus, load balancers, `uwsgiref ctl` and people ask for. */

import type { Bind } from '../configuration/index.js';
import { MOST_WORKERS } from '../configuration/values.js';
import { type Server, serve } from '../server/index.js';
import { show } from '../show.js';
import type { Environ } from '../types.js';
import { CONTROL_FIELD } from './control-field.js';
import type { Fleet } from './fleet.js';
import { FleetMetrics } from './fleet-metrics.js';
import { History, INTERVAL, KEPT } from './history.js';
import { type HistoryReply, slowRequests, statusOf } from './status.js';
import { readStatusPage } from './status-page.js';

/** The address and the end of the administration. */
export type AdminServer = Pick<Server, 'url' | 'close'>;

/** What administration can have done besides what the supervisor does by itself. */
interface Reloader {
  /** @throws Error when nothing has changed, because something is wrong */
  reload(why: string): Promise<void>;
}

export interface Reply {
  readonly status: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: string;
}

interface Page {
  /** Who may ask: whoever reaches the address; that, and not by a name of elsewhere; or programs of this machine. */
  readonly readers: 'all' | 'direct' | 'local';
  answer(environ: Environ): Reply | Promise<Reply>;
}

/** By path. A path begins with a slash, and so is no name that an object has by itself. */
type Pages = Readonly<Record<string, Page>>;
type Commands = Readonly<Record<string, (environ: Environ) => Reply | Promise<Reply>>>;

/** What all answers have in common: no cache keeps them, no other site embeds them, nobody guesses what they are. */
const COMMON = [
  ['Cache-Control', 'no-store'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'no-referrer'],
] as const;

/**
 * Serves the administration at `configuration.admin`.
 *
 * @throws ListenError when the address cannot be bound
 */
export async function serveAdmin(fleet: Fleet, reloader: Reloader): Promise<AdminServer> {
  const bind = fleet.configuration.admin as Bind;
  const history = new History(fleet);
  const pages = pagesOf(fleet, history, readStatusPage());
  const commands = commandsOf(fleet, reloader);
  const server = await serve(
    async (environ, startResponse) => {
      const { status, headers, body } = await answer(environ, pages, commands);
      startResponse(
        status,
        [...headers, ...COMMON].map(([name, value]) => [name, value]),
      );
      return [body];
    },
    // A reload takes as long as the workers take to start.
    { ...bind, maxBodySize: 0, maxConnections: 1000, requestTimeout: 0 },
  );
  history.begin();
  return {
    url: server.url,
    close(options) {
      history.end();
      return server.close(options);
    },
  };
}

function pagesOf(fleet: Fleet, history: History, statusPage: Reply): Pages {
  const metrics = new FleetMetrics(fleet);
  return {
    '/live': { readers: 'all', answer: () => text('200 OK', 'live\n') },
    '/ready': {
      readers: 'all',
      answer: () => (fleet.ready ? text('200 OK', 'ready\n') : text('503 Service Unavailable', 'not ready\n')),
    },
    '/metrics': {
      readers: 'all',
      async answer() {
        return { status: '200 OK', headers: [['Content-Type', metrics.contentType]], body: await metrics.text() };
      },
    },
    '/': { readers: 'direct', answer: () => statusPage },
    '/status': { readers: 'direct', answer: () => json(statusOf(fleet)) },
    '/history': {
      readers: 'direct',
      answer({ QUERY_STRING: query }) {
        const after = Number(new URLSearchParams(query).get('after') ?? 0);
        const reply: HistoryReply = { interval: INTERVAL, kept: KEPT, samples: history.since(after) };
        return json(reply);
      },
    },
    '/slow': { readers: 'local', answer: async () => json(await slowRequests(fleet)) },
  };
}

function commandsOf(fleet: Fleet, reloader: Reloader): Commands {
  return {
    async '/reload'() {
      try {
        await reloader.reload('Administration');
        return text('200 OK', 'Reloaded\n');
      } catch (error) {
        const { message } = error as Error;
        return text('500 Internal Server Error', `Reload failed, and the old workers stay: ${message}\n`);
      }
    },
    '/drain'() {
      fleet.draining = true;
      return text('200 OK', 'Not ready from now on; clients that come are served all the same\n');
    },
    '/undrain'() {
      fleet.draining = false;
      return text('200 OK', 'Ready again\n');
    },
    '/scale'({ QUERY_STRING: query }) {
      const workers = new URLSearchParams(query).get('workers') ?? '';
      if (!/^[1-9]\d*$/.test(workers) || Number(workers) > MOST_WORKERS) {
        return text('400 Bad Request', `workers must be a number from 1 to ${MOST_WORKERS}, got ${show(workers)}\n`);
      }
      fleet.scale(Number(workers));
      return text('200 OK', `${workers} workers are wanted\n`);
    },
  };
}

async function answer(environ: Environ, pages: Pages, commands: Commands): Promise<Reply> {
  const { REQUEST_METHOD: method, PATH_INFO: path = '/' } = environ;
  const page = pages[path];
  const command = commands[path];
  if (page !== undefined) {
    if (method !== 'GET' && method !== 'HEAD') return notAllowed('GET, HEAD');
    return refusalOf(environ, page.readers) ?? page.answer(environ);
  }
  if (command !== undefined) {
    if (method !== 'POST') return notAllowed('POST');
    return refusalOf(environ, 'local') ?? refusalWithoutField(environ) ?? command(environ);
  }
  const known = `There are ${Object.keys(pages).join(', ')}, and, by POST, ${Object.keys(commands).join(', ')}\n`;
  return text('404 Not Found', known);
}

function refusalOf(environ: Environ, readers: Page['readers']): Reply | undefined {
  if (readers === 'all') return undefined;
  if (!isOwnName(environ)) {
    return text('403 Forbidden', 'Ask for this by an address, or as localhost: any site can have a name point here\n');
  }
  if (readers === 'local' && !isLocal(environ)) {
    return text('403 Forbidden', 'This is for programs on the machine of the server\n');
  }
  return undefined;
}

function refusalWithoutField(environ: Environ): Reply | undefined {
  if (environ[`HTTP_${CONTROL_FIELD.toUpperCase().replaceAll('-', '_')}`] !== undefined) return undefined;
  return text('403 Forbidden', `A command needs the field ${CONTROL_FIELD}\n`);
}

/**
 * Whether the client asks for an address, and not for a name that a page elsewhere may have turned to this one (DNS
 * rebinding).
 */
function isOwnName({ HTTP_HOST: host = '' }: Environ): boolean {
  return /^(localhost|\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\])?(:\d+)?$/i.test(String(host));
}

/**
 * Whether the client is on this machine: at a Unix socket, or with a loopback address or the very one that the
 * administration is at, from which no other machine can connect.
 */
function isLocal({ REMOTE_ADDR: address = '', SERVER_NAME: own }: Environ): boolean {
  return address === '' || address === '::1' || address.startsWith('127.') || address === own;
}

function notAllowed(methods: string): Reply {
  const { status, headers, body } = text('405 Method Not Allowed', `Only ${methods} will do here\n`);
  return { status, headers: [...headers, ['Allow', methods]], body };
}

function text(status: string, body: string): Reply {
  return { status, headers: [['Content-Type', 'text/plain; charset=utf-8']], body };
}

function json(value: unknown): Reply {
  return { status: '200 OK', headers: [['Content-Type', 'application/json']], body: `${JSON.stringify(value)}\n` };
}
