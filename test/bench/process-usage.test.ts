import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { parseBusySeconds } from '../../bench/harness/core-time.mjs';
import { assertFilesSuffice } from '../../bench/harness/idle-connections.mjs';
import {
  cpuSeconds,
  parseResidentBytes,
  parseRunSeconds,
  parseStorageBytes,
  parseTcpMemory,
  processTree,
  residentBytes,
} from '../../bench/harness/process-usage.mjs';

describe('parseRunSeconds', () => {
  it('reads how long a thread ran, in nanoseconds', () => {
    expect(parseRunSeconds('1250000000 77 12\n')).toBe(1.25);
  });

  it('refuses another text', () => {
    expect(() => parseRunSeconds('nothing of the kind')).toThrow(/not the text/);
  });
});

describe('parseBusySeconds', () => {
  const stat = 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 10 50 1000 20 5 15 20 0 0\ncpu1 1 0 0 0 0 0 0 0 0 0\n';

  it('adds all that is not idleness, the time that a hypervisor took among it', () => {
    expect(parseBusySeconds(stat, 0)).toBe(2);
    expect(parseBusySeconds(stat, 1)).toBe(0.01);
  });

  it('refuses a core that there is not', () => {
    expect(() => parseBusySeconds(stat, 7)).toThrow('no core 7');
  });
});

describe('parseStorageBytes', () => {
  it('reads what had to come from storage', () => {
    expect(parseStorageBytes('rchar: 9\nread_bytes: 8192\nwrite_bytes: 1\n')).toBe(8192);
    expect(() => parseStorageBytes('rchar: 9\n')).toThrow(/not the text/);
  });
});

describe('parseTcpMemory', () => {
  it('reads pages', () => {
    expect(parseTcpMemory('sockets: used 9\nTCP: inuse 4 orphan 0 tw 2 alloc 6 mem 3\nUDP: inuse 1 mem 7\n')).toBe(
      3 * 4096,
    );
    expect(() => parseTcpMemory('UDP: inuse 1 mem 7\n')).toThrow(/not the text/);
  });
});

describe('parseResidentBytes', () => {
  it('reads kibibytes', () => {
    expect(parseResidentBytes('VmPeak:\t  900 kB\nVmRSS:\t   12 kB\nRssAnon:\t    4 kB\n')).toBe(12 * 1024);
  });

  it('refuses the status of a process that has ended', () => {
    expect(() => parseResidentBytes('Name:\tnode\nState:\tZ (zombie)\n')).toThrow(/has ended/);
  });
});

describe.runIf(process.platform === 'linux')('processTree', () => {
  it('holds the process, its children and theirs', async () => {
    const program = `
      const child = require('node:child_process').spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: 'pipe' });
      process.stdin.on('end', () => child.stdin.end()).resume();
      process.stdout.write(String(child.pid));`;
    const parent = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [grandchild] = await once(parent.stdout, 'data');
    expect(processTree(process.pid)).toEqual(expect.arrayContaining([process.pid, parent.pid, Number(grandchild)]));
    expect(residentBytes(parent.pid!)).toBeGreaterThan(residentBytes(Number(grandchild)));
    expect(cpuSeconds(parent.pid!)).toBeGreaterThan(cpuSeconds(Number(grandchild)));
    parent.stdin.end();
    await once(parent, 'exit');
  });
});

describe('assertFilesSuffice', () => {
  it('lets as many connections be opened as files may be, with some to spare', () => {
    expect(() => assertFilesSuffice(10_000, 20_000)).not.toThrow();
    expect(() => assertFilesSuffice(10_000, Number.POSITIVE_INFINITY)).not.toThrow();
  });

  it('says what to do where the limit is too low', () => {
    expect(() => assertFilesSuffice(10_000, 10_000)).toThrow('raise it with ulimit -n 10200');
  });
});
