/** `dockpass request ...` on a database: what is open, and an answer that changes nothing in the policy. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommand } from '../../src/cli/cli.ts';
import { openStore } from '../../src/store/open.ts';
import { unaudited } from '../support/audit.ts';
import { signedIn } from '../support/rows.ts';

test('open requests are listed, an answer is recorded, and what the policy grants is closed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-request-'));
  const policy = join(folder, 'policy.yml');
  const grantPush = async (actions: string) =>
    writeFile(policy, `acl:\n  - match: {domain: example.com, name: team/app}\n    actions: [${actions}]\n`);
  await grantPush('pull');
  const environment = {
    ...{ PUBLIC_URL: 'http://localhost:5001', SERVICES: 'registry.example.com', POLICY_FILE: policy },
    ...{ DATA_DIR: join(folder, 'data'), DATABASE_URL: `sqlite:${join(folder, 'd.db')}` },
  };
  const run = async (...words: string[]) => {
    const [out, notes]: [string[], string[]] = [[], []];
    const terminal = {
      ...{ environment, input: (async function* () {})() },
      ...{ out: (line: string) => void out.push(line), err: (line: string) => void notes.push(line) },
    };
    return { code: await runCommand(words, terminal), out: out.join('\n'), notes: notes.join('\n') };
  };
  try {
    const store = await openStore(environment.DATABASE_URL, () => {});
    await store.accounts.signIn(signedIn({ id: 'ana' }));
    const request = { id: 'r1', account_id: 'ana', service: 'registry.example.com', name: 'team/app', actions: 'push' };
    const limits = { open: 5, refusedSince: 0, withdrawn: 5, withdrawnSince: 0 };
    await store.accessRequests.add({ ...request, note: '', address: '192.0.2.1', created_at: 1 }, limits, unaudited);
    await store.close();
    assert.match((await run('request', 'list')).out, /r1.*ana@example\.com.*push.*team\/app.*open/);
    const answered = await run('request', 'answer', 'r1', 'accept', '--note', 'soon', '--json');
    assert.deepEqual([answered.code, JSON.parse(answered.out).state], [0, 'accepted']);
    const wrong = await run('request', 'answer', 'r1', 'grant');
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.notes, /accept or refuse/);
    await grantPush('pull, push');
    assert.equal((await run('request', 'list', '--json')).out, '[]');
    const all = JSON.parse((await run('request', 'list', '--all', '--json')).out);
    assert.deepEqual([all[0].state, all[0].answer.by, all[0].answer.note], ['granted', 'command line', 'soon']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
