/** Examples of names: real names that the glob matches, one of each kind, and none where there can't be any. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileGlob } from '../../src/pattern/glob.ts';
import { examplesOf } from '../../src/pattern/name-examples.ts';
import { isRepositoryName } from '../../src/repositories/names.ts';

const matches = (glob: string, name: string) => compileGlob(glob, { doubleStar: true })(name);

test('there is one for each way in which other patterns tell names apart', () => {
  const others = ['team/secret', 'team/*', 'team/**', 'elsewhere/**'];
  const { names, isComplete } = examplesOf('team/**', others);
  const kinds = names.map((name) => others.filter((other) => matches(other, name)).join(' '));
  assert.ok(isComplete);
  assert.deepEqual(kinds.toSorted(), ['team/* team/**', 'team/**', 'team/secret team/* team/**']);
});

test('what no name can be has none, and a word is its own example', () => {
  assert.deepEqual(examplesOf('a_./*', []), { names: [], isComplete: true });
  assert.deepEqual(examplesOf('team/app', ['/^team/']), { names: ['team/app'], isComplete: true });
});

test('an expression, a variable and a class by exclusion can’t be followed, which is said', () => {
  for (const other of ['/^team/', 'team/${group}', 'team/[^a]*']) {
    assert.equal(examplesOf('team/*', ['team/app', other]).isComplete, false, other);
  }
});

test('an expression that begins with other text doesn’t count, if that’s certain', () => {
  for (const [other, isElsewhere] of [
    ['/^data-[0-9]+$/', true],
    ['/^teal/', true],
    ['/^tea/', false],
    ['/^teamx?/', false],
    ['/^data|team/', false],
    ['/(?i)^DATA/', false],
    ['/data/', false],
  ] as const) {
    assert.equal(examplesOf('team/*', [other]).isComplete, isElsewhere, other);
  }
});

test('too many kinds end the search, and that is said', () => {
  const others = Array.from({ length: 400 }, (_, number) => `*${number}*/*-${number}*`);
  assert.equal(examplesOf('**', others).isComplete, false);
});

const piece = fc.constantFrom('a', 'b', '-', '.', '/', '*', '**', '?', '[ab]', '[a-c]');
const glob = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
const name = fc.array(fc.constantFrom('a', 'b', 'c', '-', '.', '/', 'z', '7'), { minLength: 1, maxLength: 7 });

test('property: an example is a name of its glob, and every name has one of its kind', () => {
  fc.assert(
    fc.property(glob, fc.array(glob, { maxLength: 4 }), name, (own, others, letters) => {
      const { names, isComplete } = examplesOf(own, others);
      const kindOf = (one: string) => others.map((other) => matches(other, one)).join();
      for (const one of names) assert.ok(/[*?[]/.test(own) ? isRepositoryName(one) && matches(own, one) : one === own);
      const text = letters.join('');
      if (!isComplete || !isRepositoryName(text) || !matches(own, text)) return;
      assert.ok(names.map(kindOf).includes(kindOf(text)), `${text} of ${own} among ${others.join(' ')}`);
    }),
    { numRuns: 2_000 },
  );
});
