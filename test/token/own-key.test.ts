/** The operator's own certificate and key: made by openssl, as an operator would; renewed while the service runs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { decodeProtectedHeader, importX509, jwtVerify } from 'jose';
import { createKeyPlace } from '../support/key-place.ts';
import { missing } from '../support/parts.ts';

type Kind = 'rsa' | 'P-256' | 'P-384' | 'P-521';
const newKey = (kind: Kind) =>
  kind === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${kind}`];

async function newPlace(t: TestContext) {
  const place = await createKeyPlace();
  t.after(() => place.close());
  const path = (file: string) => join(place.folder, file);
  const own = { certificateFile: path('token.crt'), keyFile: path('token.key') };
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: place.folder, stdio: 'pipe' });
  const selfSigned = (kind: Kind, name = 'token', days = 100) =>
    openssl(
      'req',
      '-x509',
      ...newKey(kind),
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-days',
      String(days),
      '-subj',
      `/CN=${name}`,
    );
  /** A leaf that `authority` certified, with that at its end. */
  const certified = async (authority: string) => {
    openssl('req', ...newKey('P-256'), '-nodes', '-keyout', 'token.key', '-out', 'token.csr', '-subj', '/CN=leaf');
    openssl(
      'x509',
      '-req',
      '-in',
      'token.csr',
      '-CA',
      `${authority}.crt`,
      '-CAkey',
      `${authority}.key`,
      '-days',
      '60',
      '-out',
      'leaf.crt',
    );
    await writeFile(
      own.certificateFile,
      `${await readFile(path('leaf.crt'), 'utf8')}${await readFile(path(`${authority}.crt`), 'utf8')}`,
    );
  };
  const open = async () => (await place.open({ rings: [{ ...place.settings, own }] })).ring('');
  return { place, own, path, openssl, selfSigned, certified, open };
}

describe('own keys', { skip: missing('openssl') }, () => {
  for (const [kind, algorithm] of [
    ['rsa', 'RS256'],
    ['P-256', 'ES256'],
    ['P-384', 'ES384'],
  ] as const) {
    test(`a self-signed certificate of a ${kind} key is the bundle, and signs with ${algorithm}`, async (t) => {
      const { own, selfSigned, open } = await newPlace(t);
      selfSigned(kind);
      const ring = await open();
      const certificate = await readFile(own.certificateFile, 'utf8');
      assert.equal(ring.bundle(), certificate);
      const jwt = await ring.signer('x5c').sign({ sub: 'ana' });
      assert.equal((await jwtVerify(jwt, await importX509(certificate, algorithm))).payload.sub, 'ana');
      assert.deepEqual(decodeProtectedHeader(jwt).x5c, [new X509Certificate(certificate).raw.toString('base64')]);
      assert.deepEqual(
        ring.list().map(({ state, algorithm: own }) => `${state} ${own}`),
        [`signing ${algorithm}`],
      );
    });
  }

  test('of a leaf with its chain, the last is the bundle, and tokens carry what leads there', async (t) => {
    const { path, selfSigned, certified, open } = await newPlace(t);
    selfSigned('P-256', 'authority');
    await certified('authority');
    const ring = await open();
    assert.equal(ring.bundle(), await readFile(path('authority.crt'), 'utf8'));
    const leaf = new X509Certificate(await readFile(path('leaf.crt')));
    assert.deepEqual(decodeProtectedHeader(await ring.signer('x5c').sign({})).x5c, [leaf.raw.toString('base64')]);
  });

  test('a renewal by the same authority is taken over; by another it waits for a restart', async (t) => {
    const { selfSigned, certified, open } = await newPlace(t);
    selfSigned('P-256', 'authority');
    selfSigned('P-256', 'other');
    await certified('authority');
    const ring = await open();
    const before = ring.list()[0]?.id;
    await certified('authority');
    await ring.refresh();
    const renewed = ring.list()[0]?.id;
    assert.notEqual(renewed, before);
    await certified('other');
    await assert.rejects(ring.refresh(), /ends in another certificate.*restart Dockpass/);
    assert.equal(ring.list()[0]?.id, renewed, 'still the old key');
  });

  test('an end that comes near is warned of', async (t) => {
    const { selfSigned, open } = await newPlace(t);
    selfSigned('P-256', 'token', 20);
    assert.match((await open()).warnings().join(), /token\.crt expires on .* Renew it/);
  });

  test('it is not for Dockpass to rotate', async (t) => {
    const { selfSigned, open } = await newPlace(t);
    selfSigned('P-256');
    const ring = await open();
    for (const wish of [ring.rotate(false), ring.addAuthority()]) await assert.rejects(wish, /This key is yours/);
  });

  test('what cannot be used is named with its file', async (t) => {
    const { own, path, openssl, selfSigned, certified, open } = await newPlace(t);
    await assert.rejects(open(), /token\.(crt|key) cannot be read \(ENOENT\)/);
    selfSigned('P-521');
    await assert.rejects(open(), /token\.key cannot sign tokens: the key is neither RSA nor EC on P-256 or P-384/);
    openssl('genrsa', '-out', 'token.key', '2048');
    await assert.rejects(
      open(),
      /token\.key cannot sign tokens: it is not the key of the first certificate of .*token\.crt/,
    );
    await writeFile(own.certificateFile, 'x');
    await assert.rejects(open(), /token\.crt cannot be used: it holds no certificate/);
    selfSigned('P-256', 'authority');
    selfSigned('P-256', 'other');
    await certified('authority');
    const leaf = await readFile(path('leaf.crt'), 'utf8');
    await writeFile(own.certificateFile, leaf + (await readFile(path('other.crt'), 'utf8')));
    await assert.rejects(open(), /"CN=leaf" was not certified by the next one, "CN=other"/);
    openssl('x509', '-in', 'authority.crt', '-signkey', 'authority.key', '-clrext', '-out', 'no-authority.crt');
    await writeFile(own.certificateFile, leaf + (await readFile(path('no-authority.crt'), 'utf8')));
    await assert.rejects(open(), /"CN=authority" may not certify others \(CA:FALSE\)/);
    await copyFile(path('leaf.crt'), own.certificateFile);
    await open();
    openssl('x509', '-in', 'other.crt', '-signkey', 'other.key', '-days', '-1', '-out', 'token.crt');
    await copyFile(path('other.key'), own.keyFile);
    await assert.rejects(open(), /"CN=other" (expired on|is valid from)/);
  });
});
