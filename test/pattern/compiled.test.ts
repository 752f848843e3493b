/** What is kept of patterns: each is made or refused once, and no number of them fills the memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatternError, remember, whenAsked } from '../../src/pattern/compiled.ts';

test('what was made is not made again until 4,096 others were', () => {
  const asked: string[] = [];
  const made = remember((text) => asked.push(text));
  for (const text of ['first', 'second', 'first', 'second']) made(text);
  assert.deepEqual(asked, ['first', 'second']);

  for (let number = 2; number < 4_096; number += 1) made(`n${number}`);
  made('first');
  assert.equal(asked.length, 4_096);
  for (const text of ['one too many', 'first', 'first']) made(text);
  assert.deepEqual(asked.slice(4_096), ['one too many', 'first']);
});

test('what was refused is refused again without being tried, with the same words', () => {
  let tries = 0;
  const refuse = remember(() => {
    tries += 1;
    throw new PatternError('it ends in a backslash');
  });
  for (let time = 0; time < 2; time += 1) assert.throws(() => refuse('\\'), { message: 'it ends in a backslash' });
  assert.equal(tries, 1);
});

test('a mistake that is not of the pattern is no refusal of it', () => {
  let tries = 0;
  const stumble = remember(() => {
    tries += 1;
    if (tries === 1) throw new RangeError('out of memory');
    return 'made';
  });
  assert.throws(() => stumble('a'), RangeError);
  assert.equal(stumble('a'), 'made');
});

test('a matcher is made when a text first comes, and once', () => {
  let made = 0;
  const matches = whenAsked(() => {
    made += 1;
    return (text) => text === 'a';
  });
  assert.equal(made, 0);
  assert.deepEqual(['a', 'b', 'a'].map(matches), [true, false, true]);
  assert.equal(made, 1);
});
