/** `dockpass login` on a machine with a browser and on one without, with real docker; and what a sign-in on the same device has to be. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser, noBrowser } from '../support/browser.ts';
import { missing } from '../support/parts.ts';
import { type Running, runProgram, startProgram } from '../support/process.ts';
import { main } from '../support/program.ts';
import { ana, bo, type Machine, startTerminalScene, type TerminalScene } from '../support/terminal-scene.ts';

const skip = missing('docker-registry', 'docker') || noBrowser();

describe('dockpass login', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let scene: TerminalScene;
  let machine: Machine;
  let browser: Browser;
  before(async () => {
    scene = await startTerminalScene(stack);
    browser = await launchBrowser(['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1']);
    stack.defer(() => browser.close());
  });
  beforeEach(async () => {
    machine = await scene.machine();
  });
  after(() => stack.disposeAsync());

  /** An xdg-open that notes the page and ends with this code. */
  const opener = (code: number) => {
    const file = join(machine.home, 'bin', 'xdg-open');
    writeFileSync(file, `#!/bin/sh\necho "$1" >${machine.home}/opened\nexit ${code}\n`, { mode: 0o755 });
  };
  const begin = async (words: readonly string[], ready: RegExp): Promise<Running> => {
    const env = { ...machine.environment, DISPLAY: ':0' };
    const args = [main, 'login', ...words, '--server', scene.publicUrl];
    const login = await startProgram(process.execPath, args, { ready, env });
    stack.defer(() => login.stop());
    return login;
  };
  const pageOf = (login: Running) => /https?:\/\/\S+\/oauth\/authorize\S+/.exec(login.output())?.[0] ?? assert.fail();
  const kept = () => {
    const { auths } = JSON.parse(readFileSync(join(machine.home, '.docker', 'config.json'), 'utf8'));
    return Buffer.from(auths[scene.registry].auth, 'base64').toString();
  };
  /** Opens the page as someone who is signed in, and presses a button. @returns what the browser comes to */
  const approveIn = async (url: string, button: string, as = ana) => {
    const context = await browser.newContext();
    const [name = '', value = ''] = (await scene.cookieOf(as)).split(/[=;]/);
    await context.addCookies([{ name, value, url: scene.publicUrl }]);
    const page = await context.newPage();
    await page.goto(url);
    await page.getByRole('button', { name: button, exact: true }).click();
    await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/callback/);
    const seen = await page.locator('body').innerText();
    await context.close();
    return seen;
  };

  test('Chromium approves, and is brought back to the terminal by a page, not by a redirect', async () => {
    opener(0);
    const login = await begin([], /oauth\/authorize/);
    assert.match(await approveIn(pageOf(login), 'Approve'), /Go back to your terminal/);
    await login.ended;
    assert.match(login.output(), /Signed in as ana@example\.com\.[\s\S]*docker is logged in to localhost/);
    assert.match(kept(), /^ana@example\.com:dkp_/);
    assert.doesNotMatch(machine.calls(), /dk[a-z]_|code_verifier/);
    assert.match(readFileSync(join(machine.home, 'opened'), 'utf8'), /redirect_uri=http%3A%2F%2F127\.0\.0\.1/);
  });

  test('a request that is none, as others on the machine can send it, ends no login', async () => {
    opener(0);
    const login = await begin([], /oauth\/authorize/);
    const { port } = new URL(new URL(pageOf(login)).searchParams.get('redirect_uri') ?? '');
    const socket = connect(Number(port), '127.0.0.1');
    socket.end('GET //[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(await text(socket), /^HTTP\/1\.1 404/);
    await approveIn(pageOf(login), 'Approve');
    await login.ended;
    assert.match(login.output(), /Signed in as ana@example\.com\./);
  });

  test('a refusal in the browser, and an approval by someone else, log nobody in', async () => {
    opener(0);
    const refused = await begin([], /oauth\/authorize/);
    await approveIn(pageOf(refused), 'Refuse');
    await refused.ended;
    assert.match(refused.output(), /It was refused in the browser/);
    const other = await begin(['Ana@Example.com'], /oauth\/authorize/);
    await approveIn(pageOf(other), 'Approve', bo);
    await other.ended;
    assert.match(other.output(), /approved by bo@example\.com, not by Ana@Example\.com: nothing was logged in/);
    assert.throws(kept, /ENOENT/);
  });

  for (const [name, words] of [
    ['where no browser opens', []],
    ['where --headless says so', ['--headless']],
  ] as const) {
    test(`shows a code ${name}`, async () => {
      opener(3);
      const login = await begin(words, /Type {3}[A-Z]{4}-[A-Z]{4}/);
      const [, code = ''] = /Type {3}(\S+)/.exec(login.output()) ?? [];
      await scene.decide(code);
      await login.ended;
      assert.match(login.output(), /docker is logged in to localhost/);
    });
  }

  test('the login of another account is left where nobody can be asked', async () => {
    opener(0);
    mkdirSync(join(machine.home, '.docker'));
    const auth = Buffer.from('bo@example.com:x').toString('base64');
    writeFileSync(
      join(machine.home, '.docker', 'config.json'),
      JSON.stringify({ auths: { [scene.registry]: { auth } } }),
    );
    const login = await begin([], /oauth\/authorize/);
    await approveIn(pageOf(login), 'Approve');
    await login.ended;
    assert.match(
      login.output(),
      /docker is logged in to \S+ as bo@example\.com\. Replace that with ana@example\.com\?/,
    );
    assert.match(login.output(), /docker was left as it is/);
    assert.equal(kept(), 'bo@example.com:x');
    const expected = await begin([ana], /oauth\/authorize/);
    await approveIn(pageOf(expected), 'Approve');
    await expected.ended;
    assert.match(kept(), /^ana@example\.com:dkp_/);
  });
});

test('dockpass login without docker and podman asks nobody to approve', async () => {
  const args = [main, 'login', '--headless', '--server', 'http://localhost:1'];
  const { code, output } = await runProgram(process.execPath, args, { env: { PATH: '/nowhere' } });
  assert.match(output, /Neither docker nor podman is installed here\. Install one and run the command again\.\n$/);
  assert.equal(code, 1);
});
