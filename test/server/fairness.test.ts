import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Server } from '../../src/server/index.js';
import type { Application } from '../../src/types.js';
import { openFile } from '../../src/util.js';
import { get, RawClient } from './fixtures/raw-client.js';
import { echoPath, plain, started, temporaryFolder, until } from './fixtures/started-server.js';

const MIB = 1024 * 1024;
const GREEDY = 16;

/**
 * Has many clients send `greedy`, and another ask for a page as soon as the first of them is being served.
 *
 * @returns what `count` says when that page is made, and how many bytes the others have received
 */
async function besides(greedy: string, application: Application, count: (server: Server) => number) {
  let before = -1;
  let begin: () => void = () => undefined;
  const { port, server } = await started((environ, startResponse) => {
    if (environ.PATH_INFO !== '/other') {
      begin();
      return application(environ, startResponse);
    }
    before = count(server);
    return echoPath(environ, startResponse);
  });
  const clients = await Promise.all(Array.from({ length: GREEDY }, () => RawClient.open(port)));
  const other = await RawClient.open(port);
  begin = () => {
    begin = () => undefined;
    other.send(get('/other'));
  };
  for (const client of clients) {
    client.sink = () => undefined;
    client.send(greedy);
  }
  expect((await other.response()).body.toString()).toBe('GET /other');
  return { before, received: () => clients.reduce((total, client) => total + client.receivedBytes, 0) };
}

// The bounds are three rounds of the engine's, net::CommonShare. Without them it would be all that the kernel takes.
describe('a client', () => {
  it('is answered in between by a server that others send pipelined requests to without end', async () => {
    let ran = 0;
    const application: Application = (environ, startResponse) => {
      ran++;
      return echoPath(environ, startResponse);
    };
    const { before } = await besides(get('/').repeat(10_000), application, () => ran);
    expect(before).toBeLessThan(3 * 2048);
    await until(() => ran === GREEDY * 10_000);
  });

  it('is answered in between by a server that sends others large bodies', async () => {
    const block = Buffer.alloc(64 * 1024);
    let produced = 0;
    const application: Application = (_environ, startResponse) => {
      startResponse('200 OK', plain());
      return (function* () {
        for (let sent = 0; sent < 8 * MIB; sent += block.length) {
          produced += block.length;
          yield block;
        }
      })();
    };
    const { before, received } = await besides(get('/'), application, () => produced);
    expect(before).toBeLessThan(3 * 8 * MIB);
    await until(() => received() > GREEDY * 8 * MIB);
  });

  it('is answered in between by a server that sends others files', async () => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, Buffer.alloc(8 * MIB));
    const application: Application = (environ, startResponse) => {
      startResponse('200 OK', plain());
      return new environ['wsgi.file_wrapper']!(openFile(path));
    };
    const { before, received } = await besides(get('/'), application, (server) => server.stats().sendfileBytes);
    expect(before).toBeLessThan(3 * 8 * MIB);
    await until(() => received() > GREEDY * 8 * MIB);
  });
});
