/** `dockpass doctor` where everything is https and proxies stand in front: what they forget to say breaks push or sign-in. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type Finding, isProblem } from '../../src/doctor/finding.ts';
import { createInstallation, type Installation } from '../support/installation.ts';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { startRegistry } from '../support/registry.ts';
import { makeTlsFiles, startTlsProxy, type TlsFiles } from '../support/tls.ts';

const forwarded = { 'X-Forwarded-Proto': 'https' };

describe('dockpass doctor behind proxies', { skip: missing('docker-registry', 'openssl') }, () => {
  let dockpass: Installation;
  let files: TlsFiles;
  before(async () => {
    dockpass = createInstallation();
    files = await makeTlsFiles(dockpass.folder);
  });
  after(() => dockpass.remove());

  type Headers = Readonly<Record<string, string>>;
  /** Both behind a proxy that adds these headers. */
  const examined = async (t: TestContext, headers: { dockpass: Headers; registry: Headers }): Promise<Finding[]> => {
    const [port = 0, front = 0, registryPort = 0] = await freePorts(3);
    const publicUrl = `https://localhost:${front}`;
    const google = { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'x', GOOGLE_DOMAINS: 'example.com' };
    const environment = { PORT: String(port), PUBLIC_URL: publicUrl, TRUSTED_PROXIES: '127.0.0.1', ...google };
    const server = await dockpass.serve(environment);
    t.after(() => server.stop());
    const proxy = await startTlsProxy(server.url, files, headers.dockpass, front);
    t.after(() => proxy.close());
    const registry = await startRegistry({
      folder: join(dockpass.folder, `registry-${registryPort}`),
      port: registryPort,
      realm: `${publicUrl}/auth`,
      service: 'registry.example.com',
      issuer: new URL(publicUrl).host,
      certificateBundleFile: join(dockpass.folder, 'data', 'registry-bundle.pem'),
    });
    t.after(() => registry.stop());
    const registryProxy = await startTlsProxy(`http://127.0.0.1:${registryPort}`, files, headers.registry);
    t.after(() => registryProxy.close());
    const words = ['doctor', registryProxy.url, '--ca', files.certificate, '--json'];
    const { stdout, output } = await dockpass.command(words, environment);
    assert.ok(stdout.startsWith('{'), output);
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    return findings;
  };
  /** @returns what somebody has to do something about */
  const diagnose = async (t: TestContext, headers: { dockpass: Headers; registry: Headers }): Promise<Finding[]> =>
    (await examined(t, headers)).filter(isProblem);

  test('finds nothing wrong where both say that they were reached over https', async (t) => {
    assert.deepEqual(await diagnose(t, { dockpass: forwarded, registry: forwarded }), []);
  });
  test('a certificate that only --ca makes trusted is noted: not every Docker looks there', async (t) => {
    const notes = (await examined(t, { dockpass: forwarded, registry: forwarded })).filter(
      ({ status }) => status === 'note',
    );
    assert.match(
      notes.map(({ subject, message }) => `${subject}: ${message}`).join(),
      /^TLS: .*containerd image store.*docker build/,
    );
  });
  test('a registry that does not learn of https sends uploads to http', async (t) => {
    const [finding, ...others] = await diagnose(t, { dockpass: forwarded, registry: {} });
    assert.equal(finding?.subject, 'proxy header');
    assert.match(
      finding.message,
      /sends uploads to http:\/\/localhost:\d+, clients reach it at https:.*"X-Forwarded-Proto: https"/,
    );
    assert.deepEqual(others, []);
  });
  test('a registry that does not learn its own name sends uploads elsewhere', async (t) => {
    const headers = { ...forwarded, Host: 'registry.internal:5000' };
    const [finding, ...others] = await diagnose(t, { dockpass: forwarded, registry: headers });
    assert.match(
      `${finding?.subject}: ${finding?.message}`,
      /^proxy header: .*https:\/\/registry\.internal:5000.*Host header as it came/,
    );
    assert.deepEqual(others, []);
  });
  test('a Dockpass that does not learn of https lets no one sign in', async (t) => {
    const [finding, ...others] = await diagnose(t, { dockpass: {}, registry: forwarded });
    assert.match(`${finding?.subject}: ${finding?.message}`, /^proxy header: .*no one can sign in.*TRUSTED_PROXIES/);
    assert.deepEqual(others, []);
  });
});
