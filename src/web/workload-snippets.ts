/** Owns what a workflow needs to log in without a stored password, for each platform, with this installation's values filled in. */
import { quote } from './login-lines.ts';

export type Snippet = { readonly key: string; readonly label: string; readonly about: string; readonly code: string };

export type SnippetValues = {
  /** "https://auth.example.com" */
  readonly publicUrl: string;
  readonly audience: string;
  /** As clients write them: `registry.example.com:5000`. */
  readonly hosts: readonly string[];
};

export function snippetsFor(values: SnippetValues): readonly Snippet[] {
  return [
    gitHub(values),
    gitHubLoginAction(values),
    gitLab(values),
    forgejo(values),
    buildkite(values),
    kubernetes(values),
  ];
}

function logins(hosts: readonly string[], source: string): string[] {
  return hosts.map((host) => `${source} | docker login ${quote(host)} -u oidc --password-stdin`);
}

/** The endpoint of GitHub and Forgejo, asked as their own toolkit does. */
function requestToken(audience: string): string[] {
  return [
    'TOKEN=$(curl -sSf -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\',
    `  "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=${encodeURIComponent(audience)}" | sed 's/.*"value": *"\\([^"]*\\)".*/\\1/')`,
    'echo "::add-mask::$TOKEN"',
  ];
}

function indent(lines: readonly string[], width: number): string {
  return lines.map((line) => ' '.repeat(width) + line).join('\n');
}

function gitHub({ audience, hosts }: SnippetValues): Snippet {
  const run = [...requestToken(audience), ...logins(hosts, 'printf %s "$TOKEN"')];
  const code = [
    'permissions:',
    '  id-token: write',
    '  contents: read',
    'steps:',
    '  - name: Log in to the registry',
    '    run: |',
    indent(run, 6),
  ];
  return {
    key: 'github',
    label: 'GitHub Actions',
    about: 'The token lives five minutes: log in right before you pull or push.',
    code: code.join('\n'),
  };
}

function gitHubLoginAction({ audience, hosts }: SnippetValues): Snippet {
  const script = [
    `const token = await core.getIDToken(${JSON.stringify(audience)});`,
    'core.setSecret(token);',
    "core.setOutput('token', token);",
  ];
  const steps = hosts.flatMap((host) => [
    '  - uses: docker/login-action@v4',
    '    with:',
    `      registry: ${host}`,
    '      username: oidc',
    '      password: ${{ steps.token.outputs.token }}',
  ]);
  const code = [
    'permissions:',
    '  id-token: write',
    '  contents: read',
    'steps:',
    '  - id: token',
    '    uses: actions/github-script@v8',
    '    with:',
    '      script: |',
    indent(script, 8),
    ...steps,
  ];
  return {
    key: 'github-login-action',
    label: 'docker/login-action',
    about: 'For workflows that use the action already.',
    code: code.join('\n'),
  };
}

function gitLab({ audience, hosts }: SnippetValues): Snippet {
  const code = [
    'build:',
    '  id_tokens:',
    `    DOCKPASS_TOKEN: { aud: ${JSON.stringify(audience)} }`,
    '  before_script:',
    ...logins(hosts, 'printf %s "$DOCKPASS_TOKEN"').map((line) => `    - ${line}`),
  ];
  return {
    key: 'gitlab',
    label: 'GitLab CI',
    about: 'The token lives as long as the job can run.',
    code: code.join('\n'),
  };
}

function forgejo({ audience, hosts }: SnippetValues): Snippet {
  const run = [...requestToken(audience), ...logins(hosts, 'printf %s "$TOKEN"')];
  const code = [
    'enable-openid-connect: true',
    'jobs:',
    '  build:',
    '    steps:',
    '      - name: Log in to the registry',
    '        run: |',
    indent(run, 10),
  ];
  return {
    key: 'forgejo',
    label: 'Forgejo Actions',
    about: 'Older versions have no repository_id in the token and are refused.',
    code: code.join('\n'),
  };
}

function buildkite({ audience, hosts }: SnippetValues): Snippet {
  const source = `buildkite-agent oidc request-token --audience ${quote(audience)} --claim organization_id,pipeline_id`;
  return {
    key: 'buildkite',
    label: 'Buildkite',
    about: 'The ids are optional claims, so the agent asks for them.',
    code: logins(hosts, source).join('\n'),
  };
}

function kubernetes({ audience }: SnippetValues): Snippet {
  const code = [
    'volumes:',
    '  - name: registry',
    '    projected:',
    '      sources:',
    '        - serviceAccountToken:',
    `            audience: ${JSON.stringify(audience)}`,
    '            expirationSeconds: 3600',
    '            path: token',
  ];
  return {
    key: 'kubernetes',
    label: 'Kubernetes',
    about: 'Mount it where the job runs, and log in with its content as the password.',
    code: code.join('\n'),
  };
}
