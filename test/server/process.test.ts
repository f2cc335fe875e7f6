import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compiledPackage } from './fixtures/compiled-package.js';
import { Program } from './fixtures/program.js';

/** What must not bring a process down, or must bring it to its end, each in a process of its own. */

const folder = compiledPackage();

let count = 0;

/** Runs a program that may `serve` and `connect`, with some shorthands. */
async function run(body: string): Promise<{ ended: unknown; output: string; errorOutput: string }> {
  const path = join(folder, `program-${count++}.mjs`);
  writeFileSync(
    path,
    `import { connect } from 'node:net';
     import { serve } from './dist/server/index.js';
     import { makeServer } from './dist/simple-server.js';
     const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
     const GET = 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n';
     const open = (server, bytes) => new Promise((resolve) => {
       const socket = connect(server.address.port, '127.0.0.1', () => resolve(socket));
       socket.on('error', () => {}).on('data', () => {}).write(bytes);
     });
     const app = (environ, startResponse) => {
       startResponse('200 OK', [['Content-Type', 'text/plain']]);
       return ['alive'];
     };
     const alive = async (server) => console.log(await (await fetch(server.url)).text());
     ${body}`,
  );
  const program = new Program(process.execPath, [path]);
  const ended = await program.ended;
  return { ended, output: program.output, errorOutput: program.errorOutput };
}

describe('a process', () => {
  it('collects no more garbage for large request bodies than for buffers that V8 allocates itself', async () => {
    const result = await run(`
      import { constants, PerformanceObserver } from 'node:perf_hooks';
      import { Worker } from 'node:worker_threads';
      let full = 0;
      const reading = (environ, startResponse) => {
        environ['wsgi.input'].read();
        return app(environ, startResponse);
      };
      const server = await serve(reading, { port: 0 });
      new PerformanceObserver((list) => {
        for (const { detail } of list.getEntries()) full += detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
      }).observe({ entryTypes: ['gc'] });
      // In a heap of its own, whose buffers are not counted.
      const client = new Worker(\`
        const { parentPort, workerData } = require('node:worker_threads');
        const body = Buffer.alloc(1 << 20);
        let left = 300;
        const socket = require('node:net').connect(workerData, '127.0.0.1', post).on('data', post);
        function post() {
          if (left-- === 0) return socket.end(() => parentPort.postMessage('posted'));
          socket.write('POST / HTTP/1.1\\\\r\\\\nHost: x\\\\r\\\\nContent-Length: ' + body.length + '\\\\r\\\\n\\\\r\\\\n');
          socket.write(body);
        }\`, { eval: true, workerData: server.address.port });
      await new Promise((resolve) => client.once('message', resolve));
      await later(10);
      const forBodies = full;
      for (let left = 300; left > 0; left--) {
        Buffer.allocUnsafe(1 << 20);
        await new Promise(setImmediate);
      }
      await later(10);
      console.log(forBodies, full - forBodies);
      process.exit();`);
    expect(result).toMatchObject({ ended: 0, errorOutput: '' });
    const [forBodies = Number.NaN, forOwn = Number.NaN] = result.output.split(' ').map(Number);
    expect(forBodies).toBeLessThanOrEqual(forOwn + 1);
  });

  it('survives the path of a Unix socket that is too long', async () => {
    const result = await run(`
      for (const length of [107, 108, 109, 300, 5000]) {
        await serve(app, { path: '/tmp/' + 'x'.repeat(length - 5) }).then((server) => server.close(), (error) => console.log(error.name));
      }
      const server = await serve(app, { port: 0 });
      await alive(server);
      process.exit();`);
    expect(result).toMatchObject({ ended: 0, output: expect.stringMatching(/^(ListenError\n)+alive\n$/) });
  });

  it('survives an error stream that throws', async () => {
    const result = await run(`
      const broken = { write() { throw new Error('the log is full'); }, writelines() {}, flush() {} };
      const failing = (environ, startResponse) => {
        if (environ.PATH_INFO === '/fails') throw new Error('on purpose');
        return app(environ, startResponse);
      };
      const server = await serve(failing, { port: 0, errors: broken });
      await fetch(server.url + '/fails').catch(() => {});
      await alive(server);
      process.exit();`);
    expect(result).toMatchObject({ ended: 0, output: 'alive\n' });
  });

  it('ends by itself when its server is closed', async () => {
    const result = await run(`
      const server = await serve(app, { port: 0 });
      await alive(server);
      await server.close();
      console.log('closed');`);
    expect(result).toEqual({ ended: 0, output: 'alive\nclosed\n', errorOutput: '' });
  });

  it('stays as long as its server listens', async () => {
    const result = await run(`
      const server = await serve(app, { port: 0 });
      setTimeout(() => { console.log('still here'); process.exit(); }, 300).unref();`);
    expect(result).toMatchObject({ ended: 0, output: 'still here\n' });
  });

  it('ends with process.exit() whatever is under way', async () => {
    const result = await run(`
      const endless = (environ, startResponse) => {
        startResponse('200 OK', []);
        return (function* () { for (;;) yield Buffer.alloc(100_000); })();
      };
      const forever = () => new Promise(() => {});
      const kinds = await Promise.all([endless, forever, app].map((each) => serve(each, { port: 0 })));
      for (const server of kinds) (await open(server, GET + GET)).pause();
      await open(kinds[0], 'GET / HT');
      await open(kinds[0], 'POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 900000\\r\\n\\r\\n' + 'x'.repeat(800000));
      await later(100);
      console.log(kinds.map((server) => server.stats().openConnections).join(' '));
      process.exit(7);`);
    expect(result).toEqual({ ended: 7, output: '3 1 1\n', errorOutput: '' });
  });

  it('ends with process.exit() from within an application', async () => {
    const result = await run(`
      const leave = () => { console.log('leaving'); process.exit(3); };
      const server = await serve(leave, { port: 0 });
      await open(server, GET + GET + GET);`);
    expect(result).toEqual({ ended: 3, output: 'leaving\n', errorOutput: '' });
  });

  it('reports what an application throws outside of the request as Node does', async () => {
    const result = await run(`
      const server = await serve((environ, startResponse) => {
        setTimeout(() => { throw new Error('outside'); });
        return app(environ, startResponse);
      }, { port: 0 });
      process.on('uncaughtException', async (error) => {
        console.log(error.message);
        await later(50);
        process.exit();
      });
      await alive(server);`);
    expect(result).toMatchObject({ ended: 0, output: expect.stringContaining('outside') });
  });

  it('may close a server from within its application, and another one from anywhere', async () => {
    const result = await run(`
      for (let round = 0; round < 20; round++) {
        let finish;
        const finished = new Promise((resolve) => { finish = resolve; });
        const waiting = await serve(async (...request) => { await finished; return app(...request); }, { port: 0 });
        await open(waiting, GET);
        await later(5);
        const drained = waiting.close();
        let closed;
        const server = await serve(async (...request) => {
          await null;
          // The last connection of the other server ends while this one's event is being handled.
          finish();
          closed = server.close();
          return app(...request);
        }, { port: 0 });
        if (round % 5 === 0) await alive(server);
        else await (await fetch(server.url)).text();
        await drained;
        await closed;
        const next = await serve(app, { port: 0 });
        await (await fetch(next.url)).text();
        await next.close();
      }
      console.log('done');`);
    expect(result).toEqual({ ended: 0, output: `${'alive\n'.repeat(4)}done\n`, errorOutput: '' });
  });

  it('closes servers by the hundred', async () => {
    const result = await run(`
      for (let round = 0; round < 200; round++) {
        const server = await serve(app, { port: 0 });
        const socket = await open(server, GET);
        if (round % 2) await later(1);
        if (round % 3) socket.resetAndDestroy();
        await server.close({ graceMs: round % 5 });
      }
      const server = await serve(app, { port: 0 });
      await alive(server);
      await server.close();`);
    expect(result).toEqual({ ended: 0, output: 'alive\n', errorOutput: '' });
  });

  it('serves from worker threads, and ends them', async () => {
    const result = await run(`
      const { Worker, isMainThread, parentPort } = await import('node:worker_threads');
      if (isMainThread) {
        const server = await serve(app, { port: 0 });
        for (let round = 0; round < 3; round++) {
          const worker = new Worker(new URL(import.meta.url));
          const url = await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject); });
          await alive({ url });
          await alive(server);
          await worker.terminate();
        }
        await alive(server);
        process.exit();
      } else {
        const server = await serve(app, { port: 0 });
        parentPort.postMessage(server.url);
      }`);
    expect(result).toEqual({ ended: 0, output: 'alive\n'.repeat(7), errorOutput: '' });
  });
});
