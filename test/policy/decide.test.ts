/** Decisions: each condition by table, then what must hold for any policy. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { type Asking, ask, oneRule, somebody } from './asking.ts';

const context = { service: 'registry', address: '10.0.0.7' };

describe('a rule matches when all of its conditions hold', () => {
  const table: readonly [match: string, asking: Asking, matches: boolean][] = [
    ['{}', {}, true],
    ['{account: "ana@example.com"}', {}, true],
    ['{account: "*"}', { account: '' }, true],
    ['{account: "/.+/"}', { account: '' }, false],
    ['{account: ""}', { account: '' }, true],
    ['{account: ""}', {}, false],
    ['{account: ~, type: repository}', {}, true],
    ['{account: 007}', { account: '007' }, true],
    ['{account: yes}', { account: 'yes' }, true],
    ['{type: repository, name: "team/*"}', {}, true],
    ['{type: registry, name: "team/*"}', {}, false],
    ['{type: registry, name: catalog}', { type: 'registry', name: 'catalog' }, true],
    ['{name: "team"}', {}, false],
    ['{name: "*"}', {}, false],
    ['{name: "**"}', {}, true],
    ['{name: "team/**"}', { name: 'team/a/b' }, true],
    ['{name: "/^team/"}', {}, true],
    ['{name: "/app|web/"}', {}, true],
    ['{service: "reg*"}', {}, true],
    ['{service: "other"}', {}, false],
    ['{domain: example.com}', {}, true],
    ['{domain: Example.COM}', {}, true],
    ['{domain: [other.org, example.com]}', {}, true],
    ['{domain: "*.example.com"}', {}, false],
    ['{domain: "*"}', { account: 'ci' }, false],
    ['{kind: person}', {}, true],
    ['{kind: [robot, static]}', { account: 'ci' }, true],
    ['{kind: robot}', {}, false],
    ['{group: "google:dev@example.com"}', { also: { groups: ['google:dev@example.com'] } }, true],
    ['{group: "google:*"}', { also: { groups: ['google:dev'] } }, true],
    ['{group: [ops, "google:dev*"]}', { also: { groups: ['google:developers'] } }, true],
    ['{group: "*"}', {}, false],
  ];
  for (const [match, asking, matches] of table) {
    test(`${match} ${matches ? 'takes' : 'leaves'} ${JSON.stringify(asking)}`, () => {
      assert.equal(ask(oneRule(match), asking), matches ? 'pull,push' : '');
    });
  }
});

describe('variables', () => {
  const ana = 'ana@example.com';
  const table: readonly [match: string, asking: Asking, matches: boolean][] = [
    ['{name: "${account}/*"}', { name: `${ana}/x` }, true],
    ['{name: "${account}/*"}', { name: 'anaXexample.com/x' }, false],
    ['{name: "/^${account}_/"}', { account: '.*', name: 'foo_x' }, false],
    ['{name: "/${account}/"}', { account: '', name: 'foo' }, false],
    ['{name: "${account}"}', { account: '/.+/', name: 'foo' }, false],
    ['{name: "${account}"}', { account: '/.+/', name: '/.+/' }, true],
    ['{name: "${user}/*"}', { name: 'ana/x' }, true],
    ['{name: "${user}/*"}', { account: 'ci', name: 'ci/x' }, false],
    ['{name: "${domain}/*"}', { name: 'example.com/x' }, true],
    ['{name: "${type}/${service}"}', { name: 'repository/registry' }, true],
    ['{service: "${name}"}', { name: 'registry' }, true],
    ['{account: "/^(.+)@example\\\\.com$/", name: "${account:1}/*"}', { name: 'ana/x' }, true],
    ['{account: "/^(.+)@example\\\\.com$/", name: "${Account:1}/*"}', { name: 'ana/x' }, true],
    ['{account: "/^(.+)@example\\\\.com$/", name: "${account:2}/*"}', { name: 'ana/x' }, false],
    [
      '{account: "/^(.+)@example\\\\.com$/", name: "${account:1}/*"}',
      { account: '*@example.com', name: 'bo/x' },
      false,
    ],
    ['{account: "/^(.+)@(.+)$/", name: "${type}/${account:1}"}', { name: 'repository/ana' }, false],
    ['{account: "/^(.+)@(.+)$/", name: "${account:1}/${type}"}', { name: 'ana/repository' }, true],
    ['{name: "${group}/*"}', { name: 'web/x', also: { groups: ['ops', 'web'] } }, true],
    ['{name: "${group}/*"}', { name: 'web/x', also: { groups: ['*'] } }, false],
    ['{name: "${group:google}/*"}', { name: 'web/x', also: { groups: ['google:ops', 'google:web'] } }, true],
    ['{name: "${group:google}/*"}', { name: 'web/x', also: { groups: ['keycloak:web', 'web'] } }, false],
    ['{name: "${group:google}/*"}', { name: 'web/x', also: { groups: ['google:*', 'google:w?b'] } }, false],
    ['{name: "${group:google}/*"}', { name: '${group:google}/x', also: { groups: [] } }, true],
    ['{name: "${labels:team}/*"}', { name: 'web/x', also: { labels: { team: ['ops', 'web'] } } }, true],
    ['{name: "${labels:team}/*"}', { name: 'web/x', also: { labels: { team: ['*'] } } }, false],
    ['{name: "${labels:team}/*"}', { name: 'web/x' }, false],
    ['{name: "${labels:a}/${labels:b}"}', { name: 'x/y', also: { labels: { a: ['q', 'x'], b: ['p', 'y'] } } }, true],
    ['{name: "${labels:a}/${labels:a}"}', { name: 'x/y', also: { labels: { a: ['x', 'y'] } } }, false],
    ['{labels: {team: "w*"}}', { also: { labels: { team: ['ops', 'web'] } } }, true],
    ['{labels: {team: "w*", tier: "*"}}', { also: { labels: { team: ['web'] } } }, false],
    ['{labels: {team: "*"}}', { also: { labels: { team: [] } } }, false],
    ['{labels: {owner: "${account}"}}', { also: { labels: { owner: [ana] } } }, true],
    ['{name: "${acount}"}', { name: '${acount}' }, true],
  ];
  for (const [match, asking, matches] of table) {
    test(`${match} ${matches ? 'takes' : 'leaves'} ${JSON.stringify(asking)}`, () => {
      assert.equal(ask(oneRule(match), asking), matches ? 'pull,push' : '');
    });
  }

  test('raw: true puts captures and labels in as the patterns that they are', () => {
    const rule = 'acl: [{match: {name: "${labels:scope}"}, actions: ["*"], raw: true}]';
    assert.equal(ask(rule, { name: 'prod/x', also: { labels: { scope: ['prod/*'] } } }), 'pull,push');
    assert.equal(ask(rule, { name: 'prod/x', also: { labels: { scope: ['/^prod/'] } } }), 'pull,push');
    const capture = 'acl: [{match: {account: "/^(.+)@test$/", name: "${account:1}/*"}, actions: ["*"], raw: true}]';
    assert.equal(ask(capture, { account: '*@test', name: 'bo/x' }), 'pull,push');
  });
});

describe('addresses', () => {
  const table: readonly [network: string, address: string, inside: boolean][] = [
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.1.2.3/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['::ffff:10.0.0.1', '10.0.0.1', true],
    ['::ffff:10.0.0.0/104', '10.2.3.4', true],
    ['::ffff:0:0/96', '10.2.3.4', true],
    ['0.0.0.0/0', '10.0.0.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '10.0.0.1', false],
    ['::/0', '2001:db8::1', true],
    ['2001:db8::/48', '2001:db8:0:1::1', true],
    ['2001:db8::/48', '2001:db8:1::1', false],
    ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', true],
    ['2001:db8::10.0.0.1', '2001:db8::a00:1', true],
    ['10.0.0.0/8', '', false],
    ['10.0.0.0/8', 'unknown', false],
    ['::/0', 'fe80::1%eth0', false],
  ];
  for (const [network, address, inside] of table) {
    test(`${address || '(none)'} is ${inside ? '' : 'not '}in ${network}`, () => {
      assert.equal(ask(oneRule(`{ip: "${network}"}`), { address }), inside ? 'pull,push' : '');
    });
  }
});

describe('what a rule grants', () => {
  const table: readonly [actions: string, requested: readonly string[], granted: readonly string[]][] = [
    ['["*"]', ['push', 'pull', 'push', 'odd'], ['push', 'pull', 'push', 'odd']],
    ['["*"]', ['*'], ['*']],
    ['[push, pull]', ['push', 'pull', 'push'], ['pull', 'push']],
    ['[pull]', ['push', 'pull'], ['pull']],
    ['[pull]', ['Pull'], []],
    ['[pull]', ['*'], []],
    ['[pull, "*"]', ['push', '*'], ['*']],
    ['[]', ['pull'], []],
  ];
  for (const [actions, requested, granted] of table) {
    test(`${actions} of ${requested}`, () => {
      const policy = parsePolicy(`acl: [{match: {}, actions: ${actions}}]`, 'policy.yml');
      const access = { type: 'repository', name: 'a', actions: requested };
      assert.deepEqual(decide(policy, somebody('ana@example.com'), access, context).granted, granted);
    });
  }

  test('the first rule that matches decides, even when it grants nothing', () => {
    const text = `
acl:
  - {match: {account: nobody}, actions: ["*"]}
  - {match: {name: "team/*"}, actions: [], comment: "team is closed"}
  - {match: {}, actions: ["*"]}
`;
    const policy = parsePolicy(text, 'policy.yml');
    const ask = (name: string) =>
      decide(policy, somebody('ana@example.com'), { type: 'repository', name, actions: ['pull'] }, context);
    assert.deepEqual(ask('team/app').granted, []);
    assert.deepEqual([ask('team/app').rule?.line, ask('team/app').rule?.comment], [4, 'team is closed']);
    assert.deepEqual(ask('other').granted, ['pull']);
  });

  test('without a rule nothing is granted', () => {
    const policy = parsePolicy('acl: []', 'policy.yml');
    const access = { type: 'repository', name: 'a', actions: ['pull'] };
    const { granted, rule } = decide(policy, somebody('ana@example.com'), access, context);
    assert.deepEqual([granted, rule], [[], null]);
  });
});

describe('a narrowed password', () => {
  const everything = 'acl: [{match: {}, actions: ["*"]}]';
  const table: readonly [
    limits: { actions: string[] | null; repositories: string[] | null },
    asking: Asking,
    granted: string,
  ][] = [
    [{ actions: null, repositories: null }, {}, 'pull,push'],
    [{ actions: ['pull'], repositories: null }, {}, 'pull'],
    [{ actions: ['pull'], repositories: null }, { actions: ['*'] }, ''],
    [{ actions: null, repositories: ['team/*'] }, {}, 'pull,push'],
    [{ actions: null, repositories: ['other/*', 'team/app'] }, {}, 'pull,push'],
    [{ actions: null, repositories: ['other/*'] }, {}, ''],
    [{ actions: null, repositories: ['team/*'] }, { name: 'team/a/b' }, ''],
    [{ actions: null, repositories: ['team/**'] }, { name: 'team/a/b' }, 'pull,push'],
    [{ actions: null, repositories: [] }, {}, ''],
    [{ actions: null, repositories: ['**'] }, { type: 'registry', name: 'catalog', actions: ['*'] }, ''],
    [{ actions: null, repositories: null }, { type: 'registry', name: 'catalog', actions: ['*'] }, '*'],
  ];
  for (const [limits, asking, granted] of table) {
    test(`${JSON.stringify(limits)} of ${JSON.stringify(asking)} is "${granted}"`, () => {
      assert.equal(ask(everything, { ...asking, also: { limits } }), granted);
    });
  }
});

describe('whatever the policy', () => {
  const word = fc.constantFrom('a', 'b', 'ab');
  const pattern = fc.constantFrom('a', 'b*', '*', '**', '?b', '/a/', '${account}', '${labels:l}', '[ab]*');
  const action = fc.constantFrom<string[]>('pull', 'push', 'delete', '*');
  const actions = fc.oneof(fc.constant(['*']), fc.array(action, { maxLength: 3 }));
  const rule = fc.record({
    match: fc.record(
      { account: pattern, name: pattern, domain: word, kind: fc.constant('person') },
      { requiredKeys: [] },
    ),
    actions,
  });
  const rules = fc.array(rule, { maxLength: 5 });
  const access = fc.record({
    type: fc.constant('repository'),
    name: fc.constantFrom('a', 'b', 'ab', 'a/b', 'bb'),
    actions: fc.array(action, { minLength: 1, maxLength: 4 }),
  });
  const repositories = fc.array(fc.constantFrom('a', '*', '**', 'b*'), { maxLength: 2 });
  const limits = fc.record({
    actions: fc.option(fc.array(action, { maxLength: 2 })),
    repositories: fc.option(repositories),
  });
  const who = fc.record({ account: fc.constantFrom('a', 'b', 'ab@a', ''), limits: fc.option(limits) });
  const labels = { l: ['a', 'b*'] };
  const policyOf = (list: readonly unknown[]) => parsePolicy(JSON.stringify({ acl: list }), 'policy.json');

  test('nothing is granted that was not asked for', () => {
    fc.assert(
      fc.property(rules, who, access, (list, { account, limits: narrowed }, input) => {
        const { granted } = decide(policyOf(list), somebody(account, { limits: narrowed, labels }), input, context);
        assert.ok(granted.every((word) => input.actions.includes(word)));
      }),
    );
  });

  test('rules after the one that decides change nothing, and without it the next one decides', () => {
    fc.assert(
      fc.property(rules, rules, who, access, (list, more, { account }, input) => {
        const identity = somebody(account, { labels });
        const before = decide(policyOf(list), identity, input, context);
        const after = decide(policyOf([...list, ...more]), identity, input, context);
        if (before.rule) assert.deepEqual([after.granted, after.rule?.number], [before.granted, before.rule.number]);
        else assert.deepEqual(after.granted, decide(policyOf(more), identity, input, context).granted);
      }),
    );
  });

  test('narrowing only takes away, and narrowing more takes away more', () => {
    fc.assert(
      fc.property(rules, access, limits, action, (list, input, narrowed, other) => {
        const policy = policyOf(list);
        const granted = (also: object) => decide(policy, somebody('a', { labels, ...also }), input, context).granted;
        const [full, some] = [granted({}), granted({ limits: narrowed })];
        const fewer = granted({ limits: { ...narrowed, actions: (narrowed.actions ?? [other]).slice(1) } });
        assert.ok(some.every((word) => full.includes(word)));
        assert.ok(fewer.every((word) => some.includes(word)));
      }),
    );
  });
});

describe('a group that a stranger made at Google', () => {
  const table: readonly [pattern: string, group: string, matches: boolean][] = [
    ['google:team-*', 'google:team-root@googlegroups.com', false],
    ['google:team-*', 'google:team-root@example.com', false],
    ['google:team-*', 'google:team-root', true],
    ['google:*', 'google:dev@evil.example', false],
    ['**', 'google:dev@evil.example', false],
    ['google:team-?oot', 'google:team-root', true],
    ['google:team-*@example.com', 'google:team-root@example.com', true],
    ['google:team-*@example.com', 'google:team-root@evil.example', false],
    ['keycloak:*', 'keycloak:dev', true],
  ];
  for (const [pattern, group, matches] of table) {
    test(`${group} ${matches ? 'matches' : 'does not match'} ${pattern}`, () => {
      const policy = parsePolicy(`acl: [{match: {group: "${pattern}"}, actions: [push]}]`, 'policy.yml');
      const access = { type: 'repository', name: 'prod/web', actions: ['push'] };
      const identity = somebody('eve@example.com', { groups: [group] });
      const { granted } = decide(policy, identity, access, { service: 'r', address: '' });
      assert.deepEqual(granted, matches ? ['push'] : []);
    });
  }
});
