import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Sample } from '../../src/admin/history.js';
import { administered, FakeFleet, vitals } from '../admin/fake-fleet.js';
import { freePort } from '../server/fixtures/started-server.js';
import { CHROMIUM, contrastOf, openPage, troubles } from './chromium.js';

const INTERVAL = 2000;

/** A quarter of an hour of it, in which `requests` is the number of the sample. */
function busy(): Sample[] {
  const now = Date.now();
  return Array.from({ length: 450 }, (_, index) => ({
    time: now - (449 - index) * INTERVAL,
    workers: 2,
    requests: index,
    clientErrors: index % 7,
    serverErrors: 0,
    bytes: index * 1000,
    openConnections: 20,
    inFlight: 3,
    p50: 0.5,
    p95: 4,
    p99: index % 50 === 0 ? 900 : 9,
    loopDelayMs: 1,
    cpu: 0.5,
    memory: 1e8,
  }));
}

interface Opened {
  page: Page;
  fleet: FakeFleet;
  url: string;
}

/** Opens the page of a fleet of two workers, of which one has told of itself; with a history of the test's making. */
async function opened(options: BrowserContextOptions = {}, samples = busy()): Promise<Opened> {
  const fleet = new FakeFleet(2);
  fleet.workers[0]!.vitals = vitals({ requests: 1234, inFlight: 1, openConnections: 20 });
  const { url } = await administered(fleet);
  const page = await openPage(options);
  await page.clock.install();
  await page.route('**/history*', async (route) => {
    const after = Number(new URL(route.request().url()).searchParams.get('after'));
    await route.fulfill({
      json: { interval: INTERVAL, kept: 450, samples: samples.filter(({ time }) => time > after) },
    });
  });
  await page.goto(url);
  await page.getByRole('status').getByText('Ready', { exact: true }).waitFor();
  return { page, fleet, url };
}

/** Has the page ask again, which it does every other second. */
async function askAgain(page: Page): Promise<void> {
  const answered = page.waitForEvent('response', (response) => response.url().includes('/status'));
  await page.clock.fastForward(INTERVAL);
  await answered;
}

const chart = (page: Page, title: string) => page.getByRole('slider', { name: new RegExp(`^${title}`) });

describe.skipIf(CHROMIUM === undefined)('the status page', () => {
  it('loads nothing but itself and its figures, and runs into no policy', async () => {
    const { url } = await administered(new FakeFleet(1));
    const page = await openPage();
    const seen = troubles(page);
    const asked = new Set<string>();
    page.on('request', (request) => asked.add(request.url().replace(/\?.*/, '')));
    await page.goto(url);
    await page.getByRole('status').getByText('Ready').waitFor();
    await page.waitForResponse(/history/);
    expect([...asked].filter((each) => !each.startsWith('data:')).sort()).toEqual(
      ['/', '/history', '/status'].map((path) => `${url}${path}`),
    );
    expect(seen).toEqual([]);
  });

  it('has a policy by which nothing else could run, whatever got into it', async () => {
    const { page } = await opened();
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      let refused = 0;
      try {
        script.text = 'document.title = "mine"';
        document.body.append(script);
      } catch {
        refused++;
      }
      try {
        document.body.innerHTML = '<img src=x onerror="document.title = 1">';
      } catch {
        refused++;
      }
      return [refused, document.title];
    });
    expect(ran).toEqual([2, 'Ready · app.js:app']);
  });

  it('shows what is asked for as text, whatever it looks like', async () => {
    const { page, fleet } = await opened();
    const target = '/<img/src=x/onerror=document.title=1>';
    fleet.workers[0]!.answers.slow = async () => [
      { method: 'GET', target, address: '192.0.2.1', elapsedMs: 5000 },
      { method: 'GET', target: '/quick', address: '192.0.2.1', elapsedMs: 5 },
    ];
    await askAgain(page);
    const section = page.getByRole('region', { name: 'In flight for more than a second' });
    await section.getByText(`GET ${target}`).waitFor();
    expect(await section.getByText('/quick').count()).toBe(0);
    fleet.workers[0]!.vitals = vitals({ inFlight: 0 });
    await askAgain(page);
    await section.waitFor({ state: 'hidden' });
  });

  it('draws the last quarter of an hour', async () => {
    const { page } = await opened();
    expect(await page.getByRole('heading', { name: 'The last 15 minutes' }).count()).toBe(1);
    const figure = page.locator('figure').filter({ hasText: 'Requests' }).first();
    expect(await figure.locator('.now').innerText()).toMatch(/^449\s*\/s$/);
    const points = await figure.locator('.lines path:not(.area)').first().getAttribute('d');
    expect(points!.split('L')).toHaveLength(450);
    // No line for what is zero as a rule.
    expect(await figure.locator('.lines .tone-red').getAttribute('d')).toBe('');
  });

  it('begins with a minute, without any figures', async () => {
    const { page } = await opened({}, []);
    expect(await page.getByRole('heading', { name: 'The last minute' }).count()).toBe(1);
    expect(await page.getByText('No figures yet').count()).toBe(6);
    expect(await chart(page, 'Requests').getAttribute('aria-valuetext')).toBe('No figures yet');
  });

  it('is read by keyboard, all charts at the same moment', async () => {
    const { page } = await opened();
    const [requests, workers] = [chart(page, 'Requests'), chart(page, 'Workers')];
    await page.getByRole('link', { name: 'To the workers' }).focus();
    await page.keyboard.press('Tab');
    expect(await requests.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Home');
    expect(await requests.getAttribute('aria-valuetext')).toMatch(/^\d\d:\d\d:\d\d: All 0 \/s, 4xx 0 \/s, 5xx 0 \/s$/);
    await page.keyboard.press('ArrowRight');
    expect(await requests.getAttribute('aria-valuetext')).toMatch(/ All 1 \/s, 4xx 1 \/s/);
    expect(await workers.getAttribute('aria-valuenow')).toBe('1');
    await page.keyboard.press('PageUp');
    expect(await requests.getAttribute('aria-valuetext')).toMatch(/ All 31 \/s/);
    expect(await page.locator('figure .cursor line').count()).toBe(6);
    await page.keyboard.press('Escape');
    expect(await page.locator('figure .cursor line').count()).toBe(0);
  });

  it('is read by pointer', async () => {
    const { page } = await opened();
    const box = (await chart(page, 'Requests').boundingBox())!;
    await page.mouse.move(box.x + 45, box.y + 50);
    const now = page.locator('figure').first().locator('.now');
    expect(Number.parseInt(await now.innerText(), 10)).toBeLessThan(10);
    await page.mouse.move(0, 0);
    expect(Number.parseInt(await now.innerText(), 10)).toBe(449);
  });

  it('has its figures as a table too', async () => {
    const { page } = await opened();
    await page.getByText('As a table, minute by minute').click();
    const region = page.getByRole('region', { name: 'Figures of the last 15 minutes' });
    const rows = region.getByRole('row');
    expect(await rows.count()).toBe(1 + 15);
    expect(await rows.nth(1).innerText()).toMatch(/^\d\d:\d\d:\d\d\s+449 \/s\s+1 \/s\s+0 \/s\s+0.5 ms/);
    await rows.nth(2).getByText('419 /s').waitFor();
  });

  it('lists the workers, and follows them', async () => {
    const { page, fleet } = await opened();
    const rows = page.locator('#workers-table').getByRole('row');
    expect(await rows.nth(1).innerText()).toMatch(/^1\s+ready\s+1001\s+\d s\s+1,234\s/);
    fleet.workers = [fleet.workers[1]!];
    fleet.workers[0]!.state = 'stopping';
    await askAgain(page);
    await rows.nth(2).waitFor({ state: 'detached' });
    await rows.nth(1).getByText('stopping').waitFor();
    await page.getByRole('status').getByText('Not ready').waitFor();
  });

  it('says that the server drains, is gone and is back, and begins anew with another', async () => {
    const port = await freePort();
    const fleet = new FakeFleet(1, { host: '127.0.0.1', port });
    const admin = await administered(fleet);
    const page = await openPage();
    await page.clock.install();
    await page.goto(admin.url);
    const state = page.getByRole('status');
    await state.getByText('Ready').waitFor();
    fleet.draining = true;
    await askAgain(page);
    await state.getByText('Draining').waitFor();
    await admin.close({ graceMs: 0 });
    await page.clock.fastForward(INTERVAL);
    await state.getByText(/^No answer since \d\d:\d\d:\d\d$/).waitFor();
    expect(await page.title()).toMatch(/^No answer since/);
    await administered(new FakeFleet(3, { host: '127.0.0.1', port }));
    await askAgain(page);
    await state.getByText('Ready').waitFor();
    expect(await page.locator('#workers-table').getByRole('row').count()).toBe(1 + 3);
  });

  it('fits narrow and wide screens, and is a table for a screen reader on all of them', async () => {
    const { page } = await opened();
    for (const width of [320, 390, 768, 1024, 1080, 1280, 1920]) {
      await page.setViewportSize({ width, height: 844 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect([width, wide]).toEqual([width, width]);
      const table = page.getByRole('table').first();
      expect(await table.getByRole('columnheader', { name: 'Memory' }).count()).toBe(1);
      expect(await table.getByRole('cell').count()).toBe(2 * 11);
    }
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`can be read in ${colorScheme} colours: contrasts are WCAG's AA`, async () => {
      const { page } = await opened({ colorScheme });
      for (const selector of [
        'h1',
        '#places',
        '#state',
        'dt',
        'dd',
        '.unit',
        '.legend li',
        'th',
        'td',
        'a[href=live]',
        'summary',
        'footer p',
      ]) {
        expect([selector, await contrastOf(page, selector)]).toEqual([
          selector,
          expect.toSatisfy((ratio) => ratio >= 4.5),
        ]);
      }
      const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor === 'rgb(14, 17, 22)');
      expect(dark).toBe(colorScheme === 'dark');
    });
  }

  it('keeps still for those who want less motion', async () => {
    const { page } = await opened();
    for (const reducedMotion of ['no-preference', 'reduce'] as const) {
      await page.emulateMedia({ reducedMotion });
      const moves = await page.evaluate(() => document.getAnimations().length > 0);
      expect([reducedMotion, moves]).toEqual([reducedMotion, reducedMotion === 'no-preference']);
    }
  });
});
