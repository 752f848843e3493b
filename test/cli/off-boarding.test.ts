/** `dockpass groups` and `dockpass sweep` as processes, beside a directory. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { createCipher } from '../../src/lib/cipher.ts';
import { openStore } from '../../src/store/open.ts';
import { createDirectory, type Directory, tokenPath } from '../support/directory.ts';
import { createInstallation, type Installation } from '../support/installation.ts';
import type { Person } from '../support/provider.ts';

const names = ['ana', 'bo', 'cy', 'di', 'flo'];
const people = new Map<string, Person>(
  names.map((name) => {
    const email = `${name}@example.com`;
    return [email, { sub: email, name, email, email_verified: true, hd: 'example.com', groups: ['platform'] }];
  }),
);
let directory: Directory;
let installation: Installation;
const server = createServer((request, response) => void directory.answer(request, response));
let environment: Record<string, string>;

before(async () => {
  directory = await createDirectory(people);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  environment = {
    ...{ GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret', GOOGLE_DOMAINS: 'example.com' },
    ...{ GOOGLE_DIRECTORY: 'direct', GOOGLE_DIRECTORY_KEY: JSON.stringify(directory.keyFile) },
    ...{ GOOGLE_DIRECTORY_URL: url, GOOGLE_DIRECTORY_TOKEN_URL: url + tokenPath },
  };
  installation = createInstallation();
  await run('migrate');
  for (const { email } of people.values()) {
    await installation.addPerson(email);
    assert.equal((await run('password', 'create', email, '--name', 'laptop')).code, 0);
  }
});
after(() => {
  server.close();
  server.closeAllConnections();
  installation.remove();
});

const run = (...words: readonly string[]) => installation.command(words, environment);

test('groups tells what is known, and asks where it is told to', async () => {
  const known = await run('groups', 'ana@example.com');
  assert.match(known.stdout, /^ana@example\.com {2}google {2}never confirmed {2}passwords: full\ngroups: reported 20/);
  const asked = await run('groups', 'Ana@example.com', '--refresh');
  assert.equal(asked.code, 0);
  assert.match(asked.output, /google says: still there/);
  assert.match(
    asked.stdout,
    /confirmed 20.*\ngroups: reported 20.*\n {2}google:platform@example.com\n {2}google:platform\n$/,
  );
  const json = JSON.parse((await run('groups', 'ana@example.com', '--json')).stdout);
  assert.deepEqual([json.groupsKnown, json.use, json.asked], [true, 'full', null]);
  assert.equal((await run('groups', 'nobody@example.com')).code, 1);
});

test('whoever is removed: their refresh token is forgotten by the provider too, if it is there', async (t) => {
  const revoked: string[] = [];
  const google = createServer(async (request, response) => {
    revoked.push(await text(request));
    response.end();
  }).listen(0, '127.0.0.1');
  await once(google, 'listening');
  t.after(() => google.close());
  const key = 'k'.repeat(32);
  const url = `http://127.0.0.1:${(google.address() as AddressInfo).port}/revoke`;
  const store = await openStore(`sqlite:${installation.folder}/data/dockpass.db`, () => {});
  t.after(() => store.close());
  const removePerson = async (login: string, revocationUrl: string) => {
    await installation.addPerson(login);
    const { id } = (await store.accounts.byLogin(login)) ?? assert.fail();
    const sealed = createCipher([key]).seal(`1//token of ${login}`, `refresh token of account ${id}`);
    await store.refreshTokens.write(id, sealed, 'client', 0);
    const changes = { GOOGLE_REVOCATION_URL: revocationUrl, GOOGLE_REFRESH_TOKENS: 'true', ENCRYPTION_KEYS: key };
    const removal = ['person', 'remove', login, '--yes'];
    const { code, output } = await installation.command(removal, { ...environment, ...changes });
    assert.deepEqual([code, output.includes('1//token')], [0, false]);
    assert.deepEqual(
      [await store.accounts.byLogin(login), await store.refreshTokens.ofAccount(id)],
      [undefined, undefined],
    );
  };
  await removePerson('eve@example.com', url);
  assert.deepEqual(revoked, ['token=1%2F%2Ftoken+of+eve%40example.com']);
  await removePerson('fay@example.com', 'http://127.0.0.1:1/revoke');
});

test('a sweep says who would go, and with a second word they do', async () => {
  for (const name of ['ana', 'bo', 'cy']) {
    people.delete(`${name}@example.com`);
  }
  const dry = await run('sweep', '--dry-run');
  assert.equal(dry.code, 1);
  assert.match(dry.stdout, /^ana@example.com {2}held {2}deleted in the Google directory$/m);
  assert.match(dry.output, /3 held, 2 confirmed \(nothing changed\)/);
  assert.match(dry.output, /Stopped: 3 of 5 people of google at example.com would have lost their passwords/);
  const swept = await run('sweep', '--beyond-limit');
  assert.equal(swept.code, 0);
  assert.match(swept.output, /3 disabled, 2 confirmed/);
  const { stdout } = await run('groups', 'ana@example.com');
  assert.match(stdout, /passwords: none \(the account ana@example.com is disabled since .*: deleted/);
  assert.match((await run('password', 'list', 'ana@example.com')).stdout, /revoked/);
});
