/** A person in Chromium approves a terminal: the code that they type, what the page shows, an attempt to deceive them, without JavaScript. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { axeViolations, launchBrowser, looks, noBrowser } from '../support/browser.ts';
import { missing } from '../support/parts.ts';
import { ana, startTerminalScene, type TerminalScene } from '../support/terminal-scene.ts';

const skip = missing('docker-registry') || noBrowser();
const grantType = 'urn:ietf:params:oauth:grant-type:device_code';

describe('the pages of a terminal in Chromium', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let scene: TerminalScene;
  let browser: Browser;
  before(async () => {
    // The browser and the terminals say where they are, as behind a proxy.
    scene = await startTerminalScene(stack, { settings: { TRUSTED_PROXIES: '127.0.0.1' } });
    browser = await launchBrowser();
    stack.defer(() => browser.close());
  });
  after(() => stack.disposeAsync());

  const send = async (path: string, form: Record<string, string>, address: string, agent = 'curl/8.5.0') => {
    const headers = { 'x-forwarded-for': address, 'user-agent': agent };
    const body = new URLSearchParams({ client_id: 'dockpass-cli', ...form });
    return (await fetch(scene.publicUrl + path, { method: 'POST', headers, body })).json() as Promise<Answer>;
  };
  type Answer = {
    readonly device_code: string;
    readonly user_code: string;
    readonly error?: string;
    readonly username?: string;
  };
  const begin = (machine: string, address: string, agent?: string) =>
    send('/oauth/device', { machine, purpose: 'machine' }, address, agent);
  const poll = ({ device_code }: Answer, address: string) =>
    send('/oauth/token', { grant_type: grantType, device_code }, address);

  /** A tab of ana at 192.0.2.7. */
  const withPage = async (
    action: (page: Page) => Promise<void>,
    { minutesAgo = 0, javaScriptEnabled = true, width = 1280 } = {},
  ) => {
    const viewport = { width, height: 900 };
    const context = await browser.newContext({
      viewport,
      javaScriptEnabled,
      extraHTTPHeaders: { 'x-forwarded-for': '192.0.2.7' },
    });
    const [name = '', value = ''] = (await scene.cookieOf(ana, minutesAgo)).split(/[=;]/);
    await context.addCookies([{ name, value, url: scene.publicUrl }]);
    try {
      await action(await context.newPage());
    } finally {
      await context.close();
    }
  };
  const isSound = async (page: Page) => {
    for (const { width, colorScheme } of looks) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      assert.deepEqual(await axeViolations(page), [], `${width} ${colorScheme}`);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
    }
    const folder = process.env['SCREENSHOTS'];
    if (folder !== undefined) await page.screenshot({ path: `${folder}/${Date.now()}.png`, fullPage: true });
  };
  const type = async (page: Page, code: string) => {
    await page.goto(`${scene.publicUrl}/terminal`);
    await page.getByLabel('Code').fill(code);
    await page.keyboard.press('Enter');
  };

  test('the code is typed, what the terminal asks for is shown and narrowed, and the terminal is signed in', () =>
    withPage(async (page) => {
      const terminal = await begin('ana-laptop', '192.0.2.7');
      await type(page, ` ${terminal.user_code.toLowerCase().replace('-', ' ')}`);
      await page.getByRole('heading', { name: 'Sign in this terminal as you?' }).waitFor();
      const text = await page.locator('main').innerText();
      assert.match(text, /It says it is “ana-laptop”/);
      assert.match(text, /It says it is “curl\/8\.5\.0”/);
      assert.match(text, /192\.0\.2\.7, the same as yours/);
      assert.match(text, new RegExp(`registry ${scene.registry} as you for 90 days`));
      await isSound(page);
      await page.getByLabel('Access').selectOption('pull');
      await page.getByLabel('Only these repositories').fill('team/**');
      await page.getByRole('button', { name: 'Approve' }).click();
      await page.getByRole('heading', { name: 'Approved' }).waitFor();
      await isSound(page);
      assert.equal((await poll(terminal, '192.0.2.7')).username, ana);
      await page.getByRole('link', { name: 'Your passwords' }).click();
      const notice = page.getByText('was signed in from a terminal at 192.0.2.7');
      assert.match(await notice.innerText(), /“ana-laptop at /);
      await isSound(page);
      await notice.getByRole('link', { name: /This wasn’t me/ }).click();
      await page.getByRole('button', { name: 'Revoke password' }).click();
      await page.getByText('has been revoked.').waitFor();
    }));

  test('a code that someone else sent: the page says first that the terminal is elsewhere, and Enter refuses', () =>
    withPage(async (page) => {
      const attacker = await begin('IT-Support (Google)', '203.0.113.66', 'Mozilla/5.0 Company Single Sign-On');
      await type(page, attacker.user_code);
      await page.getByRole('heading', { name: 'Sign in this terminal as you?' }).waitFor();
      const text = await page.locator('main').innerText();
      const warning = text.indexOf(
        'This terminal is not in your network. It is at 203.0.113.66, and you are at 192.0.2.7.',
      );
      assert.ok(warning !== -1 && warning < text.indexOf('It says it is “IT-Support (Google)”'), text);
      assert.match(text, /If someone sent you the code, refuse/);
      await isSound(page);
      const [first] = await page.getByRole('button', { name: /Refuse|approve/ }).allInnerTexts();
      assert.equal(first, 'Refuse');
      await page.getByLabel('Only these repositories').press('Enter');
      await page.getByRole('heading', { name: 'Refused' }).waitFor();
      await isSound(page);
      assert.equal((await poll(attacker, '203.0.113.66')).error, 'access_denied');
    }));

  test('who signed in too long ago signs in again before they see a terminal of another network', () =>
    withPage(
      async (page) => {
        const attacker = await begin('x', '203.0.113.67');
        await type(page, attacker.user_code);
        await page.getByRole('heading', { name: 'Confirm it’s you' }).waitFor();
        assert.equal(await page.getByRole('button', { name: /approve/i }).count(), 0);
        // Nor with the second form, sent by hand.
        const post = await scene.post('/terminal/decide', { code: attacker.user_code, decision: 'refuse' });
        assert.equal(post.status, 200, 'refusing needs no sign-in');
        const own = await begin('y', '192.0.2.7');
        await type(page, own.user_code);
        await page.getByRole('button', { name: 'Approve' }).waitFor();
      },
      { minutesAgo: 16 },
    ));

  test('a link and another site bring no code along: it is never in an address', () =>
    withPage(async (page) => {
      const { user_code: code } = await begin('z', '203.0.113.68');
      for (const query of [`code=${code}`, `user_code=${code}`, `code=${code}&decision=approve`]) {
        await page.goto(`${scene.publicUrl}/terminal?${query}`);
        assert.equal(await page.getByLabel('Code').inputValue(), '');
      }
      const another = { origin: 'https://evil.example', cookie: await scene.cookieOf(ana) };
      for (const path of ['/terminal', '/terminal/decide']) {
        const body = new URLSearchParams({ code, decision: 'approve', access: 'full' });
        const { status } = await fetch(scene.publicUrl + path, { method: 'POST', body, headers: another });
        assert.equal(status, 403, path);
      }
      const { headers } = await fetch(`${scene.publicUrl}/terminal`, { headers: another });
      assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/);
    }));

  test('without JavaScript, on a narrow screen, with a mistake on the way', () =>
    withPage(
      async (page) => {
        const terminal = await begin('old-browser', '192.0.2.7');
        await type(page, 'BBBB-BBBB');
        await page.getByText('No terminal is waiting for this code').waitFor();
        await page.getByLabel('Code').fill(terminal.user_code);
        await page.getByRole('button', { name: 'Continue' }).click();
        await page.getByLabel('Only these repositories').fill('no//pattern');
        await page.getByRole('button', { name: 'Approve' }).click();
        await page.getByText('The repository pattern “no//pattern” isn’t valid:').waitFor();
        await page.getByLabel('Only these repositories').fill('');
        await page.getByRole('button', { name: 'Approve' }).click();
        await page.getByRole('heading', { name: 'Approved' }).waitFor();
        assert.equal((await poll(terminal, '192.0.2.7')).username, ana);
      },
      { javaScriptEnabled: false, width: 390 },
    ));

  test('the page for a new password offers the terminal first and keeps the rest; CI tabs send people to robots', () =>
    withPage(async (page) => {
      await page.goto(`${scene.publicUrl}/passwords/new`);
      const headings = await page.getByRole('heading').allInnerTexts();
      assert.deepEqual(headings.slice(0, 2), ['New app password', 'On your own machine: no password to copy']);
      const line = `curl -fsS ${scene.publicUrl}/cli/login.sh | sh -s -- ${scene.registry}`;
      assert.equal(await page.locator('#terminal-line').innerText(), line);
      await page.getByText('Download, read, run').click();
      assert.match(await page.locator('#terminal-steps').innerText(), /less login\.sh\nsh login\.sh localhost:\d+$/);
      await isSound(page);
      await page.getByLabel('Name').fill('a job');
      await page.getByRole('button', { name: 'Create password' }).click();
      await page.locator('.places > label').getByText('CI', { exact: true }).click();
      await page.getByText('A job shouldn’t log in as you').filter({ visible: true }).waitFor();
      await page.getByRole('link', { name: 'a robot of your group' }).filter({ visible: true }).click();
      await page.getByRole('heading', { name: 'Robots' }).waitFor();
    }));
});
