/** Writes what strains a page: names of another script or without a place to break, a hundred groups, the longest of everything. */
import type { Store } from '../../src/store/store.ts';
import { unaudited } from './audit.ts';
import { docker, hold } from './past-password.ts';

const day = 24 * 60 * 60 * 1000;
const email = `${'bartholomew.'.repeat(4)}von-und-zu@engineering.a-subsidiary-with-a-long-name.example.com`;
const unbroken = 'W'.repeat(60);

/** To be written after the company, of which Ana gets a part. @param today epoch milliseconds */
export async function writeStrangers(store: Store, today: number): Promise<void> {
  await store.accounts.signIn({
    ...{ id: 'stranger', provider: 'google', issuer: 'https://accounts.google.com', subject: 'stranger' },
    ...{ login: email, email, domain: email.split('@')[1] ?? '' },
    displayName: `مريم بنت عبد العزيز <b>الخوارزمي</b> ${'Ω'.repeat(80)}`,
    groups: Array.from({ length: 100 }, (_, number) => `google:team-${number}-with-a-long-name@example.com`),
    at: today - day,
  });
  const owners = [
    { id: 'stranger', login: email },
    { id: 'ana', login: 'ana@example.com' },
  ];
  for (const owner of owners) {
    await writePasswords(store, owner, today);
    await writeDenials(store, owner, today);
    await writeRequests(store, owner, today);
  }
  await writeFailedMessages(store, today);
  await writeRobot(store, today);
}

/** With a password that was revoked. */
async function writeRobot(store: Store, today: number): Promise<void> {
  const robot = { id: 'strange', login: `robot-${'m'.repeat(40)}` };
  const facts = { display_name: 'strange', description: 'W'.repeat(200), owner_group: 'platform' };
  const made = { created_by: email, created_by_id: null, created_at: today - 9 * day };
  const more = {
    groups_json: `["google:${'g'.repeat(180)}@example.com"]`,
    labels_json: `{"l":["${'v'.repeat(190)}"]}`,
  };
  await store.robots.insert({ ...robot, ...facts, ...more, ...made }, 10, unaudited);
  await hold(store, robot, { age: 8, days: 90, name: unbroken }, today);
  const revocation = {
    ...{ id: 'strange', at: today - day, actor: email, reason: 'W'.repeat(200), passwords: 1 },
    ...{ selection_json: JSON.stringify({ accountId: robot.id }), undo_until: today },
    ...{ undone_at: null, undone_by: null, undo_checked: 1 },
  };
  await store.revocations.begin(revocation, unaudited);
  await store.revocations.end(revocation, [robot.id], {});
}

async function writeFailedMessages(store: Store, today: number): Promise<void> {
  const { notifications, notificationMessages } = store;
  const problem = `SMTP: 550 5.1.1 ${'no-such-user-'.repeat(12)} (RCPT TO)`;
  for (const [channel, accountId] of [
    ['mail', 'stranger'],
    ['webhook:chat', null],
  ] as const) {
    const message = { id: `failed ${channel}`, channel, class: 'event' as const, accountId, bodyJson: null };
    const topic = accountId === null ? 'password.revoke' : '';
    await notifications.plan('', [], [{ ...message, topic, at: today - 3 * day }]);
    await notificationMessages.claim(channel, { holder: 'past', now: today, until: today });
    const ended = { state: 'failed', at: today - day, problem } as const;
    await notificationMessages.end(message.id, 'past', ended, () => null);
  }
}

type Owner = { readonly id: string; readonly login: string };

async function writePasswords(store: Store, owner: Owner, today: number): Promise<void> {
  const repositories = [`${'a'.repeat(190)}/**`, 'b/*', 'c/*', 'd/*', 'e/*'];
  const pulled = Array.from({ length: 40 }, (_, number) => `${'r'.repeat(180)}${number}`);
  const used = [0.1, '2001:db8:85a3:1111:2222:8a2e:370:7334', `${'client-'.repeat(8)}${unbroken}/${unbroken}`] as const;
  await hold(store, owner, { age: 80, days: 90, name: unbroken, repositories, used, pulled }, today);
  await hold(store, owner, { age: 2, days: 90, name: 'מחשב נייד', used: [1, '10.0.0.7', docker] }, today);
  await hold(store, owner, { age: 90, days: 30, name: `It's "quoted" $HOME \`id\` <i>` }, today);
}

async function writeDenials(store: Store, { id, login }: Owner, today: number): Promise<void> {
  const rows = [null, 'C'.repeat(150)].map((comment, number) => ({
    ...{ id: `${id}-${number}`, account: login, account_id: id, service: 'registry.example.com', type: 'repository' },
    ...{ name: 'n'.repeat(200), action: 'push', address: '2001:db8::1', count: 1000, first_at: today, last_at: today },
    ...{
      decided_by: 'policy' as const,
      rule_line: 5 + number,
      rule_comment: comment,
      maker: null,
      password_name: unbroken,
    },
  }));
  await store.denials.add(rows, 200);
}

/** One that is open, one that was refused, one that was withdrawn. */
async function writeRequests(store: Store, { id, login }: Owner, today: number): Promise<void> {
  const wish = { account_id: id, service: 'registry.example.com', address: '2001:db8::1', actions: 'delete pull push' };
  const limits = { open: 5, refusedSince: today, withdrawn: 5, withdrawnSince: today };
  const refused = { ...wish, id: `refused-${id}`, name: 'r'.repeat(200), note: '', created_at: today - 9 * day };
  await store.accessRequests.add(refused, limits, () => null);
  const answer = {
    answer: 'refuse',
    note: `<i>${unbroken}`,
    by: email,
    byId: null,
    at: today - 8 * day,
    seen: null,
  } as const;
  await store.accessRequests.answer(refused.id, answer, () => null);
  const withdrawn = { ...wish, id: `withdrawn-${id}`, name: 'w'.repeat(200), note: '', created_at: today - 3 * day };
  await store.accessRequests.add(withdrawn, limits, () => null);
  await store.accessRequests.withdraw(withdrawn.id, { accountId: id, at: today - 2 * day }, () => null);
  const open = { ...wish, id: `open-${id}`, name: 'm/'.repeat(99).concat('m'), note: `${unbroken}${login}` };
  await store.accessRequests.add({ ...open, created_at: today - day }, limits, () => null);
}
