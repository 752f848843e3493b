/** Against a real Kubernetes API server: it accepts the charts and manifests without a warning, and the role of refresh-secrets is enough and no more. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { send } from '../../src/kubernetes/api.ts';
import { exchangeToken } from '../../src/kubernetes/exchange.ts';
import { refreshSecrets, secretName } from '../../src/kubernetes/refresh-secrets.ts';
import { noHelm, render } from '../support/helm.ts';
import { type KubeApiServer, noKubeApiServer, startKubeApiServer } from '../support/kube-api-server.ts';

/** What an API server of 1.20, the newest that Debian has the whole source of, called the same thing. */
const formerVersions: Readonly<Record<string, string>> = {
  PodDisruptionBudget: 'policy/v1beta1',
  CronJob: 'batch/v1beta1',
};
const least = { publicUrl: 'https://auth.example.com', services: ['registry.example.com'] };
const proxy = { trusted: ['10.42.0.0/16'] };
const matrix: Readonly<Record<string, object>> = {
  SQLite: {
    ...least,
    proxy,
    ingress: { enabled: true, tlsSecret: 't' },
    backup: { enabled: true },
    networkPolicy: { enabled: true },
  },
  PostgreSQL: { ...least, database: { existingSecret: 'd' }, secrets: { existingSecret: 's' }, replicaCount: 3 },
};

describe('a Kubernetes API server', { skip: noKubeApiServer || noHelm }, () => {
  const stack = new AsyncDisposableStack();
  let api: KubeApiServer;
  before(async () => {
    api = await startKubeApiServer(stack);
    for (const namespace of ['test', 'dockpass', 'shop']) await api.kubectl(['create', 'namespace', namespace]);
  });
  after(() => stack.disposeAsync());

  for (const [what, values] of Object.entries(matrix)) {
    test(`accepts the chart with ${what}, without a warning`, async () => {
      const manifests = (await render('dockpass', values)).map((manifest) => {
        return { ...manifest, apiVersion: formerVersions[manifest.kind] ?? manifest.apiVersion };
      });
      const words = ['apply', '--server-side', '--dry-run=server', '--validate=true', '--namespace', 'test', '-f', '-'];
      const { code, output } = await api.kubectl(words, manifests.map((manifest) => stringify(manifest)).join('---\n'));
      assert.equal(code, 0, output);
      assert.doesNotMatch(output, /warning/i);
    });
  }

  test('lets the role of refresh-secrets do its work, and nothing else', async () => {
    const manifest = readFileSync('deploy/kubernetes/refresh-secrets.yaml', 'utf8');
    const applied = await api.kubectl(['apply', '-f', '-'], manifest.replace('batch/v1\n', 'batch/v1beta1\n'));
    assert.equal(applied.code, 0, applied.output);
    await api.kubectl(['label', 'namespace', 'shop', `${secretName}=true`]);
    const token = await api.token('dockpass', 'dockpass-refresh-secrets');
    const cluster = { server: api.url, ca: api.ca, token, client: null };
    const state = { now: 0 };
    const run = () =>
      refreshSecrets({
        ...{ cluster, send, registry: 'registry.example.com', now: () => state.now },
        exchange: async () => ({ username: 'oidc', password: 'dkc_x', expiresIn: 3600 }),
      });
    assert.deepEqual(await run(), [{ namespace: 'shop', outcome: 'created' }]);
    const type = await api.kubectl(['get', 'secret', secretName, '-n', 'shop', '-o', 'jsonpath={.type}']);
    assert.equal(type.stdout, 'kubernetes.io/dockerconfigjson');
    assert.deepEqual(await run(), []);
    state.now = 45 * 60_000;
    assert.deepEqual(await run(), [{ namespace: 'shop', outcome: 'renewed' }]);
    await api.kubectl(['label', 'namespace', 'shop', `${secretName}-`]);
    assert.deepEqual(await run(), [{ namespace: 'shop', outcome: 'deleted' }]);

    const as = ['--as', 'system:serviceaccount:dockpass:dockpass-refresh-secrets', '-n', 'shop'];
    for (const forbidden of [
      ['list', 'secrets'],
      ['get', 'secrets/other'],
      ['update', 'serviceaccounts'],
      ['get', 'pods'],
    ]) {
      assert.match((await api.kubectl(['auth', 'can-i', ...forbidden, ...as])).stdout, /^no/, forbidden.join(' '));
    }
  });

  test('a projected token is sent to Dockpass in the form of RFC 8693', async () => {
    const folder = process.env['TMPDIR'] ?? '/tmp';
    const tokenFile = join(folder, `dockpass-token-${process.pid}`);
    writeFileSync(
      tokenFile,
      `${await api.token('dockpass', 'dockpass-refresh-secrets', 'https://auth.example.com')}\n`,
    );
    let form = new URLSearchParams();
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        form = new URLSearchParams(Buffer.concat(chunks).toString());
        response.end('{"access_token":"dkc_x","username":"oidc","expires_in":3600}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stack.defer(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const request = { url: `http://127.0.0.1:${port}`, tokenFile, registry: 'registry.example.com', username: 'shop' };
    assert.equal((await exchangeToken(send, request)).password, 'dkc_x');
    assert.equal(form.get('audience'), 'registry.example.com');
    assert.equal(form.get('username'), 'shop');
    assert.equal(form.get('subject_token')?.split('.').length, 3);
  });
});
