/** The operator's own certificate and key: made by openssl, as an operator would; renewed while the service runs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { createLocalJWKSet, decodeProtectedHeader, importX509, jwtVerify } from 'jose';
import type { KeyParts, RingSettings } from '../../src/keys/keys.ts';
import { createKeyPlace, unrecorded } from '../support/key-place.ts';
import { missing } from '../support/parts.ts';

type Kind = 'rsa' | 'P-256' | 'P-384' | 'P-521' | 'secp256k1';
const newKey = (kind: Kind) =>
  kind === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${kind}`];

const kidOf = (jwt: string) => decodeProtectedHeader(jwt).kid;
const isKey = (id: string | undefined) => (key: object) => 'kid' in key && key.kid === id;

const by = (authority: string) => ['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-CAcreateserial'];

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
  const chainOf = async (...files: readonly string[]) =>
    writeFile(own.certificateFile, (await Promise.all(files.map((file) => readFile(path(file), 'utf8')))).join(''));
  /** A leaf that `authority` certified, with that at its end. */
  const certified = async (authority: string) => {
    openssl('req', ...newKey('P-256'), '-nodes', '-keyout', 'token.key', '-out', 'token.csr', '-subj', '/CN=leaf');
    openssl('x509', '-req', '-in', 'token.csr', ...by(authority), '-days', '60', '-out', 'leaf.crt');
    await chainOf('leaf.crt', `${authority}.crt`);
  };
  const keys = (changes: Partial<RingSettings> = {}, parts: Partial<KeyParts> = {}) =>
    place.open({ rings: [{ ...place.settings, own, ...changes }], ...parts });
  const open = async () => (await keys()).ring('');
  return { place, own, path, openssl, selfSigned, chainOf, certified, keys, open };
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
    const { path, selfSigned, certified, open } = await newPlace(t);
    selfSigned('P-256', 'authority');
    selfSigned('P-256', 'other');
    await certified('authority');
    const ring = await open();
    const before = ring.list()[0]?.id;
    await certified('authority');
    await ring.refresh();
    const renewed = ring.list()[0]?.id;
    assert.notEqual(renewed, before);
    assert.deepEqual(ring.warnings(), []);
    assert.deepEqual(ring.jwks().keys.filter(isKey(before)).length, 1, 'its tokens still count');
    await certified('other');
    await ring.refresh();
    assert.match(ring.warnings().join(), /ends in another certificate.*Give the registries.*restart Dockpass/);
    assert.equal(kidOf(await ring.signer('x5c').sign({})), renewed, 'still the old key');
    assert.deepEqual(
      ring.list().map(({ state }) => state),
      ['signing', 'waiting'],
    );
    const both = await Promise.all(['authority.crt', 'other.crt'].map((file) => readFile(path(file), 'utf8')));
    assert.equal(ring.bundle(), both.join(''), 'a registry that restarts now trusts both');
  });

  test('a registry that goes by a file knows each key before it signs', async (t) => {
    const { place, path, selfSigned, certified, keys: openKeys } = await newPlace(t);
    let ahead = 0;
    const open = (serves: boolean) => openKeys({ headers: ['x5c', 'kid'] }, { now: () => Date.now() + ahead, serves });
    const { jwksFile } = place.settings;
    const inFile = async () => createLocalJWKSet(JSON.parse(await readFile(jwksFile, 'utf8')));
    selfSigned('P-256', 'authority');
    await certified('authority');
    const keys = await open(true);
    const ring = keys.ring('');
    const restarted = await inFile();
    await certified('authority');
    await keys.look();
    await jwtVerify(await ring.signer('kid').sign({}), restarted);
    const certificate = new X509Certificate(await readFile(path('leaf.crt')));
    const jwt = await ring.signer('x5c').sign({});
    await jwtVerify(jwt, certificate.publicKey);
    assert.match(
      keys.warnings().join(),
      /token\.crt holds a new key.*Copy .*jwks\.json to them, restart them, then restart/,
    );
    assert.deepEqual(
      place.lines.filter(({ level }) => level === 'warn').map(({ message }) => message),
      keys.warnings(),
    );
    // A command that is run meanwhile says the same, and takes nothing out of the file.
    const command = await open(false);
    assert.match(command.warnings().join(), /holds a new key.*then restart Dockpass/);
    assert.match(command.ring('').waiting('kid') ?? '', /holds a new key/, 'what it signs itself can be refused');
    assert.equal(command.ring('').waiting('x5c'), null);
    const knowsBoth = await inFile();
    await jwtVerify(await ring.signer('kid').sign({}), knowsBoth);
    // The operator's restart is what lets the new key sign, and ends the old one.
    const next = await open(true);
    await jwtVerify(await next.ring('').signer('kid').sign({}), knowsBoth);
    await assert.rejects(jwtVerify(await ring.signer('kid').sign({}), await inFile()), /no applicable key/);
    assert.match(next.warnings().join(), /holds another key than before this start.*Copy it to them and restart them/);
    ahead += 86_400_000;
    assert.deepEqual(next.warnings(), []);
    assert.deepEqual((await open(true)).warnings(), []);
  });

  test('a self-signed certificate that is renewed is in both files before it signs', async (t) => {
    const { place, selfSigned, keys: openKeys } = await newPlace(t);
    selfSigned('P-256');
    const keys = await openKeys({ headers: ['kid'] });
    selfSigned('P-256');
    await keys.look();
    assert.equal(keys.warnings().length, 1);
    const [listed] = (await openKeys({ headers: ['kid'] }, { serves: false })).ring('').list();
    assert.equal(listed?.state, 'waiting', 'for a command, too');
    const { jwksFile } = place.settings;
    const knowsBoth = createLocalJWKSet(JSON.parse(await readFile(jwksFile, 'utf8')));
    await jwtVerify(await keys.ring('').signer('kid').sign({}), knowsBoth);
    const next = await openKeys({ headers: ['kid'] });
    await jwtVerify(await next.ring('').signer('kid').sign({}), knowsBoth);
  });

  test('an authority that changed while Dockpass was stopped is warned of', async (t) => {
    const { selfSigned, open } = await newPlace(t);
    selfSigned('P-256');
    assert.deepEqual((await open()).warnings(), []);
    selfSigned('P-256');
    assert.match((await open()).warnings().join(), /ends in another certificate than before this start/);
  });

  test('a renewal that cannot be used is a warning until it can', async (t) => {
    const { place, own, selfSigned } = await newPlace(t);
    selfSigned('P-256');
    const keys = await place.open({ rings: [{ ...place.settings, own }] });
    const certificate = await readFile(own.certificateFile, 'utf8');
    await writeFile(own.certificateFile, 'half of it');
    await keys.look();
    assert.match(keys.warnings().join(), /could not be looked after: .*token\.crt cannot be used: it holds no cert/);
    await keys.ring('').signer('x5c').sign({});
    await writeFile(own.certificateFile, certificate);
    await keys.look();
    assert.deepEqual(keys.warnings(), []);
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
    for (const input of [ring.rotate(false, unrecorded), ring.addAuthority(unrecorded)])
      await assert.rejects(input, /This key is yours/);
  });

  test('a key of any form is read, whatever stands around it', async (t) => {
    const { own, openssl, selfSigned, open } = await newPlace(t);
    selfSigned('P-256');
    const [pem, certificate] = await Promise.all([
      readFile(own.keyFile, 'utf8'),
      readFile(own.certificateFile, 'utf8'),
    ]);
    const parameters = openssl('ecparam', '-name', 'prime256v1').toString();
    const forms = {
      'SEC1 behind its parameters': parameters + openssl('ec', '-in', 'token.key').toString(),
      'CRLF and a byte order mark': `\ufeff${pem.replaceAll('\n', '\r\n')}`,
      'text around it': `Bag Attributes\n    friendlyName: token\n${pem}\nthe end`,
      'certificate and key in one': certificate + pem,
    };
    const id = (await open()).list()[0]?.id;
    for (const [form, text] of Object.entries(forms)) {
      await writeFile(own.keyFile, text);
      await writeFile(own.certificateFile, `subject=CN = token\r\n${certificate.replaceAll('\n', '\r\n')}rest`);
      assert.equal((await open()).list()[0]?.id, id, form);
    }
    openssl('req', '-x509', ...newKey('rsa'), '-nodes', '-keyout', 'token.key', '-out', 'token.crt', '-subj', '/CN=a');
    openssl('rsa', '-in', 'token.key', '-traditional', '-out', 'token.key');
    assert.match(await readFile(own.keyFile, 'utf8'), /BEGIN RSA PRIVATE KEY/);
    await open();
  });

  for (const [kind, make, why] of [
    ['on P-521', newKey('P-521'), /the key is ec on secp521r1: registries need RSA/],
    ['on secp256k1', newKey('secp256k1'), /the key is ec on secp256k1/],
    ['of Ed25519', ['-newkey', 'ed25519'], /the key is ed25519/],
    ['for RSA-PSS', ['-newkey', 'rsa-pss', '-pkeyopt', 'rsa_keygen_bits:2048'], /the key is rsa-pss/],
    ['of 1024 bits', ['-newkey', 'rsa:1024'], /an RSA key of 1024 bits is too short: 2048 at least/],
  ] as const) {
    test(`a key ${kind} is refused`, async (t) => {
      const { openssl, open } = await newPlace(t);
      openssl('req', '-x509', ...make, '-nodes', '-keyout', 'token.key', '-out', 'token.crt', '-subj', '/CN=token');
      await assert.rejects(open(), why);
    });
  }

  test('the certificate of the key comes first, then those that certify it', async (t) => {
    const { selfSigned, certified, chainOf, open } = await newPlace(t);
    selfSigned('P-256', 'authority');
    await certified('authority');
    await open();
    await chainOf('authority.crt', 'leaf.crt');
    await assert.rejects(open(), /"CN=leaf", which belongs to the key, must come first/);
  });

  test('a key, or an authority, of two services that are to be separate is refused by name', async (t) => {
    const { place, own, path, openssl, selfSigned, chainOf, certified } = await newPlace(t);
    selfSigned('P-256', 'authority');
    await certified('authority');
    openssl('req', ...newKey('P-256'), '-nodes', '-keyout', 'intermediate.key', '-out', 'i.csr', '-subj', '/CN=middle');
    await writeFile(path('ca.ext'), 'basicConstraints=critical,CA:TRUE');
    openssl('x509', '-req', '-in', 'i.csr', ...by('authority'), '-extfile', 'ca.ext', '-out', 'intermediate.crt');
    const shared = { ...place.settings, own };
    const separate = (certificate: string, key: string) => ({
      ...place.settings,
      name: 'registry-b',
      own: { certificateFile: path(certificate), keyFile: path(key) },
      bundleFile: path('b.pem'),
      jwksFile: path('b.json'),
    });
    const openBoth = (other: ReturnType<typeof separate>) => place.open({ rings: [shared, other] });
    await copyFile(own.certificateFile, path('copy.crt'));
    await copyFile(own.keyFile, path('copy.key'));
    await assert.rejects(
      openBoth(separate('copy.crt', 'copy.key')),
      /copy\.crt cannot be used: its key is that of the services that share their keys too: services with SEPARATE_KEY/,
    );
    await certified('authority');
    await assert.rejects(
      openBoth(separate('copy.crt', 'copy.key')),
      /copy\.crt cannot be used: the authority at its end is that of the services that share their keys too/,
    );
    // Trusted further up by one of them, or only one of them has it in its file: registries take both keys all the same.
    await certified('intermediate');
    await chainOf('leaf.crt', 'intermediate.crt');
    await copyFile(own.certificateFile, path('copy.crt'));
    await copyFile(own.keyFile, path('copy.key'));
    await certified('intermediate');
    for (const files of [['leaf.crt', 'intermediate.crt', 'authority.crt'], ['leaf.crt']]) {
      await chainOf(...files);
      await assert.rejects(
        openBoth(separate('copy.crt', 'copy.key')),
        /copy\.crt cannot be used: an authority that certified it is that of the services that share their keys too/,
        `${files}`,
      );
    }
    selfSigned('P-256', 'other');
    const keys = await openBoth(separate('other.crt', 'other.key'));
    await copyFile(own.certificateFile, path('other.crt'));
    await copyFile(own.keyFile, path('other.key'));
    await assert.rejects(keys.ring('registry-b').refresh(), /its key is that of the services that share/, 'renewed');
  });

  test('what cannot be used is named with its file', async (t) => {
    const { own, path, openssl, selfSigned, certified, open } = await newPlace(t);
    await assert.rejects(open(), /token\.(crt|key) cannot be read \(ENOENT\)/);
    selfSigned('P-256');
    openssl('genrsa', '-out', 'plain.key', '2048');
    for (const [form, why] of [
      [['pkey', '-aes128', '-passout', 'pass:x'], /token\.key cannot sign tokens: it has a passphrase/],
      [['rsa', '-traditional', '-aes128', '-passout', 'pass:x'], /it has a passphrase/],
      [['pkey', '-pubout'], /token\.key cannot sign tokens: it holds no private key in PEM/],
      [['pkey', '-outform', 'DER'], /it holds no private key in PEM/],
    ] as const) {
      openssl(...form, '-in', 'plain.key', '-out', 'token.key');
      await assert.rejects(open(), why);
    }
    await writeFile(own.keyFile, (await readFile(path('plain.key'), 'utf8')).slice(0, 400));
    await assert.rejects(open(), /token\.key cannot sign tokens: its private key is cut off or damaged \(/);
    openssl('genrsa', '-out', 'token.key', '2048');
    await assert.rejects(
      open(),
      /token\.crt cannot be used: the key does not belong to it, but to another than "CN=token"/,
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
    await assert.rejects(open(), /"CN=authority" can't certify others \(CA:FALSE/);
    await copyFile(path('leaf.crt'), own.certificateFile);
    await open();
    openssl('x509', '-in', 'other.crt', '-signkey', 'other.key', '-days', '-1', '-out', 'token.crt');
    await copyFile(path('other.key'), own.keyFile);
    await assert.rejects(
      open(),
      /"CN=other" (expired on .*leave TOKEN_CERTIFICATE_FILE and TOKEN_KEY_FILE out|is valid from)/,
    );
  });
});
