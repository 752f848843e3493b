import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AppPasswords, createAppPasswords, type PasswordInput } from '../../src/app-passwords/app-passwords.ts';
import { commandLine } from '../../src/app-passwords/maker.ts';
import type { AuditEvent } from '../../src/audit/audit.ts';
import { createAuthority } from '../../src/identity/authority.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { createPepper, createSecret } from '../../src/lib/secret.ts';
import type { Account } from '../../src/store/accounts.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { collectingAudit, unaudited } from '../support/audit.ts';
import { signedIn } from '../support/rows.ts';

const day = 24 * 60 * 60 * 1000;
const by = { actor: 'ana@example.com', client: null };
const input: PasswordInput = { name: 'laptop', days: 30, pullOnly: false, repositories: [] };
const client = { address: '192.0.2.7', userAgent: 'docker/28.2.2', requestId: 'r1' };

type Scene = { passwords: AppPasswords; ana: Account; store: Store; events: AuditEvent[]; clock: { at: number } };

/** A store in memory with Ana in it, and a clock that the test turns. */
async function withScene(action: (scene: Scene) => Promise<void>): Promise<void> {
  const store = await openStore('sqlite::memory:', () => {});
  const events: AuditEvent[] = [];
  const clock = { at: Date.UTC(2026, 10, 23) };
  const passwords = createAppPasswords({
    accountById: store.accounts.byId,
    authority: createAuthority([]),
    makerRules: { enforced: true, grace: 7 * 24 * 60 * 60 * 1000 },

    store: store.passwords,
    audit: collectingAudit(events),
    pepper: createPepper('p'.repeat(32)),
    onError: assert.ifError,
    now: () => clock.at,
    publicUrl: 'https://auth.example.com/',
    maximumDays: 365,
    maximumPerAccount: 3,
    gracePeriods: { groups: day, full: day, pull: 3 * day, unchecked: null },
    checkPattern: (pattern) => (pattern.includes('[') ? 'a bracket is not closed' : null),
  });
  await action({ passwords, ana: await store.accounts.signIn(signedIn({})), store, events, clock });
  await passwords.flush();
  await store.close();
}

const refusal = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Refusal);
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

test('a robot that is removed at this moment gets no password, and that is said', () =>
  withScene(async ({ passwords }) => {
    const robot = { id: 'gone', login: 'robot-gone', kind: 'robot' as const };
    await assert.rejects(
      passwords.issue(robot, input, by, commandLine),
      refusal('not_found', /no account robot-gone any more/),
    );
  }));

test('a secret proves its owner, under the case-folded name, and no one else', () =>
  withScene(async ({ passwords, ana }) => {
    const { secret, password } = await passwords.issue(ana, input, by);
    const verify = (username: string, text: string) => passwords.authenticator.verify({ username, password: text });
    const identity = await verify('Ana@Example.com', secret);
    assert.equal(identity?.account, 'ana@example.com');
    assert.equal(identity?.kind, 'person');
    assert.equal(identity?.domain, 'example.com');
    assert.deepEqual(identity?.credential, { id: password.id, name: 'laptop' });
    assert.equal(identity?.limits, null);
    assert.equal(await verify('bo@example.com', secret), null);
    assert.equal(await verify('', secret), null);
    assert.equal(await verify('ana@example.com', createSecret('dkp')), null);
  }));

test('a secret with a wrong checksum never reaches the store', () =>
  withScene(async ({ passwords, ana, store }) => {
    const { secret } = await passwords.issue(ana, input, by);
    await store.close();
    const typo = secret.slice(0, -1) + (secret.endsWith('a') ? 'b' : 'a');
    assert.equal(await passwords.authenticator.verify({ username: 'ana@example.com', password: typo }), null);
    await assert.rejects(passwords.authenticator.verify({ username: 'ana@example.com', password: secret }));
  }));

test('the stored rows do not hold the secret', () =>
  withScene(async ({ passwords, ana, store }) => {
    const { secret } = await passwords.issue(ana, input, by);
    assert.ok(!JSON.stringify(await store.passwords.all()).includes(secret.slice(4, -6)));
  }));

test('a revoked password is refused from the next request on, with the reason for its holder', () =>
  withScene(async ({ passwords, ana }) => {
    const { secret, password } = await passwords.issue(ana, input, by);
    const revoked = await passwords.revoke(password.id, ana.id, by);
    assert.equal(revoked.state, 'revoked');
    const credentials = { username: 'ana@example.com', password: secret };
    const expected = refusal(
      'unauthenticated',
      /"laptop" was revoked on 2026-11-23 by ana@example.com; .*https:\/\/auth\.example\.com/,
    );
    await assert.rejects(passwords.authenticator.verify(credentials), expected);
    assert.equal(await passwords.authenticator.verify({ ...credentials, username: 'bo@example.com' }), null);
  }));

test('a password ends with its last millisecond', () =>
  withScene(async ({ passwords, ana, clock }) => {
    const { secret } = await passwords.issue(ana, { ...input, days: 7 }, by);
    const verify = () => passwords.authenticator.verify({ username: 'ana@example.com', password: secret });
    clock.at += 7 * day - 1;
    assert.notEqual(await verify(), null);
    clock.at += 1;
    await assert.rejects(verify(), refusal('unauthenticated', /"laptop" expired on 2026-11-30/));
    assert.equal((await passwords.all())[0]?.state, 'expired');
  }));

test('a password that is used again proves what is stored and what the time is at that moment', () =>
  withScene(async ({ passwords, ana, store, clock }) => {
    const { id: accountId } = await store.accounts.signIn(signedIn({ groups: ['google:dev'], at: clock.at }));
    const { secret, password } = await passwords.issue({ ...ana, id: accountId }, input, by);
    const verify = () => passwords.authenticator.verify({ username: 'ana@example.com', password: secret });
    assert.deepEqual((await verify())?.groups, ['google:dev']);
    await store.accounts.signIn(signedIn({ groups: ['google:ops'], at: clock.at }));
    assert.deepEqual((await verify())?.groups, ['google:ops']);
    clock.at += day + 1;
    assert.deepEqual([(await verify())?.groups, (await verify())?.groupsKnown], [[], false]);
    clock.at -= 1;
    assert.deepEqual((await verify())?.groups, ['google:ops']);
    await passwords.revoke(password.id, null, by);
    await assert.rejects(verify(), refusal('unauthenticated', /was revoked/));
  }));

test('narrowing goes into the identity', () =>
  withScene(async ({ passwords, ana }) => {
    const { secret } = await passwords.issue(ana, { ...input, pullOnly: true, repositories: [' team/** '] }, by);
    const identity = await passwords.authenticator.verify({ username: 'ana@example.com', password: secret });
    assert.deepEqual(identity?.limits, { actions: ['pull'], repositories: ['team/**'] });
  }));

test('a wish that cannot be met is refused with what to change', () =>
  withScene(async ({ passwords, ana }) => {
    const cases: [Partial<PasswordInput>, RegExp][] = [
      [{ name: '  ' }, /Give the password a name/],
      [{ name: 'n'.repeat(61) }, /longer than 60/],
      [{ name: 'a\u0007b' }, /control or invisible character/],
      [{ name: 'a\u202etxt' }, /control or invisible/],
      [{ name: '\u200b' }, /control or invisible/],
      [{ days: 0 }, /between 1 and 365/],
      [{ days: 366 }, /between 1 and 365/],
      [{ days: 1.5 }, /between 1 and 365/],
      [{ repositories: [''] }, /pattern is empty/],
      [{ repositories: ['team/**', ' '] }, /pattern is empty/],
      [{ repositories: ['team/[a'] }, /“team\/\[a” isn’t valid: a bracket/],
      [{ repositories: Array(21).fill('a') }, /at most 20/],
      [{ repositories: ['a'.repeat(256)] }, /too long/],
    ];
    for (const [change, message] of cases) {
      await assert.rejects(passwords.issue(ana, { ...input, ...change }, by), refusal('bad_request', message));
    }
    assert.deepEqual(await passwords.ofAccount(ana), []);
  }));

test('a name in use and the limit are different errors', () =>
  withScene(async ({ passwords, ana }) => {
    await passwords.issue(ana, input, by);
    await assert.rejects(passwords.issue(ana, input, by), refusal('conflict', /active password named “laptop”/));
    await passwords.issue(ana, { ...input, name: 'ci' }, by);
    await passwords.issue(ana, { ...input, name: 'phone' }, by);
    await assert.rejects(
      passwords.issue(ana, { ...input, name: 'more' }, by),
      refusal('conflict', /3 active passwords/),
    );
  }));

test('no one revokes a password of another account, nor learns that it is there', () =>
  withScene(async ({ passwords, ana, store }) => {
    const { password } = await passwords.issue(ana, input, by);
    const bo = await store.accounts.signIn(signedIn({ id: 'bo', subject: '2', login: 'bo@example.com' }));
    await assert.rejects(passwords.revoke(password.id, bo.id, by), refusal('not_found', /no password/));
    await assert.rejects(passwords.revoke('nowhere', bo.id, by), refusal('not_found', /no password/));
    assert.equal((await passwords.byId(password.id)).state, 'active');
  }));

test('creation and revocation are written down once each, without the secret', () =>
  withScene(async ({ passwords, ana, events }) => {
    const { secret, password } = await passwords.issue(ana, input, by);
    await passwords.revoke(password.id, null, { actor: 'command line', client: null });
    await passwords.revoke(password.id, null, { actor: 'command line', client: null });
    assert.deepEqual(
      events.map(({ action, actor, subject }) => [action, actor, subject]),
      [
        ['password.create', 'ana@example.com', 'ana@example.com'],
        ['password.revoke', 'command line', 'ana@example.com'],
      ],
    );
    assert.ok(!JSON.stringify(events).includes(secret));
  }));

test('the last use says when, from where and by which client', () =>
  withScene(async ({ passwords, ana, clock }) => {
    const { secret } = await passwords.issue(ana, input, by);
    const identity = await passwords.authenticator.verify({ username: 'ana@example.com', password: secret });
    assert.ok(identity);
    passwords.recordUse(identity, client);
    clock.at += 60_000;
    passwords.recordUse(identity, { ...client, address: '192.0.2.8' });
    const [password] = await passwords.ofAccount(ana);
    assert.deepEqual(password?.lastUse, { at: clock.at - 60_000, address: '192.0.2.7', client: 'docker/28.2.2' });
  }));

test('the answer says that an account is disabled, and why', () =>
  withScene(async ({ passwords, ana, store }) => {
    const { secret } = await passwords.issue(ana, input, by);
    const change = { state: 'disabled', reason: 'has left', by: 'root@example.com', at: 1 } as const;
    assert.equal(await store.accounts.setState(ana.id, change, unaudited), true);
    const verify = passwords.authenticator.verify({ username: 'ana@example.com', password: secret });
    await assert.rejects(verify, refusal('unauthenticated', /ana@example.com is disabled.*: has left; ask the admin/));
  }));

test('while the provider is silent a password is narrowed to pulls, then refused; groups become unknown', () =>
  withScene(async ({ passwords, ana, store, clock }) => {
    const { secret } = await passwords.issue(ana, { ...input, repositories: ['team/**'] }, by);
    const verify = () => passwords.authenticator.verify({ username: 'ana@example.com', password: secret });
    await store.accounts.confirm(ana.id, { at: clock.at, groups: ['google:dev'] }, unaudited);
    clock.at += day;
    assert.deepEqual((await verify())?.groups, ['google:dev']);
    assert.deepEqual((await verify())?.limits, { actions: null, repositories: ['team/**'] });
    clock.at += 1;
    const narrowed = await verify();
    assert.deepEqual(narrowed?.limits, { actions: ['pull'], repositories: ['team/**'] });
    assert.deepEqual([narrowed?.groups, narrowed?.groupsKnown], [[], false]);
    clock.at += 2 * day;
    await assert.rejects(verify(), refusal('unauthenticated', /could not be asked .*; sign in again: https:/));
  }));
