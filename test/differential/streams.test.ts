import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { DescriptorInput, MemoryInput } from '../../src/streams.js';
import type { InputStream } from '../../src/types.js';
import type { Random } from '../random.mjs';
import { differential } from './oracle.js';

const SOURCES = ['memory', 'view', 'file', 'part of a file', 'short file', 'pipe', 'part of a pipe'] as const;

type Operation = ['read' | 'readline' | 'readlines', ...size: number[]] | ['iterate', number];

interface StreamsCase {
  source: (typeof SOURCES)[number];
  /** Pieces in latin1, and how often each is repeated. */
  body: Array<[text: string, times: number]>;
  operations: Operation[];
}

// Around the blocks in which CPython and ours read ahead.
const LARGE_SIZES = [8191, 8192, 8193, 65_535, 65_536, 65_537, 100_000];

function inventOperation(random: Random, large: boolean): Operation {
  const size = (): number[] => {
    if (random.chance(4)) return [];
    return [random.pick(large ? LARGE_SIZES : [-1, 0, 1, 2, 3, 4, 5, 8, 13, 100])];
  };
  const name = random.pick(['read', 'readline', 'readlines', 'iterate'] as const);
  return name === 'iterate' ? [name, 1 + random.below(3)] : [name, ...size()];
}

function invent(random: Random): StreamsCase {
  const large = random.chance(50);
  const pieces = random.list(6, (): [string, number] => [random.text('ab\n\r\xe4\x00', 8), 1 + random.below(4)]);
  if (large) pieces.splice(random.below(pieces.length + 1), 0, [`${random.text('ab\n', 3)}c`, 30_000]);
  return {
    // A large body does not fit into a pipe.
    source: random.pick(large ? SOURCES.slice(0, 5) : SOURCES),
    body: pieces,
    operations: random.list(10, () => inventOperation(random, large && !random.chance(3))),
  };
}

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'uwsgiref-differential-'));
  execFileSync('mkfifo', [join(directory, 'pipe')]);
});
afterAll(() => rmSync(directory, { recursive: true }));

function openFile(content: Uint8Array): number {
  const path = join(directory, 'file');
  writeFileSync(path, content);
  return openSync(path, 'r');
}

/** A pipe that holds its content already; its writer is gone. */
function openPipe(content: Uint8Array): number {
  const path = join(directory, 'pipe');
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(path, 'w');
  writeSync(writing, content);
  closeSync(writing);
  return reading;
}

const BEFORE = Buffer.from('before\n');
const AFTER = Buffer.from('after\n');

function open(source: StreamsCase['source'], body: Buffer): InputStream {
  switch (source) {
    case 'memory':
      return new MemoryInput(body);
    case 'view':
      return new MemoryInput(Buffer.concat([BEFORE, body, AFTER]).subarray(BEFORE.length, BEFORE.length + body.length));
    case 'file':
      return new DescriptorInput(openFile(body));
    case 'part of a file': {
      const range = { position: BEFORE.length, length: body.length };
      return new DescriptorInput(openFile(Buffer.concat([BEFORE, body, AFTER])), range);
    }
    case 'short file':
      return new DescriptorInput(openFile(body), { position: 0, length: body.length + 3 });
    case 'pipe':
      return new DescriptorInput(openPipe(body));
    case 'part of a pipe':
      return new DescriptorInput(openPipe(Buffer.concat([body, AFTER])), { length: body.length });
  }
}

function operate(stream: InputStream, [name, ...args]: Operation): unknown {
  if (name === 'readlines') return lines(stream.readlines(...args));
  if (name !== 'iterate') return show(stream[name](...args));
  const [most] = args;
  const outcome: Buffer[] = [];
  for (const line of stream) if (outcome.push(line) === most) break;
  return lines(outcome);
}

// What is long is compared by its digest.
function show(data: Buffer): string {
  if (data.length < 60) return data.toString('latin1');
  return `${data.length} bytes, ${createHash('sha1').update(data).digest('hex')}`;
}

function lines(outcome: Buffer[]): unknown[] {
  if (outcome.length < 20) return outcome.map(show);
  return [outcome.length, show(Buffer.concat(outcome.flatMap((line, index) => (index === 0 ? [line] : [BAR, line]))))];
}
const BAR = Buffer.from('|');

it(
  'input streams as CPython has them',
  differential('streams', invent, ({ source, body, operations }) => {
    const stream = open(
      source,
      Buffer.concat(body.map(([text, times]) => Buffer.alloc(text.length * times, text, 'latin1'))),
    );
    try {
      return operations.map((operation) => operate(stream, operation));
    } finally {
      if (stream instanceof DescriptorInput) stream.close();
    }
  }),
);
