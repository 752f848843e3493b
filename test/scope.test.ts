/** Scopes as clients send them: what is read, what is left out, and that too many are refused, never cut. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Access, formatScope, parseScopes, scopeLimits, withKnownActions } from '../src/scope.ts';

const repository = (name: string, ...actions: string[]): Access => ({ type: 'repository', name, actions });

describe('reading', () => {
  const table: readonly [title: string, values: readonly string[], read: readonly Access[]][] = [
    ['none', [], []],
    ['an empty one, as containerd sends for zot', [''], []],
    ['one', ['repository:team/app:pull,push'], [repository('team/app', 'pull', 'push')]],
    ['the order that clients use', ['repository:team/app:push,pull'], [repository('team/app', 'push', 'pull')]],
    ['a host with its port', ['repository:h:5000/a/b:pull'], [repository('h:5000/a/b', 'pull')]],
    ['the class of a plugin', ['repository(plugin):a:pull'], [{ ...repository('a', 'pull'), class: 'plugin' }]],
    [
      'the same repository with a class and without',
      ['repository(plugin):a:pull', 'repository:a:push', 'repository(plugin):a:push'],
      [{ ...repository('a', 'pull', 'push'), class: 'plugin' }, repository('a', 'push')],
    ],
    ['the catalog', ['registry:catalog:*'], [{ type: 'registry', name: 'catalog', actions: ['*'] }]],
    ['repeated', ['repository:a:pull', 'repository:b:pull'], [repository('a', 'pull'), repository('b', 'pull')]],
    ['joined by spaces', ['repository:a:pull  repository:b:pull '], [repository('a', 'pull'), repository('b', 'pull')]],
    ['the same twice', ['repository:a:pull repository:a:pull'], [repository('a', 'pull')]],
    [
      'the same with more actions',
      ['repository:a:pull', 'repository:b:pull', 'repository:a:pull,push'],
      [repository('a', 'pull', 'push'), repository('b', 'pull')],
    ],
    ['names are not changed', ['repository:Team/APP:pull'], [repository('Team/APP', 'pull')]],
    ['unknown actions are kept for the policy', ['repository:a:odd'], [repository('a', 'odd')]],
    [
      'actions that no registry can mean are left out',
      ['repository:a:PUSH,p-l,pull,p\0l,*x,2,é,*'],
      [repository('a', 'pull', '*')],
    ],
    ['no action that a registry can mean', ['repository:a:PULL'], []],
    ['empty actions are left out', ['repository:a:,pull,'], [repository('a', 'pull')]],
    ['no action', ['repository:a:'], []],
    ['no name, as zot asks', ['repository::pull'], []],
    ['dots in a name', ['repository:a/..b/c.d/...:pull'], [repository('a/..b/c.d/...', 'pull')]],
    ['no type', [':a:pull'], []],
    ['two parts', ['a:b'], []],
    ['one part', ['x'], []],
    ['a type in capitals', ['Repository:a:pull'], []],
    ['a type with something before it', ['xREPOSITORYx:a:pull'], []],
    ['an empty class', ['repository():a:pull'], []],
    ['what is odd does not harm what is not', ['x repository:a:pull a:b'], [repository('a', 'pull')]],
  ];
  for (const [title, values, read] of table) {
    test(title, () => assert.deepEqual(parseScopes(values), read));
  }

  const foreign = [
    'a%2fb',
    '%2e%2e/a',
    'a?b',
    'a#b',
    'a,b',
    'a:b',
    'a/h:5000/b',
    'é',
    'a\\b',
    'a@b',
    'h:999999/a',
    'a+b',
  ];
  const impossible = [
    ...foreign,
    '..',
    './a',
    'a/.',
    'a//b',
    '/a',
    'a/',
    '*',
    'a/*',
    'a/b*',
    'a\0',
    'a\tb',
    'a\u0085b',
  ];
  for (const name of ['platform/../finance/x', ...impossible]) {
    test(`a name that no registry has: ${JSON.stringify(name)}`, () => {
      assert.deepEqual(parseScopes([`repository:${name}:push`, 'repository:a:pull']), [repository('a', 'pull')]);
    });
  }

  const { scopes, characters, charactersOfOne } = scopeLimits;
  const numbered = (count: number) => Array.from({ length: count }, (_, index) => `repository:r${index}:pull`);
  const ofLength = (length: number) => `repository:${'a'.repeat(length - 'repository::pull'.length)}:pull`;
  const limits: readonly [what: string, within: readonly string[], beyond: readonly string[]][] = [
    ['many scopes, repeated', numbered(scopes), numbered(scopes + 1)],
    ['many scopes, joined', [numbered(scopes).join(' ')], [numbered(scopes + 1).join(' ')]],
    ['a long one', [ofLength(charactersOfOne)], [ofLength(charactersOfOne + 1), 'repository:a:pull']],
    ['much text', [`x${' '.repeat(characters - 1)}`], [`x${' '.repeat(characters)}`]],
    ['much text of many', Array(64).fill(ofLength(1_024)), Array(65).fill(ofLength(1_024))],
  ];
  for (const [what, within, beyond] of limits) {
    test(`${what}: all is read up to the limit, and beyond it the request is refused`, () => {
      assert.doesNotThrow(() => parseScopes(within));
      assert.throws(() => parseScopes(beyond), {
        code: 'bad_request',
        message: /asks for more than .*--skip-multiple-scopes/,
      });
    });
  }

  test('a thousand scopes are read, each of them', () => {
    assert.equal(parseScopes([numbered(1_000).join(' ')]).length, 1_000);
  });
});

describe('the actions that a registry knows', () => {
  const table: readonly [asked: Access, known: readonly string[]][] = [
    [repository('a', 'push', 'pull'), ['pull', 'push']],
    [repository('a', '*'), ['pull', 'push', 'delete']],
    [repository('a', 'pull', '*'), ['pull', 'push', 'delete']],
    [repository('a', 'search', 'pull'), ['pull']],
    [repository('a', 'search'), []],
    [{ type: 'registry', name: 'catalog', actions: ['*'] }, ['*']],
    [{ type: 'registry', name: 'catalog', actions: ['search', '*'] }, ['*']],
    [{ type: 'registry', name: 'catalog', actions: ['search'] }, []],
    [{ type: 'registry', name: 'other', actions: ['*'] }, []],
    [{ type: 'plugin', name: 'a', actions: ['pull'] }, []],
    [{ type: 'plugin', name: 'catalog', actions: ['*'] }, []],
  ];
  for (const [asked, known] of table) {
    test(formatScope(asked), () => assert.deepEqual(withKnownActions(asked), { ...asked, actions: known }));
  }
});

describe('for any scopes', () => {
  const segment = fc.stringMatching(/^[ab0.-]{1,4}$/).filter((text) => !/^\.\.?$/.test(text));
  const word = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
  const access = fc.record(
    {
      type: fc.constantFrom('repository', 'registry', 'a0'),
      name: fc.oneof(
        word,
        word.map((name) => `host:5000/${name}`),
      ),
      actions: fc.uniqueArray(fc.constantFrom<string[]>('pull', 'push', 'delete', '*'), { minLength: 1 }),
    },
    { noNullPrototype: true },
  );

  test('what is formatted is read back', () => {
    fc.assert(fc.property(access, (input) => assert.deepEqual(parseScopes([formatScope(input)]), [input])));
  });

  test('it does not matter how they are spread over parameters', () => {
    fc.assert(
      fc.property(fc.array(access), fc.array(fc.boolean()), (wishes, cuts) => {
        const items = wishes.map(formatScope);
        const values: string[][] = [[]];
        for (const [index, item] of items.entries()) {
          if (cuts[index]) values.push([]);
          values.at(-1)?.push(item);
        }
        assert.deepEqual(parseScopes(values.map((value) => value.join(' '))), parseScopes(items));
      }),
    );
  });

  test('a resource comes once, with every action that was asked for it', () => {
    fc.assert(
      fc.property(fc.array(access), (wishes) => {
        const read = parseScopes(wishes.map(formatScope));
        const keys = read.map(({ type, name }) => `${type}:${name}`);
        assert.equal(new Set(keys).size, keys.length);
        for (const { type, name, actions } of wishes) {
          const entry = read.find((candidate) => candidate.type === type && candidate.name === name);
          assert.ok(actions.every((action) => entry?.actions.includes(action)));
        }
      }),
    );
  });

  test('no text is an error, and what is read has a type, a name and actions', () => {
    const unit = fc.constantFrom('r', 'a', ':', '(', ')', ',', ' ', '/', '*', 'A', '\n', 'é');
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.string({ unit, maxLength: 20 }))), (values) => {
        for (const { type, name, actions } of parseScopes(values)) {
          assert.match(type, /^[a-z0-9]+$/);
          assert.ok(name.split('/').every((part) => !['', '.', '..'].includes(part)));
          assert.doesNotMatch(name, /[\p{Cc}*]/u);
          assert.ok(actions.length > 0 && actions.every((action) => action !== '' && !/[ :,]/.test(action)));
        }
      }),
    );
  });

  test('known actions never go beyond what was asked, but for "*"', () => {
    fc.assert(
      fc.property(access, (input) => {
        const { actions } = withKnownActions(input);
        assert.ok(input.actions.includes('*') || actions.every((action) => input.actions.includes(action)));
      }),
    );
  });
});

test('reading takes time in proportion to the text', () => {
  const long = `repository:${'a-'.repeat(500)}:pull `;
  assert.equal(parseScopes([long.repeat(60)]).length, 1);
});
