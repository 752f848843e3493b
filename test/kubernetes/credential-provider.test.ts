/** The kubelet's plugin, called as the kubelet calls it: what it answers, what it refuses, and that a token stays where it belongs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { findProgram } from '../support/parts.ts';
import { runProgram } from '../support/process.ts';
import { main } from '../support/program.ts';

const plugin = 'deploy/kubernetes/dockpass-credential-provider';
const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c2hvcDpwdWxsZXIifQ.c2lnbmF0dXJl';
const version = 'credentialprovider.kubelet.k8s.io/v1';
const request = {
  kind: 'CredentialProviderRequest',
  apiVersion: version,
  image: 'registry.example.com/team/app:1',
  serviceAccountToken: token,
};

/** Shells of nodes: dash and bash of Debian and others, BusyBox of small systems, mksh. */
const shells = [['sh'], ['bash', '--posix'], ['busybox', 'sh'], ['mksh']].filter(([name = '']) => findProgram(name));

for (const [name = '', ...options] of shells) {
  describe(`the credential provider in ${[name, ...options].join(' ')}`, () => {
    const call = (input: object | string, args: readonly string[] = ['--registry', 'registry.example.com']) =>
      runProgram(findProgram(name) ?? name, [...options, plugin, ...args], {
        input: typeof input === 'string' ? input : JSON.stringify(input),
        env: { PATH: '/usr/bin:/bin' },
      });

    test('answers with the token for exactly that registry, and lets nothing be cached', async () => {
      const { code, stdout, output } = await call(request);
      assert.equal(code, 0, output);
      assert.deepEqual(JSON.parse(stdout), {
        kind: 'CredentialProviderResponse',
        apiVersion: version,
        cacheKeyType: 'Image',
        cacheDuration: '0s',
        auth: { 'registry.example.com': { username: 'oidc', password: token } },
      });
    });

    test('reads JSON however it is laid out, a registry with a port, and another user name', async () => {
      const image = 'registry.example.com:5000/a';
      const args = ['--registry', 'registry.example.com:5000', '--username', 'shop'];
      const { stdout } = await call(JSON.stringify({ ...request, image }, null, 2), args);
      assert.deepEqual(JSON.parse(stdout).auth, { 'registry.example.com:5000': { username: 'shop', password: token } });
    });

    const refused: Readonly<Record<string, readonly [request: object | string, says: RegExp]>> = {
      'an image of another registry': [{ ...request, image: 'registry.example.com.evil.example/a' }, /is not on/],
      'an image whose path is the registry': [
        { ...request, image: 'evil.example/registry.example.com/a' },
        /is not on/,
      ],
      'a request without a token': [{ ...request, serviceAccountToken: undefined }, /kubelet 1\.34 or newer/],
      'an older version of the contract': [{ ...request, apiVersion: `${version}beta1` }, /unknown API version/],
      'annotations, which people write': [
        { ...request, serviceAccountAnnotations: { image: 'registry.example.com/a' } },
        /remove the annotation keys/,
      ],
      'an escaped quote': [{ ...request, image: 'evil.example/","image":"registry.example.com/a' }, /escaped/],
      'a token that is none': [{ ...request, serviceAccountToken: 'a b' }, /malformed/],
      'what is no JSON': ['<html>', /unknown API version/],
    };
    for (const [what, [input, says]] of Object.entries(refused)) {
      test(`refuses ${what}, and keeps the token to itself`, async () => {
        const { code, stdout, output } = await call(input);
        assert.notEqual(code, 0);
        assert.equal(stdout, '');
        assert.match(output, says);
        assert.ok(!output.includes(token));
      });
    }

    test('says how it is called', async () => {
      for (const args of [[], ['--registry'], ['--registrie', 'x']])
        assert.notEqual((await call(request, args)).code, 0);
    });
  });
}

describe('dockpass kubernetes config', () => {
  const config = (...words: readonly string[]) =>
    runProgram(process.execPath, [main, 'kubernetes', 'config', ...words], { env: { PATH: '/usr/bin:/bin' } });
  const least = ['--registry', 'registry.example.com', '--audience', 'https://auth.example.com'];

  for (const profile of ['kubeadm', 'k3s', 'eks', 'kind']) {
    test(`for ${profile} prints a configuration that calls the plugin with tokens for Dockpass, and the RBAC for them`, async () => {
      const { code, stdout, output } = await config(...least, '--profile', profile);
      assert.equal(code, 0, output);
      const [, , nodes = '', , cluster = '', rules = ''] = stdout.split(/^# \d\. .*$/m);
      const { providers } = parse(nodes);
      assert.deepEqual(providers[0].tokenAttributes, {
        serviceAccountTokenAudience: 'https://auth.example.com',
        cacheType: 'Token',
        requireServiceAccount: true,
      });
      assert.deepEqual(providers[0].matchImages, ['registry.example.com']);
      const [role, binding] = parseAllDocuments(cluster).map((document) => document.toJS());
      assert.deepEqual(role.rules[0].resources, ['https://auth.example.com']);
      assert.deepEqual(role.rules[0].verbs, ['request-serviceaccounts-token-audience']);
      assert.equal(binding.subjects[0].name, 'system:nodes');
      assert.equal(parse(rules).rules[0].issuer, 'cluster');
    });
  }

  test('what it prints is what the plugin accepts', async () => {
    const { stdout } = await config(...least);
    const [, , nodes = ''] = stdout.split(/^# \d\. .*$/m);
    const [provider] = parse(nodes).providers;
    const answered = await runProgram('sh', [plugin, ...provider.args], { input: JSON.stringify(request) });
    assert.equal(answered.code, 0, answered.output);
    assert.ok(plugin.endsWith(`/${provider.name}`));
    assert.equal(provider.apiVersion, version);
  });

  test('a profile or a registry that is none is named', async () => {
    assert.match((await config(...least, '--profile', 'gke')).output, /kubeadm, k3s, eks, kind/);
    assert.match((await config('--registry', 'https://x', '--audience', 'y')).output, /as in the names of images/);
  });

  test('a user name that no issuer can have is refused before it is on every node, and by the plugin', async () => {
    assert.equal((await config(...least, '--username', 'shop-1')).code, 0);
    for (const name of ['Shop', 'a"b', 'robot-x']) {
      const { code, output } = await config(...least, '--username', name);
      assert.equal(code, 2);
      assert.match(output, /^--username takes the name of the issuer in the workloads file/);
    }
    const words = ['--registry', 'registry.example.com', '--username', 'a"b'];
    const answered = await runProgram('sh', [plugin, ...words], { input: JSON.stringify(request) });
    assert.equal(answered.code, 1);
    assert.match(answered.output, /--username takes oidc or the name of an issuer, not "a"b"/);
  });
});
