/** Owns a browser in which the administrator of the made-up company is signed in. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser } from './browser.ts';
import { type MorePast, signInAsAna, startCompany } from './company.ts';

/** Runs the action in a tab of a context of its own, signed in as Ana; whatever a page writes to the console fails the test. */
export type WithPage = (options: BrowserContextOptions, action: (page: Page) => Promise<void>) => Promise<void>;

/** Starts a company, which ends with the test. */
export async function useCompanyInBrowser(
  t: { after(end: () => Promise<void>): void },
  writeMore?: MorePast,
): Promise<WithPage> {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-pages-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const company = await startCompany(folder, stack, writeMore);
  const browser = stack.use(await launchBrowser());
  return async (options, action) => {
    // Without motion: a colour that is still changing has a contrast of its own.
    const context = await browser.newContext({ baseURL: company.url, reducedMotion: 'reduce', ...options });
    const problems: string[] = [];
    try {
      await signInAsAna(context, company);
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(String(error)));
      page.on('console', (message) => {
        if (!/status of 4\d\d/.test(message.text())) problems.push(message.text());
      });
      await action(page);
      assert.deepEqual(problems, []);
    } finally {
      await context.close();
    }
  };
}
