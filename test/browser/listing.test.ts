import { mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { staticFiles } from '../../src/static/index.js';
import { started } from '../server/fixtures/started-server.js';
import { CHROMIUM, contrastOf, openPage, troubles } from './chromium.js';

const root = mkdtempSync(join(tmpdir(), 'uwsgiref-listing-'));
afterAll(() => rmSync(root, { recursive: true }));
const FILES = [
  ['a.txt', 3000, 2020],
  ['b.txt', 10, 2022],
  ['c <i>&amp; "d".txt', 200_000, 2021],
] as const;
mkdirSync(join(root, 'deep/er'), { recursive: true });
for (const [name, size, year] of FILES) {
  const path = join(root, name);
  writeFileSync(path, '');
  truncateSync(path, size);
  utimesSync(path, new Date(`${year}-06-01`), new Date(`${year}-06-01`));
}

async function opened(path: string, options: BrowserContextOptions = {}): Promise<{ page: Page; seen: string[] }> {
  const { port } = await started(staticFiles(root, { listing: true }));
  const page = await openPage(options);
  const seen = troubles(page);
  await page.goto(`http://127.0.0.1:${port}${path}`);
  return { page, seen };
}

const names = (page: Page) => page.locator('tbody tr td:first-child').allInnerTexts();
const sorted = (...order: number[]) => ['deep/', ...order.map((index) => FILES[index]![0])];

describe.skipIf(CHROMIUM === undefined)('a listing in a browser', () => {
  it('is sorted by its headings, and says how', async () => {
    const { page, seen } = await opened('/');
    expect(await names(page)).toEqual(sorted(0, 1, 2));
    for (const [heading, order, direction] of [
      ['Name', [2, 1, 0], 'descending'],
      ['Size', [1, 0, 2], 'ascending'],
      ['Size', [2, 0, 1], 'descending'],
      ['Modified (UTC)', [0, 2, 1], 'ascending'],
      ['Modified (UTC)', [1, 2, 0], 'descending'],
    ] as const) {
      const column = page.getByRole('columnheader', { name: heading });
      await column.getByRole('link').click();
      expect([heading, await names(page)]).toEqual([heading, sorted(...order)]);
      expect(await column.getAttribute('aria-sort')).toBe(direction);
    }
    expect(seen).toEqual([]);
  });

  it('is gone through by keyboard, in the order in which it is read', async () => {
    const { page } = await opened('/');
    const focused = () => page.evaluate(() => (document.activeElement as HTMLElement).innerText);
    const order: string[] = [];
    for (let count = 0; count < 7; count++) {
      await page.keyboard.press('Tab');
      order.push(await focused());
    }
    expect(order).toEqual(['Name', 'Size', 'Modified (UTC)', ...sorted(0, 1, 2)]);
    expect(await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)).toBe('solid');
    for (const [text, path] of [
      ['deep/', '/deep/'],
      ['er/', '/deep/er/'],
      ['../', '/deep/'],
    ] as const) {
      await page.getByRole('link', { name: text, exact: true }).last().focus();
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.pathname === path);
    }
    await page.getByRole('navigation', { name: 'Directories above' }).getByRole('link').first().click();
    await page.waitForURL((url) => url.pathname === '/');
  });

  it('opens a file of whatever name', async () => {
    const { page } = await opened('/');
    const answered = page.waitForResponse((response) => response.url().includes('amp'));
    await page.getByRole('link', { name: FILES[2][0] }).click();
    expect((await answered).status()).toBe(200);
  });

  it('can be read in light and in dark colours, and on a phone', async () => {
    const { page } = await opened('/deep/');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const selector of [
        'h1 a',
        'h1 span',
        'p',
        'th:not([aria-sort]) a',
        'th[aria-sort] a',
        'td a',
        'td:last-child',
      ]) {
        const ratio = await contrastOf(page, selector);
        expect([colorScheme, selector, ratio]).toEqual([
          colorScheme,
          selector,
          expect.toSatisfy((each) => each >= 4.5),
        ]);
      }
    }
    for (const width of [320, 390, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
  });
});
