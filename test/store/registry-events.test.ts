import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openStore } from '../../src/store/open.ts';
import type { Change, Deletion, Push } from '../../src/store/registry-changes.ts';
import type { RepositoryFilter, RepositoryOrder } from '../../src/store/repositories.ts';
import type { Store } from '../../src/store/store.ts';
import { unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { signedIn } from '../support/rows.ts';

const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`;
const [one, two, index] = ['1', '2', '3'].map(digestOf) as [string, string, string];
const service = 'registry.example.com';
const layer = (letter: string, size: number) => ({ digest: digestOf(letter), size });

function push(at: number, changes: Partial<Push> = {}): Push {
  return {
    ...{ action: 'push', repository: 'team/app', tag: 'latest', digest: one, at, day: 20_000, actor: 'static:ana' },
    ...{ mediaType: 'application/vnd.oci.image.manifest.v1+json', layers: [layer('a', 100), layer('b', 20)] },
    children: [],
    ...changes,
  };
}

function deletion(at: number, changes: Partial<Deletion>): Deletion {
  const common = { repository: 'team/app', at, day: 20_000, actor: 'static:ana' } as const;
  return { action: 'delete', ...common, tag: null, digest: null, ...changes };
}

describeEngines('what registries report', (databases) => {
  const withStore = async (action: (store: Store) => Promise<void>) => {
    const store = await openStore(await databases.create(), () => {});
    try {
      await action(store);
    } finally {
      await store.close();
    }
  };
  const tagsOf = async (store: Store, repository = 'team/app') =>
    (await store.repositoryTags.after(service, repository, '', 100)).map(({ tag, digest }) => [tag, digest]);
  const write = (store: Store, ...changes: Change[]) => store.registryEvents.write(service, changes, 50);

  test('a push makes repository, tag and size; a duplicate changes nothing and is not counted', () =>
    withStore(async (store) => {
      const actors = await store.registryEvents.actorsOf([{ login: 'ana', kind: 'static' }]);
      assert.equal(actors.get('ana'), 'static:ana');
      assert.deepEqual(await write(store, push(10)), [true]);
      assert.deepEqual(await write(store, push(10)), [false]);
      assert.deepEqual(await tagsOf(store), [['latest', one]]);
      const row = await store.repositories.byName(service, 'team/app');
      assert.deepEqual(
        [row?.size, row?.tags, row?.pushed_at, row?.actor_kind, row?.actor_login],
        [120, 1, 10, 'static', 'ana'],
      );
      assert.deepEqual(await store.repositoryActivity.ofService(service, 0), [
        { day: 20_000, action: 'push', count: 1 },
      ]);
    }));

  test('size counts a shared layer once, and goes with the last manifest that has it', () =>
    withStore(async (store) => {
      const second = push(11, { tag: 'next', digest: two, layers: [layer('a', 100), layer('c', 3)] });
      await write(store, push(10), second);
      const sizeNow = async () => (await store.repositories.byName(service, 'team/app'))?.size;
      assert.equal(await sizeNow(), 123);
      await write(store, deletion(12, { digest: one }));
      assert.equal(await sizeNow(), 103);
      assert.deepEqual(await tagsOf(store), [['next', two]]);
      await write(store, deletion(13, { digest: two }));
      assert.equal(await sizeNow(), null);
      assert.equal((await store.repositories.byName(service, 'team/app'))?.tags, 0);
      assert.deepEqual(await store.repositories.after(service, '', 10, false), []);
      assert.equal((await store.repositories.after(service, '', 10, true)).length, 1);
    }));

  test('a push and its deletion that are stored at the same moment leave no size', () =>
    withStore(async (store) => {
      const names = Array.from({ length: 20 }, (_, n) => `team/app${n}`);
      await Promise.all(
        names.flatMap((repository) => [
          write(store, push(10, { repository })),
          write(store, deletion(12, { repository, digest: one })),
        ]),
      );
      const rows = await store.repositories.byNames(service, names);
      assert.deepEqual(
        rows.map(({ size, tags }) => [size, tags]),
        names.map(() => [null, 0]),
      );
    }));

  test('an event that does not know the layers counts those that a sync stores at the same moment', () =>
    withStore(async (store) => {
      await write(store, deletion(11, { digest: one }));
      const { action: _, actor: __, day: ___, ...found } = push(9);
      await Promise.all([write(store, { action: 'found', ...found }), write(store, push(12, { layers: null }))]);
      assert.equal((await store.repositories.byName(service, 'team/app'))?.size, 120);
    }));

  test('the deletion of a tag takes no other tag of the digest with it', () =>
    withStore(async (store) => {
      await write(store, push(10), push(11, { tag: 'next' }));
      assert.deepEqual(await write(store, deletion(12, { tag: 'latest', digest: one })), [true]);
      assert.deepEqual(await tagsOf(store), [['next', one]]);
      assert.equal((await store.repositories.byName(service, 'team/app'))?.size, 120);
    }));

  test('what Dockpass deletes itself is no sign that events arrive', () =>
    withStore(async (store) => {
      const found = { ...push(10), action: 'found' } as const;
      const gone = { action: 'gone', repository: 'team/app', tag: null, at: 12 } as const;
      await write(store, found, { ...found, tag: 'next', digest: two });
      await write(store, { ...gone, digest: one }, { ...gone, tag: 'next', digest: null });
      assert.deepEqual(await tagsOf(store), []);
      assert.equal((await store.repositories.byName(service, 'team/app'))?.tags, 0);
      assert.equal(await store.registryEvents.arrival(service), undefined);
      assert.deepEqual(await store.repositoryActivity.ofService(service, 0), []);
      await write(store, push(11, { tag: 'next' }));
      assert.deepEqual(await tagsOf(store), []);
      await write(store, push(13, { tag: 'next' }));
      assert.deepEqual(await tagsOf(store), [['next', one]]);
    }));

  test('what an index holds is not pulled by itself', () =>
    withStore(async (store) => {
      const parts = { tag: null, layers: [] };
      await write(
        store,
        push(10, { ...parts, digest: one }),
        push(11, { digest: index, layers: null, children: [one] }),
      );
      const asked = [one, two].map((digest) => ({ repository: 'team/app', digest }));
      assert.deepEqual([...(await store.registryEvents.partsOfIndexes(service, asked))], [`team/app@${one}`]);
      assert.deepEqual(await store.repositoryTags.parents(service, 'team/app', one), [index]);
      await write(store, deletion(12, { digest: index }));
      assert.equal((await store.registryEvents.partsOfIndexes(service, asked)).size, 0);
    }));

  test('pulls add up, and nobody inherits the history of an account that is deleted', () =>
    withStore(async (store) => {
      const { id } = await store.accounts.signIn(signedIn({}));
      const login = 'ana@example.com';
      const actorNow = async () => (await store.registryEvents.actorsOf([{ login, kind: 'unknown' }])).get(login) ?? '';
      const actor = await actorNow();
      const pull = { service, repository: 'team/app', day: 20_000, actor, at: 30, count: 2 };
      await write(store, push(10, { actor }));
      await store.registryEvents.addPulls([pull, { ...pull, at: 20, count: 3 }], 60);
      const counted = await store.repositoryActivity.ofAccounts([id], 0);
      assert.deepEqual(counted.map(({ action, count }) => [action, count]).sort(), [
        ['pull', 5],
        ['push', 1],
      ]);
      assert.equal((await store.repositories.byName(service, 'team/app'))?.pulled_at, 30);
      await store.people.remove(id, { by: 'admin', at: 70, releasesLogin: false }, unaudited);
      await store.accounts.signIn(signedIn({ id: 'account-2', subject: '1002' }));
      assert.notEqual(await actorNow(), actor);
      assert.deepEqual(await store.repositoryActivity.ofAccounts(['account-2'], 0), []);
      const [tag] = await store.repositoryTags.after(service, 'team/app', '', 10);
      assert.deepEqual([tag?.actor_kind, tag?.actor_login], ['deleted', null]);
      const active = await store.repositoryActivity.actorsOf(service, 'team/app', 0, 10);
      assert.deepEqual(
        [...new Set(active.map(({ actor_kind: kind, actor_login: who }) => `${kind} ${who}`))],
        ['deleted null'],
      );
    }));

  test("the administrators' list is ordered, searched and counted", () =>
    withStore(async (store) => {
      const sized = (repository: string, size: number) => push(10, { repository, layers: [layer('a', size)] });
      await write(store, sized('a_b/x', 5), sized('a-b/x', 9), push(11, { repository: 'c', layers: null }));
      const pull = { service, repository: 'a_b/x', day: 20_000, actor: 'anonymous', at: 30, count: 7 };
      await store.registryEvents.addPulls([pull], 60);
      const all = { service: null, search: '', neverPulled: false, withoutTags: true };
      const listed = async (filter: Partial<RepositoryFilter>, by: RepositoryOrder['by']) =>
        (
          await store.repositories.list(
            { ...all, ...filter },
            { by, descending: by !== 'name' },
            { limit: 9, offset: 0 },
          )
        ).map(({ name }) => name);
      assert.deepEqual(await listed({}, 'name'), ['a-b/x', 'a_b/x', 'c']);
      assert.deepEqual(await listed({}, 'size'), ['a-b/x', 'a_b/x', 'c']);
      assert.deepEqual(await listed({}, 'pulled'), ['a_b/x', 'a-b/x', 'c']);
      assert.deepEqual(await listed({ search: 'a_b' }, 'name'), ['a_b/x']);
      assert.deepEqual(await listed({ neverPulled: true }, 'name'), ['a-b/x', 'c']);
      assert.equal(await store.repositories.count({ ...all, service: 'other' }), 0);
      assert.equal(await store.repositories.count({ ...all, neverPulled: true }), 2);
      const pulls = async () => (await store.repositories.byNames(service, ['a_b/x', 'c'])).map((r) => r.recent_pulls);
      assert.deepEqual(await pulls(), [7, 0]);
      assert.equal(await store.repositories.recount(service, '', 20_001, 2), 'a_b/x');
      assert.equal(await store.repositories.recount(service, 'a_b/x', 20_001, 2), undefined);
      assert.deepEqual(await pulls(), [0, 0]);
    }));

  test('names are in the order of their bytes', () =>
    withStore(async (store) => {
      const names = ['a', 'a-b', 'a/b', 'a.b', 'a0', 'a_b', 'aa', 'b'];
      await write(store, ...names.map((repository) => push(10, { repository })));
      const listed: string[] = [];
      for (let last: string | undefined = ''; last !== undefined; ) {
        const page = await store.repositories.after(service, last, 3, false);
        listed.push(...page.map(({ name }) => name));
        last = page.at(-1)?.name;
      }
      assert.deepEqual(
        listed,
        names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
    }));

  test('a sync removes what is gone, never what was pushed since it began, and keeps who pushed what', () =>
    withStore(async (store) => {
      await write(store, push(10), push(10, { tag: 'gone' }));
      await store.registryEvents.write(service, [push(10, { tag: 'new' })], 200);
      const found = { ...push(150, { tag: 'found', digest: two }), action: 'found' } as const;
      await store.registryEvents.write(service, [found, { ...found, tag: 'latest', digest: one }], 210);
      assert.equal(await store.repositorySyncs.removeTags(service, 'team/app', ['gone', 'new', 'none'], 100, 220), 1);
      const tags = await store.repositoryTags.after(service, 'team/app', '', 10);
      assert.deepEqual(
        tags.map(({ tag, pushed_at: at }) => [tag, at]),
        [
          ['found', null],
          ['latest', 10],
          ['new', 10],
        ],
      );
      assert.equal((await store.repositories.byName(service, 'team/app'))?.tags, 3);
      await write(store, push(145, { tag: 'found', digest: two }));
      assert.equal((await store.repositoryTags.byName(service, 'team/app', 'found'))?.pushed_at, 145);
      assert.equal(await store.repositorySyncs.removeRepository(service, 'team/app', 100), false);
      assert.equal(await store.repositorySyncs.removeRepository(service, 'team/app', 300), true);
      assert.deepEqual(await tagsOf(store), []);
      assert.equal((await store.repositoryActivity.ofService(service, 0)).length, 1);
    }));

  test('whatever the order and however often events arrive, the same is known', async () => {
    await withStore(async (store) => {
      let run = 0;
      const tag = fc.constantFrom('a', 'b');
      const digest = fc.constantFrom(one, two, index);
      const event = fc.oneof(
        fc.record({ kind: fc.constant('push' as const), tag: fc.option(tag), digest }),
        fc.record({ kind: fc.constant('delete' as const), tag: fc.constant(null), digest }),
        fc.record({ kind: fc.constant('untag' as const), tag, digest: fc.constant(one) }),
      );
      const story = fc.array(event, { minLength: 1, maxLength: 8 }).chain((events) => {
        const places = [...events.keys(), ...events.keys()];
        return fc.tuple(fc.constant(events), fc.shuffledSubarray(places, { minLength: places.length }));
      });
      const layers = new Map([
        [one, [layer('a', 1), layer('b', 2)]],
        [two, [layer('b', 2), layer('c', 4)]],
      ]);
      const changeOf = (
        repository: string,
        { kind, tag, digest }: { kind: string; tag: string | null; digest: string },
        at: number,
      ): Change => {
        if (kind === 'delete') return deletion(at, { repository, digest });
        if (kind === 'untag') return deletion(at, { repository, tag });
        const children = digest === index ? [one, two] : [];
        return push(at, { repository, tag, digest, layers: layers.get(digest) ?? null, children });
      };
      const knownOf = async (repository: string) => {
        const row = await store.repositories.byName(service, repository);
        const tags = await store.repositoryTags.after(service, repository, '', 10);
        const parts = [one, two].map((digest) => ({ repository, digest }));
        return {
          tags: tags.map(({ tag, digest, pushed_at: at }) => [tag, digest, at]),
          count: row?.tags,
          size: row?.size,
          parts: [...(await store.registryEvents.partsOfIndexes(service, parts))]
            .map((key) => key.split('@')[1])
            .sort(),
        };
      };
      await fc.assert(
        fc.asyncProperty(story, async ([events, order]) => {
          run += 1;
          const [inOrder, mixed] = [`run/${run}/in-order`, `run/${run}/mixed`];
          for (const [at, entry] of events.entries()) await write(store, changeOf(inOrder, entry, at + 1));
          await write(store, ...order.map((at) => changeOf(mixed, events[at] as (typeof events)[number], at + 1)));
          assert.deepEqual(await knownOf(mixed), await knownOf(inOrder));
        }),
        { numRuns: 60 },
      );
    });
  });
});
