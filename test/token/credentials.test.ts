/** How credentials are read: whatever surrounds one of our secrets is taken off, and every form of a name is one name. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createSecret, type SecretKind } from '../../src/lib/secret.ts';
import { readProof } from '../../src/token/credentials.ts';
import { basic } from '../support/token-service.ts';

const none = new URLSearchParams();
const passwordForm = (username: string, password: string) =>
  new URLSearchParams({ grant_type: 'password', username, password });
const refreshForm = (token: string) => new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token });

/** Both ways in which a client sends a user name and a password. */
const sent = (username: string, password: string) => [
  readProof(basic(username, password), none, null),
  readProof(undefined, none, passwordForm(username, password)),
];

describe('what surrounds a secret', () => {
  const stray = fc.constantFrom(
    ' ',
    '\t',
    '\n',
    '\r\n',
    '\0',
    '\u00a0',
    '\ufeff',
    '\u200b',
    '\u2060',
    '\u00ad',
    '\u2028',
  );
  const around = fc.string({ unit: stray, maxLength: 4 });
  const kind = fc.constantFrom<SecretKind[]>('dkp', 'dkr');

  test('is taken off an app password', () => {
    fc.assert(
      fc.property(kind, around, around, (of, before, after) => {
        const password = createSecret(of);
        const proof = { kind: 'password', credentials: { username: 'ana', password } };
        for (const read of sent('ana', before + password + after)) assert.deepEqual(read, proof);
      }),
    );
  });

  test('is taken off an identity token', () => {
    fc.assert(
      fc.property(around, around, (before, after) => {
        const token = createSecret('dki');
        const text = before + token + after;
        const proof = { kind: 'identity token', token, username: null };
        assert.deepEqual(readProof(undefined, none, refreshForm(text)), { ...proof, grant: 'refresh_token' });
        for (const read of sent('<token>', text)) assert.deepEqual(read, { ...proof, grant: 'password' });
      }),
    );
  });

  test('stays where it can belong to the password', () => {
    const secret = createSecret('dkp');
    for (const password of [' x ', 'x\n', '\ufeffx', `${secret}\nx`, `${secret.slice(0, 20)}\n${secret.slice(20)}`]) {
      const proof = { kind: 'password', credentials: { username: 'ana', password } };
      for (const read of sent('ana', password)) assert.deepEqual(read, proof);
    }
  });
});

test('a user name is one name in every Unicode form', () => {
  for (const name of ['jörg', 'é', 'Å']) {
    for (const form of ['NFC', 'NFD'] as const) {
      const proof = { kind: 'password', credentials: { username: name.normalize('NFC'), password: 'x' } };
      for (const read of sent(name.normalize(form), 'x')) assert.deepEqual(read, proof);
    }
  }
});

test('a client id with a secret beside a password grant is refused with what to do', () => {
  assert.throws(
    () => readProof(basic('client', ''), none, passwordForm('ana', 'x')),
    /name different credentials. Send one; a client_id needs no secret here/,
  );
});
