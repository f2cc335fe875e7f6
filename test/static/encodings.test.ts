import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { type Encoding, preferredEncodings } from '../../src/static/encodings.js';
import { staticFiles } from '../../src/static/index.js';
import { started } from '../server/fixtures/started-server.js';
import { ask } from './ask.js';

const OFFERED: Encoding[] = ['br', 'zstd', 'gzip'];

describe('Accept-Encoding', () => {
  it.each<[accept: string | undefined, expected: string]>([
    [undefined, ''],
    ['', ''],
    ['gzip, deflate, br, zstd', 'br zstd gzip'],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['GZIP;Q=0.5', 'gzip'],
    ['br;q=0.5, gzip;q=0.9', 'gzip br'],
    ['br;q=0, gzip', 'gzip'],
    ['*', 'br zstd gzip'],
    ['*;q=0', ''],
    ['gzip, *;q=0', 'gzip'],
    ['br;q=0, *', 'zstd gzip'],
    ['identity', ''],
    ['identity;q=1, br;q=0.5', ''],
    ['identity, br', 'br'],
    ['identity;q=0.5, br;q=0.9, gzip;q=0.1', 'br'],
    ['identity;q=0, gzip;q=0.001', 'gzip'],
    ['identity;q=0', ''],
    ['gzip;q=0.5, *;q=0.1', 'gzip br zstd'],
    ['gzip ; q = 0.5', 'gzip'],
    ['br;q=2, gzip', 'gzip'],
    ['br;q=, gzip', 'gzip'],
    ['br;q=-1, gzip', 'gzip'],
    [', ,gzip,', 'gzip'],
    ['brotli', ''],
  ])('%j prefers %j', (accept, expected) => {
    expect(preferredEncodings(accept, OFFERED).join(' ')).toBe(expected);
  });

  it('leaves the order between equals to whoever offers', () => {
    expect(preferredEncodings('br, gzip', ['gzip', 'br'])).toEqual(['gzip', 'br']);
    expect(preferredEncodings('br, gzip', ['gzip'])).toEqual(['gzip']);
  });
});

const root = mkdtempSync(join(tmpdir(), 'uwsgiref-encodings-'));
const time = new Date('2020-02-03T04:05:06.700Z');
const SCRIPT = 'console.log(1);\n'.repeat(20);

function put(name: string, content: Uint8Array | string, modified = time): void {
  writeFileSync(join(root, name), content);
  utimesSync(join(root, name), modified, modified);
}

put('app.js', SCRIPT);
put('app.js.br', 'as brotli');
put('app.js.zst', 'as zstd');
put('app.js.gz', 'as gzip');
put('plain.txt', 'plain');
put('stale.txt', 'new');
put('stale.txt.gz', 'old', new Date(time.getTime() - 1000));
put('odd.txt', 'odd');
mkdirSync(join(root, 'odd.txt.br'));
put('index.html', '<p>');
put('index.html.gz', 'index as gzip');
// A compressor keeps the time of its file, in whole seconds.
put('kept.txt', 'kept');
put('kept.txt.gz', 'kept as gzip', new Date('2020-02-03T04:05:06Z'));
put('out.txt', 'out');
symlinkSync('/etc/passwd', join(root, 'out.txt.gz'));
afterAll(() => rmSync(root, { recursive: true }));

const get = (path: string, accept: string, given = {}) =>
  ask(root, path, { HTTP_ACCEPT_ENCODING: accept, ...given }, { precompressed: true });

describe('a file that was compressed beforehand', () => {
  it.each([
    ['gzip, br, zstd', 'br', 'as brotli'],
    ['gzip, zstd', 'zstd', 'as zstd'],
    ['gzip', 'gzip', 'as gzip'],
  ])('is sent for %j as %s', (accept, encoding, body) => {
    const answer = get('/app.js', accept);
    expect(answer.body).toBe(body);
    expect(answer.headers).toMatchObject({
      'Content-Type': 'text/javascript; charset=utf-8',
      'Content-Encoding': encoding,
      'Content-Length': String(body.length),
      Vary: 'Accept-Encoding',
    });
    expect(answer.headers).not.toHaveProperty('Accept-Ranges');
    expect(get('/app.js', accept, { REQUEST_METHOD: 'HEAD' })).toEqual({ ...answer, body: '' });
  });

  it('has a tag of its own, by which it is not sent again', () => {
    const tags = ['', 'gzip', 'br', 'zstd'].map((accept) => get('/app.js', accept).headers.ETag!);
    expect(new Set(tags).size).toBe(4);
    const again = get('/app.js', 'br', { HTTP_IF_NONE_MATCH: tags[2] });
    expect([again.status, again.headers.Vary]).toEqual(['304 Not Modified', 'Accept-Encoding']);
    expect(get('/app.js', 'br', { HTTP_IF_NONE_MATCH: tags[0] }).status).toBe('200 OK');
  });

  it('is left alone where the client does not want it', () => {
    for (const accept of ['', 'identity', 'br;q=0, gzip;q=0, *;q=0', 'identity, *;q=0.5']) {
      const { body, headers } = get('/app.js', accept);
      expect(body).toBe(SCRIPT);
      expect(headers.Vary).toBe('Accept-Encoding');
      expect(headers).not.toHaveProperty('Content-Encoding');
    }
  });

  it('is left alone where nobody said that it is what it seems', () => {
    const { body, headers } = ask(root, '/app.js', { HTTP_ACCEPT_ENCODING: 'br' });
    expect(body).toBe(SCRIPT);
    expect(headers).not.toHaveProperty('Vary');
  });

  it('never stands for a part of the plain file', () => {
    const part = get('/app.js', 'br', { HTTP_RANGE: 'bytes=0-6' });
    expect([part.status, part.body, part.headers['Content-Encoding']]).toEqual([
      '206 Partial Content',
      'console',
      undefined,
    ]);
    const compressed = get('/app.js', 'br').headers.ETag;
    const resumed = get('/app.js', 'br', { HTTP_RANGE: 'bytes=3-', HTTP_IF_RANGE: compressed });
    expect([resumed.status, resumed.body]).toEqual(['200 OK', SCRIPT]);
    expect(get('/app.js', 'br', { HTTP_RANGE: 'bytes=0-6', REQUEST_METHOD: 'HEAD' }).headers).toHaveProperty(
      'Content-Encoding',
    );
  });

  it.each([
    ['/plain.txt', 'plain', 'that is not there'],
    ['/stale.txt', 'new', 'that is older than its file'],
    ['/odd.txt', 'odd', 'that is a directory'],
    ['/out.txt', 'out', 'behind a link to the outside'],
  ])('%s is %j beside one %s', (path, body) => {
    expect(get(path, 'br, gzip')).toMatchObject({ status: '200 OK', body });
  });

  it('may have lost the fraction of its time', () => {
    expect(get('/kept.txt', 'gzip').body).toBe('kept as gzip');
  });

  it('stands for an index, too', () => {
    expect(get('/', 'gzip')).toMatchObject({ body: 'index as gzip', headers: { 'Content-Encoding': 'gzip' } });
  });

  it('is an ordinary file under its own name', () => {
    const { headers, body } = get('/app.js.gz', 'gzip');
    expect([headers['Content-Type'], headers['Content-Encoding'], body]).toEqual([
      'application/gzip',
      undefined,
      'as gzip',
    ]);
  });

  it('is what a client makes the file of again', async () => {
    put('real.js', SCRIPT);
    put('real.js.br', brotliCompressSync(SCRIPT));
    put('real.js.gz', gzipSync(SCRIPT));
    const { port } = await started(staticFiles(root, { precompressed: true }));
    for (const accept of ['br', 'gzip', 'identity']) {
      const response = await fetch(`http://127.0.0.1:${port}/real.js`, { headers: { 'accept-encoding': accept } });
      expect(response.headers.get('content-encoding')).toBe(accept === 'identity' ? null : accept);
      expect(await response.text()).toBe(SCRIPT);
    }
  });
});
