/** Terminals that are signed in: who approves what, what they get, and what ends it; on both engines, with a clock that the test turns. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createAppPasswords } from '../../src/app-passwords/app-passwords.ts';
import type { AuditEvent } from '../../src/audit/audit.ts';
import { createAuthority } from '../../src/identity/authority.ts';
import type { Limits } from '../../src/identity/identity.ts';
import type { Requester } from '../../src/identity/requester.ts';
import type { Refusal } from '../../src/lib/errors.ts';
import { createPepper } from '../../src/lib/secret.ts';
import { openStore } from '../../src/store/open.ts';
import type { Collected } from '../../src/terminal/collect.ts';
import type { Decider, Purpose } from '../../src/terminal/requests.ts';
import { createTerminal, type TerminalParts } from '../../src/terminal/terminal.ts';
import { collectingAudit } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { signedIn } from '../support/rows.ts';

const [second, minute, hour] = [1_000, 60_000, 3_600_000];
const day = 24 * hour;
const from = (address: string): Requester => ({ address, userAgent: 'curl/8', requestId: 'r' });
const office = from('192.0.2.7');
const everything: Limits = { actions: null, repositories: null };

describeEngines('a terminal', (databases) => {
  const open = async (changes: Partial<TerminalParts> = {}) => {
    const store = await openStore(await databases.create(), () => {});
    const clock = { at: Date.UTC(2026, 10, 29, 9) };
    const now = () => clock.at;
    const events: AuditEvent[] = [];
    const audit = collectingAudit(events, store.audit, now);
    const pepper = createPepper('p'.repeat(32));
    const passwords = createAppPasswords({
      ...{ store: store.passwords, audit, pepper, onError: assert.ifError, now, maximumPerAccount: 3 },
      ...{ publicUrl: 'https://auth.example.com/', maximumDays: 365, checkPattern: () => null },
      gracePeriods: { groups: day, full: day, pull: day, unchecked: null },
      authority: createAuthority([]),
      ...{ accountById: store.accounts.byId, makerRules: { enforced: true, grace: 7 * day } },
    });
    const terminal = createTerminal({
      ...{
        store: store.terminalRequests,
        machineStore: store.machines,
        passwords: store.passwords,
        audit,
        pepper,
        now,
      },
      ...{ accounts: store.accounts, identityByHash: passwords.identityByHash, refusesOtherNetworks: false },
      ...{ passwordHours: 12, publicUrl: 'https://auth.example.com/', ...changes },
    });
    const { id: accountId, login } = await store.accounts.signIn(signedIn({}));
    const ana: Decider = { accountId, login, client: office };
    const start = (purpose: Purpose = 'login', client = office) =>
      terminal.requests.start({ service: 'registry.example.com', purpose, machine: 'laptop', loopback: null }, client);
    const approve = (userCode: string, limits = everything) =>
      terminal.requests.decide(userCode, ana, { approved: true, limits });
    const collected = async (deviceCode: string): Promise<Collected> => {
      const polled = await terminal.poll(deviceCode, office);
      return polled.kind === 'collected' ? polled.collected : assert.fail(polled.kind);
    };
    const signIn = async (purpose: Purpose) => {
      const { deviceCode, userCode } = await start(purpose);
      await approve(userCode);
      return collected(deviceCode);
    };
    const verify = (password: string) => {
      const { authenticator } = password.startsWith('dkt_') ? terminal.machines : passwords;
      return authenticator.verify({ username: login, password });
    };
    const list = () => passwords.ofAccount({ id: accountId });
    return { ...{ store, clock, events, passwords, terminal, ana, start, approve, collected, signIn, verify, list } };
  };
  type Scene = Awaited<ReturnType<typeof open>>;
  const withScene = async (action: (scene: Scene) => Promise<void>, changes?: Partial<TerminalParts>) => {
    const scene = await open(changes);
    try {
      await action(scene);
    } finally {
      await scene.store.close();
    }
  };
  const refused = (code: Refusal['code'], message: RegExp) => (error: Refusal) =>
    error.code === code && message.test(error.message);

  test('gets a password that works for hours, with the limits that the page showed', () =>
    withScene(async ({ start, approve, collected, verify, list, clock, events, terminal }) => {
      const { deviceCode, userCode } = await start();
      assert.match(userCode, /^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/);
      assert.equal((await terminal.poll(deviceCode, office)).kind, 'pending');
      await approve(` ${userCode.toLowerCase().replace('-', ' ')} `, { actions: ['pull'], repositories: ['team/**'] });
      const { secret, login, endsAt } = await collected(deviceCode);
      assert.deepEqual([login, endsAt], ['ana@example.com', clock.at + 12 * hour]);
      const identity = await verify(secret);
      assert.deepEqual(identity?.limits, { actions: ['pull'], repositories: ['team/**'] });
      const [password] = await list();
      assert.deepEqual([password?.name, password?.origin?.kind], ['laptop at registry.example.com', 'terminal']);
      assert.deepEqual(
        events.map(({ action }) => action),
        ['terminal.approve', 'terminal.collect'],
      );
      clock.at += 12 * hour + second;
      await assert.rejects(verify(secret), refused('unauthenticated', /expired/));
    }));

  test('is refused, and gets nothing', () =>
    withScene(async ({ start, terminal, ana, list }) => {
      const { deviceCode, userCode } = await start();
      await terminal.requests.decide(userCode, ana, { approved: false, limits: everything });
      assert.equal((await terminal.poll(deviceCode, office)).kind, 'refused');
      await assert.rejects(terminal.requests.find(userCode, ana), refused('not_found', /No terminal is waiting/));
      assert.deepEqual(await list(), []);
    }));

  test('whose code has expired is not approved', () =>
    withScene(async ({ start, approve, terminal, clock }) => {
      const { deviceCode, userCode } = await start();
      clock.at += 10 * minute;
      assert.equal((await terminal.poll(deviceCode, office)).kind, 'expired');
      await assert.rejects(approve(userCode), refused('not_found', /No terminal is waiting/));
    }));

  test('collects what was approved until its code expires, or within a minute of an approval at the last moment', () =>
    withScene(async ({ start, approve, terminal, clock, list, events }) => {
      const startedAt = clock.at;
      const kindAfter = async (purpose: Purpose, approvedAfter: number, polledAfter: number) => {
        clock.at = startedAt;
        const { deviceCode, userCode } = await start(purpose);
        clock.at = startedAt + approvedAfter;
        await approve(userCode);
        clock.at = startedAt + polledAfter;
        return (await terminal.poll(deviceCode, office)).kind;
      };
      for (const purpose of ['login', 'machine'] as const) {
        assert.equal(await kindAfter(purpose, minute, 10 * minute - second), 'collected', purpose);
        assert.equal(await kindAfter(purpose, 10 * minute - second, 10 * minute + 59 * second), 'collected', purpose);
      }
      const before = [(await list()).length, events.filter(({ action }) => action === 'terminal.collect').length];
      for (const purpose of ['login', 'machine'] as const) {
        assert.equal(await kindAfter(purpose, minute, 10 * minute), 'expired', purpose);
        assert.equal(await kindAfter(purpose, 10 * minute - second, 11 * minute), 'expired', purpose);
        assert.equal(await kindAfter(purpose, minute, 23 * hour), 'expired', purpose);
      }
      assert.deepEqual(
        [(await list()).length, events.filter(({ action }) => action === 'terminal.collect').length],
        before,
        'nothing was made',
      );
    }));

  test('that lost the answer gets another secret within a minute; later the login ends', () =>
    withScene(async ({ start, approve, collected, verify, clock, list }) => {
      const { deviceCode, userCode } = await start();
      await approve(userCode);
      const first = await collected(deviceCode);
      clock.at += 30 * second;
      const next = await collected(deviceCode);
      assert.equal(await verify(first.secret), null, 'the first is replaced');
      assert.notEqual(await verify(next.secret), null);
      assert.equal((await list()).length, 1);
      clock.at += 31 * second;
      await assert.rejects(collected(deviceCode), refused('unauthenticated', /revoked. Start again/));
      await assert.rejects(verify(next.secret), refused('unauthenticated', /revoked/));
    }));

  test('that polls twice at the same moment gets one secret that works', () =>
    withScene(async ({ start, approve, collected, terminal, verify, list }) => {
      for (const purpose of ['login', 'machine'] as const) {
        const { deviceCode, userCode } = await start(purpose);
        await approve(userCode);
        const both = await Promise.all([collected(deviceCode), collected(deviceCode)]);
        const use = async (secret: string) =>
          purpose === 'login'
            ? (await verify(secret)) !== null
            : terminal.machines.renew(secret, office).then(
                () => true,
                () => false,
              );
        const works = await Promise.all(both.map(({ secret }) => use(secret)));
        assert.deepEqual(works.toSorted(), [false, true], purpose);
      }
      assert.equal((await list()).length, 2);
    }));

  test('that collects twice is in the audit twice, with where from; what was revoked in between is not collected', () =>
    withScene(async ({ start, approve, terminal, clock, list, events, passwords, ana }) => {
      for (const purpose of ['login', 'machine'] as const) {
        const { deviceCode, userCode } = await start(purpose);
        await approve(userCode);
        await terminal.poll(deviceCode, office);
        clock.at += 30 * second;
        assert.equal((await terminal.poll(deviceCode, from('203.0.113.66'))).kind, 'collected');
        const collections = events.filter(({ action }) => action === 'terminal.collect').slice(-2);
        assert.deepEqual(
          collections.map(({ client, detail }) => [client?.address, detail?.['address'], detail?.['again'] === true]),
          [
            ['192.0.2.7', '192.0.2.7', false],
            ['203.0.113.66', '203.0.113.66', true],
          ],
        );
        const [made = assert.fail()] = await list();
        await passwords.revoke(made.id, ana.accountId, { actor: ana.login, client: null });
        const count = events.length;
        await assert.rejects(terminal.poll(deviceCode, office), refused('unauthenticated', /was revoked/));
        assert.equal(events.length, count, 'nothing happened');
      }
    }));

  test('machine: one approval gives one refresh secret, and what the first one brought ends with it', () =>
    withScene(async ({ start, approve, collected, terminal, verify, clock, list, events }) => {
      const { deviceCode, userCode } = await start('machine');
      await approve(userCode);
      const first = await collected(deviceCode);
      const { password } = await terminal.machines.renew(first.secret, office);
      clock.at += 59 * second;
      const next = await collected(deviceCode);
      await assert.rejects(terminal.machines.renew(first.secret, office), refused('unauthenticated', /not signed in/));
      assert.equal(await verify(password), null);
      await terminal.machines.renew(next.secret, office);
      clock.at += 2 * second;
      await assert.rejects(collected(deviceCode), refused('unauthenticated', /revoked. Start again/));
      await assert.rejects(terminal.machines.renew(next.secret, office), refused('unauthenticated', /revoked/));
      const [machine] = await list();
      assert.equal(machine?.revokedBy, 'the use of its code by two', 'its owner is shown that');
      assert.equal(events.at(-1)?.action, 'terminal.copied');
    }));

  test('machine: what the page showed binds each password of it, to the minute of the approval', () =>
    withScene(async ({ start, approve, collected, terminal, verify, clock }) => {
      const { deviceCode, userCode } = await start('machine');
      await approve(userCode, { actions: ['pull'], repositories: ['team/**'] });
      const approvedAt = clock.at;
      clock.at += 5 * minute;
      let { secret, endsAt } = await collected(deviceCode);
      assert.equal(endsAt, approvedAt + 90 * day);
      for (let days = 0; days < 90; days += 18) {
        const renewed = await terminal.machines.renew(secret, office);
        assert.deepEqual((await verify(renewed.password))?.limits, { actions: ['pull'], repositories: ['team/**'] });
        assert.equal(renewed.endsAt, endsAt);
        secret = renewed.nextSecret ?? secret;
        clock.at += 17 * day;
      }
      clock.at = endsAt - hour;
      assert.equal((await terminal.machines.renew(secret, office)).passwordEndsAt, endsAt, 'not beyond its end');
    }));

  test('that asks at the advertised pace is never too fast, and an early poll does not move the window', () =>
    withScene(async ({ start, terminal, clock }) => {
      const { deviceCode } = await start();
      const poll = async () => (await terminal.poll(deviceCode, office)).kind;
      assert.equal(await poll(), 'pending', 'the first');
      for (let count = 0; count < 3; count++) {
        clock.at += 5 * second;
        assert.equal(await poll(), 'pending');
      }
      clock.at += second;
      assert.equal(await poll(), 'too-fast');
      clock.at += 4 * second;
      assert.equal(await poll(), 'pending', 'five seconds after the one that counted');
    }));

  test('of a network that has five waiting is turned away; a decided one makes room, another network has its own', () =>
    withScene(async ({ start, approve }) => {
      const codes = [];
      for (let count = 0; count < 5; count++) codes.push((await start()).userCode);
      await assert.rejects(start(), refused('too_many_requests', /Too many terminals/));
      await start('login', from('198.51.100.1'));
      await approve(codes[0] ?? '');
      await start();
    }));

  test('that polls writes nothing', () =>
    withScene(async ({ store, clock, terminal, start }) => {
      const { deviceCode } = await start();
      const called: string[] = [];
      for (const [name, method] of Object.entries(store.terminalRequests)) {
        Object.assign(store.terminalRequests, {
          [name]: (...args: never[]) => {
            called.push(name);
            return (method as (...args: never[]) => unknown)(...args);
          },
        });
      }
      for (let count = 0; count < 4; count++) {
        await terminal.poll(deviceCode, office);
        clock.at += 3 * second;
      }
      assert.deepEqual(called, Array(4).fill('byDeviceCode'));
    }));

  test('of all networks: a full table refuses new ones and drops none', () =>
    withScene(async ({ store, clock }) => {
      const insert = (number: number) => {
        const [id, network] = [`r${number}`, `198.51.100.${number}`];
        const row = {
          ...{ id, device_code_hash: `d${id}`, user_code_hash: `u${id}`, network, address: network, machine: 'm' },
          ...{ client: 'c', service: 'registry.example.com', purpose: 'login', redirect_uri: null, state: null },
          ...{ code_challenge: null, created_at: clock.at, expires_at: clock.at + minute },
        };
        return store.terminalRequests.insert(row, { network: 5, all: 3 });
      };
      assert.deepEqual(await Promise.all([1, 2, 3].map(insert)), [true, true, true]);
      assert.equal(await insert(4), false);
      assert.equal((await store.terminalRequests.byUserCode('ur1'))?.id, 'r1');
      clock.at += minute;
      assert.equal(await insert(5), true, 'one that has expired makes room');
    }));

  test('of many that begin at the same moment, five of a network wait', () =>
    withScene(async ({ start }) => {
      const all = await Promise.allSettled(Array.from({ length: 30 }, () => start()));
      assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 5);
    }));

  test('is not guessed by many tries at the same moment: ten are looked up', () =>
    withScene(async ({ terminal, ana }) => {
      const guess = () => terminal.requests.find('BBBB-BBBB', ana).catch((error: Refusal) => error.code);
      const all = await Promise.all(Array.from({ length: 40 }, guess));
      assert.equal(all.filter((code) => code === 'not_found').length, 10);
      assert.equal(all.filter((code) => code === 'too_many_requests').length, 30);
    }));

  test('is not guessed: after ten wrong codes nothing is looked up for ten minutes, whatever right one comes between', () =>
    withScene(async ({ start, approve, terminal, ana, clock }) => {
      const guess = () => terminal.requests.find('BBBB-BBBB', ana);
      for (let count = 0; count < 9; count++)
        await assert.rejects(guess(), refused('not_found', /No terminal is waiting/));
      await approve((await start()).userCode);
      await assert.rejects(guess(), refused('not_found', /No terminal is waiting/));
      const { userCode } = await start();
      await assert.rejects(terminal.requests.find(userCode, ana), refused('too_many_requests', /Wait ten minutes/));
      const elsewhere = { ...ana, client: from('198.51.100.1') };
      await assert.rejects(terminal.requests.find(userCode, elsewhere), refused('too_many_requests', /ten minutes/));
      clock.at += 10 * minute;
      const again = await start();
      assert.equal((await terminal.requests.find(again.userCode, ana)).machine, 'laptop');
    }));

  test('in another network is said to be; where that is forbidden, it can only be refused', () =>
    withScene(
      async ({ start, approve, terminal, ana }) => {
        const { userCode } = await start('login', from('203.0.113.9'));
        assert.equal((await terminal.requests.find(userCode, ana)).isSameNetwork, false);
        await assert.rejects(approve(userCode), refused('denied', /another network/));
        await terminal.requests.decide(userCode, ana, { approved: false, limits: everything });
      },
      { refusesOtherNetworks: true },
    ));

  test('of someone who was disabled before it came for its secret gets none', () =>
    withScene(async ({ start, approve, collected, store, clock }) => {
      const { deviceCode, userCode } = await start();
      await approve(userCode);
      const change = { state: 'disabled', reason: 'left', by: 'root@example.com', at: clock.at } as const;
      await store.accounts.setState('account-1', change, () => null);
      await assert.rejects(collected(deviceCode), refused('unauthenticated', /not active/));
    }));

  test('on the same device is redeemed once, in a minute, by who began it', () =>
    withScene(async ({ terminal, ana, clock, approve }) => {
      const verifier = 'v'.repeat(43);
      const redirectUri = 'http://127.0.0.1:5555/callback';
      const codeChallenge = createHash('sha256').update(verifier).digest('base64url');
      const begin = async () => {
        const loopback = { redirectUri, state: 'a b', codeChallenge };
        const input = { service: 'registry.example.com', purpose: 'login', machine: 'm', loopback } as const;
        const { deviceCode, userCode } = await terminal.requests.start(input, office);
        assert.equal((await terminal.poll(deviceCode, office)).kind, 'unknown', 'it is no device code');
        const { href } = await approve(userCode);
        const url = new URL(href ?? assert.fail());
        assert.equal(url.searchParams.get('state'), 'a b');
        return url.searchParams.get('code') ?? assert.fail();
      };
      const code = await begin();
      assert.equal(await terminal.redeem(code, redirectUri, 'w'.repeat(43), office), null, 'another verifier');
      assert.equal(await terminal.redeem(code, 'http://127.0.0.1:6/callback', verifier, office), null);
      assert.equal((await terminal.redeem(code, redirectUri, verifier, office))?.login, ana.login);
      assert.equal(await terminal.redeem(code, redirectUri, verifier, office), null, 'used');
      const late = await begin();
      clock.at += minute + second;
      assert.equal(await terminal.redeem(late, redirectUri, verifier, office), null);
    }));

  test('has no part in the limit of passwords, nor in their names', () =>
    withScene(async ({ signIn, passwords, ana, list }) => {
      for (let count = 0; count < 4; count++) await signIn('login');
      const owner = { id: ana.accountId, login: ana.login, kind: 'person' } as const;
      const by = { actor: ana.login, client: null };
      const issue = (name: string) => passwords.issue(owner, { name, days: 1, pullOnly: false, repositories: [] }, by);
      const sameName = 'laptop at registry.example.com';
      const { password } = await issue(sameName);
      for (const name of ['a', 'b']) await issue(name);
      await assert.rejects(issue('d'), refused('conflict', /limit/));
      assert.equal((await list()).length, 7);
      await passwords.revoke(password.id, null, by);
      await issue('c');
      await assert.rejects(issue(sameName), refused('conflict', /limit/));
    }));

  test('machine: renews for hours at a time, and ends after 90 days or 30 without a use', () =>
    withScene(async ({ signIn, terminal, verify, clock, list }) => {
      let { secret, kind } = await signIn('machine');
      assert.equal(kind, 'machine');
      assert.equal(await verify(secret), null, 'a refresh secret is no password');
      const renew = async () => {
        const renewed = await terminal.machines.renew(secret, office);
        secret = renewed.nextSecret ?? secret;
        return renewed;
      };
      const { password, passwordEndsAt } = await renew();
      assert.equal(passwordEndsAt, clock.at + 12 * hour);
      assert.equal((await verify(password))?.account, 'ana@example.com');
      assert.equal((await list()).length, 1, 'one line for the machine');
      clock.at += 12 * hour + second;
      await assert.rejects(verify(password), refused('unauthenticated', /has ended/));
      for (let count = 0; count < 4; count++) {
        clock.at += 20 * day;
        await renew();
      }
      clock.at += 10 * day;
      await assert.rejects(renew(), refused('unauthenticated', /expired/));
    }));

  test('machine: that was not used for 30 days is signed out', () =>
    withScene(async ({ signIn, terminal, clock }) => {
      const { secret } = await signIn('machine');
      clock.at += 30 * day + second;
      await assert.rejects(terminal.machines.renew(secret, office), refused('unauthenticated', /30 days/));
    }));

  test('machine: ten that ask at once are given the same next secret, and a lost answer costs nothing', () =>
    withScene(async ({ signIn, terminal, clock, list, events }) => {
      const { secret } = await signIn('machine');
      clock.at += day;
      const all = await Promise.all(Array.from({ length: 10 }, () => terminal.machines.renew(secret, office)));
      const [next = assert.fail()] = all.flatMap(({ nextSecret }) => nextSecret ?? []);
      assert.deepEqual([...new Set(all.map(({ nextSecret }) => nextSecret))], [next]);
      clock.at += 2 * hour;
      assert.equal((await terminal.machines.renew(secret, office)).nextSecret, next, 'nobody has used it yet');
      assert.equal((await terminal.machines.renew(next, office)).nextSecret, null, 'at most once a day');
      await assert.rejects(terminal.machines.renew(secret, office), refused('unauthenticated', /old secret/));
      await assert.rejects(terminal.machines.renew(next, office), refused('unauthenticated', /revoked/));
      const [machine] = await list();
      assert.equal(machine?.revokedBy, 'the use of an old secret of it', 'its owner is shown that');
      const { action, subject, actor } = events.at(-1) ?? assert.fail();
      assert.deepEqual([action, subject, actor], ['terminal.copied', 'ana@example.com', '']);
    }));

  test('machine: the secret before works for ten minutes after the new one was used', () =>
    withScene(async ({ signIn, terminal, clock }) => {
      const { secret } = await signIn('machine');
      clock.at += day;
      const { nextSecret: next = '' } = await terminal.machines.renew(secret, office);
      await terminal.machines.renew(next ?? '', office);
      clock.at += 9 * minute;
      assert.equal((await terminal.machines.renew(secret, office)).nextSecret, next);
    }));

  test('machine: what ends it ends its secret and its passwords, and no undo brings it back', () =>
    withScene(async ({ signIn, terminal, verify, list, passwords, ana, store, clock, events }) => {
      const { secret } = await signIn('machine');
      const { password } = await terminal.machines.renew(secret, office);
      const [machine = assert.fail()] = await list();
      await assert.rejects(
        passwords.rotate(machine.id, null, { days: 1, overlapHours: 0 }, { actor: 'ana', client: null }),
        refused('conflict', /belongs to a terminal/),
      );
      await passwords.revoke(machine.id, ana.accountId, { actor: ana.login, client: null });
      await assert.rejects(verify(password), refused('unauthenticated', /revoked/));
      await assert.rejects(terminal.machines.renew(secret, office), refused('unauthenticated', /revoked/));
      const again = await signIn('machine');
      await terminal.machines.revoke(again.secret, office);
      await assert.rejects(terminal.machines.renew(again.secret, office), refused('unauthenticated', /revoked/));
      assert.equal(events.at(-1)?.action, 'machine.end');
      await store.machines.removeEnded(clock.at + day, 10);
      assert.equal(await verify(password), null);
    }));
});
