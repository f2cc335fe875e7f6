import { describe, expect, it } from 'vitest';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { get, RawClient, request } from '../server/fixtures/raw-client.js';
import { later, until } from '../server/fixtures/started-server.js';
import { AttackedServer } from './fixtures/attacked-server.js';

/** A server that runs out of descriptors, in a process that may have few of them. */

const root = compiledPackage();
const LIMIT = 64;
const NOTICE = /^uwsgiref: Nearly all file descriptors are in use; .* ulimit -n$/gm;

/** Opens connections until one is not answered; says how many were. */
async function openAll(server: AttackedServer): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (;;) {
    const client = await RawClient.open(server.port);
    const answered = client
      .send(get('/'))
      .response()
      .then(
        () => true,
        () => false,
      );
    if (!(await Promise.race([answered, later(300).then(() => false)]))) return clients;
    clients.push(client);
  }
}

describe.runIf(process.platform === 'linux')('a server that is out of descriptors', () => {
  it('because of its connections keeps serving these, says so once, and takes others when some have gone', async () => {
    const server = await AttackedServer.start(root, {}, LIMIT);
    const clients = await openAll(server);
    expect(clients.length).toBeGreaterThan(10);
    // Some are left to the application's files.
    expect(server.descriptors()).toBeLessThan(LIMIT - 2);

    // So many wait in the kernel's queue, or are closed at once.
    const waiting = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(server.port)));
    for (const client of waiting) client.send(get('/'));
    await later(300);
    expect(await server.load()).toBeLessThan(0.3);
    const last = clients.at(-1)!;
    for (let round = 0; round < 3; round++) expect((await last.send(get('/')).response()).status).toBe(200);
    expect((await last.send(get('/file')).response()).status).toBe(200);
    const stored = request('POST', '/length', 'Content-Length: 5000000') + 'x'.repeat(5_000_000);
    expect((await last.send(stored).response()).body.toString()).toBe('5000000');

    for (const client of clients.slice(0, -1)) client.socket.destroy();
    await until(() => waiting.filter((client) => client.ended || client.receivedBytes > 0).length >= 10);
    const next = await RawClient.open(server.port);
    for (const client of waiting) client.socket.destroy();
    expect((await next.send(get('/')).response()).status).toBe(200);
    expect(server.program.errorOutput.match(NOTICE)).toHaveLength(1);
  });

  it('because of its application does not spin, and takes connections when that has given some back', async () => {
    const server = await AttackedServer.start(root, {}, LIMIT);
    const kept = await RawClient.open(server.port);
    expect((await kept.send(get('/')).response()).status).toBe(200);
    expect(await server.tell('takeDescriptors')).toBeGreaterThan(10);
    expect(server.descriptors()).toBeGreaterThanOrEqual(LIMIT);

    const waiting = await RawClient.open(server.port);
    waiting.send(get('/'));
    await later(300);
    expect(await server.load()).toBeLessThan(0.3);
    expect(waiting.receivedBytes).toBe(0);
    expect((await kept.send(get('/')).response()).status).toBe(200);
    // It needs a file for this one, and says so.
    const stored = request('POST', '/length', 'Content-Length: 5000000') + 'x'.repeat(5_000_000);
    expect((await kept.send(stored).response()).status).toBe(500);

    await server.tell('returnDescriptors');
    expect((await waiting.response()).status).toBe(200);
    expect((await (await RawClient.open(server.port)).send(get('/')).response()).status).toBe(200);
    expect(server.program.errorOutput.match(NOTICE)).toHaveLength(1);
    expect(server.program.errorOutput).toContain('could not be written to its temporary file (EMFILE)');
  });

  it('goes on where that comes and goes, and says so no more than once a minute', async () => {
    const server = await AttackedServer.start(root, {}, LIMIT);
    const before = server.descriptors();
    for (let round = 0; round < 3; round++) {
      await server.tell('takeDescriptors');
      const client = await RawClient.open(server.port);
      client.send(get('/'));
      await later(50);
      await server.tell('returnDescriptors');
      expect((await client.response()).status).toBe(200);
      client.socket.destroy();
    }
    await server.recovered(before);
    expect(server.program.errorOutput.match(NOTICE)?.length).toBeLessThanOrEqual(1);
  });
});
