import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compiledPackage } from './fixtures/compiled-package.js';
import { Program } from './fixtures/program.js';
import { temporaryFolder, until } from './fixtures/started-server.js';

const folder = compiledPackage();
// Where there is no strace, or a container forbids it, there is nothing that could be looked at.
const traceable = process.platform === 'linux' && spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;

it.runIf(traceable)(
  'a download leaves by sendfile(2), and its bytes pass through no buffer of the process',
  async () => {
    const root = join(temporaryFolder(), 'www');
    mkdirSync(root);
    const content = Buffer.alloc(5_000_000, 'UNMISTAKABLE');
    writeFileSync(join(root, 'file.bin'), content);
    const trace = join(temporaryFolder(), 'trace');
    const calls = 'trace=sendfile,read,pread64,write,writev,sendto,sendmsg';
    const main = join(folder, 'dist/cli/main.js');
    const program = new Program('strace', [
      ...['-f', '-s', '16', '-e', calls, '-o', trace],
      ...[process.execPath, main, 'static', root, '--port', '0'],
    ]);
    const url = (await program.says(/ at (http:\S+)\n/))[1]!;
    const response = await fetch(`${url}/file.bin`, { headers: { connection: 'close' } });
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
    // The number of the traced program is on each line of the trace.
    const pid = Number(/^\d+/.exec(readFileSync(trace, 'utf8'))![0]);
    process.kill(pid, 'SIGTERM');
    await until(() => program.process.exitCode !== null);

    const lines = readFileSync(trace, 'utf8').split('\n');
    // A call that another thread's comes in between of has two lines.
    const sent = lines.flatMap((line) => /sendfile(?:\(| resumed>).* = (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    expect(sent.reduce((sum, count) => sum + count, 0)).toBe(content.length);
    expect(lines.filter((line) => line.includes('UNMISTAKABLE'))).toEqual([]);
  },
);
