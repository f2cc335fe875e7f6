import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../src/server/index.js';
import { staticFiles } from '../../src/static/index.js';
import { certificate } from '../server/fixtures/certificate.js';
import { started } from '../server/fixtures/started-server.js';
import { CHROMIUM, openPage, troubles } from './chromium.js';
import { frameOf, webm } from './webm.js';

const folder = mkdtempSync(join(tmpdir(), 'uwsgiref-browser-'));
afterAll(() => rmSync(folder, { recursive: true }));
const root = join(folder, 'www');
mkdirSync(root);

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface Request {
  path: string;
  status: number;
  range: string;
}

/** Serves the folder, over TLS where `scheme` says so, and keeps account of what was asked for. */
async function served(scheme: 'http' | 'https'): Promise<{ page: Page; origin: string; requests: Request[] }> {
  const requests: Request[] = [];
  const options: ServerOptions = {
    onAnswered: ({ environ, status }) =>
      requests.push({ path: environ.PATH_INFO ?? '', status, range: String(environ.HTTP_RANGE ?? '') }),
  };
  if (scheme === 'https') options.tls = certificate(folder, 'localhost');
  const { port } = await started(staticFiles(root, { listing: true, download: ['*.bin'] }), options);
  const page = await openPage({ ignoreHTTPSErrors: true });
  return { page, origin: `${scheme}://localhost:${port}`, requests };
}

// --- A site ----------------------------------------------------------------------------------------------------------

/** By path, from nothing to far more than a socket's buffer holds. */
const assets = new Map<string, Buffer>();
for (let index = 0; index < 100; index++) {
  const size = [0, 1, 900, 5000, 65_536, 65_537, 300_000][index % 7]!;
  const filling = randomBytes(size / 2).toString('hex');
  if (index < 40) assets.set(`script-${index}.js`, Buffer.from(`window.ran.push(${index}); // ${filling}`));
  else if (index < 70)
    assets.set(`style-${index}.css`, Buffer.from(`:root { --style-${index}: "${filling.slice(0, 8)}." }`));
  else
    assets.set(
      `image-${index}.svg`,
      Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${index}" height="1"><!-- ${filling} --></svg>`),
    );
}
for (const [name, content] of assets) writeFileSync(join(root, name), content);
writeFileSync(
  join(root, 'site.html'),
  `<!doctype html><title>A site</title><link rel="icon" href="data:,"><script>window.ran = [];</script>${[
    ...assets.keys(),
  ]
    .map((name) => {
      if (name.endsWith('.js')) return `<script src="${name}"></script>`;
      return name.endsWith('.css') ? `<link rel="stylesheet" href="${name}">` : `<img src="${name}" alt="">`;
    })
    .join('')}`,
);

const content = randomBytes(5_000_000);
writeFileSync(join(root, 'large.bin'), content);

// --- A video ---------------------------------------------------------------------------------------------------------

const SECONDS = 60;
const [WIDTH, HEIGHT] = [640, 360];

let video: Promise<Buffer> | undefined;

/** Noise, which makes the file too long to be loaded at once, around a gray that tells the second: 4 times that. */
async function makeVideo(): Promise<Buffer> {
  const page = await openPage();
  const images = await page.evaluate(
    async ([seconds, width, height]) => {
      const canvas = new OffscreenCanvas(width!, height!);
      const context = canvas.getContext('2d')!;
      const texts: string[] = [];
      for (let second = 0; second < seconds!; second++) {
        const image = context.createImageData(width!, height!);
        for (let at = 0; at < image.data.length; at++) image.data[at] = at % 4 === 3 ? 255 : Math.random() * 256;
        context.putImageData(image, 0, 0);
        context.fillStyle = `rgb(${4 * second} ${4 * second} ${4 * second})`;
        context.fillRect(width! / 4, height! / 4, width! / 2, height! / 2);
        const bytes = new Uint8Array(
          await (await canvas.convertToBlob({ type: 'image/webp', quality: 0.9 })).arrayBuffer(),
        );
        let text = '';
        for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
        texts.push(btoa(text));
      }
      return texts;
    },
    [SECONDS, WIDTH, HEIGHT],
  );
  return webm(
    images.map((image) => frameOf(Buffer.from(image, 'base64'))),
    WIDTH,
    HEIGHT,
  );
}

/** Seeks, and looks at the middle of the frame. @returns the second that it tells of */
function secondShown(page: Page, time: number): Promise<number> {
  return page.evaluate(async (time) => {
    const video = document.querySelector('video')!;
    const sought = new Promise((resolve) => video.addEventListener('seeked', resolve, { once: true }));
    video.currentTime = time;
    await sought;
    const context = new OffscreenCanvas(1, 1).getContext('2d')!;
    context.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
    return Math.round(context.getImageData(0, 0, 1, 1).data[0]! / 4);
  }, time);
}

describe.skipIf(CHROMIUM === undefined)('files in a browser', () => {
  for (const scheme of ['http', 'https'] as const) {
    it(`are a page with ${assets.size} others that it is made of, over ${scheme}`, async () => {
      const { page, origin, requests } = await served(scheme);
      const seen = troubles(page);
      await page.goto(`${origin}/site.html`, { waitUntil: 'load' });
      const made = await page.evaluate(() => {
        const styles = getComputedStyle(document.documentElement);
        return {
          scripts: (window as unknown as { ran: number[] }).ran,
          styles: Array.from({ length: 30 }, (_, index) => styles.getPropertyValue(`--style-${40 + index}`) !== ''),
          images: [...document.images].map(({ naturalWidth }) => naturalWidth),
        };
      });
      expect(made).toEqual({
        scripts: Array.from({ length: 40 }, (_, index) => index),
        styles: Array(30).fill(true),
        images: Array.from({ length: 30 }, (_, index) => 70 + index),
      });
      const hashes = await page.evaluate(
        (names) =>
          Promise.all(
            names.map(async (name) => {
              const bytes = await (await fetch(name, { cache: 'no-store' })).arrayBuffer();
              const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
              return [name, [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')];
            }),
          ),
        [...assets.keys()],
      );
      expect(new Map(hashes as Array<[string, string]>)).toEqual(
        new Map([...assets].map(([name, bytes]) => [name, hash(bytes)])),
      );
      await expect.poll(() => requests.length).toBe(1 + 2 * assets.size);
      expect(requests.filter(({ status }) => status !== 200)).toEqual([]);
      expect(seen).toEqual([]);
    });

    it(`are a video that is sought in by ranges, over ${scheme}`, async () => {
      video ??= makeVideo();
      const { length } = await video;
      writeFileSync(join(root, 'video.webm'), await video);
      writeFileSync(
        join(root, 'video.html'),
        '<!doctype html><title>A video</title><link rel="icon" href="data:,"><video src="video.webm" preload="metadata" muted></video>',
      );
      const { page, origin, requests } = await served(scheme);
      await page.goto(`${origin}/video.html`);
      const loaded = await page.evaluate(async () => {
        const video = document.querySelector('video')!;
        if (video.readyState < 1) {
          await new Promise((resolve, reject) => {
            video.addEventListener('loadedmetadata', resolve);
            video.addEventListener('error', () => reject(new Error(video.error?.message)));
          });
        }
        return [video.duration, video.videoWidth, video.videoHeight];
      });
      expect(loaded).toEqual([SECONDS, WIDTH, HEIGHT]);
      for (const second of [50, 10, 58, 3]) expect(await secondShown(page, second + 0.5)).toBe(second);
      const played = await page.evaluate(async () => {
        const video = document.querySelector('video')!;
        const begun = video.currentTime;
        await video.play();
        await new Promise<void>((resolve) => {
          video.addEventListener('timeupdate', () => {
            if (video.currentTime > begun + 0.5) resolve();
          });
        });
        return video.currentTime - begun;
      });
      expect(played).toBeGreaterThan(0.5);
      await page.close();
      const parts = requests.filter(({ path }) => path === '/video.webm');
      const begins = parts.map(({ range }) => Number(/^bytes=(\d+)-/.exec(range)?.[1]));
      // 304: the browser has that part in its cache, and asked whether it is still good.
      expect(parts.filter(({ status }) => status !== 206 && status !== 304)).toEqual([]);
      expect(begins.filter((begin) => begin > length / 2)).not.toEqual([]);
    });

    it(`are saved where they are to be, over ${scheme}`, async () => {
      const { page, origin } = await served(scheme);
      const saved = page.waitForEvent('download');
      await page.goto(`${origin}/?sort=size`);
      await page.getByRole('link', { name: 'large.bin' }).click();
      const download = await saved;
      expect(download.suggestedFilename()).toBe('large.bin');
      expect(hash(readFileSync(await download.path()))).toBe(hash(content));
    });
  }
});
