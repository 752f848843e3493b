/** The pace of tries beyond the limit: slower with each, one that waits, and who that is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { createThrottle } from '../../src/static-users/throttle.ts';

function create() {
  const clock = { now: 1_000_000 };
  const waits: { readonly until: number; readonly end: () => void }[] = [];
  const pace = createThrottle({
    now: () => clock.now,
    wait: (time) => new Promise((resolve) => waits.push({ until: clock.now + time, end: resolve })),
  });
  const served: string[] = [];
  /** 'served', or the seconds after which to come again. */
  const ask = (id: string, place = 'ana'): Promise<'served' | number> =>
    pace(place, id).then(
      () => {
        served.push(id);
        return 'served' as const;
      },
      (error) => {
        assert.ok(error instanceof Refusal && error.code === 'too_many_requests');
        return error.retryAfter ?? Number.NaN;
      },
    );
  const pass = async (time: number): Promise<void> => {
    clock.now += time;
    for (const wait of waits.splice(0)) {
      if (wait.until <= clock.now) wait.end();
      else waits.push(wait);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, ask, pass, served };
}

test('the first is served at once, each next one waits a little longer, ten seconds at most', async () => {
  const { ask, pass, served } = create();
  assert.equal(await ask('first'), 'served');
  assert.equal(await ask('other', 'bo'), 'served', 'another place is none of its business');
  for (let count = 1; count <= 120; count++) {
    const next = ask(`guess ${count}`);
    const time = Math.min(10_000, 100 * count);
    await pass(time - 1);
    assert.equal(served.length, count + 1);
    await pass(1);
    assert.equal(await next, 'served');
  }
  await pass(11 * 60_000);
  assert.equal(await ask('much later'), 'served');
  const next = ask('and one more');
  await pass(100);
  assert.equal(await next, 'served', 'it begins anew');
});

test('the newest waits: after a burst of guesses that is the one who comes then', async () => {
  const { ask, pass } = create();
  const burst = Array.from({ length: 30 }, (_, index) => ask(`guess ${index}`));
  await pass(50);
  const right = ask('right');
  await pass(50);
  assert.equal(await right, 'served');
  const answers = await Promise.all(burst);
  assert.deepEqual(answers, ['served', ...Array(29).fill(1)]);
});

test('who comes again keeps the place, however many new ones come', async () => {
  const { ask, pass, served } = create();
  assert.equal(await ask('a'), 'served');
  const first = ask('right');
  const flood = [ask('guess 1')];
  assert.equal(await first, 1);
  const again = ask('right');
  for (let count = 2; count < 100; count++) flood.push(ask(`guess ${count}`));
  await pass(100);
  assert.equal(await again, 'served');
  assert.deepEqual(served, ['a', 'right']);
  assert.ok((await Promise.all(flood)).every((answer) => answer !== 'served'));
});

test('a clock that is set back makes nobody wait longer', async () => {
  const { clock, ask, pass } = create();
  assert.equal(await ask('a'), 'served');
  clock.now -= 3_600_000;
  const next = ask('b');
  await pass(10_000);
  assert.equal(await next, 'served');
});
