/** What lists are made from: turns that hold up nobody, and names that come and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import { createKnownRepositories } from '../../src/repositories/known.ts';
import { createTurns } from '../../src/repositories/turns.ts';
import { somebody } from '../policy/asking.ts';
import { createViewing, type KnownRepository, repositoryRow } from '../support/viewing.ts';

test('a turn is over after ten milliseconds, and everyone else is answered between two of them', async () => {
  let clock = 0;
  const turns = createTurns(() => clock);
  const story: string[] = [];
  const job = async (name: string) => {
    for (let count = 0; count < 3; count++) {
      const turn = await turns.next();
      story.push(name);
      setImmediate(() => story.push('request'));
      while (!turn.isOver()) clock += 1;
    }
  };
  await Promise.all([job('a'), job('b')]);
  assert.equal(clock, 60);
  assert.deepEqual(
    story.filter((name) => name !== 'request'),
    ['a', 'b', 'a', 'b', 'a', 'b'],
  );
  for (const [index, name] of story.entries()) {
    assert.ok(name === 'request' || story[index + 1] !== name, story.join());
  }
  assert.ok(story.join().includes('a,request,b'), story.join());
});

const names = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, n): KnownRepository => ({ name: `${prefix}${String(n).padStart(5, '0')}` }));

test('names that are gone leave nothing behind for those that come after them', async () => {
  const policy = parsePolicy('acl: [{match: {name: "open*"}, actions: [pull]}]', 'policy.yml');
  let repositories: readonly KnownRepository[] = names(6_000, 'open');
  const { listing, refresh } = createViewing({ policy: () => policy, repositories: () => repositories });
  const viewer = { identity: somebody('ana@a.org'), context: { service: 'registry', address: '' } };
  const total = async () => {
    refresh();
    return (await listing.page(viewer, { search: '', sort: 'name', descending: false, empty: false, page: 1 })).total;
  };
  assert.equal(await total(), 6_000);
  for (const [next, expected] of [
    [names(10, 'shut'), 0],
    [[...names(5, 'open'), ...names(5, 'shut')], 5],
    [names(7_000, 'shut'), 0],
    [names(3, 'open'), 3],
  ] as const) {
    repositories = next;
    assert.equal(await total(), expected);
  }
});

test('a long list is read behind the answer, a short one before it', async () => {
  const clock = { at: 0, reading: 1 };
  let rows = names(3, 'a').map(repositoryRow);
  let reads = 0;
  const known = createKnownRepositories({
    store: {
      after: async () => {
        reads += 1;
        clock.at += clock.reading;
        return rows;
      },
    },
    turns: createTurns(),
    now: () => clock.at,
  });
  const count = async () => (await known.of('registry')).rows.length;
  assert.equal(await count(), 3);
  rows = names(4, 'a').map(repositoryRow);
  assert.equal(await count(), 3, 'it was read this moment');
  clock.at += 100;
  assert.equal(await count(), 4);
  rows = names(5, 'a').map(repositoryRow);
  clock.reading = 1_000;
  known.forget('registry');
  assert.equal(await count(), 5);
  rows = names(6, 'a').map(repositoryRow);
  clock.at += 55_000;
  const before = reads;
  assert.equal(await count(), 5, 'what is known is shown');
  while (reads === before || (await count()) === 5) await new Promise(setImmediate);
  assert.equal(await count(), 6);
});

test('a long list that is read ahead is there for the first page; a short one, or one that failed, is read for it', async () => {
  const rows = (count: number) => () => names(count, 'a').map(repositoryRow);
  const answers = [rows(2_000), rows(0), rows(1), assert.fail, rows(2), rows(3)];
  const known = createKnownRepositories({
    store: { after: async () => answers.shift()?.() ?? assert.fail('read once more') },
    turns: createTurns(),
    now: () => 0,
  });
  const readAhead = async (service: string, reads: number) => {
    const left = answers.length - reads;
    known.readAhead([service]);
    while (answers.length > left) await new Promise(setImmediate);
    for (const _ of [1, 2]) await new Promise(setImmediate);
  };
  const count = async (service: string) => (await known.of(service)).rows.length;
  await readAhead('long', 2);
  assert.equal(await count('long'), 2_000);
  await readAhead('short', 1);
  await readAhead('failed', 1);
  assert.equal(await count('short'), 2);
  assert.equal(await count('failed'), 3);
});
