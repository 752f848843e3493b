/** Owns the files that hold a login: what registry clients, a cluster and its nodes read instead of asking. Each has the password in it. */
import type { Login } from './login-lines.ts';

export type LoginFile = {
  /** As it's saved: `config.json`. */
  readonly name: string;
  readonly text: string;
};

/** What `docker login` writes, which every client that reads Docker's logins takes. */
export function dockerConfig(login: Login): LoginFile {
  return { name: 'config.json', text: `${JSON.stringify({ auths: auths(login) }, null, 2)}\n` };
}

/** @param name of the secret in the cluster */
export function secretManifest(login: Login, name: string): LoginFile {
  const lines = [
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    `  name: ${name}`,
    'type: kubernetes.io/dockerconfigjson',
    'stringData:',
    '  .dockerconfigjson: |',
    `    ${JSON.stringify({ auths: auths(login) })}`,
  ];
  return { name: 'secret.yaml', text: `${lines.join('\n')}\n` };
}

/** What k3s gives the containerd of a node. A text in JSON is the same text in YAML. */
export function nodeRegistries({ hosts, user, secret }: Login): LoginFile {
  const entry = (host: string): string[] => [
    `  ${JSON.stringify(host)}:`,
    '    auth:',
    `      username: ${JSON.stringify(user)}`,
    `      password: ${JSON.stringify(secret)}`,
  ];
  return { name: 'registries.yaml', text: `${['configs:', ...hosts.flatMap(entry)].join('\n')}\n` };
}

/**
 * A template of credentials for the Helm charts of each registry, whose address Argo CD compares without a scheme
 * (https://argo-cd.readthedocs.io/en/stable/operator-manual/argocd-repo-creds-yaml/).
 * @param name of the first secret in the cluster; the next ones are counted
 */
export function argoCredentials({ hosts, user, secret }: Login, name: string): LoginFile {
  const template = (host: string, index: number): string =>
    [
      'apiVersion: v1',
      'kind: Secret',
      'metadata:',
      `  name: ${index === 0 ? name : `${name}-${index + 1}`}`,
      '  labels:',
      '    argocd.argoproj.io/secret-type: repo-creds',
      'stringData:',
      '  type: helm',
      '  enableOCI: "true"',
      `  url: ${JSON.stringify(host)}`,
      `  username: ${JSON.stringify(user)}`,
      `  password: ${JSON.stringify(secret)}`,
      '',
    ].join('\n');
  return { name: 'argocd-repo-creds.yaml', text: hosts.map(template).join('---\n') };
}

function auths({ hosts, user, secret }: Login): Record<string, { auth: string }> {
  const auth = Buffer.from(`${user}:${secret}`).toString('base64');
  return Object.fromEntries(hosts.map((host) => [host, { auth }]));
}
