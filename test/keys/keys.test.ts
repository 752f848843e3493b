/** The keys that Dockpass makes: agreed on by racing processes, sealed in the database, written where registries read them. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { createCipher } from '../../src/lib/cipher.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { describeEngines } from '../support/engines.ts';
import { createKeyPlace, type KeyPlace, keySecret, unrecorded } from '../support/key-place.ts';
import { missing } from '../support/parts.ts';

const day = 24 * 60 * 60 * 1000;

async function newPlace(t: TestContext, databaseUrl?: string): Promise<KeyPlace> {
  const place = await createKeyPlace(databaseUrl);
  t.after(() => place.close());
  return place;
}

const keySet = (jwks: object) => createLocalJWKSet(jwks as JSONWebKeySet);
const numbersOf = async (place: KeyPlace) => (await place.store.signingKeys.ofRing('')).map(({ number }) => number);

test('the first start makes an authority, a key that signs and one that waits', async (t) => {
  const place = await newPlace(t);
  const ring = (await place.open()).ring('');
  assert.deepEqual(
    ring.list().map(({ state, algorithm }) => `${state} ${algorithm}`),
    ['authority ES256', 'signing ES256', 'waiting ES256'],
  );
  assert.deepEqual(ring.warnings(), []);
});

test('registries find the certificate and the public keys in files that everybody reads', async (t) => {
  const place = await newPlace(t);
  const ring = (await place.open()).ring('');
  const { bundleFile, jwksFile } = place.settings;
  for (const file of [bundleFile, jwksFile]) assert.equal(((await stat(file)).mode & 0o777).toString(8), '644');
  assert.equal(await readFile(bundleFile, 'utf8'), ring.bundle());
  assert.deepEqual(JSON.parse(await readFile(jwksFile, 'utf8')), ring.jwks());
  assert.equal(ring.jwks().keys.length, 4, 'two keys, each under both of its names');
  const text = (await readFile(bundleFile, 'utf8')) + (await readFile(jwksFile, 'utf8'));
  assert.doesNotMatch(text, /PRIVATE|"d":/);
});

test('a file that some can no longer read is made readable for everyone', async (t) => {
  const place = await newPlace(t);
  await place.open();
  const { bundleFile } = place.settings;
  await chmod(bundleFile, 0o600);
  await place.open();
  assert.equal((await stat(bundleFile)).mode & 0o777, 0o644);
});

test('a folder that is made for these files can be passed through by everyone, whatever the umask', async (t) => {
  const place = await newPlace(t);
  const bundleFile = join(place.folder, 'a', 'b', 'bundle.pem');
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  await place.open({ rings: [{ ...place.settings, bundleFile }] });
  for (const folder of [dirname(bundleFile), join(place.folder, 'a')]) {
    assert.equal((await stat(folder)).mode & 0o777, 0o755, folder);
  }
});

test('opening again yields the same keys and does not touch the files', async (t) => {
  const place = await newPlace(t);
  const first = (await place.open()).ring('');
  const written = await stat(place.settings.bundleFile);
  const second = (await place.open()).ring('');
  assert.deepEqual(second.list(), first.list());
  assert.equal((await stat(place.settings.bundleFile)).ino, written.ino);
});

test('files of other keys, with comments, and empty ones are replaced', async (t) => {
  const [place, other] = [await newPlace(t), await newPlace(t)];
  const { bundleFile, jwksFile } = place.settings;
  const theirs = (await other.open()).ring('');
  await mkdir(dirname(bundleFile));
  for (const [bundle, jwks] of [
    [`# of another installation\r\n\r\n${theirs.bundle()}\n${theirs.bundle()}`, JSON.stringify(theirs.jwks())],
    ['\n', ''],
  ] as const) {
    await writeFile(bundleFile, bundle);
    await writeFile(jwksFile, jwks);
    const ring = (await place.open()).ring('');
    assert.equal(await readFile(bundleFile, 'utf8'), ring.bundle());
    assert.deepEqual(JSON.parse(await readFile(jwksFile, 'utf8')), ring.jwks());
  }
});

test('a file that is something else is refused by name, and left as it is', async (t) => {
  const place = await newPlace(t);
  const bundle = (await place.open()).ring('').bundle();
  const key = '-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n';
  const cases = [
    [
      'bundleFile',
      'a-secret-of-43-characters',
      /^CERTIFICATE_BUNDLE_FILE: .*other holds something other than certificates: name another file\.$/,
    ],
    ['bundleFile', 'users: {}\nacl: []\n', /something other than certificates/],
    ['bundleFile', bundle + key, /something other than certificates/],
    ['bundleFile', '# a note\n', /something other than certificates/],
    ['jwksFile', bundle, /^JWKS_FILE: .* holds something other than a JSON Web Key Set: name/],
    ['jwksFile', '{"key": []}', /something other than a JSON Web Key Set/],
  ] as const;
  for (const [setting, text, expected] of cases) {
    const file = join(place.folder, 'other');
    await writeFile(file, text);
    const opened = place.open({ rings: [{ ...place.settings, [setting]: file }] });
    await assert.rejects(opened, (error) => error instanceof Refusal && expected.test(error.message), text);
    assert.equal(await readFile(file, 'utf8'), text);
  }
  const own = { ...place.settings, name: 'zot', bundleFile: join(place.folder, 'other') };
  await assert.rejects(place.open({ rings: [own] }), { message: /^CERTIFICATE_BUNDLE_FILE of service "zot": / });
});

test('what a process that was killed left half-written beside a file is cleared away, and nothing else', async (t) => {
  const place = await newPlace(t);
  await place.open();
  const folder = dirname(place.settings.bundleFile);
  const [left, fresh, foreign] = ['bundle.pem.0123456789ab', 'jwks.json.0123456789ab', 'bundle.pem.copy'];
  for (const name of [left, fresh, foreign]) await writeFile(join(folder, name), 'half');
  const hourAgo = Date.now() / 1000 - 3_600;
  for (const name of [left, foreign]) await utimes(join(folder, name), hourAgo, hourAgo);
  await (await place.open()).look();
  assert.deepEqual((await readdir(folder)).sort(), [foreign, 'bundle.pem', 'jwks.json', fresh].sort());
});

test('four processes that start at once on an empty database agree on one set', async (t) => {
  const place = await newPlace(t);
  const module = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const program = `
    import { openStore } from ${module('store/open.ts')};
    import { openKeys } from ${module('keys/keys.ts')};
    import { createCipher } from ${module('lib/cipher.ts')};
    const store = await openStore(${JSON.stringify(`sqlite:${join(place.folder, 'dockpass.db')}`)}, () => {});
    const log = { info() {}, warn() {}, error: console.error };
    const keys = await openKeys({
      rings: [${JSON.stringify(place.settings)}],
      store: store.signingKeys, cipher: createCipher([${JSON.stringify(keySecret)}]), log, now: Date.now,
    });
    console.log(JSON.stringify(keys.ring('').jwks()));`;
  const run = () => promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', program]);
  const outputs = (await Promise.all([run(), run(), run(), run()])).map(({ stdout }) => stdout);
  assert.equal(new Set(outputs).size, 1);
  assert.deepEqual(await numbersOf(place), [1, 2, 3]);
});

describeEngines('keys in the database', (databases) => {
  test('replicas that open at once agree; a step that two take is taken once', async (t) => {
    const place = await newPlace(t, await databases.create());
    const replicas = await Promise.all([place.open(), place.open(), place.open()]);
    const [first, ...others] = replicas.map((keys) => keys.ring('').list());
    for (const other of others) assert.deepEqual(other, first);
    assert.deepEqual(await numbersOf(place), [1, 2, 3]);
    const { signingKeys } = place.store;
    const [row] = await signingKeys.ofRing('');
    assert.ok(row);
    assert.equal(await signingKeys.add({ ...row, certificate: 'another' }), false);
    assert.equal(await signingKeys.schedule('', 3, 2_000), true);
    assert.equal(await signingKeys.schedule('', 3, 2_000), false, 'already');
    assert.equal(await signingKeys.schedule('', 3, 3_000), false, 'not later');
    assert.equal(await signingKeys.schedule('', 3, 1_000), true, 'but earlier');
    assert.equal(await signingKeys.remove('', 3), true);
    assert.equal(await signingKeys.remove('', 3), false);
  });
});

test('the certificates: a CA for ten years, leaves that it issued, all valid since yesterday', async (t) => {
  const place = await newPlace(t);
  const now = Date.parse('2026-11-23T08:00:00Z');
  await place.open({ now: () => now });
  const rows = await place.store.signingKeys.ofRing('');
  const [authority, leaf] = rows.map(({ certificate }) => new X509Certificate(certificate));
  assert.ok(authority && leaf);
  assert.equal(authority.ca, true);
  assert.equal(leaf.ca, false);
  assert.ok(leaf.checkIssued(authority) && leaf.verify(authority.publicKey));
  assert.equal(authority.validFromDate.getTime(), now - day);
  assert.equal(authority.validToDate.getTime(), now + 3_650 * day);
  assert.ok(leaf.validToDate <= authority.validToDate);
  assert.equal(leaf.validFromDate.getTime(), now - day);
});

for (const algorithm of ['ES256', 'RS256'] as const) {
  test(`${algorithm}: openssl finds nothing to object to, jose verifies a token by its kid`, async (t) => {
    const place = await newPlace(t);
    const keys = await place.open({ rings: [{ ...place.settings, algorithm }] });
    const ring = keys.ring('');
    const { payload, protectedHeader } = await jwtVerify(
      await ring.signer('kid').sign({ sub: 'ana' }),
      keySet(ring.jwks()),
    );
    assert.equal(payload.sub, 'ana');
    assert.equal(protectedHeader.alg, algorithm);
    assert.equal(protectedHeader.kid, ring.list().find(({ state }) => state === 'signing')?.id);
    if (missing('openssl') !== false) return t.skip('missing: openssl');
    const leaf = join(place.folder, 'leaf.pem');
    await writeFile(leaf, (await place.store.signingKeys.ofRing('')).at(-1)?.certificate ?? '');
    const verify = ['verify', '-x509_strict', '-CAfile', place.settings.bundleFile, leaf];
    assert.match(execFileSync('openssl', verify).toString(), /: OK/);
  });
}

test('the database alone signs nothing: private keys are sealed, and open in their own row alone', async (t) => {
  const place = await newPlace(t);
  await place.open();
  const rows = await place.store.signingKeys.ofRing('');
  for (const { sealed_key } of rows) assert.match(sealed_key, /^v1\.[\w-]{8}\.[\w-]{16}\.[\w-]{100,}$/);
  const [authority, leaf] = rows;
  assert.ok(authority && leaf);
  await assert.rejects(
    place.open({ cipher: createCipher(['another encryption key, of 32 characters']) }),
    /Signing key 1 in the database cannot be opened.*ENCRYPTION_KEYS/,
  );
  await place.store.signingKeys.remove('', 2);
  await place.store.signingKeys.add({ ...leaf, sealed_key: authority.sealed_key });
  await assert.rejects(place.open(), /Signing key 2 in the database cannot be opened/);
  assert.deepEqual(await numbersOf(place), [1, 2, 3], 'and nothing is thrown away');
});

test('a key beside the certificate of another is refused', async (t) => {
  const place = await newPlace(t);
  await place.open();
  const [, signing, waiting] = await place.store.signingKeys.ofRing('');
  assert.ok(signing && waiting);
  await place.store.signingKeys.remove('', 2);
  await place.store.signingKeys.add({ ...signing, certificate: waiting.certificate });
  await assert.rejects(place.open(), /Signing key 2 .* the certificate belongs to another key/);
});

test('after a new encryption key was put in front, the old one can be taken away', async (t) => {
  const place = await newPlace(t);
  const newKey = 'a new encryption key, of 32 characters and more';
  const jwks = (await place.open()).ring('').jwks();
  await place.open({ cipher: createCipher([newKey, keySecret]) });
  const ring = (await place.open({ cipher: createCipher([newKey]) })).ring('');
  assert.deepEqual(ring.jwks(), jwks);
  await ring.signer('x5c').sign({});
});

const damage: Readonly<Record<string, (sealed: string) => string>> = {
  'is empty': () => '',
  'was cut': (sealed) => sealed.slice(0, 40),
  'was changed': (sealed) => sealed.slice(0, -8) + (sealed.endsWith('AAAAAAAA') ? 'BBBBBBBB' : 'AAAAAAAA'),
};
for (const [how, spoil] of Object.entries(damage)) {
  test(`a sealed key that ${how} is named`, async (t) => {
    const place = await newPlace(t);
    await place.open();
    const row = (await place.store.signingKeys.ofRing(''))[1];
    assert.ok(row);
    await place.store.signingKeys.remove('', 2);
    await place.store.signingKeys.add({ ...row, sealed_key: spoil(row.sealed_key) });
    await assert.rejects(place.open(), (error: Error) => /Signing key 2.*from a backup/.test(error.message));
  });
}

test('an authority that is about to end, or has ended, is warned of', async (t) => {
  const place = await newPlace(t);
  let now = Date.parse('2016-11-23T08:00:00Z');
  const keys = await place.open({ now: () => now });
  now = Date.parse('2026-08-01T08:00:00Z');
  await keys.look();
  assert.match(keys.warnings().join(), /authority expires on 2026-11-21.*key rotate --authority/);
  assert.ok(place.lines.some(({ level, message }) => level === 'warn' && /expires on 2026-11-21/.test(message)));
  now = Date.parse('2026-11-23T08:00:00Z');
  assert.match(keys.warnings().join(), /authority expired on 2026-11-21/);
});

test('the warning of an authority says whose it is, and from half a year before its end', async (t) => {
  const place = await newPlace(t);
  const begun = Date.parse('2016-11-23T08:00:00Z');
  let now = begun;
  const keys = await place.open({ rings: [{ ...place.settings, name: 'zot' }], now: () => now });
  now = begun + (3_650 - 180) * 86_400_000 - 1_000;
  assert.deepEqual(keys.warnings(), []);
  now += 1_000;
  assert.match(
    keys.warnings().join(),
    /authority of service "zot" expires on .*`dockpass key rotate --authority --service "zot"`/,
  );
});

test('a file that cannot be written is named, with the setting and what to do', async (t) => {
  const place = await newPlace(t);
  const [pipe, file] = [join(place.folder, 'pipe'), join(place.folder, 'file')];
  execFileSync('mkfifo', [pipe]);
  await writeFile(file, '');
  for (const [part, setting] of [
    ['bundleFile', 'CERTIFICATE_BUNDLE_FILE'],
    ['jwksFile', 'JWKS_FILE'],
  ] as const) {
    for (const [name, expected] of [
      [place.folder, 'is a folder: Docker makes one where a mounted file is missing. Remove it.'],
      [join(file, 'auth.pem'), 'goes through a file, where a folder is needed: name another file.'],
      [join(file, 'x', 'auth.pem'), 'goes through a file, where a folder is needed: name another file.'],
      [pipe, 'is a pipe or a device: name a file.'],
    ] as const) {
      const opened = place.open({ rings: [{ ...place.settings, [part]: name }] });
      const message = `${setting}: ${name} ${expected}`;
      await assert.rejects(opened, { name: 'Refusal', code: 'misconfigured', message });
    }
  }
  const unwritable = { ...place.settings, bundleFile: '/proc/x/auth.pem' };
  const message = /^Cannot write \/proc\/x\/auth\.pem, which registries read: /;
  await assert.rejects(place.open({ rings: [unwritable] }), { name: 'Refusal', message });
});

test('where the database is away, tokens are signed with the keys that are known', async (t) => {
  const place = await createKeyPlace();
  t.after(() => rm(place.folder, { recursive: true }));
  const keys = await place.open();
  await place.store.close();
  await keys.look();
  assert.ok(place.lines.some(({ level, message }) => level === 'error' && /continuing with those known/.test(message)));
  assert.match(await keys.ring('').signer('x5c').sign({}), /^[\w-]+\.[\w-]+\.[\w-]+$/);
});

test('services with keys of their own share nothing with the others', async (t) => {
  const place = await newPlace(t);
  const own = { ...place.settings, name: 'zot', bundleFile: join(place.folder, 'zot.pem') };
  const keys = await place.open({ rings: [place.settings, own] });
  const [shared, separate] = [keys.ring(''), keys.ring('zot')];
  assert.notEqual(shared.bundle(), separate.bundle());
  assert.equal(await readFile(own.bundleFile, 'utf8'), separate.bundle());
  const token = await separate.signer('kid').sign({});
  await jwtVerify(token, keySet(separate.jwks()));
  await assert.rejects(jwtVerify(token, keySet(shared.jwks())));
});

test('a bundle by the name of 0.1.0 is kept up to date, with a warning, unless it is not ours', async (t) => {
  const place = await newPlace(t);
  const former = join(dirname(place.settings.bundleFile), 'dockpass.pem');
  const before = (await place.open()).ring('').bundle();
  await writeFile(former, before);
  const keys = await place.open();
  assert.match(keys.warnings().join('\n'), /is now called .*bundle\.pem; .*dockpass\.pem is kept up to date/);
  await keys.ring('').addAuthority(unrecorded);
  await keys.look();
  const now = await readFile(place.settings.bundleFile, 'utf8');
  assert.notEqual(now, before);
  assert.equal(await readFile(former, 'utf8'), now);
  await writeFile(former, 'a certificate of something else');
  await keys.look();
  assert.equal(await readFile(former, 'utf8'), 'a certificate of something else');
});
