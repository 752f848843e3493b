/** `dockpass import docker-auth` and `dockpass compare` as a shell sees them. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { runCommand } from '../../src/cli/cli.ts';

let folder: string;
let configuration: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dockpass-import-'));
  configuration = join(folder, 'auth_config.yml');
  await writeFile(configuration, 'acl: [{match: {name: "team/**"}, actions: ["*"]}]\n');
});
afterEach(() => rm(folder, { recursive: true }));

async function run(words: readonly string[], input: readonly string[] = []) {
  const out: string[] = [];
  const notes: string[] = [];
  const code = await runCommand(words, {
    environment: {},
    input: (async function* () {
      yield* input;
    })(),
    out: (line) => out.push(line),
    err: (line) => notes.push(line),
  });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}

test('both files are written, secrets readable by their owner alone, and never overwritten', async () => {
  const target = join(folder, 'new');
  const { code, notes } = await run(['import', 'docker-auth', configuration, '--out', target]);
  assert.equal(code, 0);
  assert.match(notes, /auth_config\.yml:1:\d+: warning: acl\[1\]: "\*\*" becomes "\*"/);
  assert.match(await readFile(join(target, 'policy.yml'), 'utf8'), /team\/\*"/);
  assert.equal((await stat(join(target, '.env'))).mode & 0o777, 0o600);
  const again = await run(['import', 'docker-auth', configuration, '--out', target]);
  assert.equal(again.code, 1);
  assert.match(again.notes, /policy\.yml exists already/);
});

test('with a part that cannot be imported nothing is written', async () => {
  await writeFile(configuration, 'ldap_auth: {}\nacl: []\n');
  const target = join(folder, 'new');
  const { code, notes } = await run(['import', 'docker-auth', configuration, '--out', target]);
  assert.equal(code, 1);
  assert.match(
    notes,
    /auth_config\.yml:1:1: ldap_auth: [\s\S]*\nNothing was written: 1 part can't be imported as it is\./,
  );
  await assert.rejects(stat(target));
});

test('with --without the rest is written, and what serve would refuse is said', async () => {
  await writeFile(
    configuration,
    'ldap_auth: {}\next_auth: {}\noidc_auth: {issuer: "http://sso.example.com"}\nacl: []\n',
  );
  const words = ['import', 'docker-auth', configuration, '--out', join(folder, 'new')];
  const both = await run(words);
  assert.match(both.notes, /Nothing was written: 2 parts can't be imported as they are\./);
  const { code, notes } = await run([...words, '--without', 'ldap_auth', '--without', 'ext_auth']);
  assert.equal(code, 0);
  assert.match(notes, /\.env: warning: serve refuses this: OIDC_OIDC_CLIENT_ID is required/);
  assert.match(await readFile(join(folder, 'new', 'policy.yml'), 'utf8'), /acl: \[\]/);
});

test('a configuration that is not UTF-8 is refused with its place: its names would be those of no one', async () => {
  const target = join(folder, 'new');
  const policy = join(folder, 'policy.yml');
  await writeFile(policy, 'acl: []\n');
  const encodings: readonly [bytes: Buffer, problem: RegExp][] = [
    [
      Buffer.from('acl:\n- {match: {account: Jürgen}, actions: []}\n', 'latin1'),
      /auth_config\.yml:2:\d+: from here on it isn't UTF-8; save the file as UTF-8/,
    ],
    [Buffer.from('\ufeffacl: []\n', 'utf16le'), /auth_config\.yml:1:1: the file is UTF-16; save the file as UTF-8/],
  ];
  for (const [bytes, problem] of encodings) {
    await writeFile(configuration, bytes);
    const imported = await run(['import', 'docker-auth', configuration, '--out', target]);
    const compared = await run(['compare', configuration, policy, '-']);
    for (const { code, notes } of [imported, compared]) {
      assert.equal(code, 1);
      assert.match(notes, problem);
    }
  }
});

test('compare reads files and standard input, and exits 1 on a difference', async () => {
  const policy = join(folder, 'policy.yml');
  await writeFile(policy, 'acl: [{match: {name: "team/*"}, actions: [pull]}]\n');
  const line = JSON.stringify({ request: { account: 'a', type: 'repository', name: 'team/x', actions: ['push'] } });
  const log = join(folder, 'log');
  await writeFile(log, `${line}\r\nnoise\n`);
  const { code, out } = await run(['compare', configuration, policy, log, '-'], [`${line}\n`]);
  assert.equal(code, 1);
  assert.match(
    out,
    /^a repository:team\/x:push: docker_auth granted push, the policy nothing \(.*policy\.yml:1\), 2 times\n2 decisions compared, 1 different; 1 line without a decision\.$/,
  );
});

test('the lines of a log end in line feeds alone', async () => {
  const policy = join(folder, 'policy.yml');
  await writeFile(policy, 'acl: []\n');
  const account = 'a\u2028b\u2029c';
  const line = JSON.stringify({ request: { account, type: 'repository', name: 'team/x', actions: ['push'] } });
  const log = join(folder, 'log');
  await writeFile(log, line);
  const { out } = await run(['compare', configuration, policy, log, '-'], [line.slice(0, 30), line.slice(30)]);
  assert.match(out, /, 2 times\n2 decisions compared, 1 different; 0 lines without a decision\.$/);
});

test('a policy file that is not there is told once', async () => {
  const { code, notes } = await run(['compare', configuration, join(folder, 'missing.yml'), '-']);
  assert.equal(code, 1);
  assert.equal(notes.match(/ENOENT/g)?.length, 1, notes);
});

test('what docker_auth could not decide is told without a stack', async () => {
  const policy = join(folder, 'policy.yml');
  await writeFile(policy, 'acl: []\n');
  await writeFile(configuration, 'acl: [{match: {}}]\n');
  const line = JSON.stringify({ request: { account: 'a', type: 'repository', name: 'x', actions: ['pull'] } });
  const { code, notes } = await run(['compare', configuration, policy, '-'], [`${line}\n`]);
  assert.equal(code, 1);
  assert.match(
    notes,
    /^docker_auth cannot decide on a repository:x:pull: the rule that matches has no actions\. Fix.*$/,
  );
});
