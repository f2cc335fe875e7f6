import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Identity, validatorsOf } from '../../src/static/conditions.js';
import { ask } from './ask.js';

const root = mkdtempSync(join(tmpdir(), 'uwsgiref-conditions-'));
const path = join(root, 'file.txt');
writeFileSync(path, '0123456789');
const modified = new Date('2020-02-03T04:05:06Z');
utimesSync(path, modified, modified);
afterAll(() => rmSync(root, { recursive: true }));

const etag = ask(root, '/file.txt').headers.ETag!;
const SAME = 'Mon, 03 Feb 2020 04:05:06 GMT';
const BEFORE = 'Mon, 03 Feb 2020 04:05:05 GMT';
const AFTER = 'Mon, 03 Feb 2020 04:05:07 GMT';
const status = (given: Record<string, string>) => Number(ask(root, '/file.txt', given).status.slice(0, 3));

const MODIFIED = 1_580_702_706_000_000_001n;
const identity = (given: Partial<Identity>): Identity => ({
  size: 1n,
  mtimeNs: MODIFIED,
  ctimeNs: MODIFIED + 10_000_000_000n,
  ino: 7n,
  ...given,
});

describe('RFC 9110 §13.2.2', () => {
  it.each([
    ['1: If-Match lists it', 200, { HTTP_IF_MATCH: `"a", ${etag}` }],
    ['1: If-Match takes any', 200, { HTTP_IF_MATCH: '*' }],
    ['1: If-Match does not list it', 412, { HTTP_IF_MATCH: '"a"' }],
    ['1: If-Match compares strongly', 412, { HTTP_IF_MATCH: `W/${etag}` }],
    ['1: If-Match is empty', 412, { HTTP_IF_MATCH: '' }],
    ['2: If-Unmodified-Since is that time', 200, { HTTP_IF_UNMODIFIED_SINCE: SAME }],
    ['2: If-Unmodified-Since is later', 200, { HTTP_IF_UNMODIFIED_SINCE: AFTER }],
    ['2: If-Unmodified-Since is earlier', 412, { HTTP_IF_UNMODIFIED_SINCE: BEFORE }],
    ['2: If-Unmodified-Since is no date', 200, { HTTP_IF_UNMODIFIED_SINCE: 'yesterday' }],
    ['1 comes before 2', 200, { HTTP_IF_MATCH: etag, HTTP_IF_UNMODIFIED_SINCE: BEFORE }],
    ['1 comes before 2, and fails', 412, { HTTP_IF_MATCH: '"a"', HTTP_IF_UNMODIFIED_SINCE: AFTER }],
    ['1 comes before 3', 412, { HTTP_IF_MATCH: '"a"', HTTP_IF_NONE_MATCH: etag }],
    ['3 comes behind 1', 304, { HTTP_IF_MATCH: etag, HTTP_IF_NONE_MATCH: etag }],
    ['2 comes before 4', 412, { HTTP_IF_UNMODIFIED_SINCE: BEFORE, HTTP_IF_MODIFIED_SINCE: SAME }],
    ['3: If-None-Match compares weakly', 304, { HTTP_IF_NONE_MATCH: `W/${etag}` }],
    ['3 comes before 4', 200, { HTTP_IF_NONE_MATCH: '"a"', HTTP_IF_MODIFIED_SINCE: SAME }],
    ['4: If-Modified-Since is that time', 304, { HTTP_IF_MODIFIED_SINCE: SAME }],
    ['5: Range alone', 206, { HTTP_RANGE: 'bytes=0-1' }],
    ['4 comes before 5', 304, { HTTP_IF_MODIFIED_SINCE: SAME, HTTP_RANGE: 'bytes=0-1' }],
    ['1 comes before 5', 412, { HTTP_IF_MATCH: '"a"', HTTP_RANGE: 'bytes=0-1' }],
    ['5: If-Range has the tag', 206, { HTTP_RANGE: 'bytes=0-1', HTTP_IF_RANGE: etag }],
    ['5: If-Range has another tag', 200, { HTTP_RANGE: 'bytes=0-1', HTTP_IF_RANGE: '"a"' }],
    ['5: If-Range compares strongly', 200, { HTTP_RANGE: 'bytes=0-1', HTTP_IF_RANGE: `W/${etag}` }],
    ['5: If-Range is that time', 206, { HTTP_RANGE: 'bytes=0-1', HTTP_IF_RANGE: SAME }],
    ['5: If-Range is a later time', 200, { HTTP_RANGE: 'bytes=0-1', HTTP_IF_RANGE: AFTER }],
    ['5: If-Range is neither', 200, { HTTP_RANGE: 'bytes=0-1', HTTP_IF_RANGE: 'x' }],
    ['5: If-Range fails where no part would be left', 200, { HTTP_RANGE: 'bytes=99-', HTTP_IF_RANGE: '"a"' }],
  ])('%s: %i', (_what, expected, given) => {
    expect(status(given)).toBe(expected);
  });

  it('a precondition of a file that is not there is none', () => {
    expect(ask(root, '/absent', { HTTP_IF_MATCH: '*' }).status).toBe('404 Not Found');
  });
});

describe('Last-Modified', () => {
  it('is no time to come', () => {
    const now = Date.now();
    const { lastModified } = validatorsOf(identity({ mtimeNs: BigInt(now + 86_400_000) * 1_000_000n }));
    expect(Date.parse(lastModified)).toBeLessThanOrEqual(Date.now());
    expect(Date.parse(lastModified)).toBeGreaterThanOrEqual(now - 1000);
  });

  it('of a file that was just written tells nothing by If-Range', () => {
    writeFileSync(join(root, 'fresh.txt'), '0123456789');
    const soon = new Date(Date.now() + 3_600_000);
    utimesSync(join(root, 'fresh.txt'), soon, soon);
    const date = ask(root, '/fresh.txt').headers['Last-Modified'];
    const answer = ask(root, '/fresh.txt', { HTTP_RANGE: 'bytes=0-1', HTTP_IF_RANGE: date });
    expect(answer.status).toBe('200 OK');
  });
});

describe('ETag', () => {
  it('tells nanoseconds, sizes and codings apart', () => {
    const tags = [
      validatorsOf(identity({})),
      validatorsOf(identity({ mtimeNs: MODIFIED + 1n })),
      validatorsOf(identity({ size: 2n })),
      validatorsOf(identity({}), 'br'),
      validatorsOf(identity({}), 'gzip'),
    ].map((validators) => validators.etag);
    expect(new Set(tags).size).toBe(tags.length);
    for (const tag of tags) expect(tag).toMatch(/^"[\w-]+"$/);
  });

  it('tells files of the same size and time apart where nobody has set the time', () => {
    const tagOf = (given: Partial<Identity>) => validatorsOf(identity(given)).etag;
    // Renamed in shortly after it was written.
    const written = { ctimeNs: MODIFIED + 4_000_000n };
    expect(tagOf({ ...written, ino: 8n })).not.toBe(tagOf(written));
    // As a deployment does it on each of several machines.
    for (const ctimeNs of [MODIFIED - 1n, MODIFIED + 1_000_000_000n]) {
      expect(tagOf({ ctimeNs, ino: 8n })).toBe(tagOf({ ctimeNs }));
    }
  });
});
