/** The pages in a real browser: accessibility in both themes and widths, the keyboard alone, and no JavaScript. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { axeViolations, launchBrowser, looks, noBrowser } from '../support/browser.ts';
import { type Shown, type Site, seedPasswords, startPasswordPages } from '../support/password-pages.ts';

const registries = [
  { label: 'Production', host: 'registry.example.com' },
  { label: null, host: 'staging.example.com:5000' },
];
const skip = noBrowser();

const providers = [
  { name: 'google', label: 'Google', href: '/sign-in/google' },
  { name: 'keycloak', label: 'Keycloak', href: '/sign-in/keycloak' },
];
const message = 'Google did not answer in time. Try again in a minute.';
const hint = 'Choose the account that your organization gave you.';
const action = { href: '/sign-in', label: 'Use another account' };
const home = { href: '/', label: 'Go to your passwords' };
/** What no journey through a whole installation comes to. */
const also: Readonly<Record<string, Shown>> = {
  '/sign-in': { template: 'sign-in', data: { signedOut: true, registries, providers } },
  '/refused': {
    template: 'refused',
    data: { title: 'You can’t sign in', message: 'This is a personal account.', hint, action },
  },
  '/fresh': {
    template: 'fresh-sign-in',
    data: { minutes: 15, wasSent: true, isProven: true, home: '/admin', provider: 'google', href: '/sign-in/google' },
  },
  '/nobody-vouches': { template: 'sign-in', data: { signedOut: false, registries, providers: [] } },
  '/error': {
    template: 'error',
    data: { status: 502, title: 'Something went wrong', message, requestId: '4f1c', signInHref: '/sign-in', home },
  },
};

/** How to come to each page from the list. */
const journeys: Readonly<Record<string, (page: Page, site: Site) => Promise<void>>> = {
  list: async (page) => {
    await page.getByText('Expired and revoked', { exact: true }).click();
  },
  form: async (page) => {
    await page.getByRole('link', { name: 'New password' }).click();
    await page.getByText('Limit to specific repositories').click();
  },
  mistake: async (page, site) => {
    await page.goto(`${site.url}/passwords/new`);
    await page.getByLabel('Name').fill('MacBook');
    await page.getByRole('button', { name: 'Create password' }).click();
    await page.getByRole('alert').waitFor();
  },
  created: async (page, site) => {
    await page.goto(`${site.url}/passwords/new`);
    await page.getByLabel('Name').fill('build server');
    await page.getByRole('button', { name: 'Create password' }).click();
    await page.getByText('Kubernetes', { exact: true }).click();
    await page.getByText('kubectl create secret').waitFor();
    await page.getByText('Include the password').click();
  },
  revocation: async (page) => {
    await page.getByRole('link', { name: 'Revoke MacBook' }).click();
  },
  welcome: async (page, site) => {
    site.state.person = site.bo;
    await page.goto(`${site.url}/`);
  },
  ...Object.fromEntries(
    Object.keys(also).map((path) => [
      path,
      async (page: Page, site: Site) => {
        await page.goto(site.url + path);
      },
    ]),
  ),
  'not found': async (page, site) => {
    await page.goto(`${site.url}/passwords/none/revoke`);
  },
};

describe('the pages in Chromium', { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  /** A tab on the list of Ana's seeded passwords; whatever a page writes to the console fails the test. */
  const withPage = async (
    options: BrowserContextOptions & { seed?: boolean },
    action: (page: Page, site: Site) => Promise<void>,
  ): Promise<void> => {
    const site = await startPasswordPages({ also });
    if (options.seed !== false) await seedPasswords(site);
    const context = await browser.newContext(options);
    const problems: string[] = [];
    const page = await context.newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (!/status of 4\d\d/.test(message.text())) problems.push(message.text());
    });
    try {
      await page.goto(`${site.url}/`);
      await action(page, site);
      assert.deepEqual(problems, []);
    } finally {
      await context.close();
      await site.close();
    }
  };

  for (const [name, go] of Object.entries(journeys)) {
    test(`${name}: axe finds nothing and nothing is cut off, light on a phone, dark on a desktop`, () =>
      // Without motion: a colour that is still changing has a contrast of its own.
      withPage({ reducedMotion: 'reduce' }, async (page, site) => {
        await go(page, site);
        for (const { width, colorScheme } of looks) {
          await page.setViewportSize({ width, height: 800 });
          await page.emulateMedia({ colorScheme });
          assert.deepEqual(await axeViolations(page), [], `${width} ${colorScheme}`);
          assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
        }
      }));
  }

  test('a newcomer gets a password and copies the command with the keyboard alone', () =>
    withPage({ seed: false, permissions: ['clipboard-read', 'clipboard-write'] }, async (page, site) => {
      await tabTo(page, 'Create password');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: '“My laptop” is ready' }).waitFor();
      const secret = await page.locator('#secret').innerText();

      await tabTo(page, 'Copy the password');
      await page.keyboard.press('Enter');
      await page.getByText('Copied.').waitFor();
      assert.equal(await page.evaluate('navigator.clipboard.readText()'), secret);

      await tabTo(page, 'tool-docker');
      await page.keyboard.press('ArrowRight');
      await tabTo(page, 'Copy “Run this, then paste the password when prompted” for Podman');
      await page.keyboard.press('Space');
      await page.getByText('Copied.').waitFor();
      assert.equal(
        await page.evaluate('navigator.clipboard.readText()'),
        'podman login registry.example.com -u ana@example.com',
      );
      assert.equal((await site.passwords.ofAccount(site.ana)).length, 1);
    }));

  test('config.json is saved with the login in it, and no address shows it', () =>
    withPage({ seed: false }, async (page) => {
      await page.getByRole('button', { name: 'Create password' }).click();
      const secret = await page.locator('#secret').innerText();
      await page.locator('label').getByText('config.json', { exact: true }).click();
      const downloading = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Download config.json' }).click();
      const download = await downloading;
      assert.equal(download.suggestedFilename(), 'config.json');
      assert.match(download.url(), /^blob:http/);
      const { auths } = JSON.parse(await readFile(await download.path(), 'utf8'));
      const login = Buffer.from(auths['registry.example.com'].auth, 'base64').toString();
      assert.equal(login, `ana@example.com:${secret}`);
    }));

  test('a command asks for the password until the reader wants it included, and is shown once', () =>
    withPage({ seed: false }, async (page) => {
      await page.getByRole('button', { name: 'Create password' }).click();
      const secret = await page.locator('#secret').innerText();
      const seen = (): Promise<string[]> => page.locator('pre:visible').allInnerTexts();
      assert.deepEqual(await seen(), ['docker login registry.example.com -u ana@example.com']);
      await page.getByText('Include the password').click();
      const [command = '', ...others] = await seen();
      assert.ok(command.includes(secret) && command.endsWith('--password-stdin'), command);
      assert.deepEqual(others, []);
    }));

  test('a form that is clicked twice is sent once, so that its answer is not lost', () =>
    withPage({ seed: false }, async (page) => {
      const stopped = await page.evaluate(`(() => {
        const stopped = [];
        addEventListener('submit', (event) => {
          stopped.push(event.defaultPrevented);
          event.preventDefault();
        });
        const button = document.querySelector('form.form button[type="submit"]');
        button.click();
        button.click();
        return stopped;
      })()`);
      assert.deepEqual(stopped, [false, true]);
    }));

  test('where the focus is can be seen, wherever Tab leads', () =>
    withPage({}, async (page) => {
      await page.keyboard.press('Tab');
      assert.equal(await focusedName(page), 'Skip to content');
      let stops = 0;
      for (; await page.evaluate('document.activeElement !== document.body'); stops++) {
        const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
        assert.notEqual(outline, 'none', await focusedName(page));
        await page.keyboard.press('Tab');
      }
      assert.ok(stops >= 10);
    }));

  test('without JavaScript: create a narrowed password, see each command, revoke', () =>
    withPage({ javaScriptEnabled: false, viewport: { width: 390, height: 800 } }, async (page, site) => {
      assert.equal(await page.getByRole('searchbox').isVisible(), false);
      await page.getByRole('link', { name: 'New password' }).click();
      await page.getByLabel('Name').fill('nightly build');
      await page.getByText('7 days').click();
      await page.getByText('Pull only').click();
      await page.getByText('Limit to specific repositories').click();
      await page.getByLabel('Repository patterns (one per line)').fill('nightly/**');
      await page.getByRole('button', { name: 'Create password' }).click();

      assert.match(await page.locator('#secret').innerText(), /^dkp_/);
      assert.equal(await page.getByRole('button', { name: /^Copy/ }).count(), 0);
      for (const [place, tool, words] of [
        ['This machine', 'Skopeo', 'skopeo login'],
        ['This machine', 'Helm', 'helm registry login'],
        ['CI', 'GitHub Actions', 'gh secret set'],
        ['CI', 'GitLab CI', 'glab variable set'],
        ['Kubernetes', 'secret.yaml', '.dockerconfigjson: |'],
        ['This machine', 'Docker', 'docker login'],
      ] as const) {
        await page.locator('.places > label').getByText(place, { exact: true }).click();
        await page.locator('label:visible').getByText(tool, { exact: true }).click();
        assert.ok(await page.locator('pre:visible').filter({ hasText: words }).first().isVisible(), tool);
      }

      await page.getByRole('link', { name: 'Done, I’ve saved it' }).click();
      assert.ok(await page.getByText('nightly/**').isVisible());
      await page.getByRole('link', { name: 'Revoke nightly build' }).click();
      await page.getByRole('button', { name: 'Revoke password' }).click();
      await page.getByText('“nightly build” has been revoked').waitFor();
      const made = (await site.passwords.ofAccount(site.ana)).find(({ name }) => name === 'nightly build');
      assert.equal(made?.state, 'revoked');
      assert.deepEqual(made?.limits, { actions: ['pull'], repositories: ['nightly/**'] });
    }));

  test('the filter leaves what matches, in all that is shown of a password', () =>
    withPage({}, async (page) => {
      const rows = page.locator('[data-entry]:visible .name');
      const filter = page.getByRole('searchbox');
      await filter.fill('PULL containerd');
      assert.deepEqual(await rows.allInnerTexts(), ['Production cluster']);
      await filter.fill('nowhere');
      assert.deepEqual(await rows.allInnerTexts(), []);
      assert.ok(await page.getByText('No password matches the filter.').isVisible());
      await filter.fill('');
      assert.equal(await rows.count(), 4);
    }));

  test('times are the reader’s own, with a script, and UTC without', async () => {
    const reader = { locale: 'en-GB', timezoneId: 'Pacific/Kiritimati' };
    const lastUse = async (page: Page) => {
      await page.getByRole('link', { name: 'Revoke MacBook' }).click();
      return page.locator('dd time').last().innerText();
    };
    await withPage(reader, async (page) => assert.equal(await lastUse(page), '23 Nov 2026, 20:28'));
    await withPage({ ...reader, javaScriptEnabled: false }, async (page) =>
      assert.equal(await lastUse(page), '23 Nov 2026, 06:28 UTC'),
    );
  });
});

function focusedName(page: Page): Promise<string> {
  return page.evaluate(
    "document.activeElement.id || document.activeElement.textContent.trim().replace(/\\s+/g, ' ').replace(/ Copied$/, '')",
  );
}

/** Presses Tab until the element of this name or id has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const passed: string[] = [];
  for (let count = 0; count < 30; count++) {
    await page.keyboard.press('Tab');
    const focused = await focusedName(page);
    if (focused === name) return;
    passed.push(focused);
  }
  assert.fail(`Tab never came to "${name}", only to: ${passed.join(', ')}`);
}
