/**
 * Owns the commands that a person pastes to use a new password. The secret is only ever written to a standard input:
 * an argument would stand in the process list, where every user of the machine reads it.
 */

export type Step = { readonly title: string; readonly code: string };

/** What one tool needs, in order. */
export type Tool = {
  readonly key: string;
  readonly label: string;
  readonly steps: readonly Step[];
  /** In place of the first step: the same command, asking for the secret, so that no shell's history has it. */
  readonly prompt: string | null;
};

export type Login = {
  /** As clients write them, with the port: `registry.example.com:5000`. */
  readonly hosts: readonly string[];
  readonly user: string;
  readonly secret: string;
};

/** The name that the secret gets where a CI system keeps it. */
const variable = 'REGISTRY_PASSWORD';

export function toolsFor(login: Login): readonly Tool[] {
  const terminal = (key: string, label: string, words: string): Tool => ({
    key,
    label,
    steps: [{ title: 'Paste this into a terminal', code: lines(login, `echo ${quote(login.secret)}`, words) }],
    prompt: login.hosts.map((host) => logIn(login, words, host)).join('\n'),
  });
  return [
    terminal('docker', 'Docker', 'docker login'),
    terminal('podman', 'Podman', 'podman login'),
    terminal('skopeo', 'Skopeo', 'skopeo login'),
    terminal('helm', 'Helm', 'helm registry login'),
    kubernetes(login),
    gitHub(login),
    gitLab(login),
  ];
}

/** One login a host, each fed by `source`. */
function lines(login: Login, source: string, words: string): string {
  return login.hosts.map((host) => `${source} | ${logIn(login, words, host)} --password-stdin`).join('\n');
}

function logIn({ user }: Login, words: string, host: string): string {
  return [words, quote(host), ...plainHttp(words, host), '-u', quote(user)].join(' ');
}

/** Docker takes a registry on loopback to be without TLS; the tools of containers/image want to be told. */
function plainHttp(words: string, host: string): string[] {
  const loopback = /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(host);
  return loopback && /^(podman|skopeo)/.test(words) ? ['--tls-verify=false'] : [];
}

/** `kubectl create secret docker-registry` takes the secret as an argument; a manifest is read from standard input. */
function kubernetes({ hosts, user, secret }: Login): Tool {
  const auth = Buffer.from(`${user}:${secret}`).toString('base64');
  const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
  const name = `pull-${slug(hosts[0] ?? 'registry')}`;
  const manifest = [
    `kubectl apply -f - <<'EOF'`,
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    `  name: ${name}`,
    'type: kubernetes.io/dockerconfigjson',
    'stringData:',
    '  .dockerconfigjson: |',
    `    ${JSON.stringify({ auths })}`,
    'EOF',
  ];
  const use = ['spec:', '  imagePullSecrets:', `    - name: ${name}`];
  return {
    key: 'kubernetes',
    label: 'Kubernetes',
    steps: [
      { title: 'Create the pull secret in the current namespace', code: manifest.join('\n') },
      { title: 'Name it in the pods that pull', code: use.join('\n') },
    ],
    prompt: null,
  };
}

function gitHub(login: Login): Tool {
  const workflow = [
    '- name: Log in to the registry',
    '  env:',
    `    ${variable}: \${{ secrets.${variable} }}`,
    '  run: |',
    indent(lines(login, `echo "$${variable}"`, 'docker login'), 4),
  ];
  return {
    key: 'github',
    label: 'GitHub Actions',
    steps: [
      { title: 'Store the secret, in a clone of the repository', code: store(login, `gh secret set ${variable}`) },
      { title: 'Add a step to the workflow', code: workflow.join('\n') },
    ],
    prompt: `gh secret set ${variable}`,
  };
}

function gitLab(login: Login): Tool {
  const job = ['before_script:', '  - |', indent(lines(login, `echo "$${variable}"`, 'docker login'), 4)];
  return {
    key: 'gitlab',
    label: 'GitLab CI',
    steps: [
      {
        title: 'Store the secret, in a clone of the project',
        code: store(login, `glab variable set ${variable} --masked`),
      },
      { title: 'Log in before the job’s script', code: job.join('\n') },
    ],
    prompt: null,
  };
}

/** Without a line break at the end, which GitLab would refuse to mask. */
function store({ secret }: Login, command: string): string {
  return `printf %s ${quote(secret)} | ${command}`;
}

function indent(text: string, width: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(width));
}

/** One word of a POSIX shell, whatever is in it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A name that Kubernetes takes: lower case, digits and dashes (RFC 1123). */
function slug(host: string): string {
  return host
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}
