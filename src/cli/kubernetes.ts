/** Owns `dockpass kubernetes ...`: pulls without stored secrets, by the kubelet's own tokens or by secrets that are renewed. */
import { send } from '../kubernetes/api.ts';
import { exchangeToken } from '../kubernetes/exchange.ts';
import { formatNodeConfig, type Profile, profiles } from '../kubernetes/node-config.ts';
import { refreshSecrets } from '../kubernetes/refresh-secrets.ts';
import { readPod } from '../workload/cluster.ts';
import { anyIssuer, issuerNameProblem } from '../workload/issuer.ts';
import { type Command, textOf, UsageError, type Values } from './command.ts';
import { reply } from './output.ts';

export const kubernetesCommands: readonly Command[] = [
  {
    name: 'kubernetes config',
    usage: '--registry HOST [--audience URL] [--profile kubeadm|k3s|eks|kind] [--username NAME] [--json]',
    summary: 'Print what a cluster needs so that its kubelets pull with service account tokens',
    details: [
      'The plugin is deploy/kubernetes/dockpass-credential-provider. Copy it to the nodes before the configuration names it.',
    ],
    options: {
      registry: { type: 'string', value: 'HOST', help: 'as in the names of images: registry.example.com' },
      audience: { type: 'string', value: 'URL', help: 'of the tokens (default: PUBLIC_URL)' },
      profile: { type: 'string', value: 'NAME', help: 'where the kubelet looks for it (default: kubeadm)' },
      username: {
        type: 'string',
        value: 'NAME',
        help: 'the name of the issuer in the workloads file, if several have the same "iss" (default: oidc)',
      },
    },
    json: { fields: { config: 'the steps and files, as text' } },
    operands: [0, 0],
    async run(_operands, values, terminal) {
      const registry = registryOf(values);
      const audience = textOf(values, 'audience') ?? terminal.environment['PUBLIC_URL']?.replace(/\/$/, '');
      if (audience === undefined) throw new UsageError('--audience is missing, and PUBLIC_URL is not set.');
      const username = usernameOf(values);
      const config = formatNodeConfig({ registry, audience, username, profile: profileOf(values) });
      reply(terminal, values, { config }, [config]);
      return 0;
    },
  },
  {
    name: 'kubernetes refresh-secrets',
    usage: '--registry HOST --token-file FILE [--url URL] [--username NAME] [--json]',
    summary: 'Renew pull secrets in the namespaces of this cluster that ask for one; for a CronJob every five minutes',
    details: [
      'A namespace asks with the label dockpass-pull-secret=true and gets a secret of that name, which its pods name in imagePullSecrets.',
      'Only what is missing or past half its life is written; if the label is gone, the secret is deleted.',
    ],
    options: {
      registry: { type: 'string', value: 'HOST', help: 'as in the names of images: registry.example.com' },
      'token-file': {
        type: 'string',
        value: 'FILE',
        help: 'the projected service account token that is exchanged at Dockpass',
      },
      url: { type: 'string', value: 'URL', help: 'of Dockpass (default: PUBLIC_URL)' },
      username: { type: 'string', value: 'NAME', help: 'the name of the issuer in the workloads file (default: oidc)' },
    },
    json: {
      list: true,
      fields: { namespace: 'of the cluster', outcome: 'what was done', problem: 'why it failed, if it did' },
    },
    operands: [0, 0],
    async run(_operands, values, terminal) {
      const registry = registryOf(values);
      const tokenFile = textOf(values, 'token-file');
      if (tokenFile === null) throw new UsageError('--token-file is missing.');
      const url = (textOf(values, 'url') ?? terminal.environment['PUBLIC_URL'])?.replace(/\/$/, '');
      if (url === undefined) throw new UsageError('--url is missing, and PUBLIC_URL is not set.');
      const username = usernameOf(values);
      const cluster = await readPod(terminal.environment);
      const exchange = () => exchangeToken(send, { url, tokenFile, registry, username });
      const done = await refreshSecrets({ cluster, send, registry, exchange, now: Date.now });
      if (values['json'] === true) reply(terminal, values, done, []);
      else
        for (const { namespace, outcome, problem } of done) {
          (outcome === 'failed' ? terminal.err : terminal.out)(`${namespace}: ${problem ?? outcome}`);
        }
      return done.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
    },
  },
];

export function registryOf(values: Values): string {
  const registry = textOf(values, 'registry');
  if (registry === null) throw new UsageError('--registry is missing.');
  if (!/^[a-z0-9.-]+(:\d+)?$/.test(registry)) {
    throw new UsageError(
      `--registry takes a host as in the names of images, such as registry.example.com, not "${registry}".`,
    );
  }
  return registry;
}

/** Anything else would be refused at each pull, or break the plugin's answer. */
export function usernameOf(values: Values): string {
  const name = textOf(values, 'username') ?? anyIssuer;
  const problem = name === anyIssuer ? null : issuerNameProblem(name);
  if (problem === null) return name;
  throw new UsageError(`--username takes the name of the issuer in the workloads file: "${name}" ${problem}.`);
}

function profileOf(values: Values): Profile {
  const text = textOf(values, 'profile') ?? 'kubeadm';
  const profile = profiles.find((known) => known === text);
  if (profile === undefined) throw new UsageError(`--profile is one of ${profiles.join(', ')}, not "${text}".`);
  return profile;
}
