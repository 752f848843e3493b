/** The administrators' pages in a real browser, on a whole installation: what is done on them, with the keyboard alone and without JavaScript. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { noBrowser } from '../support/browser.ts';
import { useCompanyInBrowser, type WithPage } from '../support/company-in-browser.ts';

const skip = noBrowser();

const submit = (name: string | RegExp, page: Page) => page.getByRole('button', { name }).click();

describe('the administrators’ pages in Chromium', { skip }, () => {
  let withPage: WithPage;
  const stack = new AsyncDisposableStack();
  before(async () => {
    withPage = await useCompanyInBrowser({ after: (end) => stack.defer(end) });
  });
  after(() => stack.disposeAsync());

  test('people are found while one types, and the address says what is shown', () =>
    withPage({}, async (page) => {
      await page.goto('/admin/people?sort=created&order=up');
      await page.getByRole('searchbox').pressSequentially('ana al', { delay: 10 });
      await page.getByRole('heading', { name: '1 person' }).waitFor();
      await page.getByRole('link', { name: 'Ana Alves' }).waitFor();
      await page.waitForURL(/[?&]q=ana\+al&.*sort=created&order=up$/);
      assert.equal(await page.locator('#announce').innerText(), '1 person');
      await page.getByRole('searchbox').fill('');
      await page.getByRole('heading', { name: '143 people' }).waitFor();
      await page.getByLabel('State').selectOption('disabled');
      await page.waitForURL(/state=disabled/);
      await page.getByRole('heading', { name: /^\d{1,2} people$/ }).waitFor();
      assert.deepEqual(
        await page
          .locator('tbody .badge')
          .allInnerTexts()
          .then((all) => [...new Set(all)]),
        ['Disabled'],
      );
    }));

  test('from a person’s group to everyone in it', () =>
    withPage({}, async (page) => {
      await page.goto('/admin/people/ana');
      const groups = page.getByRole('region', { name: 'Groups' }).getByRole('link');
      const name = await groups.first().innerText();
      await groups.first().click();
      await page.getByRole('link', { name: 'Ana Alves' }).waitFor();
      assert.equal(await page.getByRole('textbox', { name: 'Group' }).inputValue(), name);
      await page.getByRole('link', { name: 'Show all' }).click();
      await page.getByRole('heading', { name: '143 people' }).waitFor();
    }));

  test('with the keyboard alone: find a person, revoke a password with a reason, undo it', () =>
    withPage({}, async (page) => {
      await page.goto('/admin/people');
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
      await page.getByText('Revoked.', { exact: true }).waitFor();

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

  test('without JavaScript, on a telephone: search, page, disable and enable someone', () =>
    withPage({ javaScriptEnabled: false, viewport: { width: 390, height: 800 } }, async (page) => {
      await page.goto('/admin/people');
      await page.getByRole('link', { name: 'Next' }).click();
      await page.getByText('Page 2 of 3').waitFor();
      await page.getByLabel('Search people').fill('chidi demir');
      await submit('Search', page);
      await page.getByRole('link', { name: 'Chidi Demir' }).first().click();
      await page.getByRole('link', { name: 'Disable account' }).click();
      await page.getByLabel('Reason').fill('On leave');
      await submit('Disable account', page);
      await page.getByText('Its passwords no longer work, and its sessions have ended.').waitFor();
      assert.ok(await page.getByText('On leave').isVisible());
      assert.equal(await page.locator('.notice').count(), 1);
      await page.getByRole('link', { name: 'Enable account' }).click();
      await submit('Enable account', page);
      await page.getByText('The account is enabled.').waitFor();
    }));

  test('without JavaScript: someone who comes by another way gets their account, until that is ended', () =>
    withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto('/admin/people/p1');
      await page.getByRole('link', { name: 'Change provider' }).click();
      await submit('Allow the next sign-in', page);
      await page.getByText('gets the account, within 24 hours').waitFor();
      await page.getByText(/The next person who signs in with this address/).waitFor();
      await page.getByRole('link', { name: 'Change provider' }).click();
      await submit('Don’t allow it any more', page);
      await page.getByText('Moving is no longer allowed.').waitFor();
      assert.equal(await page.getByText(/The next person who signs in with this address/).count(), 0);
    }));

  test('without JavaScript: the name of someone who was removed is kept, and released', () =>
    withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto('/admin/people/p9');
      const login = await page.locator('.person-line .soft').innerText();
      await page.getByRole('link', { name: 'Remove account' }).click();
      await submit('Remove account', page);
      await page.getByRole('link', { name: 'Reserved names' }).click();
      await submit(`Release ${login}`, page);
      await page.getByText('The name is released: it can be given to someone else.').waitFor();
      await page.getByText('No reserved names.').waitFor();
    }));

  test('without JavaScript: a robot, its password, a new secret for it', () =>
    withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto('/admin/robots');
      await page.getByRole('link', { name: 'New robot' }).click();
      await page.getByLabel('Name').fill('nightly');
      await page.getByLabel('Owner group').fill('platform');
      await page.getByLabel('Labels (one per line)').fill('stage: test, prod');
      await submit('Create robot', page);
      await page.getByRole('heading', { name: /^robot-nightly/ }).waitFor();
      assert.ok(await page.getByText('stage: test, prod').isVisible());
      await page.getByRole('link', { name: 'New password' }).click();
      await page.getByLabel('Name').fill('Runner');
      await submit('Create password', page);
      assert.match(await page.locator('#secret').innerText(), /^dkr_/);
      await page.getByRole('link', { name: 'Done, I’ve saved it' }).click();
      await page.getByRole('link', { name: /^(Rotate|Adopt) Runner/ }).click();
      await submit('Rotate', page);
      await page.getByRole('heading', { name: '“Runner” has been rotated' }).waitFor();
      await page.getByRole('link', { name: 'Done, I’ve saved it' }).click();
      await page.getByText('The previous password,').waitFor();
    }));

  test('without JavaScript: an API token that can do what was ticked', () =>
    withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto('/admin/tokens');
      await page.getByRole('link', { name: 'New token' }).click();
      await page.getByLabel('Name').fill('Audit export');
      await page.getByLabel(/Read the audit/).check();
      await submit('Create token', page);
      assert.match(await page.locator('#secret').innerText(), /^dka_/);
      await page.getByRole('link', { name: 'Done, I’ve saved it' }).click();
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
