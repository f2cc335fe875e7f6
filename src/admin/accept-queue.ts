/** How many connections wait at a listening socket until somebody accepts them, as Linux tells it. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** What is read of a table: the listening sockets stand at its beginning, before all the connections. */
const MOST_BYTES = 65_536;
/** The state of a socket that listens (linux/include/net/tcp_states.h, TCP_LISTEN). */
const LISTEN = '0A';

/** @returns undefined where the system does not say: it is not Linux, or no TCP socket */
export function acceptQueueLength(descriptor: number): number | undefined {
  try {
    const inode = String(fstatSync(descriptor).ino);
    for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
      // proc(5): "rx_queue" of a listening socket is the length of its accept queue, in hexadecimal.
      for (const line of readTable(table)) {
        const [, , , state, queues = '', , , , , found] = line.trim().split(/\s+/);
        if (state === LISTEN && found === inode) return Number.parseInt(queues.split(':')[1] ?? '', 16);
      }
    }
  } catch {}
  return undefined;
}

/** @returns its first lines, without the heading */
function readTable(path: string): string[] {
  const table = openSync(path, 'r');
  try {
    const block = Buffer.alloc(MOST_BYTES);
    let length = 0;
    for (let count = 1; count > 0 && length < MOST_BYTES; length += count) {
      count = readSync(table, block, length, MOST_BYTES - length, null);
    }
    return block.toString('latin1', 0, length).split('\n').slice(1);
  } finally {
    closeSync(table);
  }
}
