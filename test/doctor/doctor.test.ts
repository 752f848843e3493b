/** `dockpass doctor` before real registries, each wrong in one way: it names the setting, and shows the right section. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import type { Finding } from '../../src/doctor/finding.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { type RegistrySettings, startRegistry } from '../support/registry.ts';
import { makeTlsFiles } from '../support/tls.ts';

type Diagnosis = { readonly code: number | null; readonly findings: readonly Finding[]; readonly auth: object };

describe('dockpass doctor', { skip: missing('docker-registry', 'openssl') }, () => {
  let dockpass: Installation;
  let server: Server;
  let other: Installation;
  before(async () => {
    dockpass = createInstallation();
    const [port = 0] = await freePorts(1);
    Object.assign(dockpass.environment, { PORT: String(port), PUBLIC_URL: `http://localhost:${port}` });
    server = await dockpass.serve();
    other = createInstallation();
    await (await other.serve()).stop();
  });
  after(async () => {
    await server.stop();
    dockpass.remove();
    other.remove();
  });
  const publicUrl = (): string => dockpass.environment['PUBLIC_URL'] ?? '';
  const bundleOf = ({ folder }: Installation): string => join(folder, 'data', 'registry-bundle.pem');

  /** A registry as the doctor says that it should be, but for the changes. @returns its address */
  const start = async (t: TestContext, changes: Partial<RegistrySettings> = {}): Promise<string> => {
    const [port = 0] = await freePorts(1);
    const settings: RegistrySettings = {
      folder: join(dockpass.folder, `registry-${port}`),
      port,
      realm: `${publicUrl()}/auth`,
      service: 'registry.example.com',
      issuer: new URL(publicUrl()).host,
      certificateBundleFile: bundleOf(dockpass),
      ...changes,
    };
    const registry = await startRegistry(settings);
    t.after(() => registry.stop());
    return `${settings.tls ? 'https' : 'http'}://localhost:${port}`;
  };
  const diagnose = async (url: string, ...options: string[]): Promise<Diagnosis> => {
    const { code, stdout, output } = await dockpass.command(['doctor', url, '--json', ...options]);
    assert.ok(stdout.startsWith('{'), output);
    return { code, ...(JSON.parse(stdout) as Omit<Diagnosis, 'code'>) };
  };
  /** That exactly these subjects are not right, and what is said of the first. */
  const expect = ({ code, findings }: Diagnosis, subjects: readonly string[], message: RegExp): void => {
    const bad = findings.filter(({ status }) => status !== 'right');
    assert.deepEqual(
      bad.map(({ subject }) => subject),
      subjects,
      JSON.stringify(findings, null, 2),
    );
    assert.match(bad[0]?.message ?? '', message);
    assert.equal(code, 1);
  };

  test('finds nothing wrong with one that is right', async (t) => {
    const url = await start(t);
    const { code, findings } = await diagnose(url);
    assert.equal(code, 0, JSON.stringify(findings, null, 2));
    const subjects = ['address', 'service', 'realm', 'issuer', 'rootcertbundle', 'clock', 'proxy header'];
    assert.deepEqual(
      findings.map(({ subject }) => subject),
      subjects,
    );
  });
  test('prints for people, with a section that a registry takes', async (t) => {
    const broken = await dockpass.command(['doctor', await start(t, { issuer: 'elsewhere/' })]);
    const yaml = /\nauth:\n.*?(?=\n\n)/s.exec(broken.stdout)?.[0] ?? '';
    assert.deepEqual(parse(yaml), {
      auth: {
        token: {
          realm: `${publicUrl()}/auth`,
          service: 'registry.example.com',
          issuer: new URL(publicUrl()).host,
          rootcertbundle: bundleOf(dockpass),
        },
      },
    });
    assert.match(broken.stdout, /\nREGISTRY_AUTH_TOKEN_ISSUER=localhost:\d+\n/);
    const mended = await diagnose(await start(t, { auth: (parse(yaml) as { auth: object }).auth }));
    assert.equal(mended.code, 0);
    const lines = [...broken.stdout.matchAll(/^(REGISTRY_AUTH\w*)=(.*)$/gm)];
    const environment = Object.fromEntries(lines.map(([, name, value]) => [name, value])) as Record<string, string>;
    const before = { htpasswd: { realm: 'x', path: join(dockpass.folder, 'htpasswd') } };
    for (const auth of [{}, before]) {
      const byEnvironment = await diagnose(await start(t, { auth, environment }));
      assert.equal(byEnvironment.code, 0, JSON.stringify(byEnvironment.findings));
    }
  });

  const wrongSettings: [string, () => Partial<RegistrySettings>, string[], RegExp][] = [
    [
      'a realm whose host is nowhere',
      () => ({ realm: 'http://nowhere.invalid/auth' }),
      ['realm'],
      /nowhere\.invalid is not known.*auth\.token\.realm must be http:\/\/localhost:\d+\/auth$/,
    ],
    [
      'a realm where nothing listens',
      () => ({ realm: 'http://localhost:1/auth' }),
      ['realm'],
      /nothing listens on localhost:1/,
    ],
    [
      'a realm with another path',
      () => ({ realm: `${publicUrl()}/token` }),
      ['realm'],
      /answers 404, and not as Dockpass does\. auth\.token\.realm must be/,
    ],
    ['a realm without a scheme', () => ({ realm: 'localhost/auth' }), ['realm'], /isn't an absolute URL/],
    [
      'another service',
      () => ({ service: 'registry' }),
      ['service'],
      /auth\.token\.service is "registry", and SERVICES of Dockpass has "registry\.example\.com"/,
    ],
    [
      'an issuer with a slash too many',
      () => ({ issuer: `${new URL(publicUrl()).host}/` }),
      ['issuer'],
      /auth\.token\.issuer is set to "localhost:\d+\/", and Dockpass writes "localhost:\d+"/,
    ],
    ['the public URL for an issuer', () => ({ issuer: publicUrl() }), ['issuer'], /is set to "http:/],
    [
      'an issuer that no one would guess',
      () => ({ issuer: 'x9' }),
      ['issuer', 'rootcertbundle'],
      /this or rootcertbundle is wrong.*--registry-config/,
    ],
    [
      'the bundle of another Dockpass',
      () => ({ certificateBundleFile: bundleOf(other) }),
      ['issuer', 'rootcertbundle'],
      /this or rootcertbundle is wrong/,
    ],
    ['no auth section', () => ({ auth: {} }), ['auth'], /is open to everyone/],
    [
      'passwords of its own',
      () => ({ auth: { htpasswd: { realm: 'x', path: join(dockpass.folder, 'htpasswd') } } }),
      ['auth'],
      /auth\.htpasswd/,
    ],
  ];
  for (const [name, changes, subjects, message] of wrongSettings) {
    test(name, async (t) => expect(await diagnose(await start(t, changes())), subjects, message));
  }

  test('with its configuration file, an issuer that no one would guess', async (t) => {
    const url = await start(t, { issuer: 'x9' });
    const file = join(dockpass.folder, `registry-${new URL(url).port}`, 'registry.yml');
    expect(
      await diagnose(url, '--registry-config', file),
      ['issuer'],
      /is set to "x9", and Dockpass writes "localhost/,
    );
  });
  test('with a configuration file for passwords of its own, what to put in their place', async (t) => {
    const auth = { htpasswd: { realm: 'x', path: join(dockpass.folder, 'htpasswd') } };
    const url = await start(t, { auth });
    const file = join(dockpass.folder, `registry-${new URL(url).port}`, 'registry.yml');
    const diagnosis = await diagnose(url, '--registry-config', file);
    expect(diagnosis, ['auth', 'auth'], /asks for a password itself/);
    assert.match(diagnosis.findings.at(-1)?.message ?? '', /auth\.htpasswd: put the section below in its place/);
    assert.deepEqual(Object.keys(diagnosis.auth), ['realm', 'service', 'issuer', 'rootcertbundle']);
  });
  test('a file that is named and can’t be read is a failure', async (t) => {
    const url = await start(t);
    const file = join(dockpass.folder, `registry-${new URL(url).port}`, 'registry.yml');
    const words = ['doctor', url, '--registry-config', file, '--registry-bundle', '/nowhere.pem'];
    const { code, output } = await dockpass.command(words);
    assert.deepEqual([code, output.trimEnd()], [1, '/nowhere.pem cannot be read (ENOENT).']);
  });
  test('an issuer, where there is no workloads file', async () => {
    const { code, output } = await dockpass.command(['doctor', '--workload', 'x']);
    assert.equal(code, 1);
    assert.match(output, /^There is no workloads file \S+workloads\.yml: /);
  });
  test('with what env prints in its container, an issuer that no one would guess', async (t) => {
    const file = join(dockpass.folder, 'registry.env');
    const lines = [
      'PATH=/bin',
      'REGISTRY_AUTH_TOKEN_ISSUER=x9',
      `REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=${bundleOf(dockpass)}`,
    ];
    await writeFile(file, lines.join('\n'));
    const diagnosis = await diagnose(await start(t, { issuer: 'x9' }), '--registry-config', file);
    expect(diagnosis, ['issuer'], /is set to "x9", and Dockpass writes "localhost/);
  });
  test('with its configuration file, an issuer that was fixed there and not yet read', async (t) => {
    const url = await start(t, { issuer: publicUrl() });
    const file = join(dockpass.folder, `registry-${new URL(url).port}`, 'registry.yml');
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace(`issuer: ${publicUrl()}`, `issuer: ${new URL(publicUrl()).host}`),
    );
    expect(await diagnose(url, '--registry-config', file), ['auth'], /Restart it/);
  });
  test('with its configuration file, the bundle of another Dockpass', async (t) => {
    const url = await start(t, { certificateBundleFile: bundleOf(other) });
    const file = join(dockpass.folder, `registry-${new URL(url).port}`, 'registry.yml');
    const message = /holds CN=Dockpass CA \(SHA-256 .*Dockpass signs under CN=Dockpass CA.*restart the registry/;
    expect(await diagnose(url, '--registry-config', file), ['rootcertbundle'], message);
    const moved = ['--registry-bundle', bundleOf(dockpass)];
    expect(await diagnose(url, '--registry-config', file, ...moved), ['auth'], /Restart it/);
  });

  test('a registry that names itself as the realm, because of autoredirect', async (t) => {
    const environment = { REGISTRY_AUTH_TOKEN_AUTOREDIRECT: 'true' };
    const url = await start(t, { environment });
    expect(
      await diagnose(url),
      ['autoredirect'],
      /as auth\.token\.autoredirect: true makes it.*Set autoredirect: false and realm: /,
    );
  });
  test('its compose file, and the script that runs it, say as much as its own file', async (t) => {
    const url = await start(t, { issuer: 'nobody-guesses-this' });
    const variables = {
      REGISTRY_AUTH_TOKEN_ISSUER: 'nobody-guesses-this',
      REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE: bundleOf(dockpass),
    };
    const compose = join(dockpass.folder, 'compose.yaml');
    await writeFile(compose, JSON.stringify({ services: { registry: { environment: variables } } }));
    const script = join(dockpass.folder, 'run.sh');
    const options = Object.entries(variables).map(([name, value]) => `-e ${name}="${value}"`);
    await writeFile(script, `docker run -d -p 5000:5000 \\\n  ${options.join(' \\\n  ')} registry:2\n`);
    for (const file of [compose, script]) {
      expect(await diagnose(url, '--registry-config', file), ['issuer'], /issuer is set to "nobody-guesses-this"/);
    }
  });
  test('a realm that redirects', async (t) => {
    const front = createServer((_request, response) =>
      response.writeHead(301, { location: `${publicUrl()}/auth` }).end(),
    );
    front.listen(0, 'localhost');
    t.after(() => front.close());
    await new Promise((resolve) => front.once('listening', resolve));
    const { port } = front.address() as { port: number };
    const url = await start(t, { realm: `http://localhost:${port}/auth` });
    expect(
      await diagnose(url),
      ['redirect'],
      /is redirected to http:.*login works, push and pull do not.*Set the realm to/,
    );
  });
  test('a realm that is another Dockpass', async (t) => {
    const [port = 0] = await freePorts(1);
    const stranger = await other.serve({ PORT: String(port), PUBLIC_URL: `http://localhost:${port}` });
    t.after(() => stranger.stop());
    expect(await diagnose(await start(t, { realm: `${stranger.url}/auth` })), ['realm'], /a Dockpass with other keys/);
  });
  test('no keys, because it runs in another place', async (t) => {
    const { code, output } = await dockpass.command(['doctor', await start(t)], {
      DATA_DIR: join(dockpass.folder, 'empty'),
    });
    assert.equal(code, 1);
    assert.match(output, /There are no keys in .*empty.*DATA_DIR.* of the Dockpass in use/);
  });
  test('a file for --ca that holds no certificate', async () => {
    const file = join(dockpass.folder, 'ca.pem');
    for (const text of ['', 'hello', '-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----\n']) {
      await writeFile(file, text);
      const { code, output } = await dockpass.command(['doctor', 'localhost:1', '--ca', file]);
      assert.equal(code, 1);
      assert.match(output, /ca\.pem holds no certificate that can be read.*-----BEGIN CERTIFICATE-----/);
    }
  });
  test('a server whose headers are larger than any registry sends', async (t) => {
    const front = createServer((_request, response) => response.writeHead(401, { x: 'x'.repeat(100_000) }).end());
    front.listen(0, 'localhost');
    t.after(() => front.close());
    await new Promise((resolve) => front.once('listening', resolve));
    const { port } = front.address() as { port: number };
    const message = /headers are too large: this isn't a registry, or a proxy adds too much/;
    expect(await diagnose(`http://localhost:${port}`), ['address'], message);
  });
  test('nothing where the registry should be', async () => {
    expect(await diagnose('localhost:1'), ['address'], /nothing listens on localhost:1/);
    expect(await diagnose(publicUrl()), ['address'], /answers 404 without a challenge: this isn't a registry/);
  });

  describe('and TLS', () => {
    test('a certificate that is not trusted', async (t) => {
      const tls = await makeTlsFiles(dockpass.folder);
      const url = await start(t, { tls });
      expect(await diagnose(url), ['TLS', 'realm'], /not trusted here.*certs\.d.*--ca FILE/);
      const trusted = await diagnose(url, '--ca', tls.certificate);
      expect(trusted, ['realm'], /plain http: passwords would cross the network/);
    });
    test('a certificate that has expired', async (t) => {
      const tls = await makeTlsFiles(dockpass.folder, { days: -1 });
      const url = await start(t, { tls });
      expect(await diagnose(url, '--ca', tls.certificate), ['TLS', 'realm'], /expired on .* 20\d\d GMT/);
    });
    test('a certificate for another name', async (t) => {
      const tls = await makeTlsFiles(dockpass.folder, { names: 'DNS:registry.example.net' });
      const url = await start(t, { tls });
      const message = /is for registry\.example\.net, not for localhost.*subjectAltName.*http\.tls\.certificate/;
      expect(await diagnose(url, '--ca', tls.certificate), ['TLS', 'realm'], message);
    });
    test('https asked of a port that speaks http, and the reverse', async (t) => {
      const plain = await start(t);
      expect(await diagnose(plain.replace('http:', 'https:')), ['TLS'], /the port speaks plain http/);
      const secure = await start(t, { tls: await makeTlsFiles(dockpass.folder) });
      expect(await diagnose(secure.replace('https:', 'http:')), ['TLS'], /write https:\/\/ before it/);
    });
  });
});
