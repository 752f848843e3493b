/** The product's story with nothing replaced: real browser, real Docker Engine, real registry, the demo's provider and policy. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type Demo, startDemo } from '../script/demo-services.ts';
import { launchBrowser, noBrowser } from './support/browser.ts';
import { type DockerEngine, startDockerEngine } from './support/docker-engine.ts';
import { missing } from './support/parts.ts';

const ana = 'ana@example.com';
const skip = missing('root', 'dockerd', 'docker', 'docker-registry') || noBrowser();

test('a person signs in, gets a password, and a Docker Engine uses it until it is revoked', { skip }, async (t) => {
  const { demo, engine, page } = await startWorld(t);
  const image = (repository: string): string => `${demo.registry}/${repository}:1`;
  const pushNew = async (repository: string): Promise<string> => {
    await engine.makeImage(image(repository));
    return (await engine.docker(['push', image(repository)])).output;
  };
  let secret = '';

  await t.test('docker login is refused before there is a password', async () => {
    const refused = await engine.login(demo.registry, ana, `dkp_${'0'.repeat(36)}`);
    assert.equal(refused.code, 1);
    assert.match(refused.output, /401|unauthorized/i);
  });
  await t.test('ana signs in by clicking at the provider', async () => {
    await page.goto(demo.url);
    await page.getByRole('link', { name: 'Continue with Google' }).click();
    await page.getByRole('button', { name: ana }).click();
    await page.getByRole('heading', { name: /Log in to/ }).waitFor();
  });
  await t.test('she creates a password and copies it', async () => {
    secret = await createPassword(page, demo, 'Laptop', 'Push and pull');
    assert.match(secret, /^dkp_[0-9A-Za-z]{36}$/);
  });
  await t.test('docker login succeeds', async () => {
    const login = await engine.login(demo.registry, ana, secret);
    assert.match(login.output, /Login Succeeded/);
  });
  await t.test('she pushes to her group, removes the image and pulls it back', async () => {
    assert.match(await pushNew('platform/web'), /1: digest: sha256:/);
    assert.equal((await engine.docker(['image', 'rm', image('platform/web')])).code, 0);
    const pulled = await engine.docker(['pull', image('platform/web')]);
    assert.match(pulled.output, /Downloaded newer image/);
  });
  await t.test('a push that the policy does not allow is denied', async () => {
    assert.match(await pushNew('finance/ledger'), /denied/);
    const pulled = await engine.docker(['pull', image('finance/ledger')]);
    assert.match(pulled.output, /not found|manifest unknown/, 'the denied push left nothing behind');
  });
  await t.test('a pull-only password pulls and does not push', async () => {
    const pullOnly = await createPassword(page, demo, 'Cluster', 'Pull only');
    assert.match((await engine.login(demo.registry, ana, pullOnly)).output, /Login Succeeded/);
    assert.match(await pushNew('platform/other'), /denied/);
    assert.equal((await engine.docker(['pull', image('platform/web')])).code, 0);
  });
  await t.test('the list says when and by what the password was used', async () => {
    await page.goto(demo.url);
    const row = await page.getByRole('row').filter({ hasText: 'Laptop' }).innerText();
    assert.match(row, /just now.*docker \d.*127\.0\.0\.1/s);
  });
  await t.test('she revokes the password by clicking; docker login and push are refused at once', async () => {
    assert.match((await engine.login(demo.registry, ana, secret)).output, /Login Succeeded/);
    await revokePassword(page, 'Laptop');
    const push = await pushNew('platform/late');
    assert.match(push, /denied|unauthorized|authentication required/);
    const refused = await engine.login(demo.registry, ana, secret);
    assert.equal(refused.code, 1);
    assert.match(refused.output, /401|unauthorized/i);
  });
});

type World = { readonly demo: Demo; readonly engine: DockerEngine; readonly page: Page };

async function startWorld(t: TestContext): Promise<World> {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const folder = await mkdtemp('/tmp/dockpass-'); // short, for the engine's socket
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const demo = await startDemo({ folder: join(folder, 'demo') }, stack);
  const engine = await startDockerEngine(join(folder, 'engine'));
  stack.defer(() => engine.stop());
  const browser = await launchBrowser();
  stack.defer(() => browser.close());
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  return { demo, engine, page };
}

/** @returns the secret, from the clipboard that the page's button filled */
async function createPassword(page: Page, demo: Demo, name: string, access: string): Promise<string> {
  await page.goto(`${demo.url}/passwords/new`);
  await page.getByLabel('Name').fill(name);
  await page.getByRole('radio', { name: access }).check();
  await page.getByRole('button', { name: 'Create password' }).click();
  await page.getByRole('button', { name: 'Copy the password' }).click();
  await page.getByRole('status').filter({ hasText: 'Copied.' }).waitFor();
  // The function runs in the page.
  return page.evaluate('navigator.clipboard.readText()');
}

async function revokePassword(page: Page, name: string): Promise<void> {
  await page.goto(new URL('/', page.url()).href);
  await page.getByRole('link', { name: `Revoke ${name}` }).click();
  await page.getByRole('button', { name: 'Revoke password' }).click();
  await page.getByText(`“${name}” has been revoked`).waitFor();
}
