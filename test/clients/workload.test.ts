/** Registry clients that log in with an ID token and with an exchanged password, push and pull, and what each keeps of a login. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ClientWorld, startClientWorld } from '../support/client-world.ts';
import { startContainerd } from '../support/containerd.ts';
import { createCrane } from '../support/crane.ts';
import { asRegistryClient, startDockerEngine } from '../support/docker-engine.ts';
import { createHelm } from '../support/helm-client.ts';
import { startIssuer } from '../support/issuer.ts';
import { createOras } from '../support/oras.ts';
import { missing, notPackaged } from '../support/parts.ts';
import { startBuildah, startPodman } from '../support/podman.ts';
import { type RegistryClient, succeed } from '../support/registry-client.ts';
import { createSkopeo } from '../support/skopeo.ts';
import { exchangeForm } from '../support/workload-service.ts';

type Client = {
  readonly name: string;
  readonly skip: string | false;
  readonly start: (folder: string) => Promise<RegistryClient>;
  /** What its login file has where the service gives out identity tokens; `null`: it has none. */
  readonly keeps: 'identity token' | 'password' | null;
  /** Its login file, in its folder. */
  readonly file: string;
};

const registryOnly = missing('docker-registry');
const clients: readonly Client[] = [
  {
    name: 'Docker Engine and BuildKit',
    skip: missing('root', 'dockerd', 'docker', 'docker-registry'),
    start: async (folder) => asRegistryClient(await startDockerEngine(join(folder, 'engine'))),
    keeps: 'identity token',
    file: 'engine/client/config.json',
  },
  {
    name: 'podman',
    skip: missing('root', 'podman', 'docker-registry'),
    start: startPodman,
    keeps: 'password',
    file: 'podman-login.json',
  },
  {
    name: 'buildah',
    skip: missing('root', 'buildah', 'docker-registry'),
    start: startBuildah,
    keeps: 'password',
    file: 'buildah-login.json',
  },
  {
    name: 'ctr',
    skip: missing('root', 'containerd', 'ctr', 'docker-registry'),
    start: startContainerd,
    keeps: null,
    file: '',
  },
  {
    name: 'skopeo',
    skip: missing('skopeo', 'docker-registry'),
    start: async (folder) => createSkopeo(folder),
    keeps: 'password',
    file: 'skopeo-login.json',
  },
  {
    name: 'crane',
    skip: registryOnly || notPackaged('crane'),
    start: async (folder) => createCrane(folder),
    keeps: 'password',
    file: 'crane/config.json',
  },
  {
    name: 'oras',
    skip: registryOnly || notPackaged('oras'),
    start: async (folder) => createOras(folder),
    keeps: 'password',
    file: 'oras-login.json',
  },
  {
    name: 'helm',
    skip: registryOnly || notPackaged('helm'),
    start: async (folder) => createHelm(folder),
    keeps: 'password',
    file: 'helm-login.json',
  },
];

const audience = 'https://auth.example.com';
const policyText = `
acl:
  - match: { kind: ci, group: deployers, name: "acme/**" }
    actions: [pull, push]
`;

type Scene = {
  readonly world: ClientWorld;
  readonly stack: AsyncDisposableStack;
  sign(subject: string): Promise<string>;
};

async function startScene(t: TestContext, identityTokens: boolean): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const issuer = await startIssuer();
  stack.defer(() => issuer.stop());
  const rules = await mkdtemp(join(tmpdir(), 'dockpass-rules-'));
  stack.defer(() => rm(rules, { recursive: true }));
  await writeFile(join(rules, 'policy.yml'), policyText);
  await writeFile(
    join(rules, 'workloads.yml'),
    `issuers: { ci: { preset: oidc, issuer: "${issuer.url}", audience: "${audience}" } }
rules: [{ issuer: ci, match: { sub: web }, account: "ci:acme/web", groups: [deployers] }]`,
  );
  const world = await startClientWorld(stack, {
    POLICY_FILE: join(rules, 'policy.yml'),
    IDENTITY_TOKENS: String(identityTokens),
  });
  return { world, stack, sign: (subject) => issuer.sign({ aud: audience, sub: subject }) };
}

async function exchange(publicUrl: string, token: string): Promise<string> {
  const body = new URLSearchParams(exchangeForm(token));
  const answer = await fetch(`${publicUrl}/oauth/token`, { method: 'POST', body });
  return String(((await answer.json()) as { access_token: string }).access_token);
}

/** What a login file has for the registry. */
async function keptIn(file: string, registry: string): Promise<{ password: string; identityToken: string }> {
  const { auths } = JSON.parse(await readFile(file, 'utf8')) as {
    auths: Record<string, { auth?: string; identitytoken?: string }>;
  };
  const { auth = '', identitytoken: identityToken = '' } = auths[registry] ?? {};
  return {
    password: Buffer.from(auth, 'base64')
      .toString()
      .replace(/^[^:]*:/, ''),
    identityToken,
  };
}

for (const { name, skip, start, keeps, file } of clients) {
  // Off changes nothing for clients that never ask for one.
  for (const identityTokens of keeps === 'identity token' ? [false, true] : [true]) {
    test(`${name}, identity tokens ${identityTokens ? 'on' : 'off'}`, { skip }, async (t) => {
      const { world, stack, sign } = await startScene(t, identityTokens);
      const client = await start(world.folder);
      stack.defer(() => client.stop());
      const { registry, publicUrl } = world;
      const made = await client.make();
      for (const [what, secret] of [
        ['id-token', await sign('web')],
        ['exchanged', await exchange(publicUrl, await sign('web'))],
      ] as const) {
        const reference = `${registry}/acme/${what}:1`;
        await succeed(client.login(registry, 'oidc', secret));
        if (keeps !== null) {
          const { password, identityToken } = await keptIn(join(world.folder, file), registry);
          const isKept = identityTokens && keeps === 'identity token' && what === 'id-token';
          assert.match(identityToken, isKept ? /^dkj_/ : /^$/);
          assert.equal(password, isKept ? '' : secret);
        }
        await succeed(client.push(made, reference));
        await succeed(client.pull(reference));
        if (client.build) await succeed(client.build(reference, `${registry}/acme/built-${what}:1`));
        const denied = await client.push(made, `${registry}/other/${what}:1`);
        assert.notEqual(denied.code, 0);
        await client.logout(registry);
      }
      const login = await client.login(registry, 'oidc', await sign('stranger'));
      const outcome = client.checksLogins ? login : await client.pull(`${registry}/acme/exchanged:1`);
      assert.notEqual(outcome.code, 0);
    });
  }
}

const [docker, ...others] = clients;
for (const { name, skip, start, file } of others.filter(({ keeps }) => keeps !== null)) {
  const options = { skip: docker?.skip || skip };
  test(`${name} works with the identity token that docker login keeps for a job`, options, async (t) => {
    const { world, stack, sign } = await startScene(t, true);
    const { registry, folder } = world;
    const engine = asRegistryClient(await startDockerEngine(join(folder, 'engine')));
    stack.defer(() => engine.stop());
    await succeed(engine.login(registry, 'oidc', await sign('web')));
    const client = await start(folder);
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(join(folder, docker?.file ?? ''), join(folder, file));
    const reference = `${registry}/acme/shared:1`;
    await succeed(client.push(await client.make(), reference));
    await succeed(client.pull(reference));
  });
}
