/** That writes which come together are committed together, and not so many that others wait for long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { createGroupCommit } from '../../src/store/group-commit.ts';

function createScene(eachTakes: number) {
  const database = new Database(':memory:');
  database.exec('create table entry (name text primary key)');
  const insert = database.prepare<[string]>('insert into entry values (?)');
  const clock = { at: 0 };
  const group = createGroupCommit(database, () => clock.at);
  const story: string[] = [];
  const add = (name: string) =>
    group.add(() => {
      clock.at += eachTakes;
      story.push(name);
      insert.run(name);
      return name;
    });
  const stored = () => database.prepare('select name from entry order by name').pluck().all();
  return { group, story, add, stored };
}

test('quick writes share one commit, and one that fails takes no other with it', async () => {
  const { story, add, stored } = createScene(1);
  const turn = new Promise<void>((resolve) => {
    setImmediate(() => setImmediate(() => resolve(void story.push('request'))));
  });
  const outcomes = await Promise.allSettled(['a', 'b', 'a', 'c'].map(add));
  await turn;
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(story, ['a', 'b', 'a', 'c', 'request']);
  assert.deepEqual(stored(), ['a', 'b', 'c']);
});

test('after some milliseconds others have their turn, and none of the writes is lost or done twice', async () => {
  const { story, add, stored } = createScene(6);
  const names = ['a', 'b', 'c', 'd', 'e'];
  setImmediate(() => setImmediate(() => story.push('request')));
  assert.deepEqual(await Promise.all(names.map(add)), names);
  assert.deepEqual(story, ['a', 'b', 'request', 'c', 'd', 'e']);
  assert.deepEqual(stored(), names);
});

test('at the end everything that waits is committed', async () => {
  const { group, add, stored } = createScene(20);
  const added = ['a', 'b', 'c'].map(add);
  group.commit();
  assert.deepEqual(stored(), ['a', 'b', 'c']);
  await Promise.all(added);
});
