/** One demo a folder, and the end of what a killed one left running: with real processes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { claimFolder, endLeftovers } from '../script/demo-claim.ts';

async function createFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-claim-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** A process that does nothing until it is ended. */
async function startPart(t: TestContext): Promise<{ child: ChildProcess; pid: number }> {
  const child = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1e6)']);
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return { child, pid: child.pid ?? assert.fail() };
}

const fileIn = (folder: string) => join(folder, 'running.json');
type Claim = { name: string; pid: number; command: string }[];

/** As if the demo that made the claim had been killed. */
async function killDemo(folder: string, change: (claim: Claim) => void = () => {}): Promise<void> {
  const claim: Claim = JSON.parse(await readFile(fileIn(folder), 'utf8'));
  Object.assign(claim[0] ?? {}, { command: 'a demo that is gone' });
  change(claim);
  await writeFile(fileIn(folder), JSON.stringify(claim));
}

test('a folder in which a demo runs is refused by its process, until that has stopped', async (t) => {
  const folder = await createFolder(t);
  assert.deepEqual(await endLeftovers(folder), []);
  {
    await using stack = new AsyncDisposableStack();
    const add = await claimFolder(folder, stack);
    const { child, pid } = await startPart(t);
    await add('Dockpass', pid);
    await assert.rejects(endLeftovers(folder), new RegExp(`running in ${folder} already, as process ${process.pid}`));
    assert.equal(child.exitCode ?? child.signalCode, null, 'its parts go on');
  }
  assert.deepEqual(await endLeftovers(folder), []);
});

test('what a killed demo left running is ended, and named', async (t) => {
  const folder = await createFolder(t);
  await using stack = new AsyncDisposableStack();
  const add = await claimFolder(folder, stack);
  const [dockpass, registry] = [await startPart(t), await startPart(t)];
  await add('Dockpass', dockpass.pid);
  await add('the registry', registry.pid);
  await killDemo(folder);
  const ends = [once(dockpass.child, 'exit'), once(registry.child, 'exit')];
  assert.deepEqual(await endLeftovers(folder), ['Dockpass', 'the registry']);
  for (const [, signal] of await Promise.all(ends)) assert.equal(signal, 'SIGTERM');
  assert.deepEqual(await endLeftovers(folder), []);
});

test('a process that only has the number of a part is left alone', async (t) => {
  const folder = await createFolder(t);
  await using stack = new AsyncDisposableStack();
  const add = await claimFolder(folder, stack);
  const { child, pid } = await startPart(t);
  await add('Dockpass', pid);
  await killDemo(folder, ([, part]) => Object.assign(part ?? {}, { command: 'node src/main.ts serve' }));
  assert.deepEqual(await endLeftovers(folder), []);
  assert.equal(child.exitCode ?? child.signalCode, null);
});

test('a claim that was cut off while it was written delays no one', async (t) => {
  const folder = await createFolder(t);
  await writeFile(fileIn(folder), '[{"name":"the de');
  assert.deepEqual(await endLeftovers(folder), []);
});
