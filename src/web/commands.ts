/** Owns the commands that a person pastes to use a new password, for each tool, grouped by where the tool runs. */
import { argoCredentials, dockerConfig, type LoginFile, nodeRegistries, secretManifest } from './login-files.ts';
import { asked, askedLogins, type Login, lines, logIn, piped, quote, unlisted } from './login-lines.ts';

export type Step = { readonly title: string; readonly code: string };

/** What one tool needs. */
export type Tool = {
  readonly key: string;
  readonly label: string;
  /** The file that the tool reads; it holds the password. */
  readonly file: LoginFile | null;
  /** In order, after the file where there is one. */
  readonly steps: readonly Step[];
  /** In place of the first step: the same with the password in it, for where no one can type it. `null` beside a file. */
  readonly oneGo: string | null;
  /** A job shouldn't log in as a person. */
  readonly isCi: boolean;
};

/** Where the tools run. */
export type ToolGroup = { readonly key: string; readonly label: string; readonly tools: readonly Tool[] };

/** The name that the secret gets where a CI system keeps it. */
const variable = 'REGISTRY_PASSWORD';

export function toolGroups(login: Login): readonly ToolGroup[] {
  const secretName = `pull-${slug(login.hosts[0] ?? 'registry')}`;
  return [
    { key: 'machine', label: 'This machine', tools: machineTools(login) },
    {
      key: 'cluster',
      label: 'Kubernetes',
      tools: [
        kubectl(login, secretName),
        secretFile(login, secretName),
        k3s(login),
        argo(login, secretName),
        flux(login, secretName),
      ],
    },
    { key: 'ci', label: 'CI', tools: [gitHub(login), gitLab(login)] },
  ];
}

function machineTools(login: Login): Tool[] {
  const terminal = (key: string, label: string, words: string, ...after: readonly Step[]): Tool => ({
    key,
    label,
    file: null,
    steps: [{ title: 'Run this, then paste the password when prompted', code: askedLogins(login, words) }, ...after],
    oneGo: unlisted(lines(login, `echo ${quote(login.secret)}`, words)),
    isCi: false,
  });
  return [
    terminal('docker', 'Docker', 'docker login'),
    terminal('podman', 'Podman', 'podman login'),
    terminal('buildah', 'Buildah', 'buildah login'),
    terminal('skopeo', 'Skopeo', 'skopeo login'),
    terminal('helm', 'Helm', 'helm registry login'),
    terminal('nerdctl', 'nerdctl', 'nerdctl login'),
    terminal('oras', 'ORAS', 'oras login'),
    crane(login),
    terminal('buildkit', 'BuildKit', 'docker login', buildAndPush(login)),
    configFile(login),
  ];
}

/** It has the logins of docker. */
function buildAndPush({ hosts }: Login): Step {
  const image = quote(`${hosts[0]}/team/app:1`);
  return { title: 'Build an image and push it', code: `docker buildx build --push --tag ${image} .` };
}

/** It never asks: the shell reads the password once, for every registry. */
function crane(login: Login): Tool {
  const logins = login.hosts.map((host) => `${logIn(login, 'crane auth login', host)} --password-stdin`);
  return {
    key: 'crane',
    label: 'crane',
    file: null,
    steps: [
      {
        title: 'Run this in bash or zsh, paste the password and press Enter',
        code: asked('"$SECRET"', logins.join(' && printf %s "$SECRET" | ')),
      },
    ],
    oneGo: unlisted(lines(login, `echo ${quote(login.secret)}`, 'crane auth login')),
    isCi: false,
  };
}

function configFile(login: Login): Tool {
  return fileTool('config', 'config.json', dockerConfig(login), {
    title:
      'With the file in a folder of its own, name the folder: Docker, BuildKit, crane, ORAS and Helm read it there',
    code: 'export DOCKER_CONFIG="$HOME/registry-login"',
  });
}

/** `kubectl create secret docker-registry` takes the secret as an argument; a file is read from standard input. */
function kubectl(login: Login, name: string): Tool {
  const create = `kubectl create secret generic ${name} --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=/dev/stdin`;
  return {
    key: 'kubernetes',
    label: 'kubectl',
    file: null,
    steps: [
      {
        title:
          'Run this in bash or zsh, paste the password and press Enter. It creates a pull secret in the current namespace',
        code: asked(askedConfig(login), `${create} --dry-run=client -o yaml | kubectl apply -f -`),
      },
      pullWith(name),
    ],
    oneGo: unlisted(`kubectl apply -f - <<'EOF'\n${secretManifest(login, name).text}EOF`),
    isCi: false,
  };
}

function secretFile(login: Login, name: string): Tool {
  const apply = { title: 'Create the pull secret in the current namespace', code: 'kubectl apply -f secret.yaml' };
  return fileTool('secret', 'secret.yaml', secretManifest(login, name), apply, pullWith(name));
}

function pullWith(name: string): Step {
  const code = ['spec:', '  imagePullSecrets:', `    - name: ${name}`].join('\n');
  return { title: 'Reference it from your pods', code };
}

function k3s(login: Login): Tool {
  return fileTool('k3s', 'k3s', nodeRegistries(login), {
    title: 'Add this to /etc/rancher/k3s/registries.yaml on each node, then restart k3s (k3s-agent on agents)',
    code: 'systemctl restart k3s',
  });
}

/** Argo CD reads charts by itself; the images in them are pulled by the nodes, with a pull secret. */
function argo(login: Login, name: string): Tool {
  return fileTool('argocd', 'Argo CD', argoCredentials(login, name), {
    title: 'Create it where Argo CD runs. It counts for every Helm chart of the registry; images need a pull secret',
    code: 'kubectl apply --namespace argocd -f argocd-repo-creds.yaml',
  });
}

/** A source of Flux takes the pull secret of pods (https://fluxcd.io/flux/components/source/ocirepositories/#secret-reference). */
function flux(login: Login, name: string): Tool {
  const create = {
    title: 'Create the secret in the namespace of the source',
    code: 'kubectl apply --namespace flux-system -f secret.yaml',
  };
  return fileTool('flux', 'Flux', secretManifest(login, name), create, {
    title: 'Reference it from an OCIRepository, an ImageRepository, or a HelmRepository of type oci',
    code: ['spec:', '  secretRef:', `    name: ${name}`].join('\n'),
  });
}

/** A tool that reads the login from a file. */
function fileTool(key: string, label: string, file: LoginFile, ...steps: readonly Step[]): Tool {
  return { key, label, file, steps, oneGo: null, isCi: false };
}

/** A `.dockerconfigjson` as words of a shell, with the variable wherever the secret belongs. */
function askedConfig({ hosts, user }: Login): string {
  const mark = '\0';
  const auths = Object.fromEntries(hosts.map((host) => [host, { username: user, password: mark }]));
  const pieces = JSON.stringify({ auths }).split(JSON.stringify(mark).slice(1, -1));
  return pieces.map(quote).join(' "$SECRET" ');
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
    file: null,
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
    file: null,
    steps: [
      {
        title: 'Run this in bash or zsh in a clone of the project, paste the password and press Enter',
        code: asked('"$SECRET"', store),
      },
      { title: 'Log in before the job’s script', code: job.join('\n') },
    ],
    oneGo: unlisted(piped(login, store)),
    isCi: true,
  };
}

function indent(text: string, width: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(width));
}

/** A name that Kubernetes takes: lower case, digits and dashes (RFC 1123). */
function slug(host: string): string {
  return host
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}
