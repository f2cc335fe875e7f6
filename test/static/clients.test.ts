import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mount } from '../../src/mount.js';
import type { Server } from '../../src/server/index.js';
import { staticFiles } from '../../src/static/index.js';
import { certificate } from '../server/fixtures/certificate.js';
import { curl } from '../server/fixtures/curl.js';
import { Program } from '../server/fixtures/program.js';
import { started, temporaryFolder, until } from '../server/fixtures/started-server.js';

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
// Long enough for many sendfile calls, and never the same at two places.
const CONTENT = Buffer.alloc(3_000_000);
for (let place = 0; place < CONTENT.length; place += 4) CONTENT.writeUInt32BE((place * 2_654_435_761) >>> 0, place);

interface Site {
  url: string;
  /** The same, for a download that is not to be over before something has become of it: it takes 20 seconds and more. */
  slowUrl: string;
  /** Where a client puts what it gets. */
  folder: string;
  /** The file that is served, to be changed. */
  file: string;
  server: Server;
  /** What a client has to trust, over TLS. */
  cert: string | undefined;
}

async function site(scheme: 'http' | 'https' = 'http', content = CONTENT): Promise<Site> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'www'));
  const file = join(folder, 'www/large.bin');
  writeFileSync(file, content);
  const tls = scheme === 'https' ? certificate(folder, 'localhost') : undefined;
  const root = join(folder, 'www');
  const application = mount({
    '/': staticFiles(root, { listing: true }),
    '/slow': staticFiles(root, { rate: '100KB/s' }),
  });
  const { server, port } = await started(application, tls && { tls });
  const origin = `${scheme}://localhost:${port}`;
  return {
    url: `${origin}/large.bin`,
    slowUrl: `${origin}/slow/large.bin`,
    folder,
    file,
    server,
    cert: tls?.cert,
  };
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

async function wget(...args: string[]): Promise<number | NodeJS.Signals> {
  return await new Program('wget', ['--no-config', '--no-proxy', '-q', '--tries=1', ...args]).ended;
}

describe.skipIf(without('wget'))('wget', () => {
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

for (const scheme of ['http', 'https'] as const) {
  describe(`downloads over ${scheme}`, () => {
    it.skipIf(without('curl'))('are whole by curl at a limited rate, in parts and in two sittings', async () => {
      const { url, folder, cert } = await site(scheme);
      const ca = cert === undefined ? [] : ['--cacert', cert];
      // So slow that the server waits for the client, again and again.
      expect(hash((await curl([...ca, '--limit-rate', '4M', url])).output)).toBe(hash(CONTENT));
      const part = await curl([...ca, '--fail', '--range', '1000000-1999999', url]);
      expect(hash(part.output)).toBe(hash(CONTENT.subarray(1_000_000, 2_000_000)));
      const target = join(folder, 'got.bin');
      writeFileSync(target, CONTENT.subarray(0, 1_234_567));
      expect((await curl([...ca, '--fail', '-C', '-', '-o', target, url])).code).toBe(0);
      expect(hash(readFileSync(target))).toBe(hash(CONTENT));
    });

    it.skipIf(without('curl'))('are whole after a client has gone away in their midst', async () => {
      const { url, slowUrl, folder, cert } = await site(scheme);
      const ca = cert === undefined ? [] : ['--cacert', cert];
      const target = join(folder, 'got.bin');
      // The server paces it on Linux, elsewhere curl itself, which does so only as well as it is scheduled.
      const first = new Program('curl', ['-q', '-s', ...ca, '--limit-rate', '100k', '-o', target, slowUrl]);
      await until(() => existsSync(target) && statSync(target).size > 0);
      first.process.kill('SIGKILL');
      await first.ended;
      expect(statSync(target).size).toBeLessThan(CONTENT.length);
      expect((await curl([...ca, '--fail', '-C', '-', '-o', target, url])).code).toBe(0);
      expect(hash(readFileSync(target))).toBe(hash(CONTENT));
    });

    it.skipIf(without('wget'))('are gone on with by wget -c', async () => {
      const { url, folder, cert } = await site(scheme);
      const target = join(folder, 'got.bin');
      writeFileSync(target, CONTENT.subarray(0, 2_000_001));
      const ca = cert === undefined ? [] : ['--ca-certificate', cert];
      expect(await wget('-c', ...ca, '-O', target, url)).toBe(0);
      expect(hash(readFileSync(target))).toBe(hash(CONTENT));
    });

    it.skipIf(without('aria2c'))('come by eight connections of aria2 at once', async () => {
      const large = Buffer.concat([CONTENT, CONTENT, CONTENT.subarray(1), CONTENT]);
      const { url, folder, cert, server } = await site(scheme, large);
      const before = server.stats().connections;
      const ca = cert === undefined ? [] : [`--ca-certificate=${cert}`];
      const options = ['--no-conf', '--no-netrc', '-q', '--disable-ipv6', '--file-allocation=none', '--max-tries=1'];
      const aria2 = new Program('aria2c', [
        ...options,
        ...ca,
        '-x8',
        '-s8',
        '-k1M',
        '-d',
        folder,
        '-o',
        'got.bin',
        url,
      ]);
      expect(await aria2.ended).toBe(0);
      expect(hash(readFileSync(join(folder, 'got.bin')))).toBe(hash(large));
      expect(server.stats().connections - before).toBeGreaterThanOrEqual(8);
    });
  });
}

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
