/** The administrators' pages in a real browser, on a whole installation: accessibility, the keyboard alone, no JavaScript. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { axeViolations, launchBrowser } from '../support/browser.ts';
import { type Company, signInAsAna, startCompany } from '../support/company.ts';
import { missing } from '../support/parts.ts';

const skip = process.env['CHROMIUM'] === undefined && missing('chromium');

type Journey = (page: Page) => Promise<unknown>;

const open =
  (path: string): Journey =>
  (page) =>
    page.goto(path);
const submit = (name: string | RegExp, page: Page) => page.getByRole('button', { name }).click();

/** How to come to each page. None changes what another shows. */
const journeys: Readonly<Record<string, Journey>> = {
  'my passwords': open('/'),
  'a new secret for a password': async (page) => {
    await page.goto('/');
    await page.getByRole('link', { name: 'New secret for MacBook' }).click();
    await page.getByText('The old secret keeps working for').waitFor();
  },
  'my access': open('/access?repository=prod/gateway'),
  people: open('/admin'),
  'nobody found': open('/admin?q=nobody-of-this-name'),
  'a person': async (page) => {
    await page.goto('/admin/people/ana');
    await page.getByText('Expired and revoked').click();
  },
  'a disabled person': open('/admin/people/p7'),
  'the question before disabling': open('/admin/people/p1/disable'),
  'the question before ending sessions': open('/admin/people/p1/end-sessions'),
  'the question before removing': open('/admin/people/p1/remove'),
  revocations: open('/admin/revocations'),
  'a bulk with its preview': async (page) => {
    await page.goto('/admin/revocations/new');
    await page.getByLabel('Domain').fill('partner.example.org');
    await submit('Preview', page);
    await page.getByText('The passwords', { exact: true }).click();
  },
  robots: open('/admin/robots'),
  'the form of a robot': async (page) => {
    await page.goto('/admin/robots/new');
    await page.getByLabel('Name').fill('Not A Name');
    await page.getByLabel('Owned by the group').fill('platform');
    await submit('Create robot', page);
    await page.getByRole('alert').waitFor();
  },
  'a robot': open('/admin/robots/mirror'),
  'a password for a robot': open('/admin/robots/mirror/passwords/new'),
  audit: open('/admin/audit'),
  explain: open('/admin/explain?who=bo.berg@example.com&scope=repository:prod/web/shop:pull,push'),
  'explain with a mistake': open('/admin/explain?who=bo.berg@example.com&scope=registry:'),
  'API tokens': open('/admin/tokens'),
  'the form of an API token': open('/admin/tokens/new'),
  'the question before revoking an API token': open('/admin/tokens/offboarding/revoke'),
};

describe('the administrators’ pages in Chromium', { skip }, () => {
  let browser: Browser;
  let company: Company;
  let folder = '';
  const stack = new AsyncDisposableStack();
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dockpass-admin-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    company = await startCompany(folder, stack);
    browser = stack.use(await launchBrowser());
  });
  after(() => stack.disposeAsync());

  /** Signed in as Ana, who administers the company. Fails when the page reports an error of its own. */
  const withPage = async (options: BrowserContextOptions, action: (page: Page) => Promise<void>): Promise<void> => {
    const context: BrowserContext = await browser.newContext({
      baseURL: company.url,
      reducedMotion: 'reduce',
      ...options,
    });
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

  test('axe finds nothing on any page and nothing is cut off, light and dark, 390 and 1280 pixels wide', () =>
    withPage({}, async (page) => {
      for (const [name, go] of Object.entries(journeys)) {
        await go(page);
        for (const width of [390, 1280]) {
          await page.setViewportSize({ width, height: 800 });
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme });
            assert.deepEqual(await axeViolations(page), [], `${name}: ${width} ${colorScheme}`);
          }
          assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, name);
        }
      }
    }));

  test('people are found while one types, and the address says what is shown', () =>
    withPage({}, async (page) => {
      await page.goto('/admin?sort=created');
      await page.getByRole('searchbox').pressSequentially('ana al', { delay: 10 });
      await page.getByRole('heading', { name: '1 person' }).waitFor();
      await page.getByRole('link', { name: 'Ana Alves' }).waitFor();
      assert.match(page.url(), /[?&]q=ana\+al(&|$)/);
      assert.equal(await page.locator('#announce').innerText(), '1 person');
      await page.getByRole('searchbox').fill('');
      await page.getByRole('heading', { name: '143 people' }).waitFor();
      await page.getByLabel('State').selectOption('disabled');
      await page.getByRole('heading', { name: /^[2-9] people$/ }).waitFor();
      assert.deepEqual(
        await page
          .locator('tbody .badge')
          .allInnerTexts()
          .then((all) => [...new Set(all)]),
        ['Disabled'],
      );
    }));

  test('with the keyboard alone: find a person, revoke a password with a reason, undo it', () =>
    withPage({}, async (page) => {
      await page.goto('/admin');
      await tabTo(page, 'q');
      await page.keyboard.type('ana alves');
      await page.getByRole('heading', { name: '1 person' }).waitFor();
      await tabTo(page, 'Ana Alves');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Ana Alves' }).waitFor();
      await tabTo(page, 'Revoke MacBook');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Revoke “MacBook”' }).waitFor();
      await tabTo(page, 'reason');
      await page.keyboard.type('The laptop was stolen');
      await page.keyboard.press('Enter');
      await page.getByText('From the next login on they are refused.').waitFor();

      assert.ok(await page.getByText('The laptop was stolen').isVisible());

      await tabTo(page, 'Undo');
      await page.keyboard.press('Enter');
      await page.getByText('1 password works again.').waitFor();
    }));

  test('where the focus is can be seen, wherever Tab leads on the page of a person', () =>
    withPage({}, async (page) => {
      await page.goto('/admin/people/ana');
      await page.keyboard.press('Tab');
      assert.equal(await focusedName(page), 'Skip to content');
      for (let count = 0; await page.evaluate('document.activeElement !== document.body'); count++) {
        assert.notEqual(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'none');
        await page.keyboard.press('Tab');
        assert.ok(count < 100);
      }
    }));

  test('without JavaScript, on a telephone: search, page, disable and enable somebody', () =>
    withPage({ javaScriptEnabled: false, viewport: { width: 390, height: 800 } }, async (page) => {
      await page.goto('/admin');
      await page.getByRole('link', { name: 'Next' }).click();
      await page.getByText('Page 2 of 3').waitFor();
      await page.getByLabel('Search people').fill('chidi demir');
      await submit('Search', page);
      await page.getByRole('link', { name: 'Chidi Demir' }).first().click();
      await page.getByRole('link', { name: 'Disable account' }).click();
      await page.getByLabel('Reason').fill('On leave');
      await submit('Disable account', page);
      await page.getByText('The account is disabled.').waitFor();
      assert.ok(await page.getByText('On leave').isVisible());
      await page.getByRole('link', { name: 'Enable account' }).click();
      await submit('Enable account', page);
      await page.getByText('The account is enabled.').waitFor();
    }));

  test('without JavaScript: a robot, its password, a new secret for it', () =>
    withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto('/admin/robots');
      await page.getByRole('link', { name: 'New robot' }).click();
      await page.getByLabel('Name').fill('nightly');
      await page.getByLabel('Owned by the group').fill('platform');
      await page.getByLabel('Its labels, one a line').fill('stage: test, prod');
      await submit('Create robot', page);
      await page.getByRole('heading', { name: /^robot-nightly/ }).waitFor();
      assert.ok(await page.getByText('stage: test, prod').isVisible());
      await page.getByRole('link', { name: 'New password' }).click();
      await page.getByLabel('Name').fill('Runner');
      await submit('Create password', page);
      assert.match(await page.locator('#secret').innerText(), /^dkr_/);
      await page.getByRole('link', { name: 'Done, I have saved it' }).click();
      await page.getByRole('link', { name: 'New secret for Runner' }).click();
      await submit('Make a new secret', page);
      await page.getByRole('heading', { name: '“Runner” has a new secret' }).waitFor();
      await page.getByRole('link', { name: 'Done, I have saved it' }).click();
      await page.getByText('when its old secret ends').waitFor();
    }));

  test('without JavaScript: an API token that may do what was ticked', () =>
    withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto('/admin/tokens');
      await page.getByRole('link', { name: 'New token' }).click();
      await page.getByLabel('Name').fill('Audit export');
      await page.getByLabel(/Read the audit/).check();
      await submit('Create token', page);
      assert.match(await page.locator('#secret').innerText(), /^dka_/);
      await page.getByRole('link', { name: 'Done, I have saved it' }).click();
      await page.getByRole('link', { name: 'Revoke Audit export' }).click();
      await submit('Revoke token', page);
      await page.getByText('“Audit export” is revoked.').waitFor();
    }));
});

function focusedName(page: Page): Promise<string> {
  return page.evaluate("document.activeElement.id || document.activeElement.textContent.trim().replace(/\\s+/g, ' ')");
}

/** Presses Tab until the element of this name or id has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const passed: string[] = [];
  for (let count = 0; count < 80; count++) {
    await page.keyboard.press('Tab');
    const focused = await focusedName(page);
    if (focused === name) return;
    passed.push(focused);
  }
  assert.fail(`Tab never came to "${name}", only to: ${passed.join(', ')}`);
}
