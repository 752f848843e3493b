/** Asks every route that is mounted as no one, as a person and as an administrator; a new route must be listed in support/routes.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Account } from '../src/store/accounts.ts';
import { routes, routesOf } from './support/routes.ts';
import { signedIn } from './support/rows.ts';
import { type House, startHouse } from './support/walk.ts';

const minute = 60_000;
const visitors = ['nobody', 'ana', 'ana long ago', 'root', 'root long ago'] as const;
type Visitor = (typeof visitors)[number];

/** With ids that nothing has. */
const concrete = (path: string) => path.replaceAll(/:\w+/g, 'nothing');

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
    const target = house.url + concrete(path);
    const cookie = await cookieOf(who);
    return fetch(target, { method, redirect: 'manual', headers: { cookie, accept: 'text/html', ...headers } });
  };
  const forPeople = routesOf('person', 'person, fresh');
  const forAdministrators = routesOf('administrator', 'administrator, fresh');
  const forFresh = routesOf('person, fresh', 'administrator, fresh');
  const letIn = async (route: string, who: Visitor) => {
    const { status, headers } = await send(route, who);
    return ![401, 403].includes(status) && headers.get('location')?.startsWith('/sign-in?return_to') !== true;
  };

  test('is listed with who can use it', () => {
    assert.deepEqual(house.routes.toSorted(), Object.keys(routes).toSorted());
  });

  test('except those for anyone sends a visitor to sign in, or refuses', async () => {
    for (const route of [...forPeople, ...forAdministrators]) {
      const response = await send(route, 'nobody');
      const isGet = route.startsWith('GET');
      assert.equal(response.status, isGet ? 303 : 401, route);
      if (isGet) assert.match(response.headers.get('location') ?? '', /^\/sign-in\?return_to=/, route);
      else assert.match(await response.text(), /Your session expired/, route);
    }
  });

  test('that is sent a form without a session leads back to a page that exists', async () => {
    const pages = Object.keys(routes).flatMap((route) => (route.startsWith('GET ') ? [concrete(route.slice(4))] : []));
    for (const route of [...forPeople, ...forAdministrators].filter((one) => one.startsWith('POST'))) {
      const body = await (await send(route, 'nobody')).text();
      const [, back = ''] = /href="\/sign-in\?return_to=([^"]+)"/.exec(body) ?? [];
      assert.ok(pages.includes(decodeURIComponent(back)), `${route} leads to ${decodeURIComponent(back)}`);
    }
  });

  test('of a person lets a person in, and none of the administrators’ does', async () => {
    for (const route of forPeople) assert.ok(await letIn(route, 'ana'), route);
    for (const route of forAdministrators) {
      const response = await send(route, 'ana');
      assert.equal(response.status, 403, route);
      const text = await response.text();
      assert.match(text, /<h1>Administrators only<\/h1>/, route);
      assert.match(text, /Only administrators can open this page/, route);
    }
  });

  test('of the administrators lets an administrator in', async () => {
    for (const route of forAdministrators) assert.ok(await letIn(route, 'root'), route);
  });

  test('that is hard to take back asks for a fresh sign-in, and says so', async () => {
    for (const route of forFresh) {
      const who = route.includes('/admin') ? 'root long ago' : 'ana long ago';
      const response = await send(route, who);
      assert.equal(response.status, 403, route);
      assert.match(await response.text(), /15 minutes/, route);
    }
    for (const route of routesOf('administrator')) assert.ok(await letIn(route, 'root long ago'), route);
  });

  test('of the API asks for a token, whatever the cookie', async () => {
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
        const response = await send(route, 'root', headers);
        assert.equal(response.status, 403, route);
        const text = await response.text();
        assert.match(text, /<h1>Not allowed<\/h1>/, route);
        assert.match(text, /came from another site/, route);
      }
    }
  });

  test("on passwords finds only a person's own", async () => {
    const { passwords, store } = house.core;
    const bo = await store.accounts.byId('bo');
    assert.ok(bo);
    const input = { name: 'laptop', days: 1, pullOnly: false, repositories: [] };
    const { password } = await passwords.issue(bo, input, { actor: bo.login, client: null });
    assert.equal((await send(`GET /passwords/${password.id}`, 'ana')).status, 404);
    for (const word of ['revoke', 'rotate']) {
      for (const method of ['GET', 'POST']) {
        const { status } = await send(`${method} /passwords/${password.id}/${word}`, 'ana');
        assert.ok(status === 404 || status === 400, `${method} ${word}: ${status}`);
      }
    }
    assert.equal((await passwords.byId(password.id)).state, 'active');
    assert.equal((await passwords.ofAccount(bo)).length, 1);
  });
});
