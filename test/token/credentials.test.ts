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

  test('is taken off a user name beside one of our secrets, and off no other', () => {
    for (const surrounded of ['ana\n', '\ufeffana', ' ana\r\n']) {
      for (const kind of ['dkp', 'dkt'] as const) {
        const password = createSecret(kind);
        const proof = { kind: 'password', credentials: { username: 'ana', password } };
        for (const read of sent(surrounded, password)) assert.deepEqual(read, proof);
      }
      const token = createSecret('dki');
      const proof = { kind: 'identity token', token, username: 'ana', grant: 'password' };
      for (const read of sent(surrounded, token)) assert.deepEqual(read, proof);
      const chosen = { kind: 'password', credentials: { username: surrounded, password: 'x' } };
      for (const read of sent(surrounded, 'x')) assert.deepEqual(read, chosen);
    }
  });

  test('is taken off with the quotes that a secret has in an .env file', () => {
    const password = createSecret('dkp');
    const proof = { kind: 'password', credentials: { username: 'ana', password } };
    for (const quoted of [`"${password}"`, `'${password}'`, `\ufeff"${password}"\n`]) {
      for (const read of sent('ana', quoted)) assert.deepEqual(read, proof);
    }
  });

  test('stays where it can belong to the password', () => {
    const secret = createSecret('dkp');
    for (const password of [
      ' x ',
      'x\n',
      '"x"',
      `"${secret}'`,
      `"${secret}`,
      '\ufeffx',
      `${secret}\nx`,
      `${secret.slice(0, 20)}\n${secret.slice(20)}`,
    ]) {
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

test('a client that names itself beside a refresh grant says nothing; a password there is refused with what to do', () => {
  const token = createSecret('dki');
  const proof = { kind: 'identity token', token, username: null, grant: 'refresh_token' };
  for (const password of ['', token, `${token}\n`])
    assert.deepEqual(readProof(basic('docker', password), none, refreshForm(token)), proof);
  assert.throws(
    () => readProof(basic('docker', 'x'), none, refreshForm(token)),
    /has a password, and the form a refresh_token. Send one; a client_id needs no secret here/,
  );
});
