/** Where nothing is sent: while it is off, in a trial, and of what waited in a backup or for a channel that is gone; and that what commands did is logged. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type Core, openCore } from '../../src/app/core.ts';
import { startNotifications } from '../../src/app/notifications.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { copySqlite } from '../../src/store/copy.ts';
import type { NewMessage } from '../../src/store/notification-messages.ts';
import { collectLog } from '../support/collected-log.ts';

const mail = { SMTP_URL: 'smtp://127.0.0.1:9', SMTP_FROM: 'dockpass@example.com' };
const event = { action: 'password.revoke', actor: 'root', subject: 'ana@example.com', client: null } as const;
const policy = parsePolicy('acl: []', 'policy.yml');

function configOf(folder: string, settings: Record<string, string>): Config {
  return readConfig({
    ...{ PUBLIC_URL: 'http://localhost:5001', SERVICES: 'registry.example.com', LOG_LEVEL: 'silent' },
    ...{ DATA_DIR: folder, ...settings },
  });
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-off-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function message(id: string, channel: string): NewMessage {
  return { id, channel, class: 'event', accountId: null, topic: '', bodyJson: null, at: 1 };
}

const parts = { policy: () => policy, keyWarnings: () => [], failing: () => [], onEnd: () => {} };

/** What a start leaves of what waited. */
async function waitingAfterStart(config: Config, core: Core): Promise<string[]> {
  const stopping = new AbortController();
  stopping.abort();
  await (await startNotifications(config, core, parts, stopping.signal)).ended();
  const waiting = (await core.store.notificationMessages.channels()).map(({ channel }) => channel);
  const events = (await core.store.notifications.events(1)).map(({ action }) => action);
  return [...waiting, ...events];
}

/** Serves until nothing waits in the outbox. @returns the events that it logged */
async function loggedBy(config: Config, core: Core): Promise<unknown[]> {
  const { log, lines } = collectLog();
  const stopping = new AbortController();
  const worker = await startNotifications(config, { ...core, log }, parts, stopping.signal);
  while ((await core.store.notifications.events(1)).length > 0) await yieldToOthers();
  stopping.abort();
  await worker.ended();
  return lines.map(({ fields }) => fields['audit']);
}

for (const [what, settings] of [
  ['nothing is sent', {}],
  ['mail is on', mail],
] as const) {
  test(`what a command did is in the log of the service, once, where ${what}`, async (t) => {
    const folder = folderOf(t);
    const config = configOf(folder, settings);
    const command = await openCore(configOf(folder, {}));
    const byCommand = { action: 'password.leaked', actor: 'command line', client: null, detail: { id: 'p1' } } as const;
    await command.audit.write({ ...byCommand, subject: 'ana@example.com' });
    await command.close();
    const service = await openCore(config, 'usual');
    t.after(() => service.close());
    await service.audit.write({ ...event, actor: 'root' });
    const [row] = await service.store.audit.list({ action: 'password.leaked' }, null, 1);
    const { detail_json: _, ...columns } = row ?? assert.fail('no event');
    assert.deepEqual(await loggedBy(config, service), [{ ...columns, detail: { id: 'p1' } }]);
    assert.deepEqual(await loggedBy(config, service), []);
  });
}

test('what waited is dropped once its channel is off', async (t) => {
  const folder = folderOf(t);
  const on = configOf(folder, mail);
  const core = await openCore(on, 'usual');
  t.after(() => core.close());
  await core.audit.write(event);
  await core.audit.write({ ...event, action: 'policy.reload' });
  await core.store.notifications.plan('', [], [message('m1', 'mail'), message('m2', 'webhook:gone')]);
  assert.deepEqual(
    await waitingAfterStart(on, core),
    ['mail', 'password.revoke'],
    'and what no one wants is never queued',
  );
  const off = configOf(folder, {});
  assert.deepEqual(await loggedBy(off, core), []);
  assert.deepEqual(await waitingAfterStart(off, core), []);
});

test('a backup sends nothing while it is tried, and what waited in it not once it is restored', async (t) => {
  const [folder, copy] = [folderOf(t), folderOf(t)];
  const live = await openCore(configOf(folder, mail), 'usual');
  await live.audit.write(event);
  await live.store.notifications.plan('', [], [message('m1', 'mail')]);
  await live.close();
  await copySqlite(join(folder, 'dockpass.db'), join(copy, 'dockpass.db'), Date.now());

  const config = configOf(copy, mail);
  const trial = await openCore(config, 'usual');
  assert.ok(trial.trial);
  await trial.audit.write({ ...event, subject: 'bo@example.com' });
  assert.deepEqual(await waitingAfterStart(config, trial), ['mail', 'password.revoke'], 'untouched');
  assert.equal((await trial.store.notifications.events(10)).length, 1, 'what happens in a trial is no news');
  await trial.close();

  const restored = await openCore(config, 'restore');
  t.after(() => restored.close());
  assert.deepEqual(await waitingAfterStart(config, restored), []);
  await restored.audit.write(event);
  assert.equal((await restored.store.notifications.events(10)).length, 1);
});
