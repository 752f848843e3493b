/** The policy file while the service runs: every way in which it is changed, and what a broken one does. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createPolicyFile, openPolicies } from '../../src/app/policy-file.ts';
import type { Log } from '../../src/lib/log.ts';

const policyOf = (...comments: string[]) =>
  `acl: [${comments.map((comment) => `{match: {}, actions: [], comment: ${comment}}`).join(', ')}]`;

let folder: string;
let file: string;
let logged: { level: string; message: string; fields: object }[];
let log: Log;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockpass-policy-'));
  file = join(folder, 'policy.yml');
  await writeFile(file, policyOf('first'));
  logged = [];
  const write = (level: string) => (fields: object, message: string) => logged.push({ level, message, fields });
  log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
});
afterEach(() => rm(folder, { recursive: true }));

async function open() {
  const policy = createPolicyFile(file, log);
  await policy.reload();
  return policy;
}

function inForce(policy: ReturnType<typeof createPolicyFile>): string | null | undefined {
  return policy.current()?.rules.at(-1)?.comment;
}

async function lookTwice(policy: ReturnType<typeof createPolicyFile>) {
  await policy.look();
  await policy.look();
}

test('a file written in place is taken over', async () => {
  const policy = await open();
  await writeFile(file, policyOf('second'));
  await lookTwice(policy);
  assert.equal(inForce(policy), 'second');
});

test('a file renamed over it is taken over', async () => {
  const policy = await open();
  await writeFile(join(folder, 'new'), policyOf('second'));
  await rename(join(folder, 'new'), file);
  await lookTwice(policy);
  assert.equal(inForce(policy), 'second');
});

test('the swapped links of a Kubernetes ConfigMap are followed', async () => {
  for (const version of ['1', '2']) {
    await mkdir(join(folder, `..${version}`));
    await writeFile(join(folder, `..${version}`, 'map.yml'), policyOf(`version-${version}`));
  }
  await symlink('..1', join(folder, '..data'));
  await symlink('..data/map.yml', join(folder, 'map.yml'));
  file = join(folder, 'map.yml');
  const policy = await open();
  assert.equal(inForce(policy), 'version-1');
  await symlink('..2', join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  await lookTwice(policy);
  assert.equal(inForce(policy), 'version-2');
});

test('half a file is not taken over while it is being written', async () => {
  const policy = await open();
  await writeFile(file, policyOf('half'));
  await policy.look();
  await writeFile(file, policyOf('half', 'whole'));
  await policy.look();
  assert.equal(inForce(policy), 'first');
  await policy.look();
  assert.equal(inForce(policy), 'whole');
});

test('reload does not wait for a second look', async () => {
  const policy = await open();
  await writeFile(file, policyOf('second'));
  await policy.reload();
  assert.equal(inForce(policy), 'second');
});

test('a broken file changes nothing, is logged once with its places, and is used once fixed', async () => {
  const policy = await open();
  await writeFile(file, 'acl:\n  - match: {acount: x}\n    actions: []\n');
  await lookTwice(policy);
  await lookTwice(policy);
  assert.equal(inForce(policy), 'first');
  assert.match(policy.problem() ?? '', /policy\.yml:2:13: unknown key "acount"/);
  const errors = logged.filter(({ level }) => level === 'error');
  assert.equal(errors.length, 1);
  assert.match(JSON.stringify(errors[0]?.fields), /policy\.yml:2:13: unknown key/);
  await writeFile(file, policyOf('first'));
  await lookTwice(policy);
  assert.equal(policy.problem(), null);
});

test('a file in another encoding changes nothing', async () => {
  const policy = await open();
  await writeFile(file, Buffer.from(policyOf('d\xe9j\xe0'), 'latin1'));
  await lookTwice(policy);
  assert.equal(inForce(policy), 'first');
  assert.match(policy.problem() ?? '', /policy\.yml:1:\d+: from here on it isn't UTF-8/);
});

test('a file that is taken away changes nothing', async () => {
  const policy = await open();
  await rm(file);
  await lookTwice(policy);
  assert.equal(inForce(policy), 'first');
  assert.match(policy.problem() ?? '', /cannot be read \(ENOENT\)/);
  await writeFile(file, policyOf('second'));
  await lookTwice(policy);
  assert.equal(inForce(policy), 'second');
});

test('an unchanged file is not taken over again', async () => {
  const policy = await open();
  const before = logged.length;
  await writeFile(file, policyOf('first'));
  await lookTwice(policy);
  assert.equal(logged.length, before);
});

test('what was read at the start is not taken over again', async () => {
  const policies = await openPolicies(file, null, log, () => {});
  for (let times = 0; times < 3; times += 1) policies.look();
  await writeFile(file, policyOf('second'));
  await policies.reload();
  assert.deepEqual(
    logged.map(({ message }) => message),
    ['policy loaded'],
  );
});

test('a candidate that cannot be used does not prevent a start, and is a warning', async () => {
  const candidateFile = join(folder, 'next.yml');
  const policies = await openPolicies(file, candidateFile, log, () => {});
  assert.equal(policies.candidate(), null);
  assert.deepEqual(policies.warnings(), ['the candidate policy file cannot be used']);
  await writeFile(candidateFile, policyOf('next'));
  await policies.reload();
  assert.equal(policies.candidate()?.rules[0]?.comment, 'next');
  assert.deepEqual(policies.warnings(), []);
  await writeFile(file, 'acl: 1');
  await policies.reload();
  assert.equal(policies.current().rules[0]?.comment, 'first');
  assert.deepEqual(policies.warnings(), ['the policy file cannot be used: the policy before it is in force']);
});

test('the policy stays in force when a named pipe replaces its file, and the file after it is read', async () => {
  const policies = await openPolicies(file, null, log, () => {});
  await rm(file);
  execFileSync('mkfifo', [file]);
  await policies.reload();
  assert.deepEqual(logged.at(-1)?.fields, { file, problems: [`${file} is a pipe; name a file.`] });
  await rm(file);
  await writeFile(file, policyOf('second'));
  await policies.reload();
  assert.equal(policies.current().rules[0]?.comment, 'second');
});

test('of many mistakes the first hundred are logged', async () => {
  const policy = await open();
  await writeFile(file, `acl:\n${'  - {match: {nonsense: x}, actions: []}\n'.repeat(130)}`);
  await policy.reload();
  const { problems = [] } = (logged.at(-1)?.fields ?? {}) as { problems?: string[] };
  assert.equal(problems.length, 101);
  assert.match(problems[100] ?? '', /^and \d+ more: dockpass policy check shows all$/);
});

test('what is probably not meant is in the log, at the start and when the file changes: a denial can have no effect', async () => {
  const text = 'groups: {partners: ["domain:*.partner.example"]}\nacl: [{match: {group: partners}, actions: []}]';
  await writeFile(file, text);
  const policies = await openPolicies(file, null, log, () => {});
  await writeFile(file, `${text}\n# changed`);
  await policies.reload();
  const warnings = logged.filter(({ level }) => level === 'warn');
  assert.equal(warnings.length, 2);
  for (const { fields, message } of warnings) {
    assert.equal(message, 'the policy file has warnings; dockpass policy check shows all');
    assert.match(JSON.stringify(fields), /policy\.yml:1:21: warning: .*is no one: members aren't patterns/);
  }
});
