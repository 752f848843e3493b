/** The demo as a visitor finds it: an administrator, a company with a past, and a push without a Docker daemon. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pushHello } from '../script/demo-push.ts';
import { startDemo } from '../script/demo-services.ts';
import { welcome } from '../script/demo-welcome.ts';
import { missing } from './support/parts.ts';
import { createPassword } from './support/person.ts';
import { createVisitor, signInAs, type Visitor } from './support/visitor.ts';

test('each role of the demo finds what the welcome text promises', { skip: missing('docker-registry') }, async (t) => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-demo-past-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const demo = await startDemo({ folder, past: true }, stack);
  const enter = async (email: string): Promise<Visitor> => {
    const visitor = createVisitor();
    await signInAs(visitor, `${demo.url}/sign-in/google`, email);
    return visitor;
  };
  const read = async (visitor: Visitor, path: string) => (await visitor.open(demo.url + path)).body;

  await t.test('the administrator has an overview, people, and a revocation that can be undone', async () => {
    const ada = await enter('ada@example.com');
    assert.match(await read(ada, '/admin'), /expire within 14 days/);
    assert.match(await read(ada, '/admin/people'), /jonas@example\.com/);
    assert.match(await read(ada, '/admin/revocations'), /dilek@example\.com[\s\S]*can be undone/);
  });

  await t.test('ana has passwords, one of which expires soon, and a denial', async () => {
    const ana = await enter('ana@example.com');
    assert.match(await read(ana, '/'), /Expires soon/);
    assert.match(await read(ana, '/access'), /finance\/ledger/);
  });

  await t.test('what she creates pushes where the policy grants it, and nowhere else', async () => {
    const { secret } = await createPassword(await enter('ana@example.com'), demo.url, { name: 'Try' });
    const push = { url: demo.url, registry: demo.registry, user: 'ana@example.com', secret: secret ?? '' };
    assert.match(await pushHello({ ...push, repository: 'platform/hello' }), /^Pushed .*platform\/hello:1, sha256:/);
    await assert.rejects(
      pushHello({ ...push, repository: 'finance/hello' }),
      /isn't allowed to push to finance\/hello/,
    );
    await assert.rejects(pushHello({ ...push, secret: 'wrong', repository: 'platform/hello' }), /invalid user name/);
  });

  await t.test('bo is a newcomer, and the text needs no Docker Hub', async () => {
    assert.match(await read(await enter('bo@example.com'), '/'), /Log in to/);
    const text = await welcome(demo);
    assert.doesNotMatch(text, /docker\.io|hello-world/);
    for (const email of ['ana', 'bo', 'ada', 'mallory']) assert.ok(text.includes(`${email}@example.com`), email);
  });
});
