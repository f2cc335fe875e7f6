import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { residentBytes } from '../../bench/harness/process-usage.mjs';
import { Random } from '../random.mjs';
import { certificate } from '../server/fixtures/certificate.js';
import { compiledPackage } from '../server/fixtures/compiled-package.js';
import { Program } from '../server/fixtures/program.js';
import { later, temporaryFolder } from '../server/fixtures/started-server.js';
import type { Order as ClientOrder, Report, Task } from './client.mjs';
import type { Order, Rest } from './server.mjs';
import { SESSIONS } from './sessions.mjs';
import { cutForAWhile, makeSite, REPLACED, replace, TRUNCATED } from './site.mjs';

/**
 * Mixed traffic, with faults of clients, applications, files and the system in its midst, in rounds: between two of them
 * everything comes to rest, and the server has to have what it had before. `npm run soak` makes it last.
 */

const SECONDS = Number(process.env.SOAK_SECONDS ?? 30);
const SEED = Number(process.env.SOAK_SEED ?? 1);
const LONG = SECONDS >= 600;
const ROUND_SECONDS = LONG ? 60 : 8;
/** The most milliseconds between two sessions of a client; more of them where other tests want the processors, too. */
const PAUSE = LONG ? 100 : 400;
const MIB = 1024 * 1024;
/**
 * Rounds after which memory has to be flat. Until then V8 compiles and optimizes what is run, and what is bounded fills:
 * heads by their numbers, open files, buffers that are used again.
 */
const WARM_UP = LONG ? 2 : 0;
/**
 * What of that is not over then. Resident memory comes and goes in jumps, too, as the allocators will, and the heap
 * with code that is thrown away and compiled again.
 */
const MEMORY_NOISE = (LONG ? 16 : 48) * MIB;
const HEAP_NOISE = (LONG ? 1 : 4) * MIB;
/** Files that staticFiles keeps open are closed so long behind their last request. Milliseconds. */
const FILES_CLOSE_WITHIN = 5000;
/** Of the server; little enough for them to be used up at once. */
const DESCRIPTORS = 1000;

const root = compiledPackage();

/** The server, and what an observer sees of it. */
class SoakedServer {
  readonly program: Program;

  constructor(site: string) {
    const { key, cert } = certificate(temporaryFolder(), 'server');
    const script = join(import.meta.dirname, 'server.mjs');
    const command = [process.execPath, '--expose-gc', script, root, site, JSON.stringify({ key, cert })];
    const limited = ['-c', `ulimit -n ${DESCRIPTORS} && exec "$@"`, 'sh', ...command];
    this.program = new Program('sh', limited, { channel: true });
  }

  async ports(): Promise<Pick<Task, 'patient' | 'impatient'>> {
    const [, text] = await this.program.says(/^ports (.*)$/m);
    const ports = text!.split(' ').map(Number);
    const from = (at: number) => {
      const [plain, tls, proxied, proxiedTls] = ports.slice(at) as [number, number, number, number];
      return { plain, tls, proxied, proxiedTls };
    };
    return { patient: from(0), impatient: from(4) };
  }

  tell(order: Order): Promise<unknown> {
    return this.program.ask(order);
  }

  /**
   * Waits until nothing is under way any more, and says what there is then. Files stay open for a while behind their
   * last request. Memory is without V8's heap, which is looked at by itself: for young objects alone that has 32 MiB or
   * has not, however few there are.
   *
   * @param descriptors that it had the last time
   */
  async atRest(descriptors?: number): Promise<Rest & { memory: number; descriptors: number }> {
    const { pid } = this.program;
    const count = () => readdirSync(`/proc/${pid}/fd`).length;
    const begun = performance.now();
    const waited = (milliseconds: number) => performance.now() - begun > milliseconds;
    for (;;) {
      const rest = (await this.tell('rest')) as Rest;
      const closed = descriptors === undefined ? waited(FILES_CLOSE_WITHIN) : count() <= descriptors || waited(30_000);
      if (rest.openConnections === 0 && rest.unclosed === 0 && closed) {
        return { ...rest, memory: residentBytes(pid) - rest.reserved, descriptors: count() };
      }
      await later(50);
    }
  }
}

class Clients {
  readonly program = new Program(process.execPath, [join(import.meta.dirname, 'client.mjs')], { channel: true });

  static async start(task: Task): Promise<Clients> {
    const clients = new Clients();
    clients.program.process.send(task);
    await clients.program.says(/^ready$/m);
    return clients;
  }

  tell(order: ClientOrder): Promise<unknown> {
    return this.program.ask(order);
  }
}

/** What else happens in a round. */
class Disturbances {
  readonly counts = { replaced: 0, truncated: 0, stopped: 0, outOfDescriptors: 0 };
  readonly #random = new Random(SEED);
  readonly #site: string;
  readonly #server: SoakedServer;
  readonly #clients: readonly Clients[];

  constructor(site: string, server: SoakedServer, clients: readonly Clients[]) {
    this.#site = site;
    this.#server = server;
    this.#clients = clients;
  }

  async during(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    const all = [this.#changeFiles(end), this.#stopClients(end), this.#takeDescriptors(end)];
    await Promise.all(all);
  }

  async #changeFiles(end: number): Promise<void> {
    while (performance.now() < end) {
      if (this.#random.chance(3)) {
        await cutForAWhile(this.#site, this.#random.pick(Object.keys(TRUNCATED)), this.#random.below(50));
        this.counts.truncated++;
      } else {
        await replace(this.#site, this.#random.pick(Object.keys(REPLACED)), this.#random.below(2) as 0 | 1);
        this.counts.replaced++;
      }
      await later(this.#random.below(200));
    }
  }

  /** The last of them, for less or more than the server is patient. */
  async #stopClients(end: number): Promise<void> {
    const { process } = this.#clients.at(-1)!.program;
    for (const milliseconds of [500, 3500]) {
      if (performance.now() + milliseconds > end) return;
      await later(500);
      process.kill('SIGSTOP');
      await later(milliseconds);
      process.kill('SIGCONT');
      this.counts.stopped++;
    }
  }

  async #takeDescriptors(end: number): Promise<void> {
    await later((end - performance.now()) / 2);
    // Whoever is stopped does not answer.
    const told = (order: ClientOrder) => this.#clients.slice(0, -1).map((clients) => clients.tell(order));
    await Promise.all(told('hardTimes'));
    await this.#server.tell('takeDescriptors');
    await later(500);
    await this.#server.tell('returnDescriptors');
    // It looks after them every now and then, and the queue is long by then.
    await later(500);
    await Promise.all(told('goodTimes'));
    this.counts.outOfDescriptors++;
  }
}

/** @returns the sums of counts by their names */
function summed(all: Array<Record<string, number>>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, count] of all.flatMap((counts) => Object.entries(counts))) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0);

it.runIf(process.platform === 'linux')(
  `a server stands ${SECONDS} seconds of mixed traffic and faults`,
  async () => {
    console.log(`soak: ${SECONDS} s of seed ${SEED}`);
    const site = temporaryFolder();
    await makeSite(site);
    const server = new SoakedServer(site);
    const ports = await server.ports();
    const tasks = [false, false, true].map((stopped, index) => {
      return { ...ports, seed: SEED + index, lanes: stopped ? 8 : 16, pause: PAUSE, stopped };
    });
    const clients = await Promise.all(tasks.map((task) => Clients.start(task)));
    const disturbances = new Disturbances(site, server, clients);
    const reports: Report[] = [];
    const rests: Array<Awaited<ReturnType<SoakedServer['atRest']>>> = [];

    const round = async (seconds: number) => {
      await Promise.all(clients.map((each) => each.tell('go')));
      await disturbances.during(seconds * 1000);
      reports.push(...((await Promise.all(clients.map((each) => each.tell('rest')))) as Report[]));
      const rest = await server.atRest(rests[0]?.descriptors);
      rests.push(rest);
      console.log(
        `soak: ${rest.requests} requests, ${(rest.memory / MIB).toFixed(1)} MiB, ` +
          `heap ${(rest.heap / MIB).toFixed(1)} MiB, ${rest.descriptors} descriptors`,
      );
      // Together: what is wrong with an answer, the server may complain about.
      const wrong = reports.flatMap((report) => report.wrong);
      expect({ ...rest, wrong }).toMatchObject({ closedTwice: 0, complaints: [], wrong: [] });
      expect(rest.descriptors).toBeLessThanOrEqual(rests[0]!.descriptors);
    };
    for (const begun = performance.now(); performance.now() - begun < SECONDS * 1000; ) await round(ROUND_SECONDS);

    const answers = summed(reports.map((report) => report.answers));
    const sessions = summed(reports.map((report) => report.sessions));
    const bytes = reports.reduce((sum, report) => sum + report.bytes, 0);
    console.log({ sessions, answers, bytes, ...disturbances.counts, ...rests.at(-1) });
    // Each of them was there.
    expect(Object.keys(sessions).toSorted()).toEqual(Object.keys(SESSIONS).toSorted());
    expect(total(answers)).toBeGreaterThan(20 * SECONDS);
    expect(Math.min(...Object.values(disturbances.counts))).toBeGreaterThan(0);
    // Flat: the least that the server has at rest in the last third is what it had in the first. What comes and goes
    // is not in the least of many, and what leaks is.
    const third = Math.ceil((rests.length - WARM_UP) / 3);
    const [early, late] = [rests.slice(WARM_UP, WARM_UP + third), rests.slice(-third)];
    const growth = (of: 'memory' | 'heap') =>
      Math.min(...late.map((rest) => rest[of])) - Math.min(...early.map((rest) => rest[of]));
    console.log(`soak: ${(growth('memory') / MIB).toFixed(1)} MiB more, heap ${(growth('heap') / MIB).toFixed(1)} MiB`);
    expect(growth('memory')).toBeLessThan(MEMORY_NOISE);
    expect(growth('heap')).toBeLessThan(HEAP_NOISE);
  },
  SECONDS * 1000 + 240_000,
);
