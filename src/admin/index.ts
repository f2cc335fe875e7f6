/** The administration of a supervisor, over HTTP: what Prometheus, load balancers, `uwsgiref ctl` and people ask for. */

import type { Bind } from '../configuration/index.js';
import { nameOf } from '../host/service.js';
import type { Supervisor } from '../host/supervisor.js';
import { type Server, serve } from '../server/index.js';
import type { Application, Chunk, Environ, HeaderList, StartResponse } from '../types.js';
import { VERSION } from '../version.js';
import { FleetMetrics } from './fleet-metrics.js';
import { History } from './history.js';
import type { RequestInFlight, Status, WorkerSummary } from './status.js';
import { statusPage } from './status-page.js';

/** What administration can have done besides what the supervisor does by itself. */
export interface Reloader {
  reload(why: string): Promise<void>;
}

/** The field that a command must carry. A page of another site cannot make a browser send it. */
export const CONTROL_FIELD = 'X-Uwsgiref-Control';

interface Reply {
  readonly status: string;
  readonly headers: HeaderList;
  readonly body: Chunk;
}

/**
 * Serves the administration at `configuration.admin`.
 *
 * @throws ListenError when the address cannot be bound
 */
export function serveAdmin(supervisor: Supervisor, reloader: Reloader): Promise<Server> {
  const bind = supervisor.configuration.admin as Bind;
  const admin = new Administration(supervisor, reloader);
  return serve(admin.application, { ...bind, maxBodySize: 0, maxConnections: 1000 });
}

class Administration {
  readonly #supervisor: Supervisor;
  readonly #reloader: Reloader;
  readonly #history: History;
  readonly #metrics: FleetMetrics;

  constructor(supervisor: Supervisor, reloader: Reloader) {
    this.#supervisor = supervisor;
    this.#reloader = reloader;
    this.#history = new History(supervisor);
    this.#metrics = new FleetMetrics(supervisor);
  }

  get application(): Application {
    return async (environ, startResponse) => {
      const { status, headers, body } = await this.#answer(environ);
      return send(startResponse, status, [...headers, ['Cache-Control', 'no-store']], body);
    };
  }

  async #answer(environ: Environ): Promise<Reply> {
    const { REQUEST_METHOD: method, PATH_INFO: path = '/' } = environ;
    const reads = method === 'GET' || method === 'HEAD';
    if (reads && path === '/live') return text('200 OK', 'live\n');
    if (reads && path === '/ready') {
      return this.#supervisor.ready ? text('200 OK', 'ready\n') : text('503 Service Unavailable', 'not ready\n');
    }
    if (reads && path === '/metrics') {
      return {
        status: '200 OK',
        headers: [['Content-Type', this.#metrics.contentType]],
        body: await this.#metrics.text(),
      };
    }
    if (!isOwnName(environ)) {
      return text('403 Forbidden', 'The administration is asked for by an address, or as localhost\n');
    }
    if (reads && path === '/') return statusPage();
    if (reads && path === '/status') return json('200 OK', this.#status());
    if (reads && path === '/slow') return json('200 OK', await this.#slow());
    if (method === 'POST') return this.#command(path, environ);
    return text('404 Not Found', 'There are /, /status, /slow, /metrics, /live and /ready\n');
  }

  async #command(path: string, environ: Environ): Promise<Reply> {
    if (environ[`HTTP_${CONTROL_FIELD.toUpperCase().replaceAll('-', '_')}`] === undefined) {
      return text('403 Forbidden', `A command needs the field ${CONTROL_FIELD}\n`);
    }
    switch (path) {
      case '/reload':
        return this.#reload();
      case '/drain':
        this.#supervisor.draining = true;
        return text('200 OK', 'Not ready from now on; clients that come are served all the same\n');
      case '/undrain':
        this.#supervisor.draining = false;
        return text('200 OK', 'Ready\n');
      case '/scale': {
        const workers = new URLSearchParams(environ.QUERY_STRING ?? '').get('workers') ?? '';
        if (!/^[1-9]\d{0,3}$/.test(workers)) {
          return text('400 Bad Request', `workers must be a number from 1 to 9999, got '${workers}'\n`);
        }
        this.#supervisor.scale(Number(workers));
        return text('200 OK', `${workers} workers are wanted\n`);
      }
    }
    return text('404 Not Found', 'There are /reload, /scale, /drain and /undrain\n');
  }

  async #reload(): Promise<Reply> {
    try {
      await this.#reloader.reload('Administration');
      return text('200 OK', 'Reloaded\n');
    } catch (error) {
      return text(
        '500 Internal Server Error',
        `Reload failed, and the old workers stay: ${(error as Error).message}\n`,
      );
    }
  }

  #status(): Status {
    const { configuration, startedAt, urls, ready, draining, stopping, wanted, deaths, reloads } = this.#supervisor;
    const workers = this.#supervisor.workers.map(
      ({ number, pid, state, startedAt, vitals }): WorkerSummary => ({ number, pid, state, startedAt, vitals }),
    );
    return {
      version: VERSION,
      node: process.versions.node,
      pid: process.pid,
      served: nameOf(configuration.served),
      startedAt,
      now: Date.now(),
      urls,
      ready,
      draining,
      stopping,
      wanted,
      deaths,
      reloads,
      workers,
      history: this.#history.samples,
    };
  }

  /** Of all workers, longest first. */
  async #slow(): Promise<Array<RequestInFlight & { worker: number }>> {
    const lists = await Promise.all(
      this.#supervisor.workers.map(async (worker) => {
        const requests = (await worker.ask('slow')) ?? [];
        return requests.map((request) => ({ ...request, worker: worker.number }));
      }),
    );
    return lists.flat().sort((one, other) => other.elapsedMs - one.elapsedMs);
  }
}

/**
 * Whether the client asks for an address, and not for a name that a page elsewhere may have turned to this one (DNS
 * rebinding).
 */
function isOwnName({ HTTP_HOST: host = '' }: Environ): boolean {
  return /^(localhost|\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\])?(:\d+)?$/i.test(String(host));
}

function text(status: string, body: string): Reply {
  return { status, headers: [['Content-Type', 'text/plain; charset=utf-8']], body };
}

function json(status: string, value: unknown): Reply {
  return { status, headers: [['Content-Type', 'application/json']], body: `${JSON.stringify(value)}\n` };
}

function send(startResponse: StartResponse, status: string, headers: HeaderList, body: Chunk): Chunk[] {
  startResponse(status, headers);
  return [body];
}
