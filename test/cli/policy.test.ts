/** `dockpass policy ...` as a shell sees it: what is written where, and the exit code. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommand } from '../../src/cli/cli.ts';

const policyText = `
groups:
  platform: [ana@example.com]
acl:
  - match: {group: platform, name: "team/**"}
    actions: [pull, push]
    comment: Teams push to their own
  - match: {group: platfrm}
    actions: [pull]
`;
const casesText = `
- {who: ana@example.com, scope: "repository:team/app:*", expect: "push, pull"}
- {who: anonymous, ip: 10.0.0.1, scope: "repository:team/app:pull", expect: nothing}
- who: bo@example.com
  groups: ["google:dev"]
  scope: "repository:team/app:pull"
  expect: [pull]
`;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockpass-policy-'));
  await writeFile(join(folder, 'policy.yml'), policyText);
  await writeFile(join(folder, 'cases.yml'), casesText);
});
after(() => rm(folder, { recursive: true }));

async function run(words: readonly string[], input: readonly (string | Buffer)[] = [], environment = {}) {
  const out: string[] = [];
  const notes: string[] = [];
  const code = await runCommand(words, {
    environment,
    input: (async function* () {
      yield* input;
    })(),
    out: (line) => out.push(line),
    err: (line) => notes.push(line),
  });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}

test('check: warnings are notes, the file is valid', async () => {
  const file = join(folder, 'policy.yml');
  const { code, out, notes } = await run(['policy', 'check', file]);
  assert.equal(code, 0);
  assert.equal(out, `${file} is valid: 0 users, 2 rules, 1 warning.`);
  assert.match(notes, /policy\.yml:8:5: warning: nothing defines the group "platfrm"; did you mean "platform"\?/);
});

test('check: --strict fails on a warning, and on nothing else', async () => {
  const file = join(folder, 'strict.yml');
  await writeFile(file, 'acl: [{match: {domain: example.com}, actions: [pull]}]');
  const sound = await run(['policy', 'check', file, '--strict']);
  assert.deepEqual([sound.code, sound.out, sound.notes], [0, `${file} is valid: 0 users, 1 rule.`, '']);
  assert.equal((await run(['policy', 'check', join(folder, 'policy.yml'), '--strict'])).code, 1);
});

test('check: --quiet says only warnings, and --json says which file each is in', async () => {
  const file = join(folder, 'policy.yml');
  const workloads = join(folder, 'ci.yml');
  await writeFile(
    workloads,
    `issuers: { gitlab: { issuer: https://gitlab.example.com, preset: gitlab } }
rules:
  - issuer: gitlab
    match: { project_id: "1", namespace_id: "2", pipeline_source: [push], ref: main }
`,
  );
  const words = ['policy', 'check', file, '--workloads', workloads];
  const quiet = await run([...words, '--quiet']);
  assert.deepEqual([quiet.code, quiet.out], [0, '']);
  assert.match(quiet.notes, /policy\.yml:8:5: warning: .*\n.*ci\.yml:\d+:\d+: warning: /s);
  const { warnings } = JSON.parse((await run([...words, '--json'])).out) as { warnings: { file: string }[] };
  assert.deepEqual([...new Set(warnings.map((warning) => warning.file))], [file, workloads]);
});

test('explain: a name that nobody has is said to be one', async () => {
  const notesOf = async (who: string) =>
    (await run(['policy', 'explain', who, 'repository:team/app:push', '--policy', join(folder, 'policy.yml')])).notes;
  assert.match(await notesOf('oalf'), /^No user, robot or e-mail is called "oalf"/);
  for (const who of ['ana@example.com', 'robot-ci', 'anonymous']) assert.equal(await notesOf(who), '');
});

test('check: a mistake is an error with its place', async () => {
  const file = join(folder, 'broken.yml');
  await writeFile(file, 'acl:\n  - match: {acount: x}\n    actions: []\n');
  const { code, notes } = await run(['policy', 'check', file]);
  assert.equal(code, 1);
  assert.equal(notes, `${file}:2:13: unknown key "acount" in acl[1].match; did you mean "account"?`);
});

test('policy explain says the same as text and as JSON', async () => {
  const file = join(folder, 'policy.yml');
  const words = [
    'policy',
    'explain',
    'Ana@Example.com',
    'repository:team/app:push',
    '--policy',
    file,
    '--ip',
    '10.0.0.7',
  ];
  const { code, out } = await run(words);
  assert.equal(code, 0);
  assert.match(
    out,
    /rule 1 \(.*policy\.yml:5\) decides: "Teams push to their own"\nallowed by the policy: push\ngranted: push$/,
  );
  const explanation = JSON.parse((await run([...words, '--json'])).out);
  assert.deepEqual([explanation.granted, explanation.decidedBy.line], [['push'], 5]);
});

test('explain: a scope that is none is not understood', async () => {
  const { code, notes } = await run(['policy', 'explain', 'ana@example.com', 'team/app', '--policy', 'policy.yml']);
  assert.equal(code, 2);
  assert.match(notes, /"team\/app" isn't a scope/);
});

test('explain: what no registry would ask for, and an address that is none, are not understood', async () => {
  const policy = ['--policy', join(folder, 'policy.yml')];
  const table: readonly [scope: string, also: readonly string[], note: RegExp][] = [
    ['repository:team/app:psh', [], /no registry knows psh on repository:team\/app; there are pull, push and delete/],
    ['repository:team/app:pull registry:catalog:*', [], /isn't a scope such as/],
    ['repository:team/app:pull', ['--ip', '10.0.0.300'], /"10\.0\.0\.300" isn't an IPv4 or IPv6 address/],
  ];
  for (const [scope, also, note] of table) {
    const { code, notes } = await run(['policy', 'explain', 'ana@example.com', scope, ...policy, ...also]);
    assert.equal(code, 2);
    assert.match(notes, note);
  }
});

test('check: without a file it is the one of the settings', async () => {
  const file = join(folder, 'policy.yml');
  assert.match((await run(['policy', 'check'], [], { POLICY_FILE: file })).out, /policy\.yml is valid/);
  assert.match((await run(['policy', 'check'])).notes, /The policy file policy\.yml cannot be read \(ENOENT\)/);
});

test('test: a case that fails prints its explanation, and the exit code is 1', async () => {
  const { code, out } = await run([
    'policy',
    'test',
    join(folder, 'cases.yml'),
    '--policy',
    join(folder, 'policy.yml'),
  ]);
  assert.equal(code, 1);
  assert.match(out, /^.*cases\.yml:4: expected pull\n {2}bo@example\.com \(person/);
  assert.match(out, /\n {4}at no registry in particular, from an unknown address\n {2}groups: google:dev /);
  assert.match(out, /\n {2}no rule matches, so nothing is allowed\n/);
  assert.match(out, /\n2 of 3 cases passed\.$/);
});

test('policy test ends with 0 where all cases hold', async () => {
  const file = join(folder, 'good.yml');
  await writeFile(file, casesText.split('\n').slice(0, 3).join('\n'));
  const { code, out } = await run(['policy', 'test', file, '--policy', join(folder, 'policy.yml')]);
  assert.deepEqual([code, out], [0, '2 of 2 cases passed.']);
});

test('test: a case may say what kind, which domain and which registry is meant', async () => {
  const policy = join(folder, 'who.yml');
  await writeFile(
    policy,
    'acl: [{match: {kind: ci, domain: example.com, service: registry.example.com, group: none}, actions: [push]},' +
      '{match: {kind: ci, domain: example.com, service: registry.example.com}, actions: [pull]}]',
  );
  const file = join(folder, 'who-cases.yml');
  const known = 'who: deploy, scope: "repository:app:pull", kind: ci, domain: example.com';
  await writeFile(file, `- {${known}, service: registry.example.com, expect: pull}\n- {${known}, expect: nothing}\n`);
  assert.equal((await run(['policy', 'test', file, '--policy', policy])).out, '2 of 2 cases passed.');
});

test('test: all mistakes in cases are named, each once with its place', async () => {
  const file = join(folder, 'bad.yml');
  const table: readonly [text: string, notes: readonly string[]][] = [
    [
      '- {whom: a, scope: x}',
      [
        '1:4: unknown key "whom" in entry 1; did you mean "who"?',
        '1:3: entry 1: who is missing',
        '1:3: entry 1: expect is missing; write "expect: nothing" for no action',
        '1:20: "x" isn\'t a scope such as repository:team/app:pull,push',
      ],
    ],
    ['- {who: a, expect: pull}', ['1:3: entry 1: scope is missing']],
    ['{who: a}', ['1:1: the file must be a list']],
    [
      '- {who: [a], kind: [b], ip: [c], scope: [d], expect: nothing}',
      [
        '1:9: entry 1.who must be a text',
        '1:20: entry 1.kind must be a text',
        '1:41: entry 1.scope must be a text',
        '1:29: entry 1.ip must be a text',
      ],
    ],
    [
      '- {who: a, scope: "repository:a:read,write", expect: read}',
      [
        '1:19: no registry knows read, write on repository:a; there are pull, push and delete on repository:NAME, and * on registry:catalog',
        '1:54: expect "read" is none of pull, push, delete, *, nothing',
      ],
    ],
  ];
  for (const [text, notes] of table) {
    await writeFile(file, text);
    const { code, notes: told } = await run(['policy', 'test', file, '--policy', join(folder, 'policy.yml')]);
    assert.equal(code, 1);
    assert.deepEqual(told.replaceAll(`${file}:`, '').split('\n'), notes);
  }
});

test('test: cases that would prove nothing are refused', async () => {
  const table: readonly [text: string | Buffer, note: RegExp][] = [
    ['', /:1:1: there are no cases$/],
    ['[]', /:1:1: there are no cases$/],
    [
      '- {who: a, scope: "repository:a:pull", expect: pul}',
      /:1:48: expect "pul" is none of .*; did you mean "pull"\?$/,
    ],
    ['- {who: a, scope: "repository:a:pul", expect: pull}', /:1:19: no registry knows pul on repository:a/],
    [
      '- {who: a, ip: 10.0.0.300, scope: "repository:a:pull", expect: pull}',
      /:1:16: ip "10\.0\.0\.300" isn't an address$/,
    ],
    ['- {who: a, kind: persn, scope: "repository:a:pull", expect: pull}', /:1:18: kind "persn" .*"person"\?$/],
    [Buffer.from('- {who: \xfc}', 'latin1'), /:1:9: from here on it isn't UTF-8/],
  ];
  const file = join(folder, 'odd.yml');
  for (const [text, note] of table) {
    await writeFile(file, text);
    const { code, notes } = await run(['policy', 'test', file, '--policy', join(folder, 'policy.yml')]);
    assert.equal(code, 1);
    assert.match(notes, note);
  }
  const missing = await run(['policy', 'test', 'none.yml', '--policy', join(folder, 'policy.yml')]);
  assert.match(missing.notes, /^The cases none\.yml cannot be read \(ENOENT\)\. docs\/policy\.md shows/);
});

test('eval: a line in, a line out, wherever the stream is cut', async () => {
  const line = JSON.stringify({
    acl: [{ match: { name: 'é' }, actions: ['*'] }],
    request: { name: 'é', actions: ['pull'] },
  });
  const bytes = Buffer.from(`${line}\n${line}\n\n${line}`);
  const pieces = [...bytes].map((byte) => Buffer.from([byte]));
  const { code, out } = await run(['policy', 'eval'], pieces);
  assert.deepEqual([code, out], [0, Array(3).fill('{"actions":["pull"]}').join('\n')]);
  assert.equal((await run(['policy', 'eval', '--docker-auth'], [line])).out, '{"actions":["pull"]}');
});
