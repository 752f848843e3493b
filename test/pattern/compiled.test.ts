/** What is kept of patterns: each is compiled once, and no number of them fills the memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatternError, remember } from '../../src/pattern/compiled.ts';

test('what was compiled is kept until 1,000 others were used', () => {
  const compiled: string[] = [];
  const matcherOf = remember((pattern) => {
    compiled.push(pattern);
    return (text) => text === pattern;
  });
  for (const pattern of ['first', 'second', 'first', 'second']) matcherOf(pattern);
  assert.deepEqual(compiled, ['first', 'second']);

  for (let number = 2; number < 1_000; number += 1) matcherOf(`n${number}`);
  matcherOf('first');
  assert.equal(compiled.length, 1_000);
  for (const pattern of ['one too many', 'first', 'second']) matcherOf(pattern);
  assert.deepEqual(compiled.slice(1_000), ['one too many', 'second']);
});

test('what is malformed is refused each time', () => {
  const refuse = remember(() => {
    throw new PatternError('it ends in a backslash');
  });
  for (let time = 0; time < 2; time += 1) assert.throws(() => refuse('\\'), { message: 'it ends in a backslash' });
});
