/** Takes the pictures of docs/images/: each main page wide and light, some narrow and dark; arguments name the only pages to take. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../test/support/browser.ts';
import { type Company, signInAsAna, startCompany } from '../test/support/company.ts';

const folder = resolve(import.meta.dirname, '../docs/images');

/** How to come to each page, signed in as Ana. */
const pages: Readonly<Record<string, (page: Page, company: Company) => Promise<unknown>>> = {
  passwords: (page, { url }) => page.goto(`${url}/`),
  access: (page, { url }) => page.goto(`${url}/access?repository=platform/web-shop`),
  repositories: (page, { url }) => page.goto(`${url}/repositories`),
  repository: (page, { url }) => page.goto(`${url}/repositories/registry.example.com/platform/gateway`),
  'admin-repositories': (page, { url }) => page.goto(`${url}/admin/repositories`),
  'admin-overview': (page, { url }) => page.goto(`${url}/admin`),
  'admin-people': (page, { url }) => page.goto(`${url}/admin/people`),
  'admin-person': (page, { url }) => page.goto(`${url}/admin/people/ana`),
  'admin-revocation': (page, { url }) => page.goto(`${url}/admin/revocations/new?domain=partner.example.org`),
  'admin-robots': (page, { url }) => page.goto(`${url}/admin/robots`),
  'admin-audit': (page, { url }) => page.goto(`${url}/admin/audit`),
  'admin-explain': (page, { url }) =>
    page.goto(`${url}/admin/explain?who=bo.berg@example.com&scope=repository:prod/web/shop:pull,push`),
  'admin-tokens': (page, { url }) => page.goto(`${url}/admin/tokens`),
  'password-created': async (page, { url }) => {
    await page.goto(`${url}/passwords/new`);
    await page.getByLabel('Name').fill('Home server');
    await page.getByRole('button', { name: 'Create password' }).click();
    await page.locator('#secret').waitFor();
  },
};

/** Of these the first screen tells enough. */
const long = ['admin-people'];
/** These are shown as a telephone shows them, too. */
const narrow = ['passwords', 'password-created', 'access', 'admin-person'];
/** Of 100: where letters still have sharp edges. A picture is a third of what PNG takes, and a repository keeps each forever. */
const quality = 85;

/** As WebP, which Playwright's own screenshots are not. @param whole beyond the first screen */
async function shoot(page: Page, whole: boolean): Promise<Buffer> {
  const session = await page.context().newCDPSession(page);
  const { cssLayoutViewport, cssContentSize } = await session.send('Page.getLayoutMetrics');
  const { width, height } = whole
    ? cssContentSize
    : { width: cssLayoutViewport.clientWidth, height: cssLayoutViewport.clientHeight };
  const { data } = await session.send('Page.captureScreenshot', {
    format: 'webp',
    quality,
    captureBeyondViewport: true,
    clip: { x: 0, y: 0, width, height, scale: 1 },
  });
  return Buffer.from(data, 'base64');
}

type Look = { readonly colorScheme: 'light' | 'dark'; readonly width: number };

/** A company of its own for each look: what one picture changes is not seen in the next. */
async function take(browser: Browser, { colorScheme, width }: Look, names: readonly string[]): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const state = await mkdtemp(join(tmpdir(), 'dockpass-screenshots-'));
  stack.defer(() => rm(state, { recursive: true, force: true }));
  const company = await startCompany(state, stack);
  const viewport = { width, height: width === 390 ? 844 : 860 };
  const context = stack.use(await browser.newContext({ colorScheme, viewport, locale: 'en-GB', timezoneId: 'UTC' }));
  await signInAsAna(context, company);
  for (const name of names) {
    const page = await context.newPage();
    await pages[name]?.(page, company);
    await writeFile(join(folder, `${name}-${colorScheme}-${width}.webp`), await shoot(page, !long.includes(name)));
    await page.close();
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in pages));
if (unknown.length > 0) {
  console.error(`No such page: ${unknown.join(', ')}. There are: ${Object.keys(pages).join(', ')}`);
  process.exit(2);
}
await using stack = new AsyncDisposableStack();
// A server has no desktop to take a font from; Inter (Debian's fonts-inter) comes close to what most readers have.
const browser = stack.use(await launchBrowser(['--system-font-family=Inter']));
await mkdir(folder, { recursive: true });
const names = wanted.length > 0 ? wanted : Object.keys(pages);
await take(browser, { colorScheme: 'light', width: 1280 }, names);
await take(
  browser,
  { colorScheme: 'dark', width: 390 },
  names.filter((name) => narrow.includes(name)),
);
