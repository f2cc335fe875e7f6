import { openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acceptQueueLength } from '../../src/admin/accept-queue.js';
import { bindSocket } from '../../src/server/index.js';
import { until } from '../server/fixtures/started-server.js';

function opened(port: number, host: string): Socket {
  const socket = connect(port, host);
  onTestFinished(() => void socket.destroy());
  return socket;
}

describe.skipIf(process.platform !== 'linux')('the length of an accept queue', () => {
  for (const host of ['127.0.0.1', '::1']) {
    it(`is that of the connections that nobody accepts, at ${host}`, async () => {
      const socket = bindSocket({ host, port: 0 });
      onTestFinished(() => socket.close());
      const { port } = socket.address as { port: number };
      expect(acceptQueueLength(socket.fd)).toBe(0);
      for (let count = 1; count <= 3; count++) {
        opened(port, host);
        await until(() => acceptQueueLength(socket.fd) === count);
      }
    });
  }

  it('is not known of what does not listen', () => {
    expect(acceptQueueLength(openSync('/dev/null', 'r'))).toBeUndefined();
    expect(acceptQueueLength(99_999)).toBeUndefined();
  });
});
