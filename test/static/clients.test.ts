import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { staticFiles } from '../../src/static/index.js';
import { curl } from '../server/fixtures/curl.js';
import { Program } from '../server/fixtures/program.js';
import { started, temporaryFolder } from '../server/fixtures/started-server.js';

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
// Long enough for many sendfile calls, and never the same at two places.
const CONTENT = Buffer.alloc(3_000_000);
for (let place = 0; place < CONTENT.length; place += 4) CONTENT.writeUInt32BE((place * 2_654_435_761) >>> 0, place);

interface Site {
  url: string;
  /** Where a client puts what it gets. */
  folder: string;
  /** The file that is served, to be changed. */
  file: string;
}

async function site(): Promise<Site> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'www'));
  const file = join(folder, 'www/large.bin');
  writeFileSync(file, CONTENT);
  const { port } = await started(staticFiles(join(folder, 'www'), { listing: true }));
  return { url: `http://127.0.0.1:${port}/large.bin`, folder, file };
}

const without = (command: string) => spawnSync(command, ['--version']).error !== undefined;

describe.skipIf(without('curl'))('curl', () => {
  it('gets the file, and each of its parts', async () => {
    const { url } = await site();
    expect(hash((await curl([url])).output)).toBe(hash(CONTENT));
    for (const [range, part] of [
      ['0-0', CONTENT.subarray(0, 1)],
      ['1000000-1999999', CONTENT.subarray(1_000_000, 2_000_000)],
      ['2999999-', CONTENT.subarray(2_999_999)],
      ['-70000', CONTENT.subarray(-70_000)],
    ] as const) {
      const { code, output } = await curl(['--fail', '--range', range, url]);
      expect([range, code, hash(output)]).toEqual([range, 0, hash(part)]);
    }
  });

  it('goes on where it was interrupted, and is content with a file that it has', async () => {
    const { url, folder } = await site();
    const target = join(folder, 'got.bin');
    for (const length of [1, 65_536, 2_999_999]) {
      writeFileSync(target, CONTENT.subarray(0, length));
      const { code } = await curl(['--fail', '-C', '-', '-o', target, url]);
      expect([length, code, hash(readFileSync(target))]).toEqual([length, 0, hash(CONTENT)]);
    }
    const { output } = await curl(['-C', '-', '-o', target, '-w', '%{http_code}', url]);
    expect([output.toString(), hash(readFileSync(target))]).toEqual(['416', hash(CONTENT)]);
  });

  it('gets several parts that together are the file', async () => {
    const { url } = await site();
    const { output, log } = await curl(['-v', '--range', '0-99,1000000-1000099,-100', url]);
    const [, boundary] = /^< Content-Type: multipart\/byteranges; boundary=(\S+)\r$/m.exec(log)!;
    const parts = output.toString('latin1').split(`\r\n--${boundary}`).slice(1, -1);
    const bodies = parts.map((part) => Buffer.from(part.slice(part.indexOf('\r\n\r\n') + 4), 'latin1'));
    expect(bodies.map(hash)).toEqual(
      [CONTENT.subarray(0, 100), CONTENT.subarray(1_000_000, 1_000_100), CONTENT.subarray(-100)].map(hash),
    );
  });

  it('does not get what it has', async () => {
    const { url, folder } = await site();
    const [etag, target] = [join(folder, 'etag'), join(folder, 'got.bin')];
    const args = ['--etag-save', etag, '--etag-compare', etag, '-o', target, '-w', '%{http_code}', url];
    expect((await curl(args)).output.toString()).toBe('200');
    expect((await curl(args)).output.toString()).toBe('304');
    expect((await curl(['-z', target, '-w', '%{http_code}', url])).output.toString()).toBe('304');
    expect(hash(readFileSync(target))).toBe(hash(CONTENT));
  });
});

describe.skipIf(without('wget'))('wget', () => {
  async function wget(...args: string[]): Promise<number | NodeJS.Signals> {
    return await new Program('wget', ['--no-config', '--no-proxy', '-q', '--tries=1', ...args]).ended;
  }

  it('-c goes on where it was interrupted, and is content with a file that it has', async () => {
    const { url, folder } = await site();
    const target = join(folder, 'got.bin');
    for (const length of [1, 65_536, 2_999_999, 3_000_000]) {
      writeFileSync(target, CONTENT.subarray(0, length));
      expect([length, await wget('-c', '-O', target, url)]).toEqual([length, 0]);
      expect(hash(readFileSync(target))).toBe(hash(CONTENT));
    }
  });

  it('-N does not get what it has', async () => {
    const { url, folder, file } = await site();
    expect(await wget('-N', '-P', folder, url)).toBe(0);
    const target = join(folder, 'large.bin');
    expect(hash(readFileSync(target))).toBe(hash(CONTENT));
    // Were it sent again, it would be whole again.
    writeFileSync(target, Buffer.alloc(CONTENT.length, 'mine'));
    utimesSync(target, new Date(), statSync(file).mtime);
    expect(await wget('-N', '-P', folder, url)).toBe(0);
    expect(readFileSync(target, 'latin1')).toMatch(/^mine/);
  });

  it('-r gets all that a listing shows', async () => {
    const { url, folder } = await site();
    mkdirSync(join(folder, 'www/a b'));
    writeFileSync(join(folder, 'www/a b/\u00fc & <x>.txt'), 'odd');
    const at = join(folder, 'mirror');
    await wget('-r', '-nH', '-l', '3', '--restrict-file-names=nocontrol', '-P', at, new URL('/', url).href);
    expect(readFileSync(join(at, 'a b/\u00fc & <x>.txt'), 'utf8')).toBe('odd');
    expect(hash(readFileSync(join(at, 'large.bin')))).toBe(hash(CONTENT));
  });
});

describe('a file that is replaced while a client resumes', () => {
  it('is sent anew, and whole', async () => {
    const { url, file } = await site();
    const etag = (await fetch(url, { method: 'HEAD' })).headers.get('etag')!;
    const ask = () => fetch(url, { headers: { range: 'bytes=2999000-', 'if-range': etag } });
    const part = await ask();
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 1000]);
    const other = Buffer.alloc(CONTENT.length, 'other');
    writeFileSync(file, other);
    const whole = await ask();
    expect([whole.status, hash(new Uint8Array(await whole.arrayBuffer()))]).toEqual([200, hash(other)]);
  });
});
