import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Application, ResponseBody } from '../../src/types.js';
import { certificate } from './fixtures/certificate.js';
import { curl } from './fixtures/curl.js';
import { plain, started, temporaryFolder } from './fixtures/started-server.js';

// PEP 3333, Buffering and Streaming: a block is sent before the application is asked for the next one, or goes on being
// sent while the application produces it.

const clock = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread, and with it the server, until the client has these bytes in its file; false: it never had. */
function arrives(file: string, text: string): boolean {
  for (const end = Date.now() + 10_000; Date.now() < end; Atomics.wait(clock, 0, 0, 2)) {
    if (existsSync(file) && readFileSync(file, 'latin1') === text) return true;
  }
  return false;
}

describe('while the application blocks the thread, producing its next block,', () => {
  function* generator(file: string): Generator<string> {
    yield 'first ';
    yield arrives(file, 'first ') ? 'second ' : 'late ';
    yield 'third ';
    yield arrives(file, 'first second third ') ? 'fourth' : 'late';
  }
  async function* asyncGenerator(file: string): AsyncGenerator<string> {
    yield* generator(file);
  }
  const bodies: Record<string, (file: string) => ResponseBody> = {
    'a generator': generator,
    'an asynchronous generator': asyncGenerator,
  };

  for (const [kind, body] of Object.entries(bodies)) {
    for (const [how, args] of [
      ['GET', []],
      ['POST', ['--data', 'x=y']],
      ['a large POST', ['--data', 'x'.repeat(100_000)]],
      ['HTTP/1.0', ['--http1.0']],
    ] as const) {
      for (const protocol of ['http', 'https']) {
        it(`the client gets the blocks of ${kind}: ${how}, ${protocol}`, async () => {
          const folder = temporaryFolder();
          const tls = certificate(folder, 'server');
          const file = join(folder, 'received');
          const { server } = await started(
            (_environ, startResponse) => {
              startResponse('200 OK', plain());
              return body(file);
            },
            protocol === 'https' ? { tls } : {},
          );
          const { code, log } = await curl(['-N', '--cacert', tls.cert, ...args, '-o', file, server.url]);
          expect([code, log]).toEqual([0, '']);
          expect(readFileSync(file, 'latin1')).toBe('first second third fourth');
        });
      }
    }
  }

  it('the client gets what was given to write()', async () => {
    const file = join(temporaryFolder(), 'received');
    const application: Application = (_environ, startResponse) => {
      const write = startResponse('200 OK', plain());
      write('first ');
      write(arrives(file, 'first ') ? 'second' : 'late');
      return [];
    };
    const { server } = await started(application);
    const { code } = await curl(['-N', '-o', file, server.url]);
    expect(code).toBe(0);
    expect(readFileSync(file, 'latin1')).toBe('first second');
  });
});
