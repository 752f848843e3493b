/** The token itself: signed so that jose accepts each one, with claims of the types that registries parse. */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { jwtVerify } from 'jose';
import { algorithmOf, createSigner } from '../../src/keys/signature.ts';
import { mint } from '../../src/token/mint.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const certificate = Buffer.from([0xfb, 0xff, 0xfe]);
const key = { privateKey, algorithm: 'ES256', id: 'AAAA:BBBB', certificates: [certificate] } as const;
const signer = createSigner(key, 'x5c');
const service = {
  name: 'my registry:5000',
  issuer: 'https://auth.example.com/',
  lifetime: 300,
  anonymous: true,
  signer,
};

test('every signature verifies, whatever the claims', async () => {
  const publicKey = createPublicKey(privateKey);
  const claims = fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' }), { maxKeys: 5 });
  await fc.assert(
    fc.asyncProperty(claims, async (extra) => {
      const jwt = await signer.sign({ extra });
      const { payload } = await jwtVerify(jwt, publicKey, { algorithms: ['ES256'] });
      assert.deepEqual({ ...(payload['extra'] as object) }, { ...extra });
      assert.match(jwt, /^[\w-]+\.[\w-]+\.[\w-]{86}$/);
    }),
    // One signature in 128 has an integer that is shorter than 32 bytes.
    { numRuns: 600 },
  );
});

test('the header is format A: typ, alg, the libtrust kid, x5c in standard base64', async () => {
  const [header = ''] = (await signer.sign({})).split('.');
  const text = Buffer.from(header, 'base64url').toString();
  assert.equal(text, '{"typ":"JWT","alg":"ES256","kid":"AAAA:BBBB","x5c":["+//+"]}');
});

test('a service with TOKEN_HEADER=kid gets the key id and no certificate', async () => {
  const [header = ''] = (await createSigner(key, 'kid').sign({})).split('.');
  assert.equal(Buffer.from(header, 'base64url').toString(), '{"typ":"JWT","alg":"ES256","kid":"AAAA:BBBB"}');
});

for (const [algorithm, pair] of [
  ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
] as const) {
  test(`${algorithm}: each of many signatures verifies`, async () => {
    assert.equal(algorithmOf(pair.privateKey), algorithm);
    const other = createSigner({ ...key, privateKey: pair.privateKey, algorithm }, 'x5c');
    for (let count = 0; count < (algorithm === 'RS256' ? 5 : 300); count++) {
      const { protectedHeader } = await jwtVerify(await other.sign({ count }), pair.publicKey);
      assert.equal(protectedHeader.alg, algorithm);
    }
  });
}

test('keys that some registry would refuse have no algorithm', () => {
  const refused = [
    generateKeyPairSync('ed25519').privateKey,
    generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
    generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
  ];
  for (const refusedKey of refused) assert.throws(() => algorithmOf(refusedKey), /registries need RSA|too short/);
});

test('the claims are those of the grant, begun half a minute ago', async () => {
  const now = Date.parse('2026-11-23T08:00:00.999Z');
  const access = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];
  const token = await mint(signer, service, { account: 'ana@example.com', access }, now);
  const [, payload = ''] = token.jwt.split('.');
  const { jti, ...claims } = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const seconds = Date.parse('2026-11-23T08:00:00Z') / 1000;
  assert.deepEqual(claims, {
    iss: 'https://auth.example.com/',
    sub: 'ana@example.com',
    aud: 'my registry:5000',
    exp: seconds + 300,
    nbf: seconds - 30,
    iat: seconds - 30,
    access,
  });
  assert.match(jti, /^[0-9a-f-]{36}$/);
  assert.equal(token.expiresIn, 300);
});

test('no two tokens share their jti', async () => {
  const jwts = await Promise.all([1, 2].map(() => mint(signer, service, { account: '', access: [] }, 0)));
  const [first, second] = jwts.map(({ jwt }) =>
    JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()),
  );
  assert.notEqual(first.jti, second.jti);
});
