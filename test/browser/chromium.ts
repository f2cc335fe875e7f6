import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, onTestFinished } from 'vitest';

/** Where Debian and its like have it; undefined where there is none. */
export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));

let browser: Promise<Browser> | undefined;

/** A page of its own, up to the end of the test. The browser is started by the first, and lives as long as the file's tests. */
export async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  browser ??= chromium.launch({
    executablePath: CHROMIUM!,
    // Root has no sandbox to be had.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const context = await (await browser).newContext(options);
  onTestFinished(() => context.close());
  return context.newPage();
}

afterAll(async () => {
  await (await browser)?.close();
});

/** What went wrong in a page: its errors, and what it has put on the console. */
export function troubles(page: Page): string[] {
  const seen: string[] = [];
  page.on('pageerror', (error) => seen.push(error.message));
  page.on('console', (message) => seen.push(message.text()));
  return seen;
}

/**
 * @returns the contrast of an element's text with what is behind it, as WCAG 2.2 has it: from 1 to 21
 */
export function contrastOf(page: Page, selector: string): Promise<number> {
  return page
    .locator(selector)
    .first()
    .evaluate((element) => {
      type Colour = [red: number, green: number, blue: number, alpha: number];
      const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;
      const parse = (text: string): Colour => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = text;
        canvas.fillRect(0, 0, 1, 1);
        const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
        return [red, green, blue, alpha / 255];
      };
      const luminance = ([red, green, blue]: Colour) => {
        const [r, g, b] = [red, green, blue].map((value) => {
          const share = value / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        }) as [number, number, number];
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      let behind: Element | null = element;
      let ground: Colour = [255, 255, 255, 1];
      for (; behind !== null; behind = behind.parentElement) {
        const colour = parse(getComputedStyle(behind).backgroundColor);
        if (colour[3] === 1) {
          ground = colour;
          break;
        }
      }
      const [one, other] = [luminance(parse(getComputedStyle(element).color)), luminance(ground)];
      return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    });
}
