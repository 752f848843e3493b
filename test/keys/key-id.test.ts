/** The two names of a key, against the example of distribution's spec/auth/jwt.md and against jose. */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { test } from 'node:test';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { keyThumbprint, libtrustKeyId } from '../../src/keys/key-id.ts';

test('the key of the specification has the two names that are given there', () => {
  const jwk: JsonWebKey = {
    kty: 'EC',
    crv: 'P-256',
    x: 'm7zUpx3b-zmVE5cymSs64POG9QcyEpJaYCD82-549_Q',
    y: 'dU3biz8sZ_8GPB-odm8Wxz3lNDr1xcAQQPQaOcr1fmc',
  };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  assert.equal(libtrustKeyId(key), 'PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6');
  assert.equal(keyThumbprint(key), '8qjioA3ZA7ti2JIE7c-U8smBFuZolQZvhSHDPU3hhB8');
});

test('a thumbprint is the one that jose calculates, for every kind of key that signs', async () => {
  const keys = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  ];
  for (const { publicKey } of keys) {
    const jwk = publicKey.export({ format: 'jwk' }) as JWK;
    assert.equal(keyThumbprint(publicKey), await calculateJwkThumbprint(jwk));
  }
});
