/** The quick part of `script/faults`, which stages each of these at full length. */
import { test } from 'node:test';
import { faults } from '../faults/all.ts';
import { Missing } from '../faults/scene.ts';

for (const { name, what, run } of faults) {
  test(`${name}: ${what}`, async (t) => {
    try {
      await using stack = new AsyncDisposableStack();
      t.diagnostic(await run('quick', stack));
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      t.skip(error.message);
    }
  });
}
