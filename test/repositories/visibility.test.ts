/** Who sees what: every list, count, search, page and error agrees with `policy explain`, after each change of anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Identity } from '../../src/identity/identity.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { type Policy, parsePolicy } from '../../src/policy/acl.ts';
import { explain } from '../../src/policy/explain.ts';
import type { RepositorySort } from '../../src/repositories/listing.ts';
import { createTurns } from '../../src/repositories/turns.ts';
import type { Viewer } from '../../src/repositories/visibility.ts';
import { somebody } from '../policy/asking.ts';
import { createViewing, type KnownRepository, type Viewing } from '../support/viewing.ts';

const all: readonly KnownRepository[] = [
  { name: 'data', size: null, recent_pulls: 7 },
  { name: 'data/ana/x', tags: 0 },
  { name: 'ops', pushed_at: null },
  { name: 'prod/api', size: 99, recent_pulls: 1 },
  { name: 'prod/web', pushed_at: 5_000 },
  { name: 'web', size: 5 },
  { name: 'web-x/y', recent_pulls: 0 },
  { name: 'web/x', tags: 0, size: 77 },
  { name: 'web/x/y', pushed_at: 9_000 },
];

const rule = fc.record({
  match: fc.record(
    {
      name: fc.constantFrom('web', 'web/**', 'prod/*', '**', 'data/${user}/*', '/^(web|ops)/', '${group:g}/**'),
      account: fc.constantFrom('ana@a.org', 'bo@b.org', '*@a.org'),
      group: fc.constantFrom('g:web', 'g:prod', 'team'),
      ip: fc.constantFrom('10.0.0.0/8'),
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
  actions: fc.constantFrom(['*'], ['pull'], ['push'], ['pull', 'push'], ['delete'], []),
});
const policy = fc
  .array(rule, { maxLength: 5 })
  .map((acl) => parsePolicy(JSON.stringify({ groups: { team: ['g:web', 'bo@b.org'] }, acl }), 'policy.json'));
const identity: fc.Arbitrary<Identity> = fc
  .record({
    account: fc.constantFrom('ana@a.org', 'bo@b.org'),
    groups: fc.subarray(['g:web', 'g:prod']),
    groupsKnown: fc.boolean(),
    // `pull`: the provider hasn't been heard of for a while. `none`: for too long.
    status: fc.constantFrom(null, ['pull'], []),
  })
  .map(({ account, groups, groupsKnown, status }) =>
    somebody(account, {
      ...{ provider: 'g', groupsKnown, groups: groupsKnown ? groups : [] },
      limits: status && { actions: status, repositories: null },
    }),
  );
/** Everything is asked again after each of these, of the same parts: what they keep must not outlive the change. */
const change = fc.oneof(
  policy.map((next) => ({ policy: next })),
  identity.map((next) => ({ identity: next })),
  fc.constantFrom('10.0.0.1', '192.0.2.1').map((address) => ({ address })),
  fc.subarray([...all]).map((repositories) => ({ repositories })),
);
type State = {
  readonly policy: Policy;
  readonly identity: Identity;
  readonly address: string;
  readonly repositories: readonly KnownRepository[];
};

function granted(state: State, name: string): readonly string[] {
  const access = { type: 'repository', name, actions: ['pull', 'push', 'delete'] };
  return explain(state.policy, state.identity, access, { service: 'registry', address: state.address }).granted;
}

async function check(viewing: Viewing, state: State): Promise<void> {
  const viewer: Viewer = { identity: state.identity, context: { service: 'registry', address: state.address } };
  const can = (action: string) => state.repositories.filter(({ name }) => granted(state, name).includes(action));
  const [pull, push] = [can('pull'), can('push')];
  await checkLists(viewing, viewer, pull, push);
  await checkCatalog(viewing, viewer, pull);
  for (const { name } of all) await checkOne(viewing, viewer, name, state);
}

async function checkLists(
  { own }: Viewing,
  viewer: Viewer,
  pull: readonly KnownRepository[],
  push: readonly KnownRepository[],
): Promise<void> {
  for (const search of ['', 'web', 'x']) {
    for (const empty of [false, true]) {
      const expected = all
        .filter((one) => (pull.includes(one) ? empty || one.tags !== 0 : push.includes(one)))
        .filter(({ name }) => name.includes(search));
      for (const sort of ['name', 'pushed', 'size', 'pulls'] satisfies RepositorySort[]) {
        const query = { search, sort, descending: true, empty, page: 1 };
        const { rows, total, names } = await own.list(viewer, { accountId: 'a' }, query);
        assert.deepEqual(names.map(({ name }) => name).sort(), expected.map(({ name }) => name).sort());
        assert.equal(total, expected.length);
        for (const row of rows) {
          const mine = pull.some(({ name }) => name === row.name);
          assert.equal(row.canPull, mine);
          assert.equal(row.facts !== null, mine, `facts of ${row.name}`);
        }
      }
    }
  }
}

async function checkCatalog({ listing }: Viewing, viewer: Viewer, pull: readonly KnownRepository[]): Promise<void> {
  const names: string[] = [];
  for (let hasMore = true; hasMore; ) {
    const page = await listing.after(viewer, { after: names.at(-1) ?? '', limit: 2, empty: false });
    names.push(...page.names);
    hasMore = page.hasMore;
  }
  assert.deepEqual(
    names,
    pull
      .filter(({ tags }) => tags !== 0)
      .map(({ name }) => name)
      .sort(),
  );
}

/** What isn't there and what isn't for them is answered in the same words. */
async function checkOne({ own, deletion }: Viewing, viewer: Viewer, name: string, state: State): Promise<void> {
  const can = granted(state, name);
  const isThere = state.repositories.some((one) => one.name === name);
  const opened = await outcomeOf(own.open(viewer, { accountId: 'a' }, name));
  const isVisible = can.includes('pull') || can.includes('push');
  assert.equal(
    opened,
    isVisible && isThere
      ? 'shown'
      : `not_found There is no repository ${name} that you can pull or push. The list has those that you can.`,
  );
  const canPull = can.includes('pull');
  for (const asked of [own.tags(viewer, { accountId: 'a' }, name, 1), own.tag(viewer, { accountId: 'a' }, name, '1')]) {
    assert.equal((await outcomeOf(asked)).startsWith('not_found'), !canPull);
  }
  const preview = await outcomeOf(deletion.preview(viewer, name, '1'));
  assert.equal(preview.split(' ')[0], canPull ? (can.includes('delete') ? 'conflict' : 'denied') : 'not_found');
}

async function outcomeOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return 'shown';
  } catch (error) {
    if (error instanceof Refusal) return `${error.code} ${error.message}`;
    throw error;
  }
}

test('after any changes of policy, groups, account status, address and repositories', async () => {
  await fc.assert(
    fc.asyncProperty(policy, identity, fc.array(change, { maxLength: 5 }), async (first, who, changes) => {
      let state: State = { policy: first, identity: who, address: '192.0.2.1', repositories: all };
      const viewing = createViewing({ policy: () => state.policy, repositories: () => state.repositories });
      await check(viewing, state);
      for (const next of changes) {
        state = { ...state, ...next };
        viewing.refresh();
        await check(viewing, state);
      }
    }),
    { numRuns: 60 },
  );
});

test('a policy that changes while names are being decided decides all of them', async () => {
  const many = Array.from({ length: 5_000 }, (_, index) => ({ name: `team/app-${String(index).padStart(5, '0')}` }));
  const policies = ['team/**', 'other/**'].map((name) =>
    parsePolicy(JSON.stringify({ acl: [{ match: { name }, actions: ['pull'] }] }), 'policy.json'),
  );
  const [before, after] = policies;
  assert.ok(before && after);
  // Each turn decides one name, however fast the machine is.
  let clock = 0;
  const turns = createTurns(() => (clock += 10));
  let asked = 0;
  // The listing asks twice before it decides, and at each turn from then on.
  const policyNow = () => (++asked < 4 ? before : after);
  const { listing } = createViewing({ policy: policyNow, repositories: () => many, turns });
  const viewer = { identity: somebody('ana@a.org'), context: { service: 'registry', address: '' } };
  assert.deepEqual(await listing.after(viewer, { after: '', limit: 10, empty: true }), { names: [], hasMore: false });
});
