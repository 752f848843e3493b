/** Downloads, on pages and by the API: what fails before the first line has an answer of its own, and no cut connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseUnavailable } from '../../src/store/sql.ts';
import { signedIn } from '../support/rows.ts';
import { startHouse } from '../support/walk.ts';

test('a download that can’t begin is answered 503, with when to try again', async (t) => {
  const house = await startHouse();
  t.after(() => house.stop());
  const { store } = house.core;
  const root = { id: 'root', subject: 'root', login: 'root@example.com', email: 'root@example.com', at: Date.now() };
  const account = await store.accounts.signIn(signedIn(root));
  const by = { actor: root.login, client: null };
  const wish = { name: 'export', days: 1, scopes: ['audit:read', 'repositories:read'] };
  const { secret } = await house.administration.apiTokens.issue(wish, account.id, by);
  const cookie = await house.cookieOf(account, Date.now());
  const away = () => Promise.reject(databaseUnavailable(new Error('gone')));
  const paths = ['/admin/audit.csv', '/admin/audit.jsonl', '/api/v1/audit.csv', '/api/v1/audit.jsonl'];
  const all = [...paths, '/api/v1/repositories.csv', '/api/v1/repositories.jsonl'];
  const ask = (path: string) =>
    fetch(house.url + path, {
      headers: path.startsWith('/api') ? { Authorization: `Bearer ${secret}` } : { cookie },
    });
  for (const path of all) assert.equal((await ask(path)).status, 200, path);
  Object.assign(store.audit, { list: away });
  Object.assign(store.repositories, { after: away });
  for (const path of all) {
    const answer = await ask(path);
    assert.equal(answer.status, 503, path);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/, path);
    assert.ok(Number(answer.headers.get('retry-after')) > 0, path);
    assert.equal(answer.headers.get('content-disposition'), null, path);
  }
});
