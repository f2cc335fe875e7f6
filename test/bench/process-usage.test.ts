import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { assertFilesSuffice } from '../../bench/harness/idle-connections.mjs';
import { parseCpuTicks, parseResidentBytes, processTree, residentBytes } from '../../bench/harness/process-usage.mjs';

describe('parseCpuTicks', () => {
  it('adds user and system time of the process and of children it waited for', () => {
    const stat = '42 (node) S 1 42 42 0 -1 4194560 100 0 0 0 300 40 5 6 20 0 11 0 999 1000 50';
    expect(parseCpuTicks(stat)).toBe(351);
  });

  it('is not misled by a command with spaces and parentheses', () => {
    const stat = '42 (a) b (c 1 2) S 1 42 42 0 -1 4194560 100 0 0 0 300 40 0 0 20 0 11 0 999 1000 50';
    expect(parseCpuTicks(stat)).toBe(340);
  });

  it('refuses another text', () => {
    expect(() => parseCpuTicks('nothing of the kind')).toThrow(/not the text/);
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
