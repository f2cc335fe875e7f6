import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { staticFiles } from '../../src/static/index.js';
import { MOST_RANGES, parseRanges } from '../../src/static/ranges.js';
import type { Environ, ResponseBody } from '../../src/types.js';
import { FileWrapper, setupTestingDefaults } from '../../src/util.js';
import { openFiles } from '../server/fixtures/descriptors.js';
import { get, RawClient, request } from '../server/fixtures/raw-client.js';
import { started } from '../server/fixtures/started-server.js';
import { ask } from './ask.js';

const ALL = { offset: 0, length: 100 };
const many = (count: number) => Array.from({ length: count }, (_each, index) => `${index * 5}-${index * 5}`).join();

describe('the parts of a file of 100 bytes by', () => {
  it.each([
    ['bytes=0-0', [{ offset: 0, length: 1 }]],
    ['bytes=0-99', [ALL]],
    ['bytes=99-', [{ offset: 99, length: 1 }]],
    ['bytes=0-', [ALL]],
    ['bytes=10-19', [{ offset: 10, length: 10 }]],
    ['bytes=90-1000', [{ offset: 90, length: 10 }]],
    ['bytes=0-99999999999999999999999', [ALL]],
    ['bytes=-1', [{ offset: 99, length: 1 }]],
    ['bytes=-100', [ALL]],
    ['bytes=-500', [ALL]],
    ['bytes=-99999999999999999999999', [ALL]],
    ['BYTES=0-0', [{ offset: 0, length: 1 }]],
    // None that can be satisfied.
    ['bytes=100-', []],
    ['bytes=100-200', []],
    ['bytes=99999999999999999999999-', []],
    ['bytes=-0', []],
    ['bytes=200-300,-0', []],
    // Lists.
    ['bytes=200-300,0-0', [{ offset: 0, length: 1 }]],
    [
      'bytes=0-1,5-6',
      [
        { offset: 0, length: 2 },
        { offset: 5, length: 2 },
      ],
    ],
    [
      'bytes=-1,0-0',
      [
        { offset: 99, length: 1 },
        { offset: 0, length: 1 },
      ],
    ],
    [
      'bytes= ,0-1 ,\t, 5-6,,',
      [
        { offset: 0, length: 2 },
        { offset: 5, length: 2 },
      ],
    ],
    ['bytes=0-10,5-20', [{ offset: 0, length: 21 }]],
    ['bytes=0-1,2-3', [{ offset: 0, length: 4 }]],
    ['bytes=5-20,0-10', [{ offset: 0, length: 21 }]],
    ['bytes=0-0,0-0,0-0', [{ offset: 0, length: 1 }]],
    [
      'bytes=0-1,50-51,10-11,2-9',
      [
        { offset: 0, length: 12 },
        { offset: 50, length: 2 },
      ],
    ],
    ['bytes=-1,0-', [ALL]],
    // To be ignored.
    ['', null],
    ['bytes', null],
    ['bytes=', null],
    ['bytes=,', null],
    ['bytes=-', null],
    ['bytes=5-2', null],
    ['bytes=0-1,5-2', null],
    ['bytes=abc', null],
    ['bytes=0-1x', null],
    ['bytes=0x1-0x2', null],
    ['bytes=1e1-20', null],
    ['bytes=--1', null],
    ['bytes=+1-2', null],
    ['bytes=0.5-1', null],
    ['bytes=0-1-2', null],
    ['bytes=0 - 1', null],
    ['bytes=0-1,x', null],
    ['bytes =0-1', null],
    ['items=0-1', null],
    ['0-1', null],
    [`bytes=${many(MOST_RANGES + 1)}`, null],
  ])('%j', (field, expected) => {
    expect(parseRanges(field, 100)).toEqual(expected);
  });

  it('a list of as many as there may be', () => {
    expect(parseRanges(`bytes=${many(MOST_RANGES)}`, 100)).toHaveLength(MOST_RANGES);
  });
});

it('an empty file has no part but its end', () => {
  expect(parseRanges('bytes=0-', 0)).toEqual([]);
  expect(parseRanges('bytes=0-0', 0)).toEqual([]);
  expect(parseRanges('bytes=-0', 0)).toEqual([]);
  expect(parseRanges('bytes=-5', 0)).toBeNull();
});

const root = mkdtempSync(join(tmpdir(), 'uwsgiref-ranges-'));
const content = Buffer.from(Array.from({ length: 300_000 }, (_each, index) => index % 251));

beforeAll(() => {
  writeFileSync(join(root, 'digits.txt'), '0123456789');
  writeFileSync(join(root, 'empty'), '');
  writeFileSync(join(root, 'large.bin'), content);
});
afterAll(() => rmSync(root, { recursive: true }));

describe('an answer in part', () => {
  it('has the bytes, and says which', () => {
    const whole = ask(root, '/digits.txt');
    const { status, headers, body } = ask(root, '/digits.txt', { HTTP_RANGE: 'bytes=2-4' });
    expect([status, body]).toEqual(['206 Partial Content', '234']);
    expect(headers).toEqual({ ...whole.headers, 'Content-Length': '3', 'Content-Range': 'bytes 2-4/10' });
  });

  it('is wrapped for sendfile', () => {
    const environ: Partial<Environ> = { PATH_INFO: '/large.bin', HTTP_RANGE: 'bytes=70000-' };
    setupTestingDefaults(environ);
    const body = staticFiles(root)(environ, () => () => undefined) as FileWrapper;
    expect(body).toBeInstanceOf(FileWrapper);
    expect(body.filelike).toMatchObject({ offset: 70_000, length: 230_000, size: 300_000 });
    body.close?.();
  });

  it('closes the file, by sendfile, by reading, and where nothing is sent', () => {
    const before = openFiles(root);
    for (const field of ['bytes=0-0', 'bytes=0-0,5-5', 'bytes=500-', 'bytes=x']) {
      ask(root, '/digits.txt', { HTTP_RANGE: field });
      expect([field, openFiles(root)]).toEqual([field, before]);
    }
    const environ: Partial<Environ> = { PATH_INFO: '/digits.txt', HTTP_RANGE: 'bytes=0-0,5-5' };
    setupTestingDefaults(environ);
    const body = staticFiles(root)(environ, () => () => undefined) as ResponseBody;
    expect(openFiles(root)).toBe(before + 1);
    void body.close?.();
    expect(openFiles(root)).toBe(before);
  });

  it('is refused with the size where there is no such part', () => {
    const { status, headers } = ask(root, '/digits.txt', { HTTP_RANGE: 'bytes=10-' });
    expect([status, headers['Content-Range']]).toEqual(['416 Range Not Satisfiable', 'bytes */10']);
    expect(ask(root, '/empty', { HTTP_RANGE: 'bytes=0-' }).headers['Content-Range']).toBe('bytes */0');
  });

  it.each(['bytes=x', 'lines=1-2', `bytes=${many(17)}`])('is the whole for %j', (field) => {
    expect(ask(root, '/digits.txt', { HTTP_RANGE: field })).toMatchObject({ status: '200 OK', body: '0123456789' });
  });

  it('is for GET alone', () => {
    const head = ask(root, '/digits.txt', { HTTP_RANGE: 'bytes=2-4', REQUEST_METHOD: 'HEAD' });
    expect([head.status, head.headers['Content-Length']]).toEqual(['200 OK', '10']);
  });

  it('has several parts, each with a head of its own', () => {
    const { status, headers, body } = ask(root, '/digits.txt', { HTTP_RANGE: 'bytes=-2, 0-0, 1-1, 4-5' });
    const [, boundary] = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers['Content-Type']!) ?? [];
    expect(status).toBe('206 Partial Content');
    expect(headers).not.toHaveProperty('Content-Range');
    const part = (range: string, text: string) =>
      `\r\n--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes ${range}/10\r\n\r\n${text}`;
    expect(body).toBe(`${part('8-9', '89')}${part('0-1', '01')}${part('4-5', '45')}\r\n--${boundary}--\r\n`);
  });
});

describe('over the wire', () => {
  it('parts arrive as they are in the file, by sendfile and by reading', async () => {
    const { port } = await started(staticFiles(root));
    const client = await RawClient.open(port);
    for (const [first, last] of [
      [0, 0],
      [1, 250_000],
      [65_535, 65_536],
      [299_999, 299_999],
    ] as const) {
      const response = await client.send(get('/large.bin', `Range: bytes=${first}-${last}`)).response();
      expect([response.status, response.framing]).toEqual([206, 'length']);
      expect(response.body.equals(content.subarray(first, last + 1))).toBe(true);
    }
    const several = await client.send(get('/large.bin', 'Range: bytes=0-99999,200000-')).response();
    expect([several.status, several.framing]).toEqual([206, 'length']);
    expect(several.body.includes(content.subarray(0, 100_000))).toBe(true);
    expect(several.body.includes(content.subarray(200_000))).toBe(true);
    const head = await client.send(request('HEAD', '/large.bin', 'Range: bytes=0-0')).response('HEAD');
    expect([head.status, head.field('content-length')]).toEqual([200, '300000']);
  });
});
