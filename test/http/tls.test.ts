/** The certificate that Dockpass serves itself: the mistakes that people make with the two files, made by openssl. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as body } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { readTls } from '../../src/http/tls.ts';
import { makeCertificate } from '../../src/keys/certificates.ts';
import { createInstallation } from '../support/installation.ts';
import { missing } from '../support/parts.ts';

describe('the certificate that is served', { skip: missing('openssl') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-tls-'));
  after(() => rmSync(folder, { recursive: true }));
  const path = (file: string) => join(folder, file);
  const text = (file: string) => readFileSync(path(file), 'utf8');
  const openssl = (words: string) => execFileSync('openssl', words.split(' '), { cwd: folder, stdio: 'pipe' });
  const open = (certificateFile: string, keyFile: string) =>
    readTls({ certificateFile: path(certificateFile), keyFile: path(keyFile) });

  before(() => {
    const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
    openssl(`req -x509 ${key} -keyout ca.key -out ca.crt -days 300 -subj /CN=ca`);
    openssl(`req ${key} -keyout leaf.key -out leaf.csr -subj /CN=leaf`);
    openssl('x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -out leaf.crt');
    openssl('req -x509 -newkey rsa:1024 -nodes -keyout short.key -out short.crt -subj /CN=short');
    openssl('pkey -in leaf.key -aes128 -passout pass:x -out encrypted.key');
    openssl('x509 -in leaf.crt -outform DER -out der.crt');
    writeFileSync(path('chain.crt'), text('leaf.crt') + text('ca.crt'));
    writeFileSync(path('reversed.crt'), text('ca.crt') + text('leaf.crt'));
    writeFileSync(path('cut.key'), text('leaf.key').slice(0, 100));
    writeFileSync(path('cut.crt'), text('leaf.crt').replace(/(BEGIN CERTIFICATE-----\n.{20}).{30}/, '$1'));
    writeFileSync(path('empty'), '');
  });

  for (const [certificate, key, why] of [
    ['reversed.crt', 'leaf.key', /reversed\.crt: "CN=leaf", which belongs to the key, must come first/],
    ['chain.crt', 'ca.key', /chain\.crt: "CN=ca", which belongs to the key, must come first/],
    ['leaf.crt', 'ca.key', /leaf\.crt: the key does not belong to it, but to another than "CN=leaf"/],
    ['chain.crt', 'encrypted.key', /encrypted\.key: it has a passphrase: write it without one/],
    ['chain.crt', 'cut.key', /cut\.key: its private key is cut off or damaged \(|cut\.key: it holds no private key/],
    ['chain.crt', 'empty', /empty: it holds no private key in PEM/],
    ['empty', 'leaf.key', /empty: it holds no certificate in PEM/],
    ['der.crt', 'leaf.key', /der\.crt: it holds no certificate in PEM/],
    ['cut.crt', 'leaf.key', /cut\.crt: certificate 1 in it is damaged/],
    ['short.crt', 'short.key', /short\.crt: its RSA key of 1024 bits is too short: 2048 at least/],
    ['chain.crt', 'nowhere.key', /ENOENT.*nowhere\.key/],
  ] as const) {
    test(`${certificate} with ${key} is refused, with the reason`, async () => {
      await assert.rejects(open(certificate, key), (error: Error) => {
        assert.match(error.message, /^Dockpass can't serve TLS with .* TLS_CERTIFICATE_FILE names a certificate chain/);
        assert.match(error.message, why);
        return true;
      });
    });
  }

  test('one that has ended is served, with a warning in the log and in /readyz', async (t) => {
    const installation = createInstallation();
    t.after(() => installation.remove());
    const privateKey = createPrivateKey(text('leaf.key'));
    const self = { name: 'old', privateKey };
    const times = { notBefore: Date.parse('2020-01-01'), notAfter: Date.parse('2020-02-01') };
    const old = await makeCertificate({ subject: self, issuer: self, authority: false, ...times });
    writeFileSync(path('old.crt'), new X509Certificate(old).toString());
    const server = await installation.serve({
      PUBLIC_URL: 'https://localhost:5001',
      ...{ TLS_CERTIFICATE_FILE: path('old.crt'), TLS_KEY_FILE: path('leaf.key') },
    });
    t.after(() => server.stop());
    assert.match(server.output(), /"warn".*old\.crt that is served expired on 2020-02-01/);
    const request = get(`${server.url}/readyz`, { rejectUnauthorized: false });
    const [response] = await once(request, 'response');
    assert.match(await body(response), /old\.crt that is served expired on 2020-02-01/);
  });

  test('its end is warned of two weeks before, or in the last third of a short life', async () => {
    const day = 86_400_000;
    const { warnings } = await open('chain.crt', 'leaf.key');
    const now = Date.now();
    assert.deepEqual(warnings(now + 75 * day), []);
    assert.match(warnings(now + 77 * day).join(), /chain\.crt that is served expires on .* then restart Dockpass/);
    assert.match(warnings(now + 91 * day).join(), /chain\.crt that is served expired on/);
    openssl('x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -days 6 -out week.crt');
    const week = await open('week.crt', 'leaf.key');
    assert.deepEqual(week.warnings(now + 3 * day), []);
    assert.equal(week.warnings(now + 5 * day).length, 1);
  });
});
