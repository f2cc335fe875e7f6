import { statSync } from 'node:fs';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../server/fixtures/started-server.js';
import { administered, FakeFleet, vitals } from './fake-fleet.js';

const CONTROL = { 'X-Uwsgiref-Control': 'test' };

interface Answer {
  status: number;
  body: string;
  headers: NodeJS.Dict<string | string[]>;
}

function ask(
  url: string,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const where = url.startsWith('unix:')
    ? { socketPath: url.slice(5) }
    : { host: new URL(url).hostname, port: new URL(url).port };
  return new Promise((resolve, reject) => {
    request({ ...where, method, path, headers: { Host: 'localhost', ...headers }, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
    })
      .on('error', reject)
      .end();
  });
}

describe('what can be asked', () => {
  it('is whether the server is alive and ready; not while it drains or stops', async () => {
    const fleet = new FakeFleet(2);
    const { url } = await administered(fleet);
    const ready = async () => [(await ask(url, '/live')).status, (await ask(url, '/ready')).status];
    expect(await ready()).toEqual([200, 200]);
    fleet.draining = true;
    expect(await ready()).toEqual([200, 503]);
    fleet.draining = false;
    fleet.stopping = true;
    expect(await ready()).toEqual([200, 503]);
    fleet.stopping = false;
    for (const worker of fleet.workers) worker.state = 'starting';
    expect(await ready()).toEqual([200, 503]);
  });

  it('is how the server and its workers are', async () => {
    const fleet = new FakeFleet(2);
    fleet.workers[0]!.vitals = vitals({ requests: 7 });
    const { url } = await administered(fleet);
    const { headers, body } = await ask(url, '/status');
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(body)).toMatchObject({
      served: 'app.js:app',
      urls: ['http://127.0.0.1:8000'],
      ready: true,
      draining: false,
      wanted: 2,
      workers: [
        { number: 1, pid: 1001, state: 'ready', vitals: { requests: 7 } },
        { number: 2, pid: 1002, state: 'ready', vitals: null },
      ],
    });
  });

  it('is the requests in flight of all workers, longest first', async () => {
    const fleet = new FakeFleet(3);
    const request = (target: string, elapsedMs: number) => ({ method: 'GET', target, address: '192.0.2.1', elapsedMs });
    fleet.workers[0]!.answers.slow = async () => [request('/a', 30), request('/b', 10)];
    fleet.workers[1]!.answers.slow = async () => [request('/c', 20)];
    const { url } = await administered(fleet);
    const list = JSON.parse((await ask(url, '/slow')).body) as Array<{ target: string; worker: number }>;
    expect(list.map(({ target, worker }) => [target, worker])).toEqual([
      ['/a', 1],
      ['/c', 2],
      ['/b', 1],
    ]);
  });

  it('is not kept by caches, embedded by other sites or guessed at', async () => {
    const { url } = await administered(new FakeFleet(1));
    for (const path of ['/', '/status', '/metrics', '/live', '/nothing']) {
      expect((await ask(url, path)).headers).toMatchObject({
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
      });
    }
  });

  it('is nothing else', async () => {
    const { url } = await administered(new FakeFleet(1));
    expect((await ask(url, '/nothing')).status).toBe(404);
    const wrong = await ask(url, '/status', { method: 'POST', headers: CONTROL });
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, HEAD']);
    const head = await ask(url, '/status', { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, '']);
  });
});

describe('commands', () => {
  it('drain, undrain and scale', async () => {
    const fleet = new FakeFleet(1);
    const { url } = await administered(fleet);
    const tell = async (path: string) => (await ask(url, path, { method: 'POST', headers: CONTROL })).status;
    expect([await tell('/drain'), fleet.draining]).toEqual([200, true]);
    expect([await tell('/undrain'), fleet.draining]).toEqual([200, false]);
    expect([await tell('/scale?workers=4'), fleet.wanted]).toEqual([200, 4]);
    for (const query of ['', '?workers=', '?workers=0', '?workers=-1', '?workers=1.5', '?workers=1025', '?workers=a']) {
      expect([query, await tell(`/scale${query}`), fleet.wanted]).toEqual([query, 400, 4]);
    }
  });

  it('reload, and say why it failed', async () => {
    const reasons: string[] = [];
    let failure: Error | undefined;
    const { url } = await administered(new FakeFleet(1), async (why) => {
      reasons.push(why);
      if (failure !== undefined) throw failure;
    });
    const tell = () => ask(url, '/reload', { method: 'POST', headers: CONTROL });
    expect((await tell()).status).toBe(200);
    failure = new Error('app.js has no export app');
    expect(await tell()).toMatchObject({
      status: 500,
      body: 'Reload failed, and the old workers stay: app.js has no export app\n',
    });
    expect(reasons).toEqual(['Administration', 'Administration']);
  });

  it('are not to be had by GET, which a link is', async () => {
    const fleet = new FakeFleet(1);
    const { url } = await administered(fleet);
    const { status, headers } = await ask(url, '/drain', { headers: CONTROL });
    expect([status, headers.allow, fleet.draining]).toEqual([405, 'POST', false]);
  });

  it('need a field that no form of another site can send, and nobody is allowed to send it from elsewhere', async () => {
    const fleet = new FakeFleet(1);
    const { url } = await administered(fleet);
    const from = { Origin: 'https://evil.example', 'Content-Type': 'text/plain' };
    expect((await ask(url, '/drain', { method: 'POST', headers: from })).status).toBe(403);
    // What a browser asks before it sends a field that is not on CORS' list.
    const preflight = await ask(url, '/drain', {
      method: 'OPTIONS',
      headers: {
        ...from,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'x-uwsgiref-control',
      },
    });
    expect(preflight.status).toBe(405);
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(fleet.draining).toBe(false);
  });
});

describe('a name of another site that points here', () => {
  it('gets neither the page, nor the status, nor obedience', async () => {
    const fleet = new FakeFleet(1);
    const { url } = await administered(fleet);
    const port = new URL(url).port;
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'localhost.evil.example']) {
      for (const path of ['/', '/status', '/history', '/slow']) {
        expect([host, path, (await ask(url, path, { headers: { Host: host } })).status]).toEqual([host, path, 403]);
      }
      const command = await ask(url, '/drain', { method: 'POST', headers: { Host: host, ...CONTROL } });
      expect([host, command.status, fleet.draining]).toEqual([host, 403, false]);
    }
    for (const host of ['localhost', `127.0.0.1:${port}`, '[::1]', '192.0.2.7:9000']) {
      expect([host, (await ask(url, '/status', { headers: { Host: host } })).status]).toEqual([host, 200]);
    }
  });

  it('gets what load balancers and Prometheus ask for, which have names for the server', async () => {
    const { url } = await administered(new FakeFleet(1));
    for (const path of ['/metrics', '/ready', '/live']) {
      expect((await ask(url, path, { headers: { Host: 'app.internal:9000' } })).status).toBe(200);
    }
  });
});

const own = Object.values(networkInterfaces())
  .flat()
  .find((each) => each !== undefined && !each.internal && each.family === 'IPv4')?.address;

describe.skipIf(own === undefined)('a client of another address than this', () => {
  it('may look, but neither command nor see what others ask for', async () => {
    // Bound to every address, the administration does not know that this one is its own.
    const fleet = new FakeFleet(1, { host: '0.0.0.0', port: 0 });
    const { url } = await administered(fleet);
    const at = `http://${own}:${new URL(url).port}`;
    expect((await ask(at, '/status')).status).toBe(200);
    expect((await ask(at, '/slow')).status).toBe(403);
    expect((await ask(at, '/drain', { method: 'POST', headers: CONTROL })).status).toBe(403);
    expect(fleet.draining).toBe(false);
  });

  it('is none who has the address that is served', async () => {
    const fleet = new FakeFleet(1, { host: own!, port: 0 });
    const { url } = await administered(fleet);
    expect((await ask(url, '/slow')).status).toBe(200);
    expect((await ask(url, '/drain', { method: 'POST', headers: CONTROL })).status).toBe(200);
  });
});

describe('a Unix socket', () => {
  it('is for this user, or for whom its mode says', async () => {
    for (const [mode, bits] of [
      [undefined, 0o700],
      [0o660, 0o660],
    ] as const) {
      const path = join(temporaryFolder(), 'admin.sock');
      const fleet = new FakeFleet(1, mode === undefined ? { path } : { path, mode });
      const { url } = await administered(fleet);
      expect(statSync(path).mode & 0o777).toBe(bits);
      expect((await ask(url, '/status')).status).toBe(200);
      expect((await ask(url, '/drain', { method: 'POST', headers: CONTROL })).status).toBe(200);
      expect(fleet.draining).toBe(true);
    }
  });
});
