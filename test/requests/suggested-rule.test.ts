/** That suggested lines grant exactly what was asked for and change no other decision, whatever the policy and the names are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import { type Policy, parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { suggestRule } from '../../src/requests/suggested-rule.ts';

const service = 'registry.example.com';
const address = '192.0.2.1';
const actions = ['delete', 'pull', 'push'];

function person(account: string, changes: Partial<Identity> = {}): Identity {
  return {
    ...anonymous,
    kind: 'person',
    account,
    email: account,
    domain: 'example.com',
    accountId: account,
    ...changes,
  };
}

function allowed(policy: Policy, who: Identity, name: string, at = service, from = address): string {
  const access = { type: 'repository', name, actions };
  return decide(policy, who, access, { service: at, address: from }).allowed.toSorted().join();
}

/** The policy file with the lines where the suggestion says that they belong. */
function withLines(text: string, yaml: string, line: number | null): string {
  const lines = text.trimEnd().split('\n');
  return lines.toSpliced(line === null ? lines.length : line - 1, 0, yaml).join('\n');
}

const none = { people: [], repositories: [] };
const wish = (name: string, wanted: readonly string[]) => ({ service, name, actions: wanted, address, id: 'r1' });

/** The same numbers for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const accounts = ['ana@example.com', 'ana@example.como', 'a*@example.com', '${account}@example.com', 'bo@example.org'];
const names = ['team/app', 'team/app2', 'team', 'other/app', 'team/app/x'];
const conditions = [
  'account: "ana@example.com"',
  'account: "*"',
  'account: "/^[ab].*/"',
  'domain: example.com',
  'name: "team/*"',
  'name: "team/**"',
  'name: "other/app"',
  'service: registry.example.com',
  'ip: 192.0.2.0/24',
  'group: "google:dev@example.com"',
  'kind: person',
];

test('over random policies: the person gets what was asked for on top, everyone and everything else stays', () => {
  let suggested = 0;
  for (let seed = 0; seed < 400; seed++) {
    const next = random(seed);
    const pick = <One>(list: readonly One[]): One => list[Math.floor(next() * list.length)] as One;
    const rules = Array.from({ length: Math.floor(next() * 5) + 1 }, () => {
      const match = new Map(
        Array.from({ length: Math.floor(next() * 3) }, () => pick(conditions)).map((one) => [one.split(':')[0], one]),
      );
      return `  - match: {${[...match.values()].join(', ')}}\n    actions: [${pick(['', 'pull', 'push', 'pull, push', '"*"'])}]`;
    });
    const text = `acl:\n${rules.join('\n')}\n`;
    const policy = parsePolicy(text, 'policy.yml');
    const who = person(pick(accounts), { groups: next() < 0.3 ? ['google:dev@example.com'] : [], groupsKnown: true });
    const name = pick(names);
    const wanted = pick([['push'], ['pull'], ['pull', 'push'], ['delete']]);
    const suggestion = suggestRule(policy, who, wish(name, wanted), none);
    if (!('yaml' in suggestion)) continue;
    suggested += 1;
    const after = parsePolicy(withLines(text, suggestion.yaml, suggestion.before?.line ?? null), 'policy.yml');
    const context = `seed ${seed}\n${text}\n${suggestion.yaml}\nbefore line ${suggestion.before?.line}`;
    assert.doesNotMatch(suggestion.yaml.replaceAll(/"[^"]*"/g, ''), /\*/, context);
    const expected = [...new Set([...allowed(policy, who, name).split(',').filter(Boolean), ...wanted])].sort().join();
    assert.equal(allowed(after, who, name), expected, context);
    for (const from of [address, '203.0.113.9'])
      for (const account of accounts)
        for (const other of names)
          for (const at of [service, 'elsewhere.example.com'])
            for (const groups of [[], ['google:dev@example.com']])
              for (const kind of ['person', 'robot'] as const) {
                if (account === who.account && other === name && at === service && kind === 'person') continue;
                const one = person(account, { groups, kind });
                assert.equal(allowed(after, one, other, at, from), allowed(policy, one, other, at, from), context);
              }
    // From elsewhere, too, the person loses nothing.
    const elsewhere = allowed(policy, who, name, service, '203.0.113.9').split(',').filter(Boolean);
    for (const action of elsewhere)
      assert.ok(allowed(after, who, name, service, '203.0.113.9').split(',').includes(action), context);
  }
  assert.ok(suggested > 100, `only ${suggested} were suggested`);
});

test('the lines come before the rule that decides, and keep what that grants', () => {
  const text = 'acl:\n  - match: {name: "x/*"}\n    actions: []\n  - match: {name: "team/*"}\n    actions: [pull]\n';
  const suggestion = suggestRule(parsePolicy(text, 'p'), person('ana@example.com'), wish('team/app', ['push']), none);
  assert.ok('yaml' in suggestion);
  assert.deepEqual(suggestion.before, { rule: 2, line: 4 });
  assert.match(suggestion.yaml, /actions: \[pull, push\]/);
});

test('names of strangers are quoted for YAML, globs, expressions and variables', () => {
  const policy = parsePolicy('acl: []', 'p');
  for (const account of [
    ...['"\n  - match: {}\n    actions: ["*"]#@x', '*', '**@example.com', '[a-z]@x', '?', '/.*/', '/x/', '${account}'],
    ...[
      '${user}@${domain}',
      '\\*',
      'a\\',
      '\u202eevil',
      '\u{1f600}@x',
      "it's",
      'yes',
      '',
      ' ',
      '{a,b}',
      '^',
      '#x',
      '&x',
    ],
  ]) {
    const who = person(account);
    const suggestion = suggestRule(policy, who, wish('team/app', ['pull']), none);
    if (!('yaml' in suggestion)) {
      assert.equal(account, '', account);
      continue;
    }
    const after = parsePolicy(`acl:\n${suggestion.yaml}\n`, 'p');
    assert.equal(after.rules.length, 1, account);
    assert.equal(allowed(after, who, 'team/app'), 'pull', account);
    for (const other of ['ana@example.com', 'a', 'x', `${account}x`, `x${account}`]) {
      if (other === account) continue;
      assert.equal(allowed(after, person(other), 'team/app'), '', `${account} and ${other}`);
    }
    assert.doesNotMatch(suggestion.yaml, /[^\n\x20-\x7e]/, account);
  }
});

test('where what someone has depends on addresses or unknown groups, nothing is suggested', () => {
  const onAddress = parsePolicy('acl:\n  - match: {ip: 10.0.0.0/8}\n    actions: ["*"]\n', 'p');
  assert.ok('why' in suggestRule(onAddress, person('ana@example.com'), wish('team/app', ['push']), none));
  const onGroup = parsePolicy('acl:\n  - match: {group: "google:dev@example.com"}\n    actions: [pull]\n', 'p');
  const unknown = person('ana@example.com', { provider: 'google', groupsKnown: false });
  assert.ok('why' in suggestRule(onGroup, unknown, wish('team/app', ['push']), none));
});
