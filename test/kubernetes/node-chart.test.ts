/** The chart dockpass-node, rendered by Helm: that it calls the installer as that wants it, with no right that it doesn't need. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readArguments } from '../../src/cli/arguments.ts';
import { kubernetesNodeCommands } from '../../src/cli/kubernetes-node.ts';
import { charts, helm, type Manifest, noHelm, render } from '../support/helm.ts';

const chart = join(charts, 'dockpass-node');
const least = { registry: 'registry.example.com', audience: 'https://auth.example.com' };
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

type Container = {
  readonly image: string;
  readonly args: readonly string[];
  readonly securityContext: { readonly capabilities: object; readonly allowPrivilegeEscalation: boolean };
};
type Pod = { readonly initContainers: readonly [Container]; readonly containers: readonly [Container] };

function podOf(manifests: readonly Manifest[]): Pod {
  const { spec } = manifests.find(({ kind }) => kind === 'DaemonSet') ?? assert.fail('no DaemonSet');
  const { template } = spec as { readonly template: { readonly spec: Pod } }; // apps/v1, DaemonSet
  return template.spec;
}

describe('the chart of the plugin', { skip: noHelm }, () => {
  for (const [what, values] of Object.entries({
    kubeadm: least,
    k3s: { ...least, profile: 'k3s', username: 'shop', nodeSelector: { pool: 'a' }, podLabels: { team: 'x' } },
    'keys without a value': {
      ...{ ...least, imagePullSecrets: null, resources: null, podAnnotations: null, podLabels: null },
      ...{ nodeSelector: null, tolerations: null },
    },
    'its removal': { ...least, remove: true },
  })) {
    test(`for ${what}: lints, renders the same bytes each time, and calls the command with words that it knows`, async () => {
      const linted = await helm(['lint', '--strict', chart], values);
      assert.equal(linted.code, 0, linted.output);
      const manifests = await render('dockpass-node', values);
      assert.deepEqual(await render('dockpass-node', values), manifests);
      const { initContainers, containers } = podOf(manifests);
      for (const { image, args, securityContext } of [...initContainers, ...containers]) {
        assert.equal(image, `ghcr.io/dockpass/dockpass:${version}`);
        const command = kubernetesNodeCommands.find(({ name }) => name === args.slice(0, 2).join(' '));
        assert.ok(command, args.join(' '));
        readArguments(command, args.slice(2));
        assert.deepEqual(securityContext.capabilities, { drop: ['ALL'], add: ['KILL'] });
        assert.equal(securityContext.allowPrivilegeEscalation, false);
      }
      assert.equal(containers[0].args.at(-1), '--stay');
    });
  }

  test('hands text to the command as it is, and to YAML only as text', async () => {
    const values = {
      ...least,
      audience: 'https://auth.example.com:',
      priorityClassName: '1e3',
      healthUrl: 'http://a/$$:',
    };
    const { containers } = podOf(await render('dockpass-node', values));
    assert.ok(containers[0].args.includes('--audience=https://auth.example.com:'));
    assert.ok(containers[0].args.includes('--health-url=http://a/$$$$:'), 'Kubernetes takes one of two dollars away');
  });

  test('its account can read nodes and its own Lease, and kubelets get tokens for the audience', async () => {
    const manifests = await render('dockpass-node', least);
    const rules = manifests.flatMap((manifest) => ('rules' in manifest ? (manifest.rules as object[]) : []));
    assert.deepEqual(rules, [
      { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
      { apiGroups: [''], resources: [least.audience], verbs: ['request-serviceaccounts-token-audience'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['release-dockpass-node'],
        verbs: ['get', 'update'],
      },
    ]);
    const lease = manifests.find(({ kind }) => kind === 'Lease');
    assert.equal(lease?.spec, undefined, 'an upgrade would take the turn from a node');
  });

  test('refuses what the installer would', async () => {
    for (const values of [
      {},
      { ...least, registry: 'https://x' },
      { ...least, profile: 'eks' },
      { ...least, profil: 'k3s' },
      { ...least, audience: 'https://a\n- --stay' },
      { ...least, nodeSelector: { 'kubernetes.io/os': 'windows' } },
      { ...least, podLabels: { 'app.kubernetes.io/instance': 'x' } },
      { ...least, fullnameOverride: 'Pulls' },
      { ...least, nameOverride: 'Pulls' },
      { ...least, nameOverride: 'a b', fullnameOverride: 'pulls' },
    ]) {
      const { code } = await helm(['template', 'r', chart], values);
      assert.notEqual(code, 0, JSON.stringify(values));
    }
    const old = await helm(['template', 'r', chart, '--kube-version', '1.33.0'], least);
    assert.match(old.output, /kubeVersion: >=1\.34/);
  });

  test('says how to watch it, and how to take it off', async () => {
    const { output } = await helm(['install', 'r', chart, '--dry-run=client'], least);
    assert.match(output, /rollout status[\s\S]*workload add-cluster[\s\S]*--set remove=true/);
  });

  test('has the version of the product', () => {
    const text = readFileSync(join(chart, 'Chart.yaml'), 'utf8');
    for (const field of ['version', 'appVersion']) assert.match(text, new RegExp(`^${field}: ${version}$`, 'm'));
  });
});
