import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ASSETS, assetBytes } from '../../bench/harness/assets.mjs';
import { noise } from '../../bench/harness/noise.mjs';
import type { Scenario } from '../../bench/harness/scenarios.mjs';
import { answerFaults } from '../../bench/harness/verify.mjs';

const body = Buffer.from('Hello, world!');
const answer = { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': '13' }, body };
const scenario = (expected: Partial<Scenario['expected']> = {}, newConnections = false) => ({
  expected: { status: 200, contentType: 'text/plain', framing: 'length' as const, ...expected },
  newConnections,
});

describe('answerFaults', () => {
  it('finds nothing in the expected answer', () => {
    expect(answerFaults(answer, scenario(), body)).toEqual([]);
  });

  it('finds one wrong byte', () => {
    expect(answerFaults({ ...answer, body: Buffer.from('Hello, World!') }, scenario(), body)).toHaveLength(1);
  });

  it('finds another status, length and type', () => {
    const other = { ...answer, status: 206, headers: { 'transfer-encoding': 'chunked' } };
    expect(answerFaults(other, scenario(), body)).toEqual([
      'status 206 instead of 200',
      'Content-Length missing instead of 13',
      'Content-Type missing instead of text/plain',
    ]);
  });

  it('finds a connection that ends with the answer', () => {
    const closing = { ...answer, headers: { ...answer.headers, connection: 'close' } };
    expect(answerFaults(closing, scenario(), body)).toEqual(['the connection is not kept alive']);
  });
});

describe('answerFaults, for what a scenario asks', () => {
  const closing = { ...answer, headers: { ...answer.headers, connection: 'close' } };

  it('wants the connection closed where each request has its own', () => {
    expect(answerFaults(closing, scenario({}, true), body)).toEqual([]);
    expect(answerFaults(answer, scenario({}, true), body)).toEqual([
      'the connection is kept alive, against the request',
    ]);
  });

  it('lets a server close that cannot do otherwise', () => {
    expect(answerFaults(closing, scenario(), body, true)).toEqual([]);
  });

  it('wants a streamed body in chunks', () => {
    expect(answerFaults(answer, scenario({ framing: 'chunked' }), body)).toEqual([
      'Transfer-Encoding missing instead of chunked',
    ]);
  });

  it('asks no length and no type of a 304', () => {
    const unchanged = { status: 304, headers: {}, body: Buffer.alloc(0) };
    const expected = { status: 304, framing: 'none' as const };
    expect(answerFaults(unchanged, { expected, newConnections: false }, Buffer.alloc(0))).toEqual([]);
  });
});

describe('the assets of a page', () => {
  it('are twenty, of the sizes they say, and the same bytes each time', () => {
    expect(ASSETS).toHaveLength(20);
    for (const asset of ASSETS) {
      expect(assetBytes(asset)).toHaveLength(asset.size);
      expect(assetBytes(asset).equals(assetBytes(asset))).toBe(true);
    }
  });

  it('compress where they are texts, to less than half', () => {
    for (const asset of ASSETS) {
      const share = gzipSync(assetBytes(asset)).length / asset.size;
      if (asset.precompressed) expect(share, asset.path).toBeLessThan(0.5);
    }
  });
});

describe('noise', () => {
  it('has the size asked for, the same bytes each time, and no word twice', () => {
    const bytes = noise(100 * 1024);
    expect(bytes).toHaveLength(100 * 1024);
    expect(noise(100 * 1024).equals(bytes)).toBe(true);
    const words = new Set(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
    expect(words.size).toBe(bytes.length / 4);
  });
});
