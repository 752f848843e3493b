/** Who can ask for what, how often, who answers, and when a request counts as granted; on both engines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tidy } from '../../src/app/housekeeping.ts';
import type { AuditEvent } from '../../src/audit/audit.ts';
import { createDenials } from '../../src/audit/denials.ts';
import { identityOfAccount } from '../../src/identity/account-identity.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { isOpen } from '../../src/requests/access-request.ts';
import { type AccessRequests, createAccessRequests } from '../../src/requests/access-requests.ts';
import type { Account } from '../../src/store/accounts.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { day } from '../support/administration-scene.ts';
import { collectingAudit, unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { signedIn } from '../support/rows.ts';

const service = 'registry.example.com';
const context = { service, address: '192.0.2.1' };
const gracePeriods = { groups: 365 * day, full: 365 * day, pull: 365 * day, unchecked: null };
const pulls = 'acl:\n  - match: {domain: example.com, name: "team/*"}\n    actions: [pull]\n';
const by = { actor: 'ana@example.com', client: null };

type Scene = {
  readonly store: Store;
  readonly requests: AccessRequests;
  readonly clock: { at: number };
  readonly ana: Account;
  readonly bo: Account;
  readonly events: AuditEvent[];
  use(policyText: string): void;
  deny(account: Account, name: string, actions: readonly string[]): Promise<void>;
};

describeEngines('access requests', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => async () => {
    const store = await openStore(await databases.create(), () => {});
    const clock = { at: Date.UTC(2026, 10, 23, 9) };
    const now = () => clock.at;
    const one = (id: string) =>
      store.accounts.signIn(signedIn({ id, subject: id, login: `${id}@example.com`, email: `${id}@example.com` }));
    const [ana, bo] = [await one('ana'), await one('bo')];
    let policy = parsePolicy(pulls, 'policy.yml');
    const denials = createDenials({ store: store.denials, onError: assert.ifError, now });
    const identityOf = (account: Account) => identityOfAccount(account, gracePeriods, clock.at);
    const events: AuditEvent[] = [];
    const audit = collectingAudit(events);
    const others = async () => ({ people: [ana, bo].map(identityOf), repositories: ['team/app', 'team/other'] });
    const requests = createAccessRequests({
      ...{ store: store.accessRequests, accounts: store.accounts, denials, audit, identityOf, others, now },
      policy: () => policy,
    });
    const deny: Scene['deny'] = async (account, name, actions) => {
      const access = { type: 'repository', name, actions };
      denials.record(identityOf(account), [decide(policy, identityOf(account), access, context)], context);
      await denials.flush();
    };
    const use = (text: string) => {
      policy = parsePolicy(text, 'policy.yml');
    };
    try {
      await action({ store, requests, clock, ana, bo, events, use, deny });
    } finally {
      await denials.close();
      await store.close();
    }
  };
  const refusedAs = (code: string) => (error: unknown) => error instanceof Refusal && error.code === code;

  test(
    'a request comes only from one’s own denial, and asks for what was denied and is still missing',
    scene(async ({ requests, ana, bo, deny, use, events }) => {
      await deny(ana, 'team/app', ['pull', 'push']);
      const ask = (who: Account, name: string) => requests.ask(who, service, name, 'please', by);
      await assert.rejects(ask(bo, 'team/app'), refusedAs('conflict'));
      await assert.rejects(ask(ana, 'team/other'), refusedAs('conflict'));
      await assert.rejects(requests.ask(ana, 'elsewhere.example.com', 'team/app', '', by), refusedAs('conflict'));
      await ask(ana, 'team/app');
      const [request] = await requests.ofPerson(ana);
      assert.deepEqual([request?.actions, request?.state, request?.note], [['push'], 'open', 'please']);
      assert.deepEqual(
        events.map(({ action, subject, repository }) => [action, subject, repository]),
        [['request.create', 'ana@example.com', 'team/app']],
      );
      await deny(bo, 'team/app', ['push']);
      use('acl:\n  - match: {}\n    actions: ["*"]\n');
      await assert.rejects(ask(bo, 'team/app'), refusedAs('conflict'), 'the policy grants it by now');
    }),
  );

  test(
    'one is open for each repository and five for each person, also of those that come at the same moment',
    scene(async ({ requests, ana, bo, deny, events }) => {
      for (let number = 0; number < 7; number++) await deny(ana, `team/app${number}`, ['push']);
      await deny(bo, 'team/app0', ['push']);
      const ask = (number: number) => requests.ask(ana, service, `team/app${number}`, '', by);
      const same = await Promise.allSettled([ask(0), ask(0), ask(0)]);
      assert.equal(same.filter(({ status }) => status === 'fulfilled').length, 1);
      const all = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(ask));
      assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 4);
      assert.ok(all.every((one) => one.status === 'fulfilled' || refusedAs('conflict')(one.reason)));
      await requests.ask(bo, service, 'team/app0', '', by);
      assert.equal((await requests.list()).length, 6);
      assert.equal(events.length, 6, 'the audit has those that were stored');
    }),
  );

  test(
    'an answer is never one’s own and changes no decision; after a refusal one asks again in seven days',
    scene(async ({ requests, ana, bo, deny, clock, events }) => {
      await deny(ana, 'team/app', ['push']);
      await requests.ask(ana, service, 'team/app', '', by);
      const [{ id = '' } = {}] = await requests.list();
      const answer = (word: string, byId: string | null) =>
        requests.answer(id, { answer: word, note: 'because' }, { actor: 'root', client: null }, byId);
      await assert.rejects(answer('accept', ana.id), refusedAs('denied'));
      await assert.rejects(answer('grant', bo.id), refusedAs('bad_request'));
      await assert.rejects(
        requests.answer('nothing', { answer: 'accept', note: '' }, by, null),
        refusedAs('not_found'),
      );
      assert.equal((await answer('accept', bo.id)).state, 'accepted');
      assert.equal((await requests.ofPerson(ana))[0]?.closedAt, null, 'only the policy grants');
      const stale = requests.answer(id, { answer: 'refuse', note: '', seen: 0 }, by, bo.id);
      await assert.rejects(stale, refusedAs('conflict'), 'made before the answer that is there');
      assert.equal((await requests.ofPerson(ana))[0]?.state, 'accepted');
      assert.equal((await answer('refuse', null)).state, 'refused');
      await assert.rejects(answer('accept', bo.id), refusedAs('conflict'));
      assert.deepEqual(
        events.map(({ action, detail }) => [action, detail?.['answer']]),
        [
          ['request.create', undefined],
          ['request.answer', 'accept'],
          ['request.answer', 'refuse'],
        ],
      );
      clock.at += 7 * day - 1;
      await assert.rejects(requests.ask(ana, service, 'team/app', '', by), refusedAs('conflict'));
      clock.at += 1;
      await requests.ask(ana, service, 'team/app', '', by);
    }),
  );

  test(
    'it counts as granted once the policy in force grants all of it, and closes by itself then',
    scene(async ({ requests, store, clock, ana, deny, use }) => {
      await deny(ana, 'team/app', ['push', 'delete']);
      await requests.ask(ana, service, 'team/app', '', by);
      const [{ id = '' } = {}] = await requests.list();
      use('acl:\n  - match: {domain: example.com}\n    actions: [pull, push]\n');
      await requests.settle();
      assert.equal((await requests.list())[0]?.state, 'open', 'a part isn’t it');
      use(pulls);
      const suggestion = await requests.suggest(id);
      assert.ok('yaml' in suggestion && suggestion.before?.line === 2);
      use(pulls.replace('acl:\n', `acl:\n${suggestion.yaml}\n`));
      const shown = [...(await requests.ofPerson(ana)), ...(await requests.list())];
      assert.deepEqual(
        shown.map(({ state, closedAt }) => [state, closedAt]),
        [
          ['granted', null],
          ['granted', null],
        ],
        'who looks sees it',
      );
      assert.equal((await store.accessRequests.byId(id))?.closed_at, null, 'and closes nothing by looking');
      await requests.settle();
      use(pulls);
      const [settled] = await requests.list();
      assert.deepEqual([settled?.state, settled?.closedAt], ['granted', clock.at], 'it stays closed');
    }),
  );

  test(
    'what the policy grants by now can’t be answered or withdrawn, and keeps no one from asking for something else',
    scene(async ({ requests, store, ana, bo, deny, use }) => {
      const names = ['team/a', 'team/b', 'team/c', 'team/d', 'team/e', 'team/f'];
      for (const name of names) await deny(ana, name, ['push']);
      for (const name of names.slice(0, 5)) await requests.ask(ana, service, name, '', by);
      const idOf = async (name: string) =>
        (await requests.ofPerson(ana)).find(({ repository }) => repository === name)?.id ?? '';
      use(pulls.replace('acl:\n', 'acl:\n  - match: {domain: example.com, name: "team/[ab]"}\n    actions: [push]\n'));
      const late = requests.answer(await idOf('team/a'), { answer: 'refuse', note: '' }, by, bo.id);
      await assert.rejects(late, refusedAs('conflict'));
      await assert.rejects(requests.withdraw(ana, await idOf('team/b'), by), refusedAs('conflict'));
      await requests.ask(ana, service, 'team/f', '', by);
      const open = await store.accessRequests.open(99);
      assert.deepEqual(open.map(({ name }) => name).toSorted(), ['team/c', 'team/d', 'team/e', 'team/f']);
    }),
  );

  test(
    'one withdraws one’s own, once; administrators see it, and it’s open no longer',
    scene(async ({ requests, ana, bo, deny, events }) => {
      await deny(ana, 'team/app', ['push']);
      await requests.ask(ana, service, 'team/app', '', by);
      const [{ id = '' } = {}] = await requests.list();
      await assert.rejects(requests.withdraw(bo, id, by), refusedAs('not_found'), 'nobody else’s');
      await requests.withdraw(ana, id, by);
      await assert.rejects(requests.withdraw(ana, id, by), refusedAs('conflict'));
      await assert.rejects(requests.answer(id, { answer: 'accept', note: '' }, by, bo.id), refusedAs('conflict'));
      const [listed] = await requests.list();
      assert.deepEqual([listed?.state, listed && isOpen(listed)], ['withdrawn', false]);
      assert.deepEqual(
        events.map(({ action, subject, repository }) => [action, subject, repository]),
        [
          ['request.create', 'ana@example.com', 'team/app'],
          ['request.withdraw', 'ana@example.com', 'team/app'],
        ],
      );
    }),
  );

  test(
    'withdrawing makes room and lifts no limit: five a day can be withdrawn, and a refusal stays one',
    scene(async ({ requests, ana, bo, deny, clock }) => {
      for (const name of ['team/app', 'team/other']) await deny(ana, name, ['push']);
      const askAndWithdraw = async () => {
        await requests.ask(ana, service, 'team/app', '', by);
        const [{ id = '' } = {}] = await requests.ofPerson(ana);
        await requests.withdraw(ana, id, by);
      };
      for (let number = 0; number < 5; number++, clock.at += 1) await askAndWithdraw();
      const problem = /withdrew 5 requests within a day/;
      await assert.rejects(requests.ask(ana, service, 'team/other', '', by), problem, 'nor for another one');
      clock.at += day;
      await requests.ask(ana, service, 'team/app', '', by);
      const [{ id = '' } = {}] = await requests.ofPerson(ana);
      await requests.answer(id, { answer: 'refuse', note: '' }, by, bo.id);
      await assert.rejects(requests.withdraw(ana, id, by), refusedAs('conflict'));
      await assert.rejects(requests.ask(ana, service, 'team/app', '', by), /refused less than seven days ago/);
    }),
  );

  test(
    'the pages of open requests have as many rows as are counted, each once, the oldest first',
    scene(async ({ store, requests, ana, clock, use }) => {
      assert.deepEqual(await requests.openPage(1), { requests: [], total: 0, page: 1, pages: 1 });
      const names: string[] = [];
      for (let number = 0; number < 23; number++) {
        const name = `team/app${number}`;
        const place = { service, name, actions: 'push', address: context.address, note: '' };
        const request = { ...place, id: `${99 - number}`, account_id: ana.id, created_at: clock.at + (number >> 1) };
        const limits = { open: 99, refusedSince: 0, withdrawn: 5, withdrawnSince: 0 };
        await store.accessRequests.add(request, limits, unaudited);
        names.push(name);
      }
      const [first, second, beyond] = [
        await requests.openPage(1),
        await requests.openPage(2),
        await requests.openPage(9),
      ];
      assert.deepEqual([await requests.countOpen(), first.total, first.pages], [23, 23, 2]);
      assert.deepEqual([first.requests.length, second.requests.length], [20, 3]);
      const seen = [...first.requests, ...second.requests].map(({ repository }) => repository);
      assert.deepEqual(seen.toSorted(), names.toSorted());
      assert.deepEqual([beyond.page, beyond.requests], [2, second.requests]);
      use('acl:\n  - match: {name: "team/app[0-9]"}\n    actions: [push]\n');
      assert.deepEqual(
        [await requests.countOpen(), (await requests.openPage(1)).total],
        [23, 23],
        'looking closes none',
      );
      assert.equal((await requests.openPage(1)).requests.filter(({ state }) => state === 'granted').length, 10);
      await requests.settle();
      assert.equal(await requests.countOpen(), 13, 'what the policy grants by now is closed');
      assert.equal((await requests.closed()).length, 10);
    }),
  );

  test(
    'requests end with the account and are kept as long as denials',
    scene(async ({ store, requests, ana, bo, deny, clock }) => {
      for (const who of [ana, bo]) {
        await deny(who, 'team/app', ['push']);
        await requests.ask(who, service, 'team/app', '', by);
      }
      await store.people.remove(ana.id, { by: 'root', at: clock.at, releasesLogin: false }, unaudited);
      assert.deepEqual(
        (await requests.list()).map(({ login }) => login),
        ['bo@example.com'],
      );
      const log = { info: () => {}, warn: () => {}, error: () => {} } as never;
      const parts = { store, auditRetention: 365 * day, denialRetention: 30 * day, log, now: () => clock.at };
      clock.at += 30 * day;
      await tidy({ ...parts, activity: { retention: 365 * day } });
      assert.equal((await requests.list()).length, 1);
      clock.at += 1;
      await tidy({ ...parts, activity: { retention: 365 * day } });
      assert.equal((await requests.list()).length, 0);
    }),
  );
});
