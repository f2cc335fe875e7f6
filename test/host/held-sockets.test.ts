import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HeldSockets } from '../../src/host/held-sockets.js';
import { temporaryFolder } from '../server/fixtures/started-server.js';

function held(): HeldSockets {
  const sockets = new HeldSockets([], []);
  onTestFinished(() => sockets.close());
  return sockets;
}

describe('a Unix socket that is held', () => {
  it('stays the same when it is asked for again', () => {
    const bind = { path: join(temporaryFolder(), 'socket') };
    const sockets = held();
    sockets.open([bind], undefined, {});
    const [before] = sockets.all;
    sockets.open([bind], undefined, {});
    expect(sockets.all).toEqual([before]);
  });

  it('is another one once its file is gone', () => {
    const bind = { path: join(temporaryFolder(), 'socket') };
    const sockets = held();
    sockets.open([bind], undefined, {});
    const [before] = sockets.all;
    rmSync(bind.path);
    sockets.open([bind], undefined, {});
    expect(sockets.all).not.toEqual([before]);
    sockets.close();
    expect(existsSync(bind.path)).toBe(false);
  });

  it('leaves a file alone that somebody else has put in its place', () => {
    const bind = { path: join(temporaryFolder(), 'socket') };
    const sockets = held();
    sockets.open([bind], undefined, {});
    const before = sockets.all;
    rmSync(bind.path);
    writeFileSync(bind.path, 'of somebody else');
    expect(() => sockets.open([bind], undefined, {})).toThrow(/EADDRINUSE/);
    expect(sockets.all).toEqual(before);
    sockets.close();
    expect(existsSync(bind.path)).toBe(true);
  });
});
