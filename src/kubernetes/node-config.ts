/** Owns what a cluster needs so that kubelets pull with service account tokens: provider configuration, flags, RBAC, the rule here. */
import { stringify } from 'yaml';

export type Profile = 'kubeadm' | 'k3s' | 'eks' | 'kind';
export const profiles: readonly Profile[] = ['kubeadm', 'k3s', 'eks', 'kind'];
/** Where the installer works. */
export type NodeProfile = 'kubeadm' | 'k3s';

export type NodeSettings = {
  /** `registry.example.com`, as in the names of images. */
  readonly registry: string;
  /** What tokens are for: that of the issuer in the workloads file. */
  readonly audience: string;
  /** The docker user name: `oidc`, or the name of the issuer in the workloads file. */
  readonly username: string;
  readonly profile: Profile;
};

/** Of the plugin's file, and of its entry in the kubelet's configuration: the kubelet wants them to be the same. */
export const providerName = 'dockpass-credential-provider';

type Place = { readonly config: string; readonly bin: string; readonly flags: readonly string[] };

/** Where the kubelet of each looks, and what has to be done for it to look there. */
export function placeOf(profile: Profile): Place {
  if (profile === 'k3s') {
    const folder = '/var/lib/rancher/credentialprovider';
    return {
      config: `${folder}/config.yaml`,
      bin: `${folder}/bin`,
      flags: ['k3s looks there by itself: restart k3s or k3s-agent.'],
    };
  }
  if (profile === 'eks') {
    const folder = '/etc/eks/image-credential-provider';
    return {
      config: `${folder}/config.json`,
      bin: folder,
      flags: [
        'The kubelet looks there already: add the entry of "providers" to those in the file, then restart the kubelet.',
      ],
    };
  }
  const folder = '/etc/kubernetes/credential-provider';
  const [config, bin] = [`${folder}/config.yaml`, `${folder}/bin`];
  const flags = [`--image-credential-provider-config=${config}`, `--image-credential-provider-bin-dir=${bin}`];
  return { config, bin, flags: [...flagHelp[profile], ...flags.map((flag) => `  ${flag}`)] };
}

const flagHelp = {
  kubeadm: [
    'In KUBELET_EXTRA_ARGS of /etc/default/kubelet (Debian) or /etc/sysconfig/kubelet, then restart the kubelet:',
  ],
  kind: ['In the cluster configuration: extraMounts for the folder, and kubeletExtraArgs of a kubeadm patch:'],
} as const;

/** CredentialProviderConfig, kubelet.config.k8s.io/v1; an unknown field would stop the kubelet. */
export function providerConfig({ registry, audience, username }: NodeSettings) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [
      {
        name: providerName,
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        matchImages: [registry],
        // Each pod has its own token: a cached one would give a pod what another may do.
        defaultCacheDuration: '0s',
        args: ['--registry', registry, '--username', username],
        tokenAttributes: { serviceAccountTokenAudience: audience, cacheType: 'Token', requireServiceAccount: true },
      },
    ],
  };
}

/** Without it the API server refuses the kubelet a token for this audience (ServiceAccountNodeAudienceRestriction). */
export function rbac({ audience }: NodeSettings): readonly object[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  const metadata = { name: providerName };
  return [
    {
      ...{ apiVersion: `${apiGroup}/v1`, kind: 'ClusterRole', metadata },
      rules: [{ apiGroups: [''], resources: [audience], verbs: ['request-serviceaccounts-token-audience'] }],
    },
    {
      ...{ apiVersion: `${apiGroup}/v1`, kind: 'ClusterRoleBinding', metadata },
      roleRef: { apiGroup, kind: 'ClusterRole', name: providerName },
      subjects: [{ apiGroup, kind: 'Group', name: 'system:nodes' }],
    },
  ];
}

/** For the workloads file, beside the issuer that `workload add-cluster` prints. */
function workloadRule({ username }: NodeSettings): object {
  const issuer = username === 'oidc' ? 'cluster' : username;
  const match = { 'kubernetes.io.namespace': 'shop', 'kubernetes.io.serviceaccount.name': '*' };
  return { rules: [{ issuer, match, groups: ['shop'] }] };
}

/** All of it, each part under a comment that says where it goes. */
export function formatNodeConfig(settings: NodeSettings): string {
  const { config, bin, flags } = placeOf(settings.profile);
  const yaml = (value: object): string => stringify(value, { lineWidth: 0 }).trimEnd();
  const text = config.endsWith('.json')
    ? JSON.stringify(providerConfig(settings), null, 2)
    : yaml(providerConfig(settings));
  return [
    `# 1. On each node (Kubernetes 1.34 or newer): ${bin}/${providerName}, mode 0755, before the configuration names it.`,
    `# 2. On each node: ${config}\n${text}`,
    `# 3. ${flags.join('\n#    ')}`,
    `# 4. In the cluster: kubectl apply -f -\n${rbac(settings).map(yaml).join('\n---\n')}`,
    `# 5. In Dockpass's workloads file, after dockpass workload add-cluster: what each namespace can do\n${yaml(workloadRule(settings))}`,
  ].join('\n\n');
}
