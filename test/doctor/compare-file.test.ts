/** What the registry's own file is told to change: only what can be changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareFiles, type Ours } from '../../src/doctor/compare-file.ts';
import { makeAuthority } from '../../src/keys/new-keys.ts';

const bundle = (await makeAuthority(Date.parse('2026-11-23T08:00:00Z'))).certificate.toString();
const ours: Ours = { issuer: 'a', bundle, algorithm: 'ES256', header: 'x5c', keyId: 'k', isOwnKey: false };
const ask = (changes: { held?: string; signingalgorithms?: readonly string[] }, own: Partial<Ours> = {}) => {
  const { held = bundle, ...token } = changes;
  const files = { token: { issuer: 'a', rootcertbundle: '/b.pem', ...token }, bundle: held, jwks: null };
  return compareFiles(files, { ...ours, ...own }).map(
    ({ subject, status, message }) => `${status} ${subject}: ${message}`,
  );
};

test('another algorithm of Dockpass is advised only where it has that algorithm, and makes the key', () => {
  const advice = /or set TOKEN_ALGORITHM/;
  assert.match(ask({ signingalgorithms: ['EdDSA', 'RS256'] }).join(), /; or set TOKEN_ALGORITHM=RS256 of Dockpass\./);
  assert.match(ask({ signingalgorithms: ['ES256'] }, { algorithm: 'RS256' }).join(), /TOKEN_ALGORITHM=ES256 of/);
  for (const own of [{ isOwnKey: true }, { isOwnKey: true, algorithm: 'ES384' }])
    assert.doesNotMatch(ask({ signingalgorithms: ['RS256'] }, own).join(), advice);
  assert.doesNotMatch(ask({ signingalgorithms: ['EdDSA', 'PS256'] }).join(), advice);
});

test('a bundle with a damaged certificate is a finding', () => {
  const damaged = bundle.replace(/(BEGIN CERTIFICATE-----\n.{20}).{30}/, '$1');
  assert.deepEqual(ask({ held: bundle + damaged }).slice(1), [
    'wrong rootcertbundle: /b.pem: certificate 2 in it is damaged. Copy the bundle of Dockpass there and restart the registry.',
  ]);
  assert.match(ask({ held: '' }).join(), /wrong rootcertbundle: \/b\.pem holds no certificate\. Dockpass signs under/);
});
