/** Every form whose write fails is answered 503 with Retry-After, and /readyz with 503, while reading goes on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openScene } from '../../faults/scene.ts';
import { openSql } from '../../src/store/open.ts';
import { skipped } from '../support/parts.ts';
import { createPassword } from '../support/person.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import type { Visitor } from '../support/visitor.ts';

const robot = { name: 'ci', description: '', ownerGroup: 'platform', groups: '', labels: '' };
const token = { name: 'siem', days: '30', scopes: 'audit:read' };
const selection = '/admin/revocations/new?domain=example.com';

describe('a database that only reads', {
  skip: findPostgres() === null && skipped('not installed: PostgreSQL'),
}, () => {
  test('refuses each form for now, and says when to try again', async (t) => {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const server = await startPostgres();
    stack.defer(() => server.stop());
    const url = await server.createDatabase();
    const secrets = {
      SESSION_SECRET: 's'.repeat(32),
      PASSWORD_PEPPER: 'p'.repeat(32),
      ENCRYPTION_KEYS: 'e'.repeat(43),
    };
    const scene = await openScene(stack);
    await scene.serve({ DATABASE_URL: url, ...secrets, ADMIN_EMAILS: 'ana@example.com' });
    await scene.signIn('bo@example.com');
    const visitor = await scene.signIn();
    assert.ok((await createPassword(visitor, scene.url)).secret);
    const post = await poster(visitor, scene.url);
    const made = await post('/admin/robots/new', robot);
    assert.equal(made.status, 200, made.body);
    assert.equal((await post('/admin/tokens/new', token)).status, 200);
    const pathOf = async (page: string, pattern: RegExp) => {
      const { body } = await visitor.open(scene.url + page);
      return pattern.exec(body)?.[1] ?? assert.fail(`${page}: ${body}`);
    };
    const password = await pathOf('/', /"(\/passwords\/[^/"]+)\/revoke"/);
    const person = await pathOf('/admin/people?q=bo', /"(\/admin\/people\/[^/"?]+)"/);
    const revoke = await pathOf('/admin/tokens', /"(\/admin\/tokens\/[^"]+\/revoke)"/);
    const expected = await pathOf(selection, /name="expected" value="(\d+)"/);

    const forms: readonly (readonly [path: string, fields: Record<string, string>])[] = [
      ['/passwords', { name: 'other', days: '30', access: 'full', repositories: '' }],
      [`${password}/rotate`, { days: '30', overlap: '24' }],
      [`${password}/revoke`, {}],
      ['/sessions/end', {}],
      [`${person}/disable`, { reason: '' }],
      [`${person}/end-sessions`, {}],
      [`${person}/remove`, {}],
      ['/admin/robots/new', { ...robot, name: 'other' }],
      [`${made.url.pathname}/change`, robot],
      [`${made.url.pathname}/state`, { state: 'disabled' }],
      [`${made.url.pathname}/passwords`, { name: 'ci', days: '30', access: 'full', repositories: '' }],
      ['/admin/tokens/new', { ...token, name: 'other' }],
      [revoke, {}],
      [selection, { expected, reason: '' }],
      ['/sign-out', {}],
    ];
    const sql = await openSql(url, () => {});
    stack.defer(() => sql.close());
    await sql.run('alter system set default_transaction_read_only = on');
    await sql.get('select pg_reload_conf()');
    while ((await fetch(`${scene.url}/readyz`)).status !== 503);
    for (const [path, fields] of forms) {
      const { status, headers, body } = await post(path, fields);
      assert.deepEqual([path, status, headers.get('retry-after')], [path, 503, '5'], body);
    }
    assert.equal((await visitor.open(`${scene.url}/`)).status, 200, 'still signed in, and pages are shown');
  });
});

async function poster(visitor: Visitor, url: string) {
  const page = await visitor.open(`${url}/`);
  return (path: string, fields: Readonly<Record<string, string>>) => visitor.submit(page, url + path, fields);
}
