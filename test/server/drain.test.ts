import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AttackedServer } from '../attacks/fixtures/attacked-server.js';
import { certificate } from './fixtures/certificate.js';
import { compiledPackage } from './fixtures/compiled-package.js';
import { Program } from './fixtures/program.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { temporaryFolder, until } from './fixtures/started-server.js';
import { overTls } from './fixtures/tls-client.js';

/**
 * What is promised to clients when a server drains: whatever was sent before its listener closed is answered, in full.
 * What is not, because HTTP/1.1 cannot: that a request is answered which crosses with the close of a connection that
 * had nothing to do, or of the listener.
 */

const root = compiledPackage();

/** A request, and what became of it. */
interface Sent {
  /** Nanoseconds on the clock that all processes share. */
  readonly at: number;
  outcome: 'answered' | 'cut' | 'unanswered';
}

/** Clients that send one request behind the other, and none of them twice. */
class Clients {
  readonly sent: Sent[] = [];
  readonly #port: number;
  readonly #all: Array<Promise<void>>;

  /** @param count half of them keep their connection, the other half open a new one for each request */
  constructor(port: number, count: number) {
    this.#port = port;
    this.#all = Array.from({ length: count }, (_, index) => (index % 2 ? this.#keepOne() : this.#openMany()));
  }

  /** Waits until no client is served any more, and says what became of all that was sent before. */
  async turnedAway(before: number): Promise<Record<Sent['outcome'], number>> {
    await Promise.all(this.#all);
    const outcomes = { answered: 0, cut: 0, unanswered: 0 };
    for (const { at, outcome } of this.sent) {
      // What was begun is ended, whenever it was sent.
      if (at < before || outcome === 'cut') outcomes[outcome]++;
    }
    return outcomes;
  }

  async #keepOne(): Promise<void> {
    const client = await RawClient.open(this.#port);
    while (await this.#ask(client));
  }

  async #openMany(): Promise<void> {
    for (;;) {
      const client = await RawClient.open(this.#port).catch(() => undefined);
      if (client === undefined) return;
      await this.#ask(client);
      client.socket.destroy();
    }
  }

  /** @returns whether the connection is good for another request */
  async #ask(client: RawClient): Promise<boolean> {
    client.send(get('/'));
    const sent: Sent = { at: Number(process.hrtime.bigint()), outcome: 'unanswered' };
    this.sent.push(sent);
    const { receivedBytes } = client;
    try {
      const response = await client.response();
      sent.outcome = response.body.toString() === 'Hello world!\n' ? 'answered' : 'cut';
      return response.field('connection') !== 'close';
    } catch {
      if (client.receivedBytes > receivedBytes) sent.outcome = 'cut';
      return false;
    }
  }
}

describe('close()', () => {
  it('answers all that was sent before, to 20 clients that send without a pause', async () => {
    for (let round = 0; round < 5; round++) {
      const server = await AttackedServer.start(root);
      const clients = new Clients(server.port, 20);
      await until(() => clients.sent.length > 500);
      const closed = (await server.tell('close')) as number;
      const outcomes = await clients.turnedAway(closed);
      expect(outcomes).toEqual({ answered: expect.any(Number), cut: 0, unanswered: 0 });
      expect(outcomes.answered).toBeGreaterThan(400);
      await expect(RawClient.open(server.port)).rejects.toThrow('ECONNREFUSED');
    }
  }, 60_000);

  it('answers who was waiting to be accepted', async () => {
    const { key, cert } = certificate(temporaryFolder(), 'server');
    for (const tls of [undefined, { key, cert }]) {
      const path = join(root, `busy-${tls ? 'tls' : 'plain'}.mjs`);
      const othersAreThere = join(temporaryFolder(), 'others');
      writeFileSync(
        path,
        `import { existsSync } from 'node:fs';
         import { serve } from './dist/index.js';
         const server = await serve((environ, startResponse) => {
           startResponse('200 OK', []);
           if (environ.PATH_INFO !== '/busy') return ['answered'];
           process.stdout.write('busy\\n');
           // Others come meanwhile, and are not accepted before this is over.
           while (!existsSync(${JSON.stringify(othersAreThere)})) {}
           server.close();
           return ['closed'];
         }, { port: 0${tls ? `, tls: ${JSON.stringify(tls)}` : ''} });
         process.stdout.write(server.url + '\\n');`,
      );
      const program = new Program(process.execPath, [path]);
      const [, port] = await program.says(/^https?:.*:(\d+)$/m);
      const open = () => RawClient.open(Number(port));
      const ask = async (client: RawClient, target: string) => {
        const speaking = tls ? await overTls(client) : client;
        return (await speaking.send(get(target)).response()).body.toString();
      };
      const busy = ask(await open(), '/busy');
      await program.says(/^busy$/m);
      const others = await Promise.all(Array.from({ length: 5 }, open));
      const answers = others.map((client) => ask(client, '/'));
      writeFileSync(othersAreThere, '');
      expect(await Promise.all(answers)).toEqual(Array(5).fill('answered'));
      expect(await busy).toBe('closed');
      expect(await program.ended).toBe(0);
    }
  });
});

describe('uwsgiref serve', () => {
  it('answers on SIGTERM all that was sent before, to 20 clients that send without a pause', async () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, 'app.mjs'),
      `export default async (environ, startResponse) => {
         await new Promise((resolve) => setTimeout(resolve, Math.random() < 0.1 ? 5 : 0));
         startResponse('200 OK', [['Content-Type', 'text/plain']]);
         return ['Hello ', 'world!\\n'];
       };`,
    );
    for (let round = 0; round < 3; round++) {
      const main = join(root, 'dist/cli/main.js');
      const program = new Program(process.execPath, [main, 'serve', './app.mjs', '--port', '0'], { cwd: folder });
      const [, port] = await program.says(/^Serving \S+ at http:\S+:(\d+)\n/);
      const clients = new Clients(Number(port), 20);
      await until(() => clients.sent.length > 500);
      const signalled = Number(process.hrtime.bigint());
      program.process.kill('SIGTERM');
      expect(await clients.turnedAway(signalled)).toEqual({ answered: expect.any(Number), cut: 0, unanswered: 0 });
      expect(await program.ended).toBe(0);
      expect(program.errorOutput).toBe('');
    }
  }, 60_000);
});
