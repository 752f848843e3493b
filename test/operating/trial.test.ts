/** A backup that is started beside the live service harms nobody, says what it is, and can be put into service. */
import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { jwtVerify } from 'jose';
import { openScene, type Scene } from '../../faults/scene.ts';
import { missing } from '../support/parts.ts';
import { createPassword } from '../support/person.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { runProgram } from '../support/process.ts';

const scope = 'service=registry.example.com&scope=repository:team/app:pull';
const howToEnd = /backup or a copy of 20.*trial.*--restore/;

async function tokenOf(url: string, secret: string): Promise<string> {
  const authorization = `Basic ${Buffer.from(`ana@example.com:${secret}`).toString('base64')}`;
  const response = await fetch(`${url}/auth?${scope}`, { headers: { authorization } });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return (JSON.parse(text) as { token: string }).token;
}

/** As a registry does: the first certificate of the chain must be signed by one of the bundle. */
async function isTrusted(token: string, bundleFile: string): Promise<boolean> {
  const [header = ''] = token.split('.');
  const { x5c = [] } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { x5c?: string[] };
  const leaf = new X509Certificate(Buffer.from(x5c[0] ?? '', 'base64'));
  const trusted = (readFileSync(bundleFile, 'utf8').match(/-----BEGIN[\s\S]*?END CERTIFICATE-----/g) ?? []).map(
    (text) => new X509Certificate(text),
  );
  await jwtVerify(token, createPublicKey(leaf.publicKey.export({ format: 'pem', type: 'spki' })));
  return trusted.some((authority) => leaf.verify(authority.publicKey));
}

test('a backup is tried without a provider, a file of registries, or tokens that they take; --restore ends that', async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const scene = await openScene(stack);
  const { folder } = scene.installation;
  const shared = join(folder, 'shared', 'bundle.pem');
  const settings = { CERTIFICATE_BUNDLE_FILE: shared };
  const live = await scene.serve(settings);
  const { secret } = await createPassword(await scene.signIn(), scene.url);
  assert.ok(secret);
  assert.ok(await isTrusted(await tokenOf(scene.url, secret), shared));
  const backup = join(folder, 'backup');
  assert.equal((await scene.installation.run(['backup', backup])).code, 0);
  await live.stop();
  rmSync(shared);

  const copy = join(folder, 'copy');
  cpSync(backup, copy, { recursive: true });
  const trial = await scene.serve({ ...settings, DATA_DIR: copy });
  assert.match(trial.output(), howToEnd);
  assert.ok(!existsSync(shared), 'nothing is written outside of its folder');
  const ready = await fetch(`${scene.url}/readyz`);
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), howToEnd);
  const page = await (await fetch(`${scene.url}/sign-in`, { headers: { accept: 'text/html' } })).text();
  assert.match(page, howToEnd);
  assert.equal((await fetch(`${scene.url}/sign-in/google`, { redirect: 'manual' })).status, 404, 'no provider');
  const untrusted = await tokenOf(scene.url, secret);
  await trial.stop();
  const sweep = await scene.installation.run(['sweep'], { DATA_DIR: copy });
  assert.equal(sweep.code, 1);
  assert.match(sweep.output, /asks no provider/);

  const restored = await scene.serve({ ...settings, DATA_DIR: copy }, ['--restore']);
  assert.ok(!(await isTrusted(untrusted, shared)), 'no registry takes the token of a trial');
  assert.ok(await isTrusted(await tokenOf(scene.url, secret), shared));
  assert.equal((await fetch(`${scene.url}/readyz`)).status, 200);
  await restored.stop();
  const again = await scene.serve({ ...settings, DATA_DIR: copy });
  assert.equal((await fetch(`${scene.url}/readyz`)).status, 200, 'the mark is gone');
  await again.stop();
  const { stdout } = await scene.installation.run(['audit', 'export', '--format', 'jsonl'], { DATA_DIR: copy });
  assert.match(stdout, /"installation.restore"/);
});

test('--trial tries a copy that nothing marks; a second service on the same database is noticed', async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const scene = await openScene(stack);
  const trial = await scene.serve({}, ['--trial']);
  assert.match(trial.output(), /This is a trial, as --trial says/);
  assert.equal((await fetch(`${scene.url}/readyz`)).status, 503);
  await trial.stop();

  const first = await scene.serve();
  const second = await scene.serve({ PORT: '0' });
  const expected = `Another Dockpass serves this database: process ${first.pid} on `;
  assert.ok(second.output().includes(expected), second.output());
  assert.ok((await (await fetch(`${second.url}/readyz`)).text()).includes(expected));
  await second.stop();
  first.signal('SIGKILL');
  await first.ended;
  const third = await scene.serve();
  assert.doesNotMatch(third.output(), /Another Dockpass/, 'one that was killed serves nothing');
});

/** Copies what is served by other means than `dockpass backup`, and starts the copy beside it. */
async function tryCopyBeside(
  t: TestContext,
  makeCopy: (scene: Scene, folder: string) => Promise<Record<string, string>>,
  settings: Record<string, string> = {},
): Promise<void> {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const scene = await openScene(stack);
  const { folder } = scene.installation;
  const shared = join(folder, 'shared', 'bundle.pem');
  const live = { ...settings, CERTIFICATE_BUNDLE_FILE: shared };
  await (await scene.serve(live)).stop();
  const copy = join(folder, 'copy');
  cpSync(join(folder, 'data'), copy, { recursive: true });
  const ofCopy = await makeCopy(scene, copy);
  const served = await scene.serve(live);
  const replica = await scene.serve({ ...live, PORT: '0' });
  assert.doesNotMatch(replica.output(), /this is a trial/, 'a second process on the same database is no copy');
  await replica.stop();
  rmSync(shared);

  const beside = { ...settings, ...ofCopy, DATA_DIR: copy, CERTIFICATE_BUNDLE_FILE: shared, PORT: '0' };
  // Another public URL hides nothing: the database says where it was served.
  const trial = await scene.serve({ ...beside, PUBLIC_URL: 'http://localhost:1' });
  assert.match(trial.output(), /This database is a copy of the one that is served at http:.*so this is a trial/);
  assert.equal((await fetch(`${trial.url}/readyz`)).status, 503);
  assert.ok(!existsSync(shared), 'the files of registries are not written');
  await trial.stop();
  await served.stop();
  const { code } = await scene.installation.run(['sweep'], { ...beside });
  assert.equal(code, 1, 'it is marked from now on, for commands too');
  const own = { ...beside, PORT: new URL(scene.url).port };
  await (await scene.serve(own, ['--restore'])).stop();
  const again = await scene.serve(own);
  assert.equal((await fetch(`${again.url}/readyz`)).status, 200, 'nobody else serves it now');
  await again.stop();
}

test('a copy of the folder that nothing marks is recognized while the live service answers', (t) =>
  tryCopyBeside(t, async () => ({})));

test('a dump of PostgreSQL is recognized, too', {
  skip: missing('pg_dump', 'psql') || findPostgres() === null,
}, async (t) => {
  const postgres = await startPostgres();
  t.after(() => postgres.stop());
  const [live, copied] = [await postgres.createDatabase(), await postgres.createDatabase()];
  const [SESSION_SECRET, PASSWORD_PEPPER, ENCRYPTION_KEYS] = ['s', 'p', 'e'].map((letter) => letter.repeat(32)) as [
    string,
    string,
    string,
  ]; // one for each letter
  const secrets = { SESSION_SECRET, PASSWORD_PEPPER, ENCRYPTION_KEYS };
  const dump = `pg_dump "${live}" | psql -v ON_ERROR_STOP=1 -q "${copied}"`;
  const copy = async () => {
    const { code, output } = await runProgram('sh', ['-c', dump]);
    assert.equal(code, 0, output);
    return { DATABASE_URL: copied };
  };
  await tryCopyBeside(t, copy, { DATABASE_URL: live, ...secrets });
});
