/** A pod's pull as a kubelet 1.34 does it: a service account token to the plugin, its answer to containerd's CRI, which pulls from a real registry. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exportJWK, SignJWT } from 'jose';
import { ana, type ClientWorld, startClientWorld } from '../support/client-world.ts';
import { type Cri, startCri } from '../support/cri.ts';
import { type KubeApiServer, noKubeApiServer, startKubeApiServer } from '../support/kube-api-server.ts';
import { missing } from '../support/parts.ts';
import { runProgram } from '../support/process.ts';
import { main } from '../support/program.ts';
import { succeed } from '../support/registry-client.ts';
import { createSkopeo } from '../support/skopeo.ts';

const plugin = 'deploy/kubernetes/dockpass-credential-provider';
const policyText = `
groups: { platform: [${ana}] }
acl:
  - match: { group: platform }
    actions: ["*"]
  - match: { kind: ci, group: shop, name: "shop/**" }
    actions: [pull]
`;
const audience = 'https://auth.example.com';
const rules = `rules:
  - issuer: shop
    match: { kubernetes.io.namespace: shop, kubernetes.io.serviceaccount.name: puller }
    groups: [shop]
`;

type Scene = {
  readonly world: ClientWorld;
  readonly cri: Cri;
  /** What the kubelet does with the token of a pod and the image that it names. */
  pull(token: string, repository: string): ReturnType<Cri['pullImage']>;
};

/** @param issuer of the workloads file, `{ ... }`; files beside it are in `folder` */
async function startScene(stack: AsyncDisposableStack, issuer: string, folder: string): Promise<Scene> {
  await writeFile(join(folder, 'policy.yml'), policyText);
  await writeFile(join(folder, 'workloads.yml'), `issuers: { shop: ${issuer} }\n${rules}`);
  const world = await startClientWorld(stack, { POLICY_FILE: join(folder, 'policy.yml') });
  const { registry } = world;
  const { secret } = await world.newPassword(ana);
  const skopeo = createSkopeo(world.folder);
  await succeed(skopeo.login(registry, ana, secret));
  const image = await skopeo.make();
  for (const repository of ['shop/app', 'other/app']) await succeed(skopeo.push(image, `${registry}/${repository}:1`));
  const cri = await startCri(join(world.folder, 'cri'), stack);
  return {
    ...{ world, cri },
    async pull(token, repository) {
      const name = `${registry}/${repository}:1`;
      // pkg/credentialprovider/plugin/plugin.go: no annotations, as our configuration asks for none.
      const request = {
        kind: 'CredentialProviderRequest',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        image: name,
        serviceAccountToken: token,
      };
      const answered = await runProgram('sh', [plugin, '--registry', registry], {
        input: JSON.stringify(request),
        env: { PATH: '/usr/bin:/bin' },
      });
      assert.equal(answered.code, 0, answered.output);
      const { auth } = JSON.parse(answered.stdout) as { auth: Record<string, { username: string; password: string }> };
      const [[host = '', login] = []] = Object.entries(auth);
      assert.equal(host, registry);
      return cri.pullImage(name, login ?? assert.fail('no login'));
    },
  };
}

const skip = missing('root', 'containerd', 'docker-registry', 'skopeo');

describe("containerd's CRI with the answer of the plugin", { skip }, () => {
  const stack = new AsyncDisposableStack();
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const issuer = 'https://kubernetes.default.svc.cluster.local';
  let scene: Scene;

  /** As the API server of 1.34 signs it for a pod: the audience a list of one, no `typ`. */
  const sign = (namespace: string, account: string): Promise<string> =>
    new SignJWT({
      'kubernetes.io': {
        namespace,
        node: { name: 'n1', uid: 'b3ad0a5e-93c0-4b4f-a3a2-2b2a4f6a2f5e' },
        pod: { name: 'app-1', uid: 'a9fd3b44-1863-4e83-8b88-91bf93730968' },
        serviceaccount: { name: account, uid: '2a61ab86-e92d-4c0b-90e1-b1360e2da4e0' },
      },
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .setIssuer(issuer)
      .setSubject(`system:serviceaccount:${namespace}:${account}`)
      .setAudience([audience])
      .setJti('8b9ba3ae-0c4f-4d8e-b3ba-6b8f0f9d7e11')
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime('1h')
      .sign(privateKey);

  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dockpass-cluster-'));
    stack.defer(() => rm(folder, { recursive: true }));
    const keys = [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }];
    await writeFile(join(folder, 'shop.json'), JSON.stringify({ keys }));
    scene = await startScene(
      stack,
      `{ preset: kubernetes, issuer: "${issuer}", jwks_file: shop.json, audience: "${audience}" }`,
      folder,
    );
  });
  after(() => stack.disposeAsync());

  test('pulls what the account of the pod can pull, again and again with one token', async () => {
    const token = await sign('shop', 'puller');
    for (let times = 0; times < 2; times++) {
      const pulled = await scene.pull(token, 'shop/app');
      assert.ok(pulled.ok, JSON.stringify(pulled));
      assert.match(pulled.imageRef, /^sha256:[0-9a-f]{64}$/);
    }
  });

  const refused: Readonly<Record<string, readonly [namespace: string, account: string, repository: string]>> = {
    'a repository of others': ['shop', 'puller', 'other/app'],
    'the account of another namespace': ['other', 'puller', 'shop/app'],
    'another account of the namespace': ['shop', 'default', 'shop/app'],
  };
  for (const [what, [namespace, account, repository]] of Object.entries(refused)) {
    test(`does not pull with ${what}`, async () => {
      const pulled = await scene.pull(await sign(namespace, account), repository);
      assert.ok(!pulled.ok);
      assert.match(pulled.message, /authorization failed|401|insufficient_scope|denied/i);
    });
  }
});

describe('a token that a real API server signed', { skip: skip || noKubeApiServer }, () => {
  const stack = new AsyncDisposableStack();
  let api: KubeApiServer;
  let scene: Scene;
  let issuer: string;

  before(async () => {
    api = await startKubeApiServer(stack);
    for (const namespace of ['shop', 'other']) {
      await succeed(api.kubectl(['create', 'namespace', namespace]));
      await succeed(api.kubectl(['create', 'serviceaccount', 'puller', '--namespace', namespace]));
    }
    const folder = await mkdtemp(join(tmpdir(), 'dockpass-cluster-'));
    stack.defer(() => rm(folder, { recursive: true }));
    // As an operator makes Dockpass trust a cluster; any service account can ask for issuer and keys.
    const account = await api.token('shop', 'puller');
    await writeFile(join(folder, 'ca.crt'), api.ca);
    await writeFile(
      join(folder, 'kubeconfig'),
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [{ name: 'c', cluster: { server: api.url, 'certificate-authority': 'ca.crt' } }],
        users: [{ name: 'u', user: { token: account } }],
      }),
    );
    const env = {
      PATH: process.env['PATH'],
      POLICY_FILE: join(folder, 'policy.yml'),
      PUBLIC_URL: audience,
      SERVICES: 'x',
    };
    const added = await runProgram(
      process.execPath,
      [main, 'workload', 'add-cluster', 'shop', '--kubeconfig', join(folder, 'kubeconfig')],
      { cwd: folder, env },
    );
    assert.equal(added.code, 0, added.output);
    [, issuer = ''] = /shop: (\{.*\})/.exec(added.output) ?? [];
    scene = await startScene(stack, issuer.replace(/ \}$/, `, audience: "${audience}" }`), folder);
  });
  after(() => stack.disposeAsync());

  test('goes through plugin, CRI, realm and registry, and only for what its account can do', async () => {
    const token = await api.token('shop', 'puller', audience);
    const pulled = await scene.pull(token, 'shop/app');
    assert.ok(pulled.ok, JSON.stringify(pulled));
    assert.ok(!(await scene.pull(token, 'other/app')).ok);
    assert.ok(!(await scene.pull(await api.token('other', 'puller', audience), 'shop/app')).ok);
    assert.ok(!(await scene.pull(await api.token('shop', 'puller'), 'shop/app')).ok, 'a token for another audience');
  });
});
