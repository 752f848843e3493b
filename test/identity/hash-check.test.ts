/** The check of chosen passwords: on a thread of its own, remembered, limited before it costs anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import bcrypt from 'bcryptjs';
import { Refusal } from '../../src/errors.ts';
import { type Attempt, createHashCheck } from '../../src/identity/hash-check.ts';
import { createHashThread } from '../../src/identity/hash-thread.ts';

const hash = bcrypt.hashSync('s3cret', 4);
const attempt: Attempt = { address: '192.0.2.1', username: 'ana' };

function create(refuseGuessing: (attempt: Attempt) => void = () => {}) {
  const compared: string[] = [];
  const clock = { now: 0 };
  const thread = {
    compare: async (password: string, _hash: string) => {
      compared.push(password);
      return password === 's3cret';
    },
  };
  const check = createHashCheck({ thread, refuseGuessing, now: () => clock.now });
  return { check, compared, clock };
}

test('a thread compares, and goes on after a hash that is none', async () => {
  const thread = createHashThread();
  const results = await Promise.all([thread.compare('s3cret', hash), thread.compare('wrong', hash)]);
  assert.deepEqual(results, [true, false]);
  await assert.rejects(thread.compare(undefined as unknown as string, hash), /Illegal arguments/);
  assert.equal(await thread.compare('s3cret', hash), true);
});

test('comparing does not keep the event loop from its work', async () => {
  const slow = bcrypt.hashSync('s3cret', 11);
  const comparison = createHashThread().compare('s3cret', slow);
  let turns = 0;
  let done = false;
  void comparison.then(() => {
    done = true;
  });
  while (!done) {
    turns += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(turns > 100, `${turns} turns of the event loop while one password was compared`);
});

test('a right password is compared once in a quarter of an hour, a wrong one once a minute', async () => {
  const { check, compared, clock } = create();
  for (const [password, at] of [
    ['s3cret', 0],
    ['s3cret', 899_999],
    ['x', 900_000],
    ['x', 959_999],
  ] as const) {
    clock.now = at;
    assert.equal(await check.matches(password, hash, attempt), password === 's3cret');
  }
  assert.deepEqual(compared, ['s3cret', 'x']);
  clock.now = 960_000;
  await check.matches('s3cret', hash, attempt);
  await check.matches('x', hash, attempt);
  assert.deepEqual(compared, ['s3cret', 'x', 's3cret', 'x']);
});

test('a password that was changed in the policy is compared at once', async () => {
  const { check, compared } = create();
  await check.matches('s3cret', hash, attempt);
  await check.matches('s3cret', bcrypt.hashSync('other', 4), attempt);
  assert.equal(compared.length, 2);
});

test('the same password at the same moment is compared once', async () => {
  const { check, compared } = create();
  const results = await Promise.all([1, 2, 3].map(() => check.matches('s3cret', hash, attempt)));
  assert.deepEqual(results, [true, true, true]);
  assert.equal(compared.length, 1);
});

test('whoever guessed too often is refused before anything is compared; a password that was right lately is not', async () => {
  let over = false;
  const { check, compared } = create(() => {
    if (over) throw new Refusal('too_many_requests', 'wait');
  });
  await check.matches('s3cret', hash, attempt);
  over = true;
  assert.equal(await check.matches('s3cret', hash, attempt), true);
  await assert.rejects(check.matches('guess', hash, attempt), /wait/);
  assert.deepEqual(compared, ['s3cret']);
});

test('a flood from one network is turned away, and somebody else is served', async () => {
  const { check } = create();
  const flood = Array.from({ length: 200 }, (_, index) =>
    check.matches(`guess ${index}`, hash, { ...attempt, address: `2001:db8::${index.toString(16)}` }),
  );
  const other = check.matches('s3cret', hash, { address: '192.0.2.2', username: 'bo' });
  const results = await Promise.allSettled(flood);
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 11);
  assert.equal(await other, true);
});
