/** The check of chosen passwords: on a thread of its own, remembered, limited before it costs anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import bcrypt from 'bcryptjs';
import { Refusal } from '../../src/lib/errors.ts';
import {
  type Attempt,
  createHashCheck,
  type Guessing,
  type HashCheckParts,
} from '../../src/static-users/hash-check.ts';
import { createHashThread } from '../../src/static-users/hash-thread.ts';

const hash = bcrypt.hashSync('s3cret', 4);
const attempt: Attempt = { address: '192.0.2.1', username: 'ana' };

function create(input: Partial<HashCheckParts> = {}) {
  const compared: string[] = [];
  const notCompared: string[] = [];
  const clock = { now: 0 };
  const thread = {
    compare: async (password: string, _hash: string) => {
      compared.push(password);
      return password === 's3cret';
    },
  };
  const check = createHashCheck({
    thread,
    guessing: () => 'few',
    onNotCompared: ({ password }) => notCompared.push(password),
    now: () => clock.now,
    ...input,
  });
  return { check, compared, notCompared, clock };
}

function refuse(): never {
  throw new Refusal('too_many_requests', 'too many wrong passwords');
}

test('a thread compares, and goes on after a hash that is none', async () => {
  const thread = createHashThread();
  const results = await Promise.all([thread.compare('s3cret', hash), thread.compare('wrong', hash)]);
  assert.deepEqual(results, [true, false]);
  await assert.rejects(thread.compare(undefined as unknown as string, hash), /Illegal arguments/);
  assert.equal(await thread.compare('s3cret', hash), true);
});

test('the thread that follows one that failed keeps its jobs', async () => {
  const source = `
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ id, password }) => {
      if (password === 'fail') throw new Error('out of order');
      setTimeout(() => parentPort.postMessage({ id, matches: true }), 20);
    });`;
  const thread = createHashThread(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
  for (let round = 0; round < 5; round += 1) {
    await assert.rejects(thread.compare('fail', hash), /^Error: out of order$/);
    assert.equal(await thread.compare('s3cret', hash), true);
  }
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

test('a right password is compared again when it was not used for a day, a wrong one after a minute', async () => {
  const { check, compared, clock } = create();
  const day = 86_400_000;
  for (const [password, at] of [
    ['s3cret', 0],
    ['s3cret', day - 1],
    ['s3cret', 2 * day - 2],
    ['x', 2 * day],
    ['x', 2 * day + 59_999],
  ] as const) {
    clock.now = at;
    assert.equal(await check.matches(password, hash, attempt), password === 's3cret');
  }
  assert.deepEqual(compared, ['s3cret', 'x']);
  clock.now = 3 * day - 2;
  await check.matches('s3cret', hash, attempt);
  await check.matches('x', hash, attempt);
  assert.deepEqual(compared, ['s3cret', 'x', 's3cret', 'x']);
});

test('a password that was right is compared at no other address', async () => {
  const { check, compared } = create();
  await check.matches('s3cret', hash, attempt);
  assert.equal(await check.matches('s3cret', hash, { ...attempt, address: '198.51.100.7' }), true);
  assert.deepEqual(compared, ['s3cret']);
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

test('beyond the limit only a password that was right at this address is let in', async () => {
  let guessing: Guessing = 'few';
  const { check, compared } = create({ guessing: () => guessing, onNotCompared: refuse });
  await check.matches('s3cret', hash, attempt);
  guessing = 'many';
  assert.equal(await check.matches('s3cret', hash, attempt), true);
  await assert.rejects(check.matches('guess', hash, attempt), Refusal);
  const elsewhere = { ...attempt, address: '198.51.100.7' };
  await assert.rejects(check.matches('s3cret', hash, elsewhere), Refusal);
  assert.deepEqual(compared, ['s3cret'], 'nothing is compared beyond the limit');
});

test('in a flood what is remembered answers nothing, or it would be guessed at the speed of the network', async () => {
  let guessing: Guessing = 'few';
  const { check } = create({ guessing: () => guessing, onNotCompared: refuse });
  await check.matches('s3cret', hash, attempt);
  guessing = 'flood';
  await assert.rejects(check.matches('s3cret', hash, attempt), Refusal);
  guessing = 'many';
  assert.equal(await check.matches('s3cret', hash, attempt), true);
});

test('what has no place counts as a guess: a remembered password would have been let in', async () => {
  const { check, notCompared } = create({ thread: { compare: () => new Promise(() => {}) } });
  const tries = Array.from({ length: 13 }, (_, index) => check.matches(`guess ${index}`, hash, attempt));
  for (const late of tries.slice(11))
    await assert.rejects(late, /too many passwords are being checked for this address/);
  assert.deepEqual(notCompared, ['guess 11', 'guess 12']);
});

test('in a flood from 150 networks, who comes from another one is served next', async () => {
  const { check } = create({ thread: createHashThread(), now: Date.now });
  let compared = 0;
  const guessOnce = async (address: string, round: string): Promise<void> => {
    const username = ['ana', 'bo', 'nobody'][round.length % 3] ?? '';
    await check.matches(`${address} ${round}`, hash, { address, username }).then(
      () => {
        compared += 1;
      },
      (error) => assert.ok(error instanceof Refusal),
    );
  };
  const guess = (round: string) =>
    Promise.all(Array.from({ length: 300 }, (_, index) => guessOnce(`10.0.${index % 150}.1`, `${round} ${index}`)));
  for (const round of ['first', 'second']) await guess(round);

  compared = 0;
  const flood = guess('third');
  const newcomers = Array.from({ length: 10 }, (_, index) =>
    check.matches('s3cret', hash, { address: `192.0.2.${index}`, username: 'ana' }),
  );
  assert.deepEqual(await Promise.all(newcomers), Array(10).fill(true));
  assert.ok(compared <= 5, `${compared} guesses were compared before: one in four turns at most`);
  await flood;
});

test('a flood on one name from one network holds up no other name there', async () => {
  const { check } = create({ thread: createHashThread(), now: Date.now });
  const guesses = Array.from({ length: 200 }, (_, index) =>
    check.matches(`guess ${index}`, hash, { ...attempt, address: `2001:db8::${index.toString(16)}` }),
  );
  const others = ['bo', 'cy', 'di'].map((username) =>
    check.matches('s3cret', hash, { address: '2001:db8::ffff', username }),
  );
  const results = await Promise.allSettled(guesses);
  assert.ok(results.filter(({ status }) => status === 'fulfilled').length <= 11);
  assert.deepEqual(await Promise.all(others), [true, true, true]);
});
