/** Keys: made once, agreed on by racing processes, kept private, refused clearly when they are damaged. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { openKeys } from '../../src/token/keys.ts';
import { missing } from '../support/parts.ts';

const day = 24 * 60 * 60 * 1000;

async function emptyFolder(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'dockpass-keys-'));
  t.after(() => rm(root, { recursive: true }));
  return { folder: join(root, 'data', 'keys'), bundleFile: join(root, 'shared', 'auth.pem'), now: Date.now };
}

const keySet = (jwks: { keys: readonly object[] }) => createLocalJWKSet(jwks as JSONWebKeySet);

test('the first start makes keys that only this user reads, and a bundle that everybody reads', async (t) => {
  const options = await emptyFolder(t);
  const keys = await openKeys(options);
  assert.deepEqual((await readdir(options.folder)).sort(), ['ca.pem', 'leaf-1.pem']);
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
  assert.equal(await modeOf(options.folder), '700');
  assert.equal(await modeOf(join(options.folder, 'ca.pem')), '600');
  assert.equal(await modeOf(join(options.folder, 'leaf-1.pem')), '600');
  assert.equal(await modeOf(options.bundleFile), '644');
  const bundle = await readFile(options.bundleFile, 'utf8');
  assert.equal(bundle, keys.bundle);
  assert.doesNotMatch(bundle, /PRIVATE/);
});

test('opening again yields the same keys and does not touch the bundle', async (t) => {
  const options = await emptyFolder(t);
  const first = await openKeys(options);
  const written = await stat(options.bundleFile);
  const second = await openKeys(options);
  assert.deepEqual(second.jwks, first.jwks);
  assert.equal(second.bundle, first.bundle);
  assert.equal((await stat(options.bundleFile)).ino, written.ino);
});

test('a bundle of other keys is replaced', async (t) => {
  const options = await emptyFolder(t);
  const { bundle } = await openKeys(options);
  await writeFile(options.bundleFile, 'of another installation');
  await openKeys(options);
  assert.equal(await readFile(options.bundleFile, 'utf8'), bundle);
});

test('four processes that start at once on an empty folder agree on one set', async (t) => {
  const options = await emptyFolder(t);
  const program = `
    import { openKeys } from ${JSON.stringify(new URL('../../src/token/keys.ts', import.meta.url).href)};
    const keys = await openKeys({ ...${JSON.stringify(options)}, now: Date.now });
    console.log(JSON.stringify({ jwks: keys.jwks, bundle: keys.bundle }));`;
  const run = () => promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', program]);
  const outputs = (await Promise.all([run(), run(), run(), run()])).map(({ stdout }) => stdout);
  assert.equal(new Set(outputs).size, 1);
  assert.equal(JSON.parse(outputs[0] ?? '').bundle, await readFile(options.bundleFile, 'utf8'));
  assert.deepEqual((await readdir(options.folder)).sort(), ['ca.pem', 'leaf-1.pem']);
});

test('the certificates: a CA for ten years, a leaf that it issued, both valid since yesterday', async (t) => {
  const options = await emptyFolder(t);
  const now = Date.parse('2026-11-23T08:00:00Z');
  await openKeys({ ...options, now: () => now });
  const [authority, leaf] = await Promise.all(
    ['ca.pem', 'leaf-1.pem'].map(async (file) => new X509Certificate(await readFile(join(options.folder, file)))),
  );
  assert.ok(authority && leaf);
  assert.equal(authority.ca, true);
  assert.equal(leaf.ca, false);
  assert.ok(leaf.checkIssued(authority) && leaf.verify(authority.publicKey));
  assert.equal(authority.validFromDate.getTime(), now - day);
  assert.equal(authority.validToDate.getTime(), now + 3_650 * day);
  assert.ok(leaf.validToDate <= authority.validToDate);
  assert.equal(leaf.validFromDate.getTime(), now - day);
});

test('openssl finds nothing to object to', { skip: missing('openssl') }, async (t) => {
  const options = await emptyFolder(t);
  await openKeys(options);
  const leaf = join(options.folder, 'leaf-1.pem');
  const output = execFileSync('openssl', ['verify', '-x509_strict', '-CAfile', options.bundleFile, leaf]);
  assert.match(output.toString(), /: OK/);
});

test('a token verifies against the public keys, found by its kid', async (t) => {
  const { signer, jwks } = await openKeys(await emptyFolder(t));
  const { payload, protectedHeader } = await jwtVerify(await signer.sign({ sub: 'ana' }), keySet(jwks));
  assert.equal(payload.sub, 'ana');
  assert.equal(protectedHeader.alg, 'ES256');
  assert.match(JSON.stringify(jwks), /"use":"sig"/);
  assert.doesNotMatch(JSON.stringify(jwks), /"d":/);
});

const damage: Readonly<Record<string, (file: string, otherFile: string) => Promise<void>>> = {
  'is empty': (file) => writeFile(file, ''),
  'is not PEM': (file) => writeFile(file, Buffer.from([0xff, 0, 1, 2])),
  'was cut': async (file) => writeFile(file, (await readFile(file, 'utf8')).slice(0, 300)),
  'holds the certificate of another key': async (file, otherFile) => {
    const [own, other] = await Promise.all([readFile(file, 'utf8'), readFile(otherFile, 'utf8')]);
    await writeFile(file, own.split('-----BEGIN CERT')[0] + other.slice(other.indexOf('-----BEGIN CERT')));
  },
};

for (const [how, spoil] of Object.entries(damage)) {
  for (const [name, other] of [
    ['ca.pem', 'leaf-1.pem'],
    ['leaf-1.pem', 'ca.pem'],
  ] as const) {
    test(`a ${name} that ${how} is refused by its path, and left as it is`, async (t) => {
      const options = await emptyFolder(t);
      await openKeys(options);
      const file = join(options.folder, name);
      await spoil(file, join(options.folder, other));
      const spoiled = await readFile(file);
      await assert.rejects(openKeys(options), (error: Error) => {
        return error.message.includes(file) && /backup/.test(error.message) && !/PRIVATE KEY-/.test(error.message);
      });
      assert.deepEqual(await readFile(file), spoiled);
    });
  }
}

test('a leaf of another CA is refused', async (t) => {
  const options = await emptyFolder(t);
  await openKeys(options);
  await rm(join(options.folder, 'ca.pem'));
  await assert.rejects(openKeys(options), /leaf-1\.pem was not certified by .*ca\.pem/);
});

test('an expired CA is refused with its date', async (t) => {
  const options = await emptyFolder(t);
  await openKeys({ ...options, now: () => Date.parse('2010-01-01T00:00:00Z') });
  await assert.rejects(openKeys(options), /ca\.pem: its certificate expired on 2019-12-30/);
});

test('a file that cannot be read says whose it must be', async (t) => {
  const options = await emptyFolder(t);
  await mkdir(join(options.folder, 'ca.pem'), { recursive: true });
  await assert.rejects(openKeys(options), /ca\.pem: EISDIR.* must belong to the user/);
});

test('a folder that is a file is named in the error', async (t) => {
  const options = await emptyFolder(t);
  await assert.rejects(openKeys({ ...options, folder: '/dev/null/keys' }), /\/dev\/null\/keys\/ca\.pem/);
  await assert.rejects(openKeys({ ...options, bundleFile: '/dev/null/auth.pem' }), /bundle \/dev\/null\/auth\.pem/);
});
