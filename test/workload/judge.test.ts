/** Which rule lets claims in: alone, exactly, and never where a condition is missed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readClaims } from '../../src/workload/claims.ts';
import type { Issuer } from '../../src/workload/issuer.ts';
import { judge } from '../../src/workload/judge.ts';
import type { Workloads } from '../../src/workload/workloads.ts';
import { claimsOf, filesOfPresets, githubFile, githubRule, recordedClaims, workloadsOf } from '../support/workload.ts';

function firstIssuer({ issuers }: Workloads): Issuer {
  const [issuer] = issuers.values();
  assert.ok(issuer);
  return issuer;
}

function judged(file: string, claims: object, service: string | null = null) {
  const workloads = workloadsOf(file);
  return judge(workloads, firstIssuer(workloads), claimsOf(claims), service);
}

const accounts = {
  github: ['ci:github:acme/web', '4711'],
  forgejo: ['ci:forgejo:acme/web', '12'],
  gitlab: ['ci:gitlab:acme/web', '302'],
  gcp: ['ci:gcp:113774264463038321964', null],
  kubernetes: ['ci:shop:shop/puller', 'app'],
  buildkite: ['ci:buildkite:acme/web', '0184990a'],
  circleci: ['ci:circleci:8a8a', '33'],
  oidc: ['ci:jenkins:web', null],
} as const;

for (const preset of Object.keys(recordedClaims) as (keyof typeof recordedClaims)[]) {
  test(`claims of ${preset} become an account and a run`, () => {
    const result = judged(filesOfPresets[preset], recordedClaims[preset]);
    assert.ok('workload' in result, JSON.stringify(result));
    assert.deepEqual([result.workload.account, result.workload.run], accounts[preset]);
  });
}

const { github } = recordedClaims;
const missed: readonly (readonly [what: string, claims: object, failed: readonly string[]])[] = [
  ['another repository', { ...github, repository_id: '1' }, ['repository_id']],
  ['a transferred repository, whose id stays', { ...github, repository_owner_id: '1' }, ['repository_owner_id']],
  [
    'a fork that carries the names',
    { ...github, repository_id: '1', repository_owner_id: '2' },
    ['repository_owner_id', 'repository_id'],
  ],
  ['a pull request, which carries the main branch', { ...github, event_name: 'pull_request_target' }, ['event_name']],
  ['another branch', { ...github, ref: 'refs/heads/feature/x' }, ['ref']],
  ['a tag with a slash, where * stops', { ...github, ref: 'refs/tags/v1/x' }, ['ref']],
  ['other letters', { ...github, event_name: 'Push' }, ['event_name']],
  ['a list in the place of a value', { ...github, event_name: ['push'] }, ['event_name']],
  ['an object', { ...github, event_name: { push: 'push' } }, ['event_name']],
  ['null', { ...github, ref: null }, ['ref']],
  ['an empty text', { ...github, ref: '' }, ['ref']],
  ['a missing claim', { ...github, ref: undefined }, ['ref']],
];

for (const [what, claims, failed] of missed) {
  test(`refuses ${what}, and says which condition failed`, () => {
    const result = judged(githubFile, claims);
    assert.ok('mismatch' in result);
    assert.deepEqual(
      result.mismatch.failed.map(({ claim }) => claim),
      failed,
    );
    assert.equal(result.mismatch.nearest?.number, 1);
  });
}

const oidc = (match: string, more = '') =>
  `issuers: { ci: { preset: oidc, issuer: "https://ci.example.com" } }\nrules:\n  - { issuer: ci, account: "ci:x", match: { sub: x, ${match} } ${more} }`;

const values: readonly (readonly [match: string, claim: unknown, holds: boolean])[] = [
  ['claim: 7', 7, true],
  ['claim: "7"', 7, true],
  ['claim: true', true, true],
  ['claim: "true"', true, true],
  ['claim: 1.0', 1, false],
  ['claim: "*"', undefined, false],
  ['claim: "**"', null, false],
  ['claim: "*"', '', false],
  ['claim: "*"', [], false],
  ['claim: "*"', {}, false],
  ['claim: "*"', 'a', true],
  ['claim: "*"', 'a/b', false],
  ['claim: "**"', 'a/b', true],
  ['claim: { has: b }', ['a', 'b'], true],
  ['claim: { has: b }', 'b', false],
  ['claim: { has: "b*" }', ['a', 'bc'], true],
  ['claim: { has: [c, b] }', ['a', 'b'], true],
  ['claim: { has: b }', [['b']], false],
  ['claim: { has: "*" }', [''], false],
  ['claim.deep: b', { deep: 'b' }, true],
  ['claim.constructor: "**"', {}, false],
  ['claim.length: "**"', 'text', false],
  ['claim.0: "**"', ['a'], false],
];

for (const [match, claim, holds] of values) {
  test(`${match} ${holds ? 'holds' : 'fails'} for ${JSON.stringify(claim)}`, () => {
    const result = judged(oidc(match), { sub: 'x', claim });
    assert.equal('workload' in result, holds);
  });
}

test('long numbers stay as they are written: two ids never become one', () => {
  const workloads = workloadsOf(oidc('id: 12345678901234567890'));
  const other = readClaims('{"sub":"x","id":12345678901234567891}');
  assert.ok('mismatch' in judge(workloads, firstIssuer(workloads), other, null));
  const same = readClaims('{"sub":"x","id":12345678901234567890}');
  assert.ok('workload' in judge(workloads, firstIssuer(workloads), same, null));
});

test('a name with dots is looked for whole before it is taken apart', () => {
  const rule = oidc('"kubernetes.io.namespace": a');
  assert.ok(
    'workload' in
      judged(rule, { sub: 'x', 'kubernetes.io': { namespace: 'a' }, kubernetes: { io: { namespace: 'b' } } }),
  );
  assert.ok(
    'mismatch' in
      judged(rule, { sub: 'x', 'kubernetes.io': { namespace: 'b' }, kubernetes: { io: { namespace: 'a' } } }),
  );
});

test('the first rule that holds decides alone', () => {
  const file = `${githubFile}${githubRule.replace('[deployers]', '[others]').replace(', workflow_dispatch', '')}`;
  const result = judged(file, github);
  assert.ok('workload' in result);
  assert.deepEqual(result.workload.groups, ['deployers']);
  assert.equal(result.workload.rule.number, 1);
});

test('labels take values of claims; one that is missing or has odd characters refuses, and no later rule decides', () => {
  const file = `${oidc('', ', labels: { owner: "${claims:owner}", fixed: [a, b] }')}\n  - { issuer: ci, account: "ci:y", match: { sub: x } }`;
  const result = judged(file, { sub: 'x', owner: '98' });
  assert.ok('workload' in result);
  assert.deepEqual(result.workload.labels, { owner: ['98'], fixed: ['a', 'b'] });
  for (const owner of [undefined, '', 'a b', 'a*', '${x}', ['a'], 'a:b', 'a\nb', 'a'.repeat(256)]) {
    const refused = judged(file, { sub: 'x', owner });
    assert.ok('mismatch' in refused, String(owner));
    assert.match(refused.mismatch.problem ?? '', /the claim owner/);
  }
});

test('a value can be as long as a repository’s name; of a longer one it is said that it is too long', () => {
  const file = oidc('', ', labels: { owner: "${claims:owner}" }');
  const longest = judged(file, { sub: 'x', owner: `${'a/'.repeat(127)}a` });
  assert.ok('workload' in longest);
  const longer = judged(file, { sub: 'x', owner: 'a'.repeat(256) });
  assert.ok('mismatch' in longer);
  assert.equal(longer.mismatch.problem, 'the claim owner is longer than 255 characters');
  const odd = judged(file, { sub: 'x', owner: 'a b'.repeat(100) });
  assert.ok('mismatch' in odd);
  assert.match(odd.mismatch.problem ?? '', /characters other than letters/);
});

test('claims are nested as deeply as issuers do, and no deeper: what reads them would run out of stack', () => {
  const nested = (lists: number) => `{"sub":"x","deep":${'['.repeat(lists)}${']'.repeat(lists)}}`;
  assert.deepEqual(Object.keys(readClaims(nested(31))), ['sub', 'deep']);
  for (const lists of [32, 7_000, 10_000]) assert.throws(() => readClaims(nested(lists)), SyntaxError);
});

test('an account is made of plain characters only', () => {
  for (const repository of ['acme/web:x', 'acme/web x', '', undefined, ['acme/web']]) {
    assert.ok('mismatch' in judged(githubFile, { ...github, repository }), String(repository));
  }
});

test('a rule or an issuer for one service says nothing about another', () => {
  const file = githubFile.replace('groups: [deployers]', 'services: [registry.example.com]');
  assert.ok('workload' in judged(file, github, 'registry.example.com'));
  assert.ok('mismatch' in judged(file, github, 'other.example.com'));
  const ofIssuer = githubFile.replace('preset: github', 'preset: github, services: [registry.example.com]');
  assert.ok('workload' in judged(ofIssuer, github, 'registry.example.com'));
  assert.ok('mismatch' in judged(ofIssuer, github, 'other.example.com'));
});

test('rules of one issuer say nothing about another with the same iss', () => {
  const twins = `
issuers:
  a: { preset: kubernetes, issuer: "https://kubernetes.default.svc.cluster.local", jwks_file: a.json }
  b: { preset: kubernetes, issuer: "https://kubernetes.default.svc.cluster.local", jwks_file: b.json }
rules:
  - { issuer: a, match: { sub: "system:serviceaccount:shop:puller" } }
`;
  const workloads = workloadsOf(twins);
  const claims = claimsOf({ ...recordedClaims.kubernetes, iss: 'https://kubernetes.default.svc.cluster.local' });
  const [a, b] = [...workloads.issuers.values()];
  assert.ok(a && b);
  assert.ok('workload' in judge(workloads, a, claims, null));
  assert.ok('mismatch' in judge(workloads, b, claims, null));
});

test('no set of claims that misses a condition is ever accepted', () => {
  const name = fc.constantFrom('a', 'b', 'c.d', 'c', 'd');
  const text = fc.constantFrom('x', 'y', 'x/y', 'X', '1', 'true', '', ' x', 'x ');
  const leaf = fc.oneof(text, fc.constantFrom(null, 1, true, 1.5), fc.array(text, { maxLength: 2 }));
  const claims = fc.dictionary(name, fc.oneof(leaf, fc.dictionary(name, leaf)), { maxKeys: 4 });
  const pattern = fc.constantFrom('x', 'y', '1', 'true', '*', '**', 'x/*', '?');
  const condition = fc.record({ patterns: fc.array(pattern, { minLength: 1, maxLength: 2 }), has: fc.boolean() });
  const match = fc.dictionary(name, condition, { minKeys: 1, maxKeys: 3 });
  fc.assert(
    fc.property(fc.array(match, { minLength: 1, maxLength: 3 }), claims, (matches, given) => {
      const rules = matches.map((conditions) => {
        const written = Object.entries(conditions).map(([key, { patterns, has }]) => {
          const list = JSON.stringify(patterns);
          return `${JSON.stringify(key)}: ${has ? `{ has: ${list} }` : list}`;
        });
        return `  - { issuer: ci, account: "ci:x", match: { sub: me, ${written.join(', ')} } }`;
      });
      const file = `issuers: { ci: { preset: oidc, issuer: "https://ci.example.com" } }\nrules:\n${rules.join('\n')}`;
      const result = judged(file, { ...given, sub: 'me' });
      if (!('workload' in result)) return;
      const chosen = matches[result.workload.rule.number - 1] ?? {};
      for (const [key, { patterns, has }] of Object.entries(chosen)) {
        assert.ok(holdsByTheBook(lookUp(given, key), patterns, has), `${key} of ${JSON.stringify(given)}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("no platform's claims are accepted once one that the rule names is missing, changed or of another shape", () => {
  const spoil = (value: string) => {
    const others: unknown[] = [
      ...[undefined, null, '', {}, [], [value], { [value]: value }, [[value]]],
      ...[`${value}x`, `x${value}`, ` ${value}`, `${value}\n`, `${value}/..`, `\u0000${value}`, `${value}\u200b`],
      ...[0, false, value.toUpperCase() === value ? 'another' : value.toUpperCase()],
    ];
    // The number or boolean of the same text isn't another value.
    return fc.constantFrom(...others.filter((other) => typeof other === 'object' || String(other) !== value));
  };
  const presets = Object.keys(recordedClaims) as (keyof typeof recordedClaims)[];
  const files = presets.map((preset) => ({
    workloads: workloadsOf(filesOfPresets[preset]),
    claims: recordedClaims[preset],
  }));
  const spoilt = fc.constantFrom(...files).chain(({ workloads, claims }) => {
    const conditions = workloads.rules.flatMap((rule) => rule.conditions);
    const changes = conditions.map(({ claim, has }) => {
      const value = valueAt(claims, claim);
      const changed = has
        ? fc.constantFrom<unknown>(undefined, null, '', {}, [], ...(value as string[]), [value])
        : spoil(String(value));
      return changed.map((to) => [claim, to] as const);
    });
    return fc.subarray(changes, { minLength: 1 }).chain((some) =>
      fc.tuple(...some).map((list) => ({
        workloads,
        claims: list.reduce((all, [path, to]) => withValue(all, path, to), claims as object),
      })),
    );
  });
  fc.assert(
    fc.property(spoilt, ({ workloads, claims }) => {
      assert.ok('mismatch' in judge(workloads, firstIssuer(workloads), claimsOf(claims), null), JSON.stringify(claims));
    }),
    { numRuns: 3_000 },
  );
});

/** Where a name with dots is: whole, or within an object whose name is what comes before the last of them. */
function placeOf(claims: object, path: string): readonly string[] {
  if (Object.hasOwn(claims, path)) return [path];
  const outer = Object.keys(claims).find((name) => path.startsWith(`${name}.`));
  return outer === undefined ? [path] : [outer, ...placeOf(Reflect.get(claims, outer), path.slice(outer.length + 1))];
}

function valueAt(claims: object, path: string): unknown {
  return placeOf(claims, path).reduce((value: unknown, name) => Reflect.get(value as object, name), claims);
}

function withValue(claims: object, path: string, value: unknown): object {
  const changed = structuredClone(claims);
  const place = placeOf(changed, path);
  const parent = place.slice(0, -1).reduce((inner: object, name) => Reflect.get(inner, name), changed);
  Reflect.set(parent, place.at(-1) ?? '', value);
  return changed;
}

/** The rules of docs/workloads.md in the plainest words, for comparison. */
function holdsByTheBook(value: unknown, patterns: readonly string[], has: boolean): boolean {
  if (has) return Array.isArray(value) && value.some((item) => holdsByTheBook(item, patterns, false));
  if (!['string', 'number', 'boolean'].includes(typeof value) || value === '') return false;
  const text = String(value);
  return patterns.some((pattern) => {
    if (pattern === '*') return !text.includes('/');
    if (pattern === '**') return true;
    if (pattern === '?') return text.length === 1 && text !== '/';
    if (pattern === 'x/*') return /^x\/[^/]*$/.test(text);
    return pattern === text;
  });
}

function lookUp(claims: Record<string, unknown>, key: string): unknown {
  if (Object.hasOwn(claims, key)) return claims[key];
  const [head = '', ...rest] = key.split('.');
  const inner = claims[head];
  if (rest.length === 0 || typeof inner !== 'object' || inner === null || Array.isArray(inner)) return undefined;
  return lookUp(inner as Record<string, unknown>, rest.join('.'));
}
