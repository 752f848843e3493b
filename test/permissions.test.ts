/** Walks every route that is mounted as nobody, as a person and as an administrator; a new route must be listed here. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Account } from '../src/store/accounts.ts';
import { signedIn } from './support/rows.ts';
import { type House, startHouse } from './support/walk.ts';

/** `fresh`: with a sign-in of the last minutes alone. */
type Access = 'anybody' | 'person' | 'person, fresh' | 'administrator' | 'administrator, fresh' | 'token';

const robotPages = (base: string, who: 'person' | 'administrator'): Record<string, Access> => ({
  [`GET ${base}`]: who,
  [`GET ${base}/new`]: `${who}, fresh`,
  [`POST ${base}/new`]: `${who}, fresh`,
  [`GET ${base}/:robot`]: who,
  [`GET ${base}/:robot/change`]: `${who}, fresh`,
  [`POST ${base}/:robot/change`]: `${who}, fresh`,
  [`POST ${base}/:robot/passwords/:id/confirm`]: `${who}, fresh`,
  [`GET ${base}/:robot/remove`]: `${who}, fresh`,
  [`POST ${base}/:robot/remove`]: `${who}, fresh`,
  [`POST ${base}/:robot/state`]: `${who}, fresh`,
  [`GET ${base}/:robot/passwords/new`]: `${who}, fresh`,
  [`POST ${base}/:robot/passwords`]: `${who}, fresh`,
  [`GET ${base}/:robot/passwords/:id/rotate`]: `${who}, fresh`,
  [`POST ${base}/:robot/passwords/:id/rotate`]: `${who}, fresh`,
  [`GET ${base}/:robot/passwords/:id/revoke`]: `${who}, fresh`,
  [`POST ${base}/:robot/passwords/:id/revoke`]: `${who}, fresh`,
});

const expected: Readonly<Record<string, Access>> = {
  'GET /healthz': 'anybody',
  'GET /readyz': 'anybody',
  'GET /.well-known/jwks.json': 'anybody',
  'GET /.well-known/registry-bundle.pem': 'anybody',
  'POST /sign-in/:provider/back-channel-logout': 'anybody',
  'POST /google-events': 'anybody',
  'GET /sign-in': 'anybody',
  'GET /sign-in/:provider': 'anybody',
  'GET /sign-in/:provider/callback': 'anybody',
  'POST /sign-out': 'anybody',

  'GET /': 'person',
  'GET /passwords/new': 'person',
  'POST /passwords': 'person',
  'GET /passwords/:id/rotate': 'person',
  'POST /passwords/:id/rotate': 'person',
  'GET /passwords/:id/revoke': 'person',
  'POST /passwords/:id/revoke': 'person',
  'GET /access': 'person',
  'POST /sessions/end': 'person',
  ...robotPages('/robots', 'person'),

  'GET /admin': 'administrator',
  'GET /admin/people/:id': 'administrator',
  'GET /admin/people/:id/disable': 'administrator, fresh',
  'POST /admin/people/:id/disable': 'administrator, fresh',
  'GET /admin/people/:id/enable': 'administrator, fresh',
  'POST /admin/people/:id/enable': 'administrator, fresh',
  'GET /admin/people/:id/end-sessions': 'administrator, fresh',
  'POST /admin/people/:id/end-sessions': 'administrator, fresh',
  'GET /admin/people/:id/remove': 'administrator, fresh',
  'POST /admin/people/:id/remove': 'administrator, fresh',
  'GET /admin/revocations': 'administrator',
  'GET /admin/revocations/new': 'administrator, fresh',
  'POST /admin/revocations/new': 'administrator, fresh',
  'GET /admin/revocations/:id': 'administrator',
  'POST /admin/revocations/:id/undo': 'administrator, fresh',
  ...robotPages('/admin/robots', 'administrator'),
  'GET /admin/tokens': 'administrator',
  'GET /admin/tokens/new': 'administrator, fresh',
  'POST /admin/tokens/new': 'administrator, fresh',
  'GET /admin/tokens/:id/revoke': 'administrator, fresh',
  'POST /admin/tokens/:id/revoke': 'administrator, fresh',
  'GET /admin/audit': 'administrator',
  'GET /admin/audit.csv': 'administrator',
  'GET /admin/audit.jsonl': 'administrator',
  'GET /admin/explain': 'administrator',

  'GET /api/v1/openapi.json': 'anybody',
  'POST /api/v1/leaked': 'anybody',
  'GET /api/v1/people': 'token',
  'GET /api/v1/people/:id': 'token',
  'POST /api/v1/people/:id/disable': 'token',
  'POST /api/v1/people/:id/enable': 'token',
  'POST /api/v1/people/:id/end-sessions': 'token',
  'POST /api/v1/people/:id/remove': 'token',
  'GET /api/v1/passwords/expiring': 'token',
  'POST /api/v1/revocations/preview': 'token',
  'POST /api/v1/revocations': 'token',
  'GET /api/v1/revocations': 'token',
  'POST /api/v1/revocations/:id/undo': 'token',
  'GET /api/v1/robots': 'token',
  'POST /api/v1/robots': 'token',
  'GET /api/v1/robots/:id': 'token',
  'PUT /api/v1/robots/:id': 'token',
  'POST /api/v1/robots/:id/disable': 'token',
  'POST /api/v1/robots/:id/enable': 'token',
  'POST /api/v1/robots/:id/remove': 'token',
  'POST /api/v1/robots/:id/passwords': 'token',
  'POST /api/v1/robots/:id/passwords/:password/rotate': 'token',
  'GET /api/v1/audit': 'token',
  'GET /api/v1/audit.csv': 'token',
  'GET /api/v1/audit.jsonl': 'token',
  'GET /api/v1/denials': 'token',
  'POST /api/v1/explain': 'token',
};

const minute = 60_000;
const visitors = ['nobody', 'ana', 'ana long ago', 'root', 'root long ago'] as const;
type Visitor = (typeof visitors)[number];

describe('every route', () => {
  let house: House;
  const people: Record<string, Account> = {};
  before(async () => {
    house = await startHouse();
    for (const name of ['ana', 'bo', 'root']) {
      const login = `${name}@example.com`;
      people[name] = await house.core.store.accounts.signIn(signedIn({ id: name, subject: name, login, email: login }));
    }
  });
  after(() => house.stop());

  /** A session each time: one of the routes ends them all. */
  const cookieOf = async (who: Visitor): Promise<string> => {
    const person = people[who.replace(' long ago', '')];
    const signedInAt = Date.now() - (who.endsWith('long ago') ? 16 * minute : 0);
    return person === undefined ? '' : house.cookieOf(person, signedInAt);
  };
  const sameOrigin = { 'Sec-Fetch-Site': 'same-origin' };
  const send = async (route: string, who: Visitor, headers: Record<string, string> = sameOrigin) => {
    const [method = '', path = ''] = route.split(' ');
    const target = house.url + path.replaceAll(/:\w+/g, 'nothing');
    const cookie = await cookieOf(who);
    return fetch(target, { method, redirect: 'manual', headers: { cookie, accept: 'text/html', ...headers } });
  };
  const routesOf = (...kinds: readonly Access[]) =>
    Object.entries(expected).flatMap(([route, access]) => (kinds.includes(access) ? [route] : []));
  const forPeople = routesOf('person', 'person, fresh');
  const forAdministrators = routesOf('administrator', 'administrator, fresh');
  const forFresh = routesOf('person, fresh', 'administrator, fresh');
  const letIn = async (route: string, who: Visitor) => {
    const { status, headers } = await send(route, who);
    return ![401, 403].includes(status) && headers.get('location')?.startsWith('/sign-in?return_to') !== true;
  };

  test('is listed here with who may use it', () => {
    assert.deepEqual(house.routes.toSorted(), Object.keys(expected).toSorted());
  });

  test('but those for anybody sends nobody to sign in, or refuses', async () => {
    for (const route of [...forPeople, ...forAdministrators]) {
      const { status, headers } = await send(route, 'nobody');
      const [method] = route.split(' ');
      const toSignIn = status === 303 && headers.get('location')?.startsWith('/sign-in?return_to=');
      assert.ok(method === 'GET' ? toSignIn : status === 401, `${route}: ${status}`);
    }
  });

  test('of a person lets a person in, and none of the administrators does', async () => {
    for (const route of forPeople) assert.ok(await letIn(route, 'ana'), route);
    for (const route of forAdministrators) assert.equal((await send(route, 'ana')).status, 403, route);
  });

  test('of the administrators lets an administrator in', async () => {
    for (const route of forAdministrators) assert.ok(await letIn(route, 'root'), route);
  });

  test('that is hard to take back wants a fresh sign-in, and says so', async () => {
    for (const route of forFresh) {
      const who = route.includes('/admin') ? 'root long ago' : 'ana long ago';
      const response = await send(route, who);
      assert.equal(response.status, 403, route);
      assert.match(await response.text(), /15 minutes/, route);
    }
    for (const route of routesOf('administrator')) assert.ok(await letIn(route, 'root long ago'), route);
  });

  test('of the API wants a token, whoever the cookie is', async () => {
    for (const route of routesOf('token')) {
      for (const who of visitors) assert.equal((await send(route, who)).status, 401, route);
    }
  });

  test('that changes something refuses what another site sends', async () => {
    const changing = [...forPeople, ...forAdministrators, 'POST /sign-out'].filter((route) => route.startsWith('POST'));
    for (const route of changing) {
      for (const headers of [
        { 'Sec-Fetch-Site': 'cross-site' },
        { 'Sec-Fetch-Site': 'same-site' },
        { origin: 'https://x.example' },
      ]) {
        assert.equal((await send(route, 'root', headers)).status, 403, route);
      }
    }
  });

  test("on passwords finds a person's own alone", async () => {
    const { passwords, store } = house.core;
    const bo = await store.accounts.byId('bo');
    assert.ok(bo);
    const input = { name: 'laptop', days: 1, pullOnly: false, repositories: [] };
    const { password } = await passwords.issue(bo, input, { actor: bo.login, client: null });
    for (const word of ['revoke', 'rotate']) {
      for (const method of ['GET', 'POST']) {
        const { status } = await send(`${method} /passwords/${password.id}/${word}`, 'ana');
        assert.ok(status === 404 || status === 400, `${method} ${word}: ${status}`);
      }
    }
    assert.equal((await passwords.byId(password.id)).state, 'live');
    assert.equal((await passwords.ofAccount(bo)).length, 1);
  });
});
