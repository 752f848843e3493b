/** Registry clients that log in with an ID token, with an exchanged password, and with a job's identity token, and push and pull. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startClientWorld } from '../support/client-world.ts';
import { startContainerd } from '../support/containerd.ts';
import { createCrane } from '../support/crane.ts';
import { asRegistryClient, startDockerEngine } from '../support/docker-engine.ts';
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
};

const registryOnly = missing('docker-registry');
const clients: readonly Client[] = [
  {
    name: 'Docker Engine',
    skip: missing('root', 'dockerd', 'docker', 'docker-registry'),
    start: async (folder) => asRegistryClient(await startDockerEngine(join(folder, 'engine'))),
  },
  { name: 'podman', skip: missing('root', 'podman', 'docker-registry'), start: startPodman },
  { name: 'buildah', skip: missing('root', 'buildah', 'docker-registry'), start: startBuildah },
  { name: 'ctr', skip: missing('root', 'containerd', 'ctr', 'docker-registry'), start: startContainerd },
  { name: 'skopeo', skip: missing('skopeo', 'docker-registry'), start: async (folder) => createSkopeo(folder) },
  { name: 'crane', skip: registryOnly || notPackaged('crane'), start: async (folder) => createCrane(folder) },
  { name: 'oras', skip: registryOnly || notPackaged('oras'), start: async (folder) => createOras(folder) },
];

const policyText = `
acl:
  - match: { kind: ci, group: deployers, name: "acme/**" }
    actions: [pull, push]
`;

for (const { name, skip, start } of clients) {
  for (const identityTokens of ['false', 'true']) {
    test(`${name}, identity tokens ${identityTokens}`, { skip }, async (t) => {
      const stack = new AsyncDisposableStack();
      t.after(() => stack.disposeAsync());
      const issuer = await startIssuer();
      stack.defer(() => issuer.stop());
      const rules = await mkdtemp(join(tmpdir(), 'dockpass-rules-'));
      stack.defer(() => rm(rules, { recursive: true }));
      await writeFile(join(rules, 'policy.yml'), policyText);
      await writeFile(
        join(rules, 'workloads.yml'),
        `issuers: { ci: { preset: oidc, issuer: "${issuer.url}", audience: "https://auth.example.com" } }
rules: [{ issuer: ci, match: { sub: web }, account: "ci:acme/web", groups: [deployers] }]`,
      );
      const world = await startClientWorld(stack, {
        POLICY_FILE: join(rules, 'policy.yml'),
        IDENTITY_TOKENS: identityTokens,
      });
      const client = await start(world.folder);
      stack.defer(() => client.stop());
      const { registry, publicUrl } = world;
      const sign = () => issuer.sign({ aud: 'https://auth.example.com', sub: 'web' });
      const exchanged = async () => {
        const body = new URLSearchParams(exchangeForm(await sign()));
        const answer = await fetch(`${publicUrl}/oauth/token`, { method: 'POST', body });
        return String(((await answer.json()) as { access_token: string }).access_token);
      };
      const made = await client.make();
      for (const [what, secret] of [
        ['id-token', await sign()],
        ['exchanged', await exchanged()],
      ] as const) {
        const reference = `${registry}/acme/${what}:1`;
        await succeed(client.login(registry, 'oidc', secret));
        await succeed(client.push(made, reference));
        await succeed(client.pull(reference));
        const denied = await client.push(made, `${registry}/other/${what}:1`);
        assert.notEqual(denied.code, 0);
        await client.logout(registry);
      }
      const refused = await issuer.sign({ aud: 'https://auth.example.com', sub: 'stranger' });
      const login = await client.login(registry, 'oidc', refused);
      const outcome = client.checksLogins ? login : await client.pull(`${registry}/acme/exchanged:1`);
      assert.notEqual(outcome.code, 0);
    });
  }
}
