import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import type { Service, Token } from '../../src/token/mint.ts';
import { createTokenReuse, type TokenKey } from '../../src/token/reuse.ts';

const start = Date.UTC(2026, 10, 23);
const granted = ['repository:team/app:pull'];
const person: Identity = {
  ...anonymous,
  kind: 'person',
  account: 'ana@example.com',
  credential: { id: 'p1', name: 'a' },
};

function serviceOf(name: string, lifetime: number): Service {
  return { name, lifetime } as Service; // the rest is of no interest to what is reused
}
const service = serviceOf('registry.example.com', 300);
const key: TokenKey = { service, identity: person, granted, catalog: null };

/** A reuse whose tokens are numbered, and how many there were. */
function createScene() {
  const reuse = createTokenReuse();
  let made = 0;
  const make = async (lifetime: number): Promise<Token> => ({ jwt: `token ${++made}`, expiresIn: lifetime });
  return {
    made: () => made,
    ask: (asked: TokenKey, at = start) => reuse(asked, at, () => make(asked.service.lifetime)),
  };
}

test('what is asked for a second time within five seconds is kept for five, and has less time left each time', async () => {
  const { ask } = createScene();
  assert.deepEqual(await ask(key), { jwt: 'token 1', expiresIn: 300 });
  assert.deepEqual(await ask(key, start + 4_000), { jwt: 'token 2', expiresIn: 300 });
  assert.deepEqual(await ask(key, start + 4_001), { jwt: 'token 2', expiresIn: 299 });
  assert.deepEqual(await ask(key, start + 8_999), { jwt: 'token 2', expiresIn: 295 });
  assert.deepEqual(await ask(key, start + 9_000), { jwt: 'token 3', expiresIn: 300 });
});

test('what is asked for every five seconds is made anew', async () => {
  const { ask } = createScene();
  for (const time of [1, 2, 3]) assert.equal((await ask(key, start + time * 5_000)).jwt, `token ${time}`);
});

test('requests that come together share one signature', async () => {
  const { ask, made } = createScene();
  const tokens = await Promise.all(Array.from({ length: 16 }, () => ask(key)));
  assert.equal(made(), 1);
  assert.equal(new Set(tokens.map(({ jwt }) => jwt)).size, 1);
});

const others: Record<string, TokenKey> = {
  'another registry': { ...key, service: serviceOf('other.example.com', 300) },
  'another account': { ...key, identity: { ...person, account: 'bo@example.com' } },
  'another password of the same account': { ...key, identity: { ...person, credential: { id: 'p2', name: 'b' } } },
  'a static user of the same name': { ...key, identity: { ...person, kind: 'static', credential: null } },
  'another repository': { ...key, granted: ['repository:team/other:pull'] },
  'more actions': { ...key, granted: ['repository:team/app:pull,push'] },
  'nothing granted': { ...key, granted: [] },
  'the list of repositories': { ...key, catalog: { password: 'p1' } },
};
for (const [what, other] of Object.entries(others)) {
  test(`${what} gets a token of its own`, async () => {
    const { ask } = createScene();
    for (const asked of [key, key, other, other]) await ask(asked);
    assert.equal((await ask(key)).jwt, 'token 2');
    assert.equal((await ask(other)).jwt, 'token 4');
  });
}

test('a token with less than a minute left is not handed out again', async () => {
  const { ask } = createScene();
  const brief = { ...key, service: serviceOf('brief.example.com', 62) };
  await ask(brief);
  assert.equal((await ask(brief)).jwt, 'token 2');
  assert.deepEqual(await ask(brief, start + 2_000), { jwt: 'token 2', expiresIn: 60 });
  assert.deepEqual(await ask(brief, start + 2_001), { jwt: 'token 3', expiresIn: 62 });
});

test('a clock that was set back makes nothing fresh', async () => {
  const { ask } = createScene();
  for (const time of [0, 0, -1]) await ask(key, start + time);
  assert.equal((await ask(key, start - 2)).jwt, 'token 4');
});

test('a signature that failed is not kept', async () => {
  const reuse = createTokenReuse();
  await assert.rejects(
    reuse(key, start, () => Promise.reject(new Error('no key'))),
    /no key/,
  );
  assert.equal((await reuse(key, start, async () => ({ jwt: 'a', expiresIn: 300 }))).jwt, 'a');
});

test('the oldest give way to new ones', async () => {
  const { ask } = createScene();
  const numbered = (n: number): TokenKey => ({ ...key, granted: [`repository:a${n}:pull`] });
  for (let n = 0; n <= 1_000; n++) for (const _ of [1, 2]) await ask(numbered(n));
  assert.equal((await ask(numbered(1_000))).jwt, 'token 2002');
  assert.equal((await ask(numbered(0))).jwt, 'token 2003');
});
