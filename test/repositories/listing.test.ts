/** Lists of repositories: their order, their pages, and what can't be known at the end. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import type { ListQuery } from '../../src/repositories/listing.ts';
import { somebody } from '../policy/asking.ts';
import { createViewing, type KnownRepository } from '../support/viewing.ts';

const policy = parsePolicy(
  'acl: [{match: {name: "drop/**"}, actions: [push]}, {match: {}, actions: [pull]}]',
  'policy.yml',
);
const viewer = { identity: somebody('ana@a.org'), context: { service: 'registry', address: '' } };

function listingOf(repositories: readonly KnownRepository[]) {
  const { listing } = createViewing({ policy: () => policy, repositories: () => repositories });
  const query: ListQuery = { search: '', sort: 'name', descending: false, empty: false, page: 1 };
  return {
    after: (after: string, limit: number) => listing.after(viewer, { after, limit, empty: false }),
    page: (changes: Partial<ListQuery>) => listing.page(viewer, { ...query, ...changes }),
    names: async (changes: Partial<ListQuery>) =>
      (await listing.page(viewer, { ...query, ...changes })).names.map(({ name }) => name).join(' '),
  };
}

describe('the order', () => {
  const { names } = listingOf([
    { name: 'a', pushed_at: 5_000, size: 2_048, recent_pulls: 1 },
    { name: 'b', pushed_at: null, size: 9_999_999_999_999, recent_pulls: 7 },
    { name: 'c', pushed_at: 9_000, size: null, recent_pulls: 0 },
    { name: 'd', pushed_at: 5_000, size: 2_048, recent_pulls: 1 },
    { name: 'drop/x', pushed_at: 99_000, size: 1e9, recent_pulls: 99 },
    { name: 'e', tags: 0, pushed_at: 99_000, size: 1e9, recent_pulls: 99 },
  ]);
  const cases: readonly [changes: Partial<ListQuery>, expected: string][] = [
    [{ sort: 'name' }, 'a b c d drop/x'],
    [{ sort: 'name', descending: true }, 'd c b a drop/x'],
    [{ sort: 'pushed', descending: true }, 'c a d b drop/x'],
    [{ sort: 'pushed' }, 'a d c b drop/x'],
    [{ sort: 'size', descending: true }, 'b a d c drop/x'],
    [{ sort: 'size' }, 'a d b c drop/x'],
    [{ sort: 'pulls', descending: true }, 'b a d c drop/x'],
    [{ sort: 'pulls', descending: true, empty: true }, 'e b a d c drop/x'],
    [{ search: 'd' }, 'd drop/x'],
  ];
  for (const [changes, expected] of cases) {
    test(`${JSON.stringify(changes)}: unknown values last, and after them what tells nothing`, async () => {
      assert.equal(await names(changes), expected);
    });
  }
});

test('pages end and begin where they should, and a page beyond the last is the last', async () => {
  const many = Array.from({ length: 1_201 }, (_, n) => ({ name: `r${String(n).padStart(4, '0')}`, recent_pulls: n }));
  const { page, after } = listingOf(many);
  const seen: string[] = [];
  for (let number = 1; number <= 25; number++) {
    const { names, total, pages } = await page({ sort: 'pulls', descending: true, page: number });
    assert.deepEqual([total, pages], [1_201, 25]);
    seen.push(...names.map(({ name }) => name));
  }
  assert.deepEqual(seen, many.map(({ name }) => name).reverse());
  assert.equal((await page({ page: 99 })).page, 25);
  assert.deepEqual(await after('r1199', 5), { names: ['r1200'], hasMore: false });
  assert.deepEqual(await after('r1197', 2), { names: ['r1198', 'r1199'], hasMore: true });
});
