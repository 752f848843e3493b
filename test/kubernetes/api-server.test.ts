/** Against a real Kubernetes API server: it accepts the charts and manifests without a warning, and the role of refresh-secrets is enough and no more. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { callCluster, send } from '../../src/kubernetes/api.ts';
import { exchangeToken } from '../../src/kubernetes/exchange.ts';
import { inTurn } from '../../src/kubernetes/lease.ts';
import { refreshSecrets, secretName } from '../../src/kubernetes/refresh-secrets.ts';
import { type Manifest, noHelm, render } from '../support/helm.ts';
import { type KubeApiServer, noKubeApiServer, startKubeApiServer } from '../support/kube-api-server.ts';
import { runProgram } from '../support/process.ts';
import { main } from '../support/program.ts';

/** What an API server of 1.20, the newest that Debian has the whole source of, called the same thing. */
const formerVersions: Readonly<Record<string, string>> = {
  PodDisruptionBudget: 'policy/v1beta1',
  CronJob: 'batch/v1beta1',
};
const least = { publicUrl: 'https://auth.example.com', services: ['registry.example.com'] };
const proxy = { trusted: ['10.42.0.0/16'] };
const node = { registry: 'registry.example.com', audience: 'https://auth.example.com' };
/** HTTPRoute and ServiceMonitor are left out: no server has them by itself. */
const matrix: Readonly<Record<string, readonly [chart: string, values: object]>> = {
  'dockpass with SQLite': [
    'dockpass',
    {
      ...least,
      proxy,
      ingress: { enabled: true, tlsSecret: 't' },
      backup: { enabled: true },
      networkPolicy: { enabled: true, from: [{ namespaceSelector: {} }], egress: [{ ports: [{ port: 5432 }] }] },
      settings: { TOKEN_LIFETIME: 600, IDENTITY_TOKENS: true },
    },
  ],
  'dockpass with PostgreSQL': [
    'dockpass',
    { ...least, database: { existingSecret: 'd' }, secrets: { existingSecret: 's' }, replicaCount: 3 },
  ],
  'dockpass-node for kubeadm': ['dockpass-node', node],
  'dockpass-node, taking it off k3s': ['dockpass-node', { ...node, profile: 'k3s', remove: true }],
};

/** As the server of 1.20 knows it: `appArmorProfile` is of 1.30, and without it the rest is checked. */
function asFormerly(manifest: Manifest): string {
  const former = { ...manifest, apiVersion: formerVersions[manifest.kind] ?? manifest.apiVersion };
  return stringify(
    JSON.parse(JSON.stringify(former, (key, value: unknown) => (key === 'appArmorProfile' ? undefined : value))),
  );
}

describe('a Kubernetes API server', { skip: noKubeApiServer || noHelm }, () => {
  const stack = new AsyncDisposableStack();
  let api: KubeApiServer;
  before(async () => {
    api = await startKubeApiServer(stack);
    for (const namespace of ['test', 'dockpass', 'shop']) await api.kubectl(['create', 'namespace', namespace]);
  });
  after(() => stack.disposeAsync());

  const apply = (text: string, namespace = 'test') =>
    api.kubectl(['apply', '--server-side', '--validate=true', '--namespace', namespace, '-f', '-'], text);

  for (const [what, [chart, values]] of Object.entries(matrix)) {
    test(`takes what Helm renders of ${what}, without a warning, and again without a conflict`, async () => {
      const namespace = what.toLowerCase().replaceAll(/\W+/g, '-');
      await api.kubectl(['create', 'namespace', namespace]);
      const text = (await render(chart, values)).map(asFormerly).join('---\n');
      for (let times = 0; times < 2; times++) {
        const { code, output } = await apply(text, namespace);
        assert.equal(code, 0, output);
        assert.doesNotMatch(output, /warning|conflict/i);
        assert.match(output, /serverside-applied/);
      }
    });
  }

  test('takes what kubernetes config prints for the cluster', async () => {
    const words = ['kubernetes', 'config', '--registry', node.registry, '--audience', node.audience];
    const { stdout } = await runProgram(process.execPath, [main, ...words]);
    const [, , , , cluster = ''] = stdout.split(/^# \d\. .*$/m);
    const { code, output } = await apply(cluster);
    assert.equal(code, 0, output);
  });

  test('lets the account of dockpass-node see its node and take its turn, and nothing else', async () => {
    await apply((await render('dockpass-node', node)).map(asFormerly).join('---\n'));
    const made = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
    const created = await api.kubectl(['create', '-f', '-'], JSON.stringify(made));
    assert.equal(created.code, 0, created.output);
    const token = await api.token('test', 'release-dockpass-node');
    const parts = { cluster: { server: api.url, ca: api.ca, token, client: null }, send };
    assert.equal((await callCluster(parts, 'GET', '/api/v1/nodes/n1')).status, 200);
    assert.equal((await callCluster(parts, 'GET', '/api/v1/nodes')).status, 403);

    let [working, most] = [0, 0];
    const clock = { now: Date.now, sleep: () => sleep(20) };
    const turns = ['n1', 'n2', 'n3'].map((holder) =>
      inTurn(
        { ...parts, clock, lease: 'test/release-dockpass-node', holder, fingerprint: 'a', concernsAll: () => true },
        async () => {
          most = Math.max(most, ++working);
          await sleep(50);
          working--;
        },
      ),
    );
    await Promise.all(turns);
    assert.equal(most, 1);
    const as = ['--as', 'system:serviceaccount:test:release-dockpass-node', '-n', 'test'];
    for (const forbidden of [
      ['create', 'leases'],
      ['delete', 'leases/release-dockpass-node'],
      ['get', 'secrets'],
      ['update', 'nodes'],
    ]) {
      assert.match((await api.kubectl(['auth', 'can-i', ...forbidden, ...as])).stdout, /^no/, forbidden.join(' '));
    }
  });

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
