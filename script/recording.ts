/** Records the first minute of the demo: each picture is of a real page, and each line of the terminal what a real client wrote. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { Page } from 'playwright-core';
import { launchBrowser } from '../test/support/browser.ts';
import { startDockerEngine } from '../test/support/docker-engine.ts';
import { type RunOptions, runProgram } from '../test/support/process.ts';
import { type Demo, startDemo, usualPorts } from './demo-services.ts';
import { createStage, look, type Stage } from './recording-stage.ts';

const target = resolve(import.meta.dirname, '../docs/images/first-minute.webp');
const ana = 'ana@example.com';
const repository = 'platform/hello';
/** Milliseconds: to see, to read a line, to read a page. */
const [glance, line, read] = [900, 1800, 3200];

/** Signs in and creates a password. @returns what the page shows: the secret, and the command to log in with */
async function createPassword(page: Page, { url }: Demo, stage: Stage): Promise<{ secret: string; login: string }> {
  const signIn = 'Ana signs in with her company account.';
  await page.goto(`${url}/sign-in`);
  const provider = page.getByRole('link', { name: 'Continue with' });
  await stage.page(page, signIn, line, provider);
  await provider.click();
  const account = page.getByRole('button', { name: ana });
  await stage.page(page, signIn, line, account);
  await account.click();
  const create = 'She creates a password for her laptop.';
  const start = page.getByRole('link', { name: 'New password' });
  await stage.page(page, create, line, start);
  await start.click();
  const name = page.getByLabel('Name', { exact: true });
  await name.scrollIntoViewIfNeeded();
  for (const typed of ['', 'Lap', 'Laptop']) {
    await name.fill(typed);
    await stage.page(page, create, typed === 'Laptop' ? glance : 250);
  }
  const button = page.getByRole('button', { name: 'Create password' });
  await stage.page(page, create, glance, button);
  await button.click();
  await page.locator('#secret').waitFor();
  const shownOnce = 'It’s shown once, with the commands to paste.';
  await stage.page(page, shownOnce, read, page.getByRole('button', { name: 'Copy the password' }));
  const command = page.locator('#code-docker-0');
  await stage.page(page, shownOnce, read, command);
  return { secret: await page.locator('#secret').innerText(), login: await command.innerText() };
}

type Terminal = {
  /** Types a command and runs it. @param typed after it has asked; no one sees it */
  run(command: string, typed?: string): Promise<void>;
};

function openTerminal(stage: Stage, says: string, options: RunOptions): Terminal {
  let text = '';
  return {
    async run(command, typed) {
      for (let length = 0; length < command.length; length += 5) {
        await stage.terminal(`${text}$ ${command.slice(0, length)}`, says, 60);
      }
      text += `$ ${command}\n`;
      await stage.terminal(text, says, glance / 2);
      // A program that asks wants a terminal, which script(1) gives it.
      const { code, output } = await (typed === undefined
        ? runProgram('sh', ['-c', command], options)
        : runProgram('script', ['--quiet', '--echo', 'never', '--return', '--command', command, '/dev/null'], {
            ...options,
            input: `${typed}\n`,
          }));
      if (code !== 0) throw new Error(`${command}: ${output}`);
      const lines = stripVTControlCharacters(output).replaceAll('\r', '');
      const [question = ''] = lines.split('\n');
      if (typed !== undefined) await stage.terminal(text + question, says, glance);
      text += lines;
      await stage.terminal(text, says, lines === '' ? glance / 2 : read);
    },
  };
}

/** Someone else looks, once the registry has reported the push. */
async function showWhoPushed(page: Page, { url }: Demo, stage: Stage): Promise<void> {
  await page.goto(`${url}/sign-in/google`);
  await page.getByRole('button', { name: 'bo@example.com' }).click();
  await page.waitForURL(`${url}/`);
  const row = page.getByRole('row').filter({ hasText: repository }).filter({ hasText: ana });
  for (const deadline = Date.now() + 30_000; ; await sleep(200)) {
    await page.goto(`${url}/repositories`);
    if (await row.isVisible()) break;
    if (Date.now() > deadline) throw new Error(`${repository} isn't on the page of repositories.`);
  }
  const says = 'Bo, a colleague, sees what he can pull and who pushed it.';
  await stage.page(page, says, 2 * read, row.getByText(ana));
}

await using stack = new AsyncDisposableStack();
// On a short path, for the engine's socket.
const folder = await mkdtemp('/tmp/dpr-');
stack.defer(() => rm(folder, { recursive: true, force: true }));
const [state, frames, home] = ['demo', 'frames', 'home'].map((name) => join(folder, name)) as [string, string, string];
for (const made of [state, frames, home]) await mkdir(made);
const demo = await startDemo({ folder: state, ports: usualPorts, past: true }, stack);
const engine = await startDockerEngine(join(folder, 'e'));
stack.defer(() => engine.stop());
await engine.makeImage('hello');
// A server has no desktop to take a font from; Inter (Debian's fonts-inter) comes close to what most readers have.
const browser = stack.use(await launchBrowser(['--system-font-family=Inter']));
const open = async (): Promise<Page> => (await browser.newContext(look)).newPage();
const stage = await createStage(browser, frames);

const { secret, login } = await createPassword(await open(), demo, stage);
// The home is relative: docker says where it keeps the password, and that is no folder of this machine.
const env = { PATH: process.env['PATH'], HOME: '.', DOCKER_HOST: engine.host, TERM: 'xterm' };
const terminal = openTerminal(stage, 'docker login takes it, and docker push works.', { cwd: home, env });
await terminal.run(login, secret);
await terminal.run(`docker tag hello ${demo.registry}/${repository}`);
await terminal.run(`docker push ${demo.registry}/${repository}`);
await showWhoPushed(await open(), demo, stage);
await stage.save(target);
console.log(`Wrote ${target}`);
