/** The fault: `kill -9` while mails are sent. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { openStore } from '../src/store/open.ts';
import { startMailServer } from '../test/support/mail-server.ts';
import { newPassword, signedIn } from '../test/support/rows.ts';
import { integrityOf } from './kill.ts';
import { type Fault, openScene } from './scene.ts';

const day = 24 * 60 * 60 * 1000;

export const killMail: Fault = {
  name: 'kill-mail',
  what: 'kill -9 while mails are sent',
  async run(scale, stack) {
    const [rounds, people] = scale === 'full' ? [60, 600] : [2, 60];
    const scene = await openScene(stack);
    const mailServer = await startMailServer();
    stack.defer(() => mailServer.stop());
    const file = join(scene.installation.folder, 'data', 'dockpass.db');
    await mkdir(dirname(file), { recursive: true });
    await writePeople(`sqlite:${file}`, people);
    const settings = {
      ...{ SMTP_URL: `smtp://127.0.0.1:${mailServer.port}`, SMTP_PER_MINUTE: '6000' },
      SMTP_FROM: 'dockpass@example.com',
    };
    for (let round = 0; round < rounds; round++) {
      const before = mailServer.taken.length;
      const server = await scene.serve(settings);
      await until(() => mailServer.taken.length > before || isOver(file, people));
      await sleep(Math.random() * 200);
      server.signal('SIGKILL');
      await server.ended;
      endClaims(file);
    }
    const server = await scene.serve(settings);
    await until(() => isOver(file, people));
    await server.stop();

    const ids = Map.groupBy(mailServer.taken, ({ to }) => to?.[0]?.address ?? '');
    assert.equal(ids.size, people, 'everyone got a mail');
    for (const [address, mails] of ids) {
      assert.equal(new Set(mails.map(({ messageId }) => messageId)).size, 1, `${address} got one message`);
    }
    assert.equal(integrityOf(file), 'ok');
    const twice = mailServer.taken.length - people;
    return `${rounds} kills: each of ${people} people got their mail, ${twice} of them twice, under the same Message-ID`;
  },
};

/** Each has a password that ends in three days, of which the first start tells them. */
async function writePeople(url: string, people: number): Promise<void> {
  const store = await openStore(url, () => {});
  const now = Date.now();
  for (let number = 0; number < people; number++) {
    const id = `p${number}`;
    const login = `${id}@example.com`;
    await store.accounts.signIn(signedIn({ id, subject: id, login, email: login, at: now }));
    const times = { created_at: now - 90 * day, expires_at: now + 3 * day };
    await store.passwords.insert(newPassword(id, { id, hash: id, ...times }), 10, () => null);
  }
  await store.close();
}

/** As two minutes that pass would: the claims and leases of the process that died have run out. */
function endClaims(file: string): void {
  const database = new Database(file);
  database.prepare('update notification_message set claimed_until = 0 where claimed_until is not null').run();
  database.prepare('delete from lease').run();
  database.close();
}

/** Whether there is a message to each, and all are sent. */
function isOver(file: string, people: number): boolean {
  const database = new Database(file, { readonly: true });
  try {
    const { messages, waiting } = database
      .prepare("select count(*) as messages, sum(state = 'waiting') as waiting from notification_message")
      .get() as { messages: number; waiting: number };
    return messages === people && waiting === 0;
  } finally {
    database.close();
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come in two minutes');
    await sleep(50);
  }
}
