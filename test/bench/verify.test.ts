import { describe, expect, it } from 'vitest';
import { noise } from '../../bench/harness/site.mjs';
import { answerFaults } from '../../bench/harness/verify.mjs';

const body = Buffer.from('Hello, world!');
const answer = { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': '13' }, body };

describe('answerFaults', () => {
  it('finds nothing in the expected answer', () => {
    expect(answerFaults(answer, 'text/plain', body)).toEqual([]);
  });

  it('finds one wrong byte', () => {
    expect(answerFaults({ ...answer, body: Buffer.from('Hello, World!') }, 'text/plain', body)).toHaveLength(1);
  });

  it('finds another status, length and type', () => {
    const other = { ...answer, status: 206, headers: { 'transfer-encoding': 'chunked' } };
    expect(answerFaults(other, 'text/plain', body)).toEqual([
      'status 206 instead of 200',
      'Content-Length missing instead of 13',
      'Content-Type missing instead of text/plain',
    ]);
  });

  it('finds a connection that ends with the answer', () => {
    const closing = { ...answer, headers: { ...answer.headers, connection: 'close' } };
    expect(answerFaults(closing, 'text/plain', body)).toEqual(['the connection is not kept alive']);
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
