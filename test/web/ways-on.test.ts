/** Where an administrator continues: the example of a new API token, run as it is pasted, and the ways back from what isn't there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { missing } from '../support/parts.ts';
import { signedIn } from '../support/rows.ts';
import { type House, startHouse } from '../support/walk.ts';

let house: House;
let cookie = '';
before(async () => {
  house = await startHouse();
  const login = 'root@example.com';
  const at = Date.now();
  const person = signedIn({ id: 'root', subject: 'root', login, email: login, at });
  cookie = await house.cookieOf(await house.core.store.accounts.signIn(person), at);
});
after(() => house.stop());

const create = async (scope: string): Promise<string> => {
  const response = await fetch(`${house.url}/admin/tokens/new`, {
    method: 'POST',
    headers: { cookie, 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ name: `for ${scope}`, days: '7', scopes: scope }),
  });
  assert.equal(response.status, 200);
  return response.text();
};

test('the example of an API token reads something with it, and has it in no argument', {
  skip: missing('curl'),
}, async () => {
  const page = await create('people:read');
  const secret = /dka_[0-9A-Za-z]{36}/.exec(page)?.[0] ?? assert.fail('no token');
  const [, shown = ''] = /<code id="try">(.*?)<\/code>/s.exec(page) ?? [];
  const code = shown
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
  assert.ok(!code.includes(secret));
  // The page says the public URL, which is not where a test listens.
  const here = code.replace('http://localhost:5001', house.url);
  assert.notEqual(here, code);
  const running = promisify(execFile)('bash', ['-c', here]);
  running.child.stdin?.end(`${secret}\n`);
  const { stdout } = await running;
  assert.match(stdout, /"login":\s*"root@example\.com"/);
});

test('a token that can read nothing has no example', async () => {
  assert.doesNotMatch(await create('policy:explain'), /id="try"/);
});

for (const [path, way] of [
  ['/admin/people/nobody', 'href="/admin">Go to the overview'],
  ['/repositories/registry.example.com/no/such', 'href="/repositories">Go to the repositories'],
  ['/passwords/nothing', 'href="/">Go to your passwords'],
] as const) {
  test(`what isn’t there at ${path} leads back to its list`, async () => {
    const response = await fetch(house.url + path, { headers: { cookie, accept: 'text/html' } });
    assert.equal(response.status, 404);
    assert.ok((await response.text()).includes(way));
  });
}

for (const change of ['disable', 'remove']) {
  test(`who asks to ${change} themselves reads that another administrator can, and gets no form`, async () => {
    const login = `other-${change}@example.com`;
    await house.core.store.accounts.signIn(signedIn({ id: login, subject: login, login, email: login }));
    const pageOf = async (id: string) => {
      const response = await fetch(`${house.url}/admin/people/${id}/${change}`, { headers: { cookie } });
      assert.equal(response.status, 200);
      return response.text();
    };
    const [own, other] = [await pageOf('root'), await pageOf(login)];
    assert.match(own, new RegExp(`You can’t ${change} yourself. Ask another administrator.`));
    assert.doesNotMatch(own, /action="\/admin/);
    assert.match(other, new RegExp(`action="/admin/people/${login}/${change}"`));
    assert.doesNotMatch(other, /yourself/);
  });
}
