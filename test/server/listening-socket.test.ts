import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type BoundSocket, bindSocket, type SocketOptions } from '../../src/server/index.js';
import { compiledPackage } from './fixtures/compiled-package.js';
import { openDescriptors } from './fixtures/descriptors.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { echoPath, plain, started, temporaryFolder, until } from './fixtures/started-server.js';

/** Sockets that one process holds, and others accept at. */

const root = compiledPackage();
const program = join(root, 'worker.mjs');
writeFileSync(
  program,
  `import { serve } from './dist/index.js';
   const server = await serve((environ, startResponse) => {
     startResponse('200 OK', [['Content-Type', 'text/plain']]);
     // Who is at work takes no connection meanwhile.
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(environ.QUERY_STRING));
     return [String(process.pid)];
   }, { fd: 3 });
   process.on('message', async () => {
     const closing = server.close();
     process.send('draining');
     await closing;
     process.disconnect();
   });
   process.send(server.address);`,
);

function bound(options: SocketOptions = { port: 0 }): BoundSocket {
  const socket = bindSocket(options);
  onTestFinished(() => socket.close());
  return socket;
}

function portOf({ address }: BoundSocket): number {
  return 'port' in address ? address.port : 0;
}

/** A process that serves the descriptor: it answers with its number, and drains when it is sent a message. */
async function worker({ fd }: BoundSocket): Promise<{ process: ChildProcess; address: unknown }> {
  const process_ = spawn(process.execPath, [program], { stdio: ['ignore', 'inherit', 'inherit', fd, 'ipc'] });
  onTestFinished(async () => {
    if (process_.exitCode !== null || process_.signalCode !== null) return;
    process_.kill('SIGKILL');
    await once(process_, 'exit');
  });
  return { process: process_, address: (await once(process_, 'message'))[0] };
}

/** One request over a new connection, which keeps a worker busy for so long. */
async function ask(where: number | string, milliseconds = 0): Promise<string> {
  const client = await RawClient.open(where);
  try {
    return (await client.send(get(`/?${milliseconds}`)).response()).body.toString();
  } finally {
    client.socket.destroy();
  }
}

describe('a listening socket of two processes', () => {
  it('gives each its share of connections', async () => {
    const socket = bound();
    const workers = [await worker(socket), await worker(socket)];
    const answered = new Map<string, number>();
    let left = 200;
    const client = async () => {
      while (left-- > 0) {
        const pid = await ask(portOf(socket), 3);
        answered.set(pid, (answered.get(pid) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 64 }, client));
    expect([...answered.values()].reduce((sum, count) => sum + count)).toBe(200);
    for (const { process } of workers) expect(answered.get(String(process.pid))).toBeGreaterThanOrEqual(40);
  });

  it('has both take from the queue', async () => {
    const socket = bound();
    const workers = [await worker(socket), await worker(socket)];
    for (const { process } of workers) process.kill('SIGSTOP');
    const clients = await Promise.all(Array.from({ length: 64 }, () => RawClient.open(portOf(socket))));
    for (const client of clients) client.send(get('/?3'));
    for (const { process } of workers) process.kill('SIGCONT');
    const answers = await Promise.all(clients.map(async (client) => (await client.response()).body.toString()));
    for (const client of clients) client.socket.destroy();
    for (const { process } of workers) {
      expect(answers.filter((pid) => pid === String(process.pid)).length).toBeGreaterThanOrEqual(13);
    }
  });

  it('answers every request while one of them stops and the one that made it has closed it', async () => {
    const socket = bound();
    const port = portOf(socket);
    const [one, other] = [await worker(socket), await worker(socket)];
    expect(one.address).toEqual({ host: '127.0.0.1', port });
    socket.close();
    let asked = 0;
    const answers: string[] = [];
    const client = async () => {
      while (asked++ < 2000) answers.push(await ask(port));
    };
    const clients = Promise.all(Array.from({ length: 16 }, client));
    await until(() => answers.length > 700);
    one.process.send('stop');
    await once(one.process, 'message');
    const before = answers.length;
    await clients;
    expect(answers).toHaveLength(2000);
    expect(new Set(answers)).toEqual(new Set([String(one.process.pid), String(other.process.pid)]));
    expect(new Set(answers.slice(before + 100))).toEqual(new Set([String(other.process.pid)]));
    if (one.process.exitCode === null) await once(one.process, 'exit');
    expect(one.process.exitCode).toBe(0);
  }, 30_000);

  it('serves a Unix socket, whose file only its maker removes', async () => {
    const path = join(temporaryFolder(), 'socket');
    const socket = bound({ path, mode: 0o660 });
    const { process, address } = await worker(socket);
    expect(address).toEqual({ path });
    expect(await ask(path)).toBe(String(process.pid));
    process.send('stop');
    await once(process, 'exit');
    expect(existsSync(path)).toBe(true);
    const next = await worker(socket);
    expect(await ask(path)).toBe(String(next.process.pid));
    socket.close();
    expect(existsSync(path)).toBe(false);
  });
});

describe('bindSocket()', () => {
  it('tells where it is bound, and lets connections wait', async () => {
    const socket = bound({ host: '::', port: 0 });
    expect(socket.address).toEqual({ host: '::', port: expect.any(Number) });
    const client = await RawClient.open(portOf(socket));
    client.send(get('/waited'));
    const { server } = await started(echoPath, { fd: socket.fd });
    expect((await client.response()).body.toString()).toBe('GET /waited');
    expect([server.address, server.url]).toEqual([socket.address, `http://127.0.0.1:${portOf(socket)}`]);
  });

  it('closes a socket once, and nothing that has its number later', async () => {
    const before = openDescriptors().length;
    const socket = bindSocket({ port: 0 });
    const { server } = await started(echoPath, { fd: socket.fd });
    await server.close();
    const file = openSync(process.execPath, 'r');
    try {
      expect(file).toBe(socket.fd);
      socket.close();
      expect(statSync(`/proc/self/fd/${file}`).isFile()).toBe(true);
    } finally {
      closeSync(file);
    }
    await expect(RawClient.open(portOf(socket))).rejects.toThrow('ECONNREFUSED');
    // The first server of a process opens what it keeps.
    expect(openDescriptors().length).toBeLessThanOrEqual(before + 12);
  });

  it('lets whom the mode says connect to a Unix socket', async () => {
    const folder = temporaryFolder();
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    bound({ path: join(folder, 'own') });
    const umask = process.umask(0o077);
    try {
      bound({ path: join(folder, 'group'), mode: 0o660 });
    } finally {
      process.umask(umask);
    }
    await started(echoPath, { path: join(folder, 'all'), mode: 0o666 });
    expect(['own', 'group', 'all'].map((name) => modeOf(join(folder, name)))).toEqual([0o700, 0o660, 0o666]);
  });

  it('leaves a file that stands in its place since', () => {
    const path = join(temporaryFolder(), 'socket');
    const socket = bindSocket({ path });
    expect(() => bindSocket({ path })).toThrow(/^Cannot listen at \S+: another program listens there/);
    writeFileSync(`${path}-2`, '');
    expect(() => bindSocket({ path: `${path}-2` })).toThrow(/EADDRINUSE/);
    socket.close();
    writeFileSync(path, 'mine');
    socket.close();
    expect(existsSync(path)).toBe(true);
  });

  it('says in one line why it cannot listen', () => {
    const port = portOf(bound());
    expect(() => bindSocket({ port })).toThrow(
      `Cannot listen at 127.0.0.1:${port}: another program listens there; stop it or choose another port (EADDRINUSE)`,
    );
    expect(() => bindSocket({ host: 'no.such.name.invalid', port: 0 })).toThrow(/EADDRNOTAVAIL/);
    expect(() => bindSocket({ path: '/tmp/with\0nul' })).toThrow(/EINVAL/);
  });
});

describe('a server that is given a descriptor', () => {
  it('says why it cannot listen there, and leaves it alone', async () => {
    const refused = (fd: number) => expect(started(echoPath, { fd })).rejects;
    const file = openSync(process.execPath, 'r');
    const datagrams = createSocket('udp4').bind(0, '127.0.0.1');
    await once(datagrams, 'listening');
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as { port: number };
    const client = await RawClient.open(port);
    try {
      const descriptorOf = (socket: object) => (socket as unknown as { _handle: { fd: number } })._handle.fd;
      await refused(100_000).toMatchObject({ name: 'ListenError', code: 'EBADF' });
      await refused(file).toMatchObject({ code: 'ENOTSOCK' });
      await refused(descriptorOf(client.socket)).toMatchObject({ code: 'EINVAL' });
      await refused(
        (datagrams as unknown as Record<symbol, { handle: { fd: number } }>)[
          Object.getOwnPropertySymbols(datagrams).find((symbol) => symbol.description === 'state symbol')!
        ]!.handle.fd,
      ).toMatchObject({ code: 'EPROTOTYPE' });
      // Node's own loop watches this one.
      await refused(descriptorOf(listener)).toMatchObject({
        code: 'EEXIST',
        message: expect.stringMatching(/already/),
      });
      expect(statSync(`/proc/self/fd/${file}`).isFile()).toBe(true);
      (await RawClient.open(port)).socket.destroy();
    } finally {
      closeSync(file);
      datagrams.close();
      listener.close();
      client.socket.destroy();
    }
  });

  it('refuses what contradicts it', async () => {
    for (const options of [
      { fd: 3, port: 1 },
      { fd: 3, path: '/tmp/socket' },
      { fd: 3, backlog: 1 },
      { fd: -1 },
      { fd: 1.5 },
      { mode: 0o660 },
      { path: '/tmp/socket', mode: 0o1777 },
      { backlog: 0 },
    ]) {
      await expect(started(echoPath, { ...options })).rejects.toThrow(RangeError);
    }
    expect(() => bindSocket({ port: -1 })).toThrow(RangeError);
  });

  it('tells its applications the address of the socket', async () => {
    const seen: unknown[] = [];
    const socket = bound({ host: '127.0.0.1', port: 0 });
    await started(
      (environ, startResponse) => {
        seen.push([environ.SERVER_NAME, environ.SERVER_PORT]);
        startResponse('200 OK', plain());
        return [];
      },
      { fd: socket.fd },
    );
    await ask(portOf(socket));
    expect(seen).toEqual([['127.0.0.1', String(portOf(socket))]]);
  });
});
