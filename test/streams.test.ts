import { spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { DescriptorErrors, DescriptorInput, DescriptorOutput, MemoryErrors, MemoryInput } from '../src/streams.js';
import type { InputStream } from '../src/types.js';
import { compile } from './compile.js';

const directory = mkdtempSync(join(tmpdir(), 'uwsgiref-streams-'));
const opened: DescriptorInput[] = [];

afterEach(() => {
  for (const input of opened.splice(0)) input.close();
});
afterAll(() => rmSync(directory, { recursive: true }));

function descriptorInput(body: string, before = '', after = ''): DescriptorInput {
  const path = join(directory, 'body');
  writeFileSync(path, before + body + after);
  const range = { position: before.length, length: Buffer.byteLength(body) };
  const input = new DescriptorInput(openSync(path, 'r'), range);
  opened.push(input);
  return input;
}

const inputs: Array<[string, (body: string) => InputStream]> = [
  ['MemoryInput', (body) => new MemoryInput(body)],
  ['MemoryInput over a view', (body) => new MemoryInput(new Uint8Array(Buffer.from(`<<${body}`)).subarray(2))],
  ['DescriptorInput', (body) => descriptorInput(body)],
  ['DescriptorInput over a part', (body) => descriptorInput(body, '<<\n', 'more\n')],
];

describe.each(inputs)('%s', (_name, make) => {
  it('reads so many bytes', () => {
    const input = make('abcdef');
    expect([input.read(2), input.read(0), input.read(100), input.read(1)].map(String)).toEqual(['ab', '', 'cdef', '']);
  });

  it.each([undefined, -1])('reads all that remains with the size %j', (size) => {
    const input = make('abcdef');
    input.read(1);
    expect(input.read(size).toString()).toBe('bcdef');
    expect(input.read(size)).toHaveLength(0);
  });

  it('reads lines', () => {
    const input = make('a\n\nbc\nd');
    const lines = [1, 2, 3, 4, 5].map(() => input.readline().toString());
    expect(lines).toEqual(['a\n', '\n', 'bc\n', 'd', '']);
  });

  it('cuts lines', () => {
    const input = make('abcd\nef');
    const sizes = [0, 2, 2, 1, -1, 5];
    expect(sizes.map((size) => input.readline(size).toString())).toEqual(['', 'ab', 'cd', '\n', 'ef', '']);
  });

  it('reads a list of lines', () => {
    expect(make('a\nb\nc').readlines().map(String)).toEqual(['a\n', 'b\n', 'c']);
    expect(make('').readlines()).toEqual([]);
  });

  it.each([
    [-1, 3],
    [0, 3],
    [1, 1],
    [2, 1],
    [3, 2],
    [100, 3],
  ])('stops at a hint of %i after %i lines', (hint, count) => {
    const input = make('a\nb\nc\n');
    expect(input.readlines(hint)).toHaveLength(count);
    expect(input.readlines()).toHaveLength(3 - count);
  });

  it('iterates over lines', () => {
    expect([...make('a\nb')].map(String)).toEqual(['a\n', 'b']);
  });

  it('mixes all of them', () => {
    const input = make('a\nbc\nde\nf');
    expect(input.read(1).toString()).toBe('a');
    expect(input.readline().toString()).toBe('\n');
    for (const line of input) {
      expect(line.toString()).toBe('bc\n');
      break;
    }
    expect(input.read().toString()).toBe('de\nf');
  });
});

describe('DescriptorInput', () => {
  it('reads what is longer than one block', () => {
    const line = `${'x'.repeat(100_000)}\n`;
    const body = line + line;
    expect(descriptorInput(body).read().toString()).toBe(body);
    expect(descriptorInput(body).readlines().map(String)).toEqual([line, line]);
    const input = descriptorInput(body);
    const first = input.read(50_000);
    const second = input.read(50_000);
    expect(Buffer.concat([first, second, input.read()]).toString()).toBe(body);
  });

  it('ends where the file ends, whatever it was promised', () => {
    const path = join(directory, 'short');
    writeFileSync(path, 'abc');
    const input = new DescriptorInput(openSync(path, 'r'), { position: 0, length: 10 });
    opened.push(input);
    expect(input.read(10).toString()).toBe('abc');
    expect(input.read()).toHaveLength(0);
  });

  it('has come to its end for good', () => {
    const path = join(directory, 'growing');
    writeFileSync(path, 'abc');
    const input = new DescriptorInput(openSync(path, 'r'));
    opened.push(input);
    expect(input.read().toString()).toBe('abc');
    appendFileSync(path, 'def');
    expect(input.read()).toHaveLength(0);
  });

  it('closes its descriptor once', () => {
    const path = join(directory, 'closed');
    writeFileSync(path, 'abc');
    const descriptor = openSync(path, 'r');
    const input = new DescriptorInput(descriptor);
    expect(input.read(1).toString()).toBe('a');
    input.close();
    expect(() => fstatSync(descriptor)).toThrow(/EBADF/);
    input.close();
    expect(input.read()).toHaveLength(0);
  });

  it('says that bytes are lost which were not read before it was closed', () => {
    const path = join(directory, 'lost');
    writeFileSync(path, 'abc');
    const lost = new Error('lost');
    for (const length of [1, 3]) {
      const stored = new DescriptorInput(openSync(path, 'r'), { length: 3 });
      const inMemory = new MemoryInput('abc');
      for (const input of [stored, inMemory]) input.read(length);
      stored.close(lost);
      inMemory.letGo(lost);
      for (const input of [stored, inMemory]) {
        if (length < 3) expect(() => input.readline()).toThrow(lost);
        else expect(input.read()).toHaveLength(0);
      }
    }
  });

  it('passes on a failure to read', () => {
    const input = new DescriptorInput(openSync(directory, 'r'), { position: 0 });
    opened.push(input);
    expect(() => input.read()).toThrow(/EISDIR/);
  });
});

describe('the output side', () => {
  it('writes bytes', () => {
    const path = join(directory, 'output');
    const descriptor = openSync(path, 'w');
    const output = new DescriptorOutput(descriptor);
    output.write(Buffer.from('ab'));
    output.write(Buffer.alloc(0));
    output.write(Buffer.from('c'));
    output.flush();
    closeSync(descriptor);
    expect(readFileSync(path, 'utf8')).toBe('abc');
  });

  it('writes text as UTF-8', () => {
    const path = join(directory, 'errors');
    const descriptor = openSync(path, 'w');
    const errors = new DescriptorErrors(descriptor);
    errors.write('\u00e4\n');
    errors.writelines(new Set(['b\n', 'c\n']));
    errors.flush();
    closeSync(descriptor);
    expect(readFileSync(path, 'utf8')).toBe('\u00e4\nb\nc\n');
  });

  it('does without an error stream that takes nothing', () => {
    const descriptor = openSync(join(directory, 'errors'), 'r');
    expect(() => new DescriptorOutput(descriptor).write(Buffer.from('lost'))).toThrow('EBADF');
    expect(() => new DescriptorErrors(descriptor).write('lost')).not.toThrow();
    closeSync(descriptor);
  });

  it('keeps text in memory', () => {
    const errors = new MemoryErrors();
    errors.write('a');
    errors.writelines(['b', 'c']);
    errors.flush();
    expect(errors.text).toBe('abc');
  });
});

describe('non-blocking standard streams', () => {
  // Two ends of socket pairs, non-blocking, in the place of standard input and output.
  const script = `
import os, socket, subprocess, sys, threading, time
ours_in, theirs_in = socket.socketpair()
ours_out, theirs_out = socket.socketpair()
theirs_in.setblocking(False)
theirs_out.setblocking(False)
child = subprocess.Popen(sys.argv[1:], stdin=theirs_in, stdout=theirs_out)
theirs_in.close(); theirs_out.close()
def feed():
    for part in (b'first\\n', b'second\\n', b'x' * 300000):
        time.sleep(0.05)
        ours_in.sendall(part)
    ours_in.shutdown(socket.SHUT_WR)
threading.Thread(target=feed).start()
child_output = b''
time.sleep(0.3)
while True:
    part = ours_out.recv(65536)
    if not part: break
    child_output += part
sys.stdout.buffer.write(b'%d %d' % (child.wait(), len(child_output)))
`;
  const program = `
import { DescriptorInput, DescriptorOutput } from './streams.js';
const input = new DescriptorInput(0);
const output = new DescriptorOutput(1);
for (const line of input) output.write(line);
output.write(Buffer.alloc(1000000));
`;

  it('are waited for', async () => {
    compile(directory, 'streams.ts');
    const path = join(directory, 'program.js');
    writeFileSync(path, program);
    const child = spawn('python3', ['-c', script, process.execPath, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let report = '';
    for await (const part of child.stdout) report += part;
    expect(report).toBe(`0 ${'first\nsecond\n'.length + 300_000 + 1_000_000}`);
  });
});
