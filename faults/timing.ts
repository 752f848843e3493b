/** The fault: how long a refusal takes tells whether there is a user of that name. */
import assert from 'node:assert/strict';
import bcrypt from 'bcryptjs';
import { createHashCheck } from '../src/static-users/hash-check.ts';
import { createHashThread } from '../src/static-users/hash-thread.ts';
import { createStaticUsers, type StaticUser } from '../src/static-users/static-users.ts';
import type { Fault } from './scene.ts';

/** Least of bcrypt's costs: the less time is the same for everyone, the less it hides of a difference. */
const cost = 4;
const userCount = 200;

export const timing: Fault = {
  name: 'timing',
  what: 'the time of an answer tells whether a user is there',
  async run(scale) {
    const pairs = scale === 'full' ? 10_000 : 100;
    const hash = bcrypt.hashSync('right', cost);
    const user: StaticUser = { passwordHash: hash, labels: {} };
    const users = new Map(Array.from({ length: userCount }, (_, n) => [`user-${n}`, user]));
    // Without the network, whose noise an attacker averages out with patience.
    const check = createHashCheck({
      ...{ thread: createHashThread(), onNotCompared: () => {}, now: Date.now },
      guessing: () => 'few',
    });
    const { authenticator } = createStaticUsers(
      () => users,
      check,
      () => false,
    );
    let count = 0;
    const ask = async (username: string): Promise<number> => {
      const begun = process.hrtime.bigint();
      assert.equal(await authenticator.verify({ username, password: `wrong ${count++}` }, '192.0.2.1'), null);
      return Number(process.hrtime.bigint() - begun) / 1000;
    };
    const differences: number[] = [];
    const all: number[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      // In turns who comes first, so that a machine that grows busy slows down neither alone.
      const known = `user-${pair % userCount}`;
      const unknown = `none-${pair % userCount}`;
      const [first, second] = pair % 2 === 0 ? [known, unknown] : [unknown, known];
      const [one, two] = [await ask(first), await ask(second)];
      differences.push(pair % 2 === 0 ? one - two : two - one);
      all.push(one, two);
    }
    const { mean, error } = trimmed(differences);
    if (scale === 'full') assert.ok(Math.abs(mean) < 4 * error, `${mean} µs at a standard error of ${error} µs`);
    const typical = all.sort((a, b) => a - b)[all.length >> 1] ?? 0;
    return `${pairs} pairs of a user that is there and a name that is not, each refused in about ${typical.toFixed(0)} µs (bcrypt ${cost}): ${mean.toFixed(1)} µs apart, with a standard error of ${error.toFixed(1)} µs`;
  },
};

/** Mean without the outer tenths, where the machine was interrupted; its error after Yuen (winsorised variance). */
function trimmed(values: readonly number[]): { mean: number; error: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const cut = Math.floor(sorted.length / 10);
  const [low = 0, high = 0] = [sorted[cut], sorted[sorted.length - 1 - cut]];
  const meanOf = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const winsorised = sorted.map((value) => Math.min(high, Math.max(low, value)));
  const center = meanOf(winsorised);
  const variance = winsorised.reduce((sum, value) => sum + (value - center) ** 2, 0) / (sorted.length - 1);
  return { mean: meanOf(sorted.slice(cut, sorted.length - cut)), error: Math.sqrt(variance / sorted.length) / 0.8 };
}
