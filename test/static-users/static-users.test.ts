import assert from 'node:assert/strict';
import { test } from 'node:test';
import bcrypt from 'bcryptjs';
import { createStaticUsers, type StaticUser } from '../../src/static-users/static-users.ts';

const check = { matches: (password: string, hash: string) => bcrypt.compare(password, hash) };
const hash = bcrypt.hashSync('s3cret', 4);
const user = (passwordHash: string | null): StaticUser => ({ passwordHash, labels: { team: ['a'] } });

function usersOf(entries: Record<string, StaticUser>) {
  return createStaticUsers(
    () => new Map(Object.entries(entries)),
    check,
    ({ password }) => password.startsWith('dkp_'),
  );
}

test('each spelling of bcrypt is understood, and labels come along', async () => {
  for (const spelling of ['$2a$', '$2b$', '$2y$']) {
    const { authenticator } = usersOf({ ci: user(hash.replace(/^\$2.\$/, spelling)) });
    const identity = await authenticator.verify({ username: 'ci', password: 's3cret' });
    assert.equal(identity?.account, 'ci', spelling);
    assert.equal(identity?.kind, 'static');
    assert.deepEqual(identity?.labels, { team: ['a'] });
    assert.equal(await authenticator.verify({ username: 'ci', password: 'wrong' }), null);
  }
});

test('names are compared letter by letter, as in docker_auth', async () => {
  const { authenticator } = usersOf({ ci: user(hash) });
  assert.equal(await authenticator.verify({ username: 'CI', password: 's3cret' }), null);
  assert.equal(await authenticator.verify({ username: 'nobody', password: 's3cret' }), null);
});

test('a password with umlauts is right in either Unicode form, whichever was hashed', async () => {
  for (const hashed of ['NFC', 'NFD'] as const) {
    const { authenticator } = usersOf({ ci: user(bcrypt.hashSync('pässwörd'.normalize(hashed), 4)) });
    for (const sent of ['NFC', 'NFD'] as const) {
      const credentials = { username: 'ci', password: 'pässwörd'.normalize(sent) };
      assert.equal((await authenticator.verify(credentials))?.account, 'ci', `${sent} for ${hashed}`);
    }
  }
});

test('a password in ASCII is compared once', async () => {
  let compared = 0;
  const counted = {
    async matches() {
      compared += 1;
      return false;
    },
  };
  const { authenticator } = createStaticUsers(
    () => new Map([['ci', user(hash)]]),
    counted,
    () => false,
  );
  await authenticator.verify({ username: 'ci', password: 'wrong' });
  assert.equal(compared, 1);
});

test('a user without a password is let in with any', async () => {
  const { authenticator } = usersOf({ guest: user(null) });
  assert.equal((await authenticator.verify({ username: 'guest', password: 'x' }))?.account, 'guest');
});

test('an unknown name is compared against a real hash, so that it takes the time of a wrong password', async () => {
  const compared: string[] = [];
  const original = { ci: user(hash) };
  const users = new Map(Object.entries(original));
  const spied = new Proxy(users, {
    get: (target, key) => {
      if (key === 'values') compared.push('decoy');
      const member = Reflect.get(target, key) as unknown;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const { authenticator } = createStaticUsers(
    () => spied,
    check,
    () => false,
  );
  assert.equal(await authenticator.verify({ username: 'nobody', password: 's3cret' }), null, 'even its right password');
  assert.deepEqual(compared, ['decoy']);
});

test('app passwords are left to their own authenticator', () => {
  const { authenticator } = usersOf({ ci: user(hash) });
  assert.equal(authenticator.recognises({ username: 'ci', password: 'dkp_x' }), false);
  assert.equal(authenticator.recognises({ username: 'ci', password: 's3cret' }), true);
});

test('anonymous is the user "", where the policy has one', () => {
  const identity = usersOf({ '': user(null) }).anonymous();
  assert.equal(identity.kind, 'anonymous');
  assert.equal(identity.account, '');
  assert.equal(identity.limits, null);
  assert.deepEqual(identity.labels, { team: ['a'] });
  assert.deepEqual(usersOf({ ci: user(hash) }).anonymous().limits, { actions: [], repositories: [] }, 'nothing');
});
