/** Reading a document: each mistake is reported once, and a large file full of them takes no longer than a good one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import { readValues, readYaml } from '../../src/policy/document.ts';

test('every mistake is reported, and one that is met twice only once', () => {
  const reader = readValues({});
  const place = { line: 1, column: 1 };
  // Comparing each with each would take minutes.
  const messages = Array.from({ length: 200_000 }, (_, index) => `mistake ${index}`);
  for (const message of [...messages, ...messages]) reader.report(place, message);
  reader.report({ line: 2, column: 1 }, 'mistake 0');
  assert.deepEqual(
    reader.problems.map(({ message }) => message),
    [...messages, 'mistake 0'],
  );
});

test('so is each of the thousands that are in one line, or in one map', () => {
  const rules = Array.from({ length: 50_000 }, (_, index) => `{match: !tag${index} {}, actions: []}`);
  assert.equal(readYaml(`acl: [${rules.join(', ')}]`).problems.length, rules.length);
  const sections = Array.from({ length: 50_000 }, () => 'acl: []');
  assert.equal(readYaml(sections.join('\n')).problems.length, sections.length - 1);
});

test('a section that nothing is made of can have a key twice, and no other can', () => {
  const text = 'acl: []\nold: {a: 1, a: 2, b: {c: 1, c: 2}}\nusers: {a: {}, a: {}}\nold: {}\n';
  const { problems } = readYaml(text, ['old']);
  assert.deepEqual(
    problems.map(({ line, message }) => `${line} ${message}`),
    ['3 a is a second time in this map: keep one', '4 old is a second time in this map: keep one'],
  );
});

test('members that are called like no group are reported, and the first of them with the group that is probably meant', () => {
  const groups = Array.from({ length: 20_000 }, (_, index) => `  team${index}: []`);
  const members = Array.from({ length: 20_000 }, (_, index) => `tem${index}`);
  const text = `groups:\n${groups.join('\n')}\n  all: [${members.join(', ')}]\nacl: []`;
  const lines = refusal(text).split('\n');
  assert.equal(lines.length, members.length);
  assert.match(lines[0] ?? '', /"tem0" isn't a group of this file.*did you mean "team0"\?$/);
});

function refusal(text: string): string {
  try {
    parsePolicy(text, 'policy.yml');
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}
