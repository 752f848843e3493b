/** A real Kubernetes API server as an issuer: its keys by add-cluster and by discovery, its tokens at the realm and the exchange. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createInstallation } from '../support/installation.ts';
import { type KubeApiServer, noKubeApiServer, startKubeApiServer } from '../support/kube-api-server.ts';
import { audience, startWorkloadService, type WorkloadService } from '../support/workload-service.ts';

describe('a Kubernetes API server', { skip: noKubeApiServer }, () => {
  const stack = new AsyncDisposableStack();
  let api: KubeApiServer;
  /** What add-cluster wrote. */
  let keys: string;
  let added: string;

  const kubectl = async (...words: string[]) => {
    const { code, output } = await api.kubectl(words);
    assert.equal(code, 0, output);
  };
  const start = async (source: string, files: Readonly<Record<string, string>>): Promise<WorkloadService> => {
    const service = await startWorkloadService({
      files,
      workloadsText: `
issuers: { shop: { preset: kubernetes, issuer: "${api.url}", ${source} } }
rules:
  - issuer: shop
    match: { kubernetes.io.namespace: shop, kubernetes.io.serviceaccount.name: builder }
    groups: [deployers]
    lifetime: 5m
`,
    });
    stack.defer(() => service.stop());
    return service;
  };

  before(async () => {
    api = await startKubeApiServer(stack);
    for (const namespace of ['shop', 'other']) {
      await kubectl('create', 'namespace', namespace);
      for (const name of ['builder', 'stranger']) await kubectl('create', 'serviceaccount', name, '-n', namespace);
    }
    const installation = createInstallation();
    stack.defer(() => installation.remove());
    const ca = Buffer.from(api.ca).toString('base64');
    await writeFile(
      join(installation.folder, 'kubeconfig'),
      `
current-context: shop
contexts: [{ name: shop, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: "${api.url}", certificate-authority-data: ${ca} } }]
users: [{ name: u, user: { token: admin-token } }]
`,
    );
    const run = await installation.run(['workload', 'add-cluster', 'shop', '--kubeconfig', 'kubeconfig']);
    assert.equal(run.code, 0, run.output);
    added = run.output;
    keys = await readFile(join(installation.folder, 'shop.json'), 'utf8');
  });
  after(() => stack.disposeAsync());

  test('tells add-cluster its issuer and keys', () => {
    assert.ok(added.includes(`shop: { preset: kubernetes, issuer: "${api.url}", jwks_file: "shop.json" }`), added);
  });

  test('lets in the service account that a rule names, with the keys that add-cluster wrote, and nobody else', async () => {
    const service = await start('jwks_file: shop.json', { 'shop.json': keys });
    const token = await api.token('shop', 'builder', audience);
    for (const user of ['oidc', 'shop']) {
      const { status, claims, granted } = await service.login(token, { user });
      assert.deepEqual([status, claims?.sub], [200, 'ci:shop:shop/builder']);
      assert.deepEqual(granted, ['repository:acme/web:pull,push']);
    }
    // One token serves the pods of an hour.
    for (const _ of [1, 2]) {
      const { status, body } = await service.exchange(token);
      assert.equal(status, 200);
      assert.equal((await service.login(String(body['access_token']))).status, 200);
    }
    for (const [namespace, name, of, reason] of [
      ['shop', 'stranger', audience, 'no-rule'],
      ['other', 'builder', audience, 'no-rule'],
      ['shop', 'builder', undefined, 'audience'],
      ['shop', 'builder', 'https://other.example.com', 'audience'],
    ] as const) {
      assert.equal((await service.login(await api.token(namespace, name, of))).status, 401);
      assert.equal(service.judged.at(-1), `shop ${reason}`);
    }
  });

  test('tells its keys by discovery where its administrators allow that, and they need its own CA', async () => {
    const service = await start('ca_file: ca.pem', { 'ca.pem': api.ca });
    const login = async () => service.login(await api.token('shop', 'builder', audience));
    assert.equal((await login()).status, 503, 'it answers strangers with 403');
    const role = 'system:service-account-issuer-discovery';
    await kubectl('create', 'clusterrolebinding', 'all', `--clusterrole=${role}`, '--group=system:unauthenticated');
    const again = await start('ca_file: ca.pem', { 'ca.pem': api.ca });
    const answer = await again.login(await api.token('shop', 'builder', audience));
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const untrusting = await start('max_age: 1h', {});
    assert.equal((await untrusting.login(await api.token('shop', 'builder', audience))).status, 503);
  });
});
