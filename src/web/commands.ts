/**
 * Owns the commands that a person pastes to use a new password. None holds the secret: each asks for it, so that no shell's
 * history has it. The one in one go holds it, and only ever writes it to a standard input: an argument would stand in the
 * process list, where every user of the machine reads it.
 */

export type Step = { readonly title: string; readonly code: string };

/** What one tool needs. */
export type Tool = {
  readonly key: string;
  readonly label: string;
  /** In order. */
  readonly steps: readonly Step[];
  /** In place of the first step: the same with the password in it, for where no one can type it. */
  readonly oneGo: string;
  /** A job shouldn't log in as a person. */
  readonly isCi: boolean;
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
    steps: [{ title: 'Run this, then paste the password when prompted', code: askedLogins(login, words) }],
    oneGo: unlisted(lines(login, `echo ${quote(login.secret)}`, words)),
    isCi: false,
  });
  return [
    terminal('docker', 'Docker', 'docker login'),
    terminal('podman', 'Podman', 'podman login'),
    terminal('skopeo', 'Skopeo', 'skopeo login'),
    terminal('helm', 'Helm', 'helm registry login'),
    terminal('nerdctl', 'containerd', 'nerdctl login'),
    kubernetes(login),
    gitHub(login),
    gitLab(login),
  ];
}

/** Shells that are set so keep no line in their history that begins with a space. */
function unlisted(command: string): string {
  return command.replaceAll(/^(?=echo |printf |kubectl )/gm, ' ');
}

/** In one statement: a second line would be read as the answer to the first question. */
function askedLogins(login: Login, words: string): string {
  return login.hosts.map((host) => logIn(login, words, host)).join(' &&\n');
}

/** Reads the secret without showing it, in bash and zsh, and hands it to a command that reads its standard input. */
function asked(pieces: string, command: string): string {
  return `read -rs SECRET && printf %s ${pieces} | ${command}; unset SECRET`;
}

/** One login a host, each fed by `source`. */
function lines(login: Login, source: string, words: string): string {
  return login.hosts.map((host) => `${source} | ${logIn(login, words, host)} --password-stdin`).join('\n');
}

function logIn({ user }: Login, words: string, host: string): string {
  return [words, quote(host), ...plainHttp(words, host), '-u', quote(user)].join(' ');
}

/** Docker takes a registry on loopback to be without TLS; the tools of containers/image need an option. */
export function plainHttp(words: string, host: string): string[] {
  const loopback = /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(host);
  return loopback && /^(podman|skopeo)/.test(words) ? ['--tls-verify=false'] : [];
}

/** `kubectl create secret docker-registry` takes the secret as an argument; a file is read from standard input. */
function kubernetes(login: Login): Tool {
  const name = `pull-${slug(login.hosts[0] ?? 'registry')}`;
  const create = `kubectl create secret generic ${name} --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=/dev/stdin`;
  const use = ['spec:', '  imagePullSecrets:', `    - name: ${name}`];
  return {
    key: 'kubernetes',
    label: 'Kubernetes',
    steps: [
      {
        title: 'Run this, paste the password and press Enter. It creates a pull secret in the current namespace',
        code: asked(dockerConfig(login), `${create} --dry-run=client -o yaml | kubectl apply -f -`),
      },
      { title: 'Reference it from your pods', code: use.join('\n') },
    ],
    oneGo: unlisted(manifest(login, name)),
    isCi: false,
  };
}

/** A `.dockerconfigjson` as words of a shell, with the variable wherever the secret belongs. */
function dockerConfig({ hosts, user }: Login): string {
  const mark = '\0';
  const auths = Object.fromEntries(hosts.map((host) => [host, { username: user, password: mark }]));
  const pieces = JSON.stringify({ auths }).split(JSON.stringify(mark).slice(1, -1));
  return pieces.map(quote).join(' "$SECRET" ');
}

function manifest({ hosts, user, secret }: Login, name: string): string {
  const auth = Buffer.from(`${user}:${secret}`).toString('base64');
  const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
  return [
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
  ].join('\n');
}

function gitHub(login: Login): Tool {
  const store = `gh secret set ${variable}`;
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
      { title: 'Run this in a clone of the repository, then paste the password when prompted', code: store },
      { title: 'Add a step to the workflow', code: workflow.join('\n') },
    ],
    oneGo: unlisted(piped(login, store)),
    isCi: true,
  };
}

function gitLab(login: Login): Tool {
  const store = `glab variable set ${variable} --masked`;
  const job = ['before_script:', '  - |', indent(lines(login, `echo "$${variable}"`, 'docker login'), 4)];
  return {
    key: 'gitlab',
    label: 'GitLab CI',
    steps: [
      {
        title: 'Run this in a clone of the project, paste the password and press Enter',
        code: asked('"$SECRET"', store),
      },
      { title: 'Log in before the job’s script', code: job.join('\n') },
    ],
    oneGo: unlisted(piped(login, store)),
    isCi: true,
  };
}

/** Without a line break at the end, which GitLab would refuse to mask. */
function piped({ secret }: Login, command: string): string {
  return `printf %s ${quote(secret)} | ${command}`;
}

function indent(text: string, width: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(width));
}

/** One word of a POSIX shell, whatever is in it; where it can be, in a way that PowerShell reads alike. */
export function quote(word: string): string {
  if (/^[\w%+:./-][\w@%+:./-]*$/.test(word)) return word;
  if (/^[\w@%+=:,./#&*()[\]{}?|~^<>;' -]*$/.test(word)) return `"${word}"`;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A name that Kubernetes takes: lower case, digits and dashes (RFC 1123). */
function slug(host: string): string {
  return host
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}
