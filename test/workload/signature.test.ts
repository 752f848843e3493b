/** Signatures of ID tokens: of each algorithm, with the key that made them and with no other, as jose judges them too. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { CompactSign, compactVerify } from 'jose';
import { algorithms } from '../../src/workload/preset.ts';
import { isSignedBy } from '../../src/workload/signature.ts';

type Pair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject };

const rsa = [1, 2].map(() => generateKeyPairSync('rsa', { modulusLength: 2048 }));
const onCurve = (namedCurve: string) => [1, 2].map(() => generateKeyPairSync('ec', { namedCurve }));
const edwards = [1, 2].map(() => generateKeyPairSync('ed25519'));
const pairs: Readonly<Record<string, readonly Pair[]>> = {
  ...{ RS256: rsa, RS384: rsa, RS512: rsa, PS256: rsa, PS384: rsa, PS512: rsa },
  ...{ ES256: onCurve('P-256'), ES384: onCurve('P-384'), ES512: onCurve('P-521') },
  ...{ EdDSA: edwards, Ed25519: edwards },
};

for (const alg of algorithms) {
  const [own, other] = pairs[alg] ?? [];
  test(`${alg} holds for what its key signed, and for nothing that was changed`, async () => {
    assert.ok(own && other);
    const bytes = new TextEncoder().encode('{"iss":"https://ci.example.com","sub":"me"}');
    const token = await new CompactSign(bytes).setProtectedHeader({ alg, kid: 'a' }).sign(own.privateKey);
    assert.equal(await isSignedBy(token, alg, own.publicKey), true);
    assert.equal(await isSignedBy(token, alg, other.publicKey), false);
    const [header = '', payload = '', signature = ''] = token.split('.');
    for (const changed of ['', 'AAAA', signature.slice(0, -4), `${signature}AAAA`, 'A'.repeat(signature.length)]) {
      assert.equal(await isSignedBy(`${header}.${payload}.${changed}`, alg, own.publicKey), false, changed);
    }
    assert.equal(await isSignedBy(`${header}.${payload}A.${signature}`, alg, own.publicKey), false);
    assert.equal(await isSignedBy(`${payload}.${header}.${signature}`, alg, own.publicKey), false);
  });
}

test('no other algorithm holds for anything', async () => {
  const [own] = rsa;
  assert.ok(own);
  for (const alg of ['none', 'HS256', '', 'rs256', 'RSA-OAEP', 'constructor']) {
    assert.equal(await isSignedBy('eyJhbGciOiJub25lIn0.e30.', alg, own.publicKey), false, alg);
  }
});

test('a signature holds only as the algorithm that it was made with, as jose says', async () => {
  const rsaAlgorithms = algorithms.filter((alg) => /^[RP]S/.test(alg));
  const [own] = rsa;
  assert.ok(own);
  await fc.assert(
    fc.asyncProperty(
      ...[fc.constantFrom(...rsaAlgorithms), fc.constantFrom(...rsaAlgorithms), fc.uint8Array({ maxLength: 300 })],
      async (signedAs, readAs, bytes) => {
        const token = await new CompactSign(bytes).setProtectedHeader({ alg: signedAs }).sign(own.privateKey);
        assert.equal(await isSignedBy(token, readAs, own.publicKey), signedAs === readAs);
        const byJose = compactVerify(token, own.publicKey, { algorithms: [readAs] });
        assert.equal(
          await byJose.then(
            () => true,
            () => false,
          ),
          signedAs === readAs,
        );
      },
    ),
    { numRuns: 30 },
  );
});
