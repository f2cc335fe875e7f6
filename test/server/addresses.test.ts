import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Environ } from '../../src/types.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { echoBody, plain, started, temporaryFolder } from './fixtures/started-server.js';

function recording() {
  const seen: Environ[] = [];
  return {
    seen,
    application: ((environ, startResponse) => {
      seen.push(environ);
      startResponse('200 OK', plain());
      return ['here'];
    }) satisfies Parameters<typeof started>[0],
  };
}

describe('a server', () => {
  it('listens at a port that it says', async () => {
    const { server } = await started(echoBody);
    expect(server.address).toEqual({ host: '127.0.0.1', port: expect.any(Number) });
    expect(server.url).toBe(`http://127.0.0.1:${(server.address as { port: number }).port}`);
    expect((await fetch(server.url)).status).toBe(200);
  });

  it('listens at IPv6', async () => {
    const { application, seen } = recording();
    const { server, port } = await started(application, { host: '::1' });
    expect(server.url).toBe(`http://[::1]:${port}`);
    const socket = connect({ host: '::1', port });
    onTestFinished(() => {
      socket.destroy();
    });
    const client = new RawClient(socket);
    await client.send(get('/')).response();
    const { SERVER_NAME, REMOTE_ADDR, REMOTE_PORT } = seen[0]!;
    expect([SERVER_NAME, REMOTE_ADDR, REMOTE_PORT]).toEqual(['::1', '::1', String(socket.localPort)]);
  });

  it('listens everywhere, and tells clients of IPv4 by their own addresses', async () => {
    for (const host of ['', '::', '0.0.0.0']) {
      const { application, seen } = recording();
      const { server, port } = await started(application, { host });
      expect(server.url).toBe(`http://127.0.0.1:${port}`);
      const client = await RawClient.open(port);
      await client.send(get('/')).response();
      const { SERVER_NAME, REMOTE_ADDR } = seen[0]!;
      expect([host, SERVER_NAME, REMOTE_ADDR]).toEqual([host, host || hostname(), '127.0.0.1']);
    }
  });

  it('listens at a Unix socket, whose clients have no address', async () => {
    const { application, seen } = recording();
    const path = join(temporaryFolder(), 'socket');
    const { server } = await started(application, { path });
    expect([server.url, server.address]).toEqual([`unix:${path}`, { path }]);
    const client = await RawClient.open(path);
    client.send(get('/') + get('/'));
    expect((await client.response()).body.toString()).toBe('here');
    expect((await client.response()).body.toString()).toBe('here');
    const { REMOTE_ADDR, REMOTE_PORT, SERVER_PORT } = seen[0]!;
    expect([REMOTE_ADDR, REMOTE_PORT, SERVER_PORT]).toEqual(['', '', '']);
  });

  it('does not take the Unix socket of a server that is alive', async () => {
    const { application } = recording();
    const path = join(temporaryFolder(), 'socket');
    await started(application, { path });
    await expect(started(application, { path })).rejects.toMatchObject({ name: 'ListenError', code: 'EADDRINUSE' });
    const client = await RawClient.open(path);
    expect((await client.send(get('/')).response()).body.toString()).toBe('here');
  });

  it('listens again at the Unix socket that another has left', async () => {
    const { application } = recording();
    const path = join(temporaryFolder(), 'socket');
    const first = await started(application, { path });
    await first.server.close();
    await started(application, { path });
    const client = await RawClient.open(path);
    expect((await client.send(get('/')).response()).body.toString()).toBe('here');
  });

  it('says in one line why it cannot listen', async () => {
    const { port } = await started(echoBody);
    const folder = temporaryFolder();
    for (const [options, code] of [
      [{ port }, 'EADDRINUSE'],
      [{ host: '203.0.113.1' }, 'EADDRNOTAVAIL'],
      [{ path: join(folder, 'missing', 'socket') }, 'ENOENT'],
    ] as const) {
      const error = (await started(echoBody, options).catch((error: unknown) => error)) as NodeJS.ErrnoException;
      expect([error.name, error.code]).toEqual(['ListenError', code]);
      expect(error.message).toMatch(/^Cannot listen at [^\n]+$/);
    }
  });

  it('refuses options that cannot be meant', async () => {
    for (const options of [
      { port: -1 },
      { port: 65_536 },
      { port: 1.5 },
      { path: '/x', port: 1 },
      { path: '' },
      { maxFields: 0 },
      { headersTimeout: -1 },
      { maxConnections: Number.NaN },
    ]) {
      await expect(started(echoBody, options)).rejects.toThrow(RangeError);
    }
  });

  it('keeps its own application beside others', async () => {
    const servers = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        started((_environ, startResponse) => {
          startResponse('200 OK', plain());
          return [name];
        }),
      ),
    );
    const texts = await Promise.all(servers.map(async ({ server }) => (await fetch(server.url)).text()));
    expect(texts).toEqual(['a', 'b', 'c']);
    expect(new Set(servers.map(({ port }) => port)).size).toBe(3);
  });
});
