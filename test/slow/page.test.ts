import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStage, type Scene, scenes, type Stage } from './page-stage.ts';

/**
 * The page in a real browser: what axe-core finds, at three sizes, dark and light, in every state there is. Skipped
 * where Debian's Chromium is not installed; CI installs it.
 */
const CHROMIUM = '/usr/bin/chromium';
const SIZES = [
  { width: 360, height: 740 },
  { width: 768, height: 1024 },
  { width: 1280, height: 800 },
];
const require = createRequire(import.meta.url);

type Violation = { readonly id: string; readonly impact: string; readonly where: readonly string[] };

let browser: Browser;
let axe: string;
const missing = existsSync(CHROMIUM) ? undefined : `${CHROMIUM} is not installed`;
if (missing !== undefined) console.log(`page.test.ts: skipped: ${missing}`);

describe.skipIf(missing !== undefined)('the page in Chromium', () => {
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');
  });
  afterAll(() => browser.close());

  const withPage = async <Result>(
    url: string,
    options: BrowserContextOptions,
    look: (page: Page) => Promise<Result>,
  ): Promise<Result> => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
    try {
      const page = await context.newPage();
      await page.goto(url);
      return await look(page);
    } finally {
      await context.close();
    }
  };

  /** axe-core is script of ours that the page's policy rightly keeps out: it is looked at without one. */
  const violationsOf = (url: string, options: BrowserContextOptions): Promise<readonly Violation[]> =>
    withPage(url, { ...options, bypassCSP: true }, async (page) => {
      await page.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))");
      await page.evaluate(axe);
      return page.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map(({ html }) => html) })))',
      );
    });

  /** What the browser itself complains of, but for the status of the page. */
  const complaintsOf = (url: string, options: BrowserContextOptions): Promise<readonly string[]> =>
    withPage('about:blank', options, async (page) => {
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().includes('Failed to load resource'))
          complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(url);
      const past = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      return past === 0 ? complaints : [...complaints, `scrolls sideways by ${String(past)}`];
    });

  it.each(Object.entries(scenes(Math.floor(Date.now() / 1000))))(
    '%s: accessible, within its width, and within its policy',
    { timeout: 120_000 },
    async (_, scene) => {
      const stage = await openStage(scene);
      try {
        const pages = ['', '?name=_search._tcp.marathon.mesos&type=SRV', '?name=no.mesos&filter=search'];
        for (const [i, viewport] of SIZES.entries())
          for (const colorScheme of ['light', 'dark'] as const) {
            const url = `${stage.page}${pages[i]}`;
            const options = { viewport, colorScheme };
            expect([url, options, await violationsOf(url, options)]).toEqual([url, options, []]);
            expect([url, options, await complaintsOf(url, options)]).toEqual([url, options, []]);
          }
      } finally {
        await stage.close();
      }
    },
  );

  const on = async (scene: Scene, look: (stage: Stage) => Promise<void>): Promise<void> => {
    const stage = await openStage(scene);
    try {
      await look(stage);
    } finally {
      await stage.close();
    }
  };

  it('is looked up, filtered and followed with JavaScript off', { timeout: 60_000 }, () =>
    on({}, ({ page: url }) =>
      withPage(url, { javaScriptEnabled: false }, async (page) => {
        expect(await page.getByRole('button', { name: 'Copy' }).count()).toBe(0);
        await page.getByLabel('Name', { exact: true }).fill('search.marathon.mesos');
        await page.getByRole('button', { name: 'Look up' }).click();
        expect(await page.getByRole('status').textContent()).toMatch(/NOERROR\s+4 values/);
        await page.getByLabel('Name has').fill('search');
        await page.getByRole('button', { name: 'Filter' }).click();
        await page
          .getByRole('link', { name: /^tcp \d+/ })
          .first()
          .click();
        expect(await page.getByRole('status').textContent()).toMatch(/NOERROR.*try as http/s);
        await page.getByText('Windows', { exact: true }).click();
        expect(await page.getByText('connect windows').isVisible()).toBe(true);
      }),
    ),
  );

  it('copies the URL, and says so', { timeout: 60_000 }, () =>
    on({ access: 'tokens' }, ({ page: url }) =>
      withPage(url, { permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
        await page.getByRole('button', { name: 'Copy' }).click();
        await page.getByRole('button', { name: 'Copied' }).waitFor({ timeout: 5_000 });
        expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`${url}dns-query`);
      }),
    ),
  );

  it('downloads a profile with the token in it', { timeout: 60_000 }, () =>
    on({ access: 'tokens' }, ({ page: url }) =>
      withPage(url, { userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X)' }, async (page) => {
        const downloading = page.waitForEvent('download', { timeout: 10_000 });
        await page.getByRole('link', { name: 'Download the profile' }).click();
        const download = await downloading;
        expect(download.suggestedFilename()).toBe('mesos-doh.mobileconfig');
        expect(await readFile(await download.path(), 'utf8')).toContain(`<string>${url}dns-query</string>`);
      }),
    ),
  );

  it('is reached, skipped through and asked by keyboard alone', { timeout: 60_000 }, () =>
    on({}, ({ page: url }) =>
      withPage(url, {}, async (page) => {
        await page.keyboard.press('Tab');
        expect(await page.evaluate('document.activeElement.className')).toBe('skip');
        await page.keyboard.press('Enter');
        await page.keyboard.press('Tab');
        await page.keyboard.type('leader.mesos');
        await page.keyboard.press('Enter');
        await page.waitForURL(/name=leader\.mesos/, { timeout: 10_000 });
        expect(await page.getByRole('status').textContent()).toContain('NOERROR');
      }),
    ),
  );
});
