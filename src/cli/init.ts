/** Owns `dockpass init`: from a few answers to a configuration and a policy that work, and what to do next. */
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { type Config, ConfigError, readConfig } from '../config/config.ts';
import { providerNames } from '../config/providers.ts';
import { envFileSetting } from '../config/settings.ts';
import { formatYaml } from '../doctor/auth-block.ts';
import { Refusal } from '../lib/errors.ts';
import { formatProblem, parsePolicy } from '../policy/acl.ts';
import { warningsOf } from '../policy/check.ts';
import { type Command, type Terminal, textOf } from './command.ts';
import { readAnswers } from './init-answers.ts';
import { inOptions } from './init-checks.ts';
import { environmentFile, policyFile } from './init-files.ts';
import { refuseExisting, writeNewFiles } from './new-file.ts';
import { reply } from './output.ts';
import { shellQuote } from './shell-quote.ts';

const string = { type: 'string' } as const;

export const initCommands: readonly Command[] = [
  {
    name: 'init',
    usage:
      '[--folder DIR] [--public-url URL] [--service NAME ...] [--admin EMAIL ...] [--domain DOMAIN ...] [...] [--json]',
    summary: 'Write .env and policy.yml for a new installation, from flags or by asking, and say what comes next',
    details: [
      'On a terminal it asks for what no flag says. Files that exist are never overwritten: it writes both or none.',
    ],
    options: {
      folder: { ...string, value: 'DIR', help: 'where they go (default: here)' },
      'public-url': { ...string, value: 'URL', help: 'where people and registries will reach Dockpass' },
      'google-client-id': { ...string, value: 'ID', help: 'of the OAuth client in the Google console' },
      'oidc-issuer': { ...string, value: 'URL', help: 'another provider instead, with --oidc-client-id ID' },
      'oidc-client-id': { ...string, value: 'ID', help: 'of the client at that issuer' },
      'client-secret-file': {
        ...string,
        value: 'FILE',
        help: 'has the client secret; "-" is standard input. the secret itself is never an argument',
      },
      'trusted-proxy': {
        ...string,
        value: 'ADDRESS',
        help: 'of the proxy that speaks TLS (default with https: 127.0.0.1)',
      },
      service: {
        type: 'string',
        multiple: true,
        value: 'NAME',
        help: 'what people will give to docker login: registry.example.com',
      },
      admin: { type: 'string', multiple: true, value: 'EMAIL', help: 'who administers' },
      domain: { type: 'string', multiple: true, value: 'DOMAIN', help: 'whose people sign in and pull' },
    },
    json: { fields: { written: 'the files that were written', redirectUris: 'what the provider needs to know' } },
    operands: [0, 0],
    isConversation: true,
    async run(_operands, values, terminal) {
      const folder = textOf(values, 'folder') ?? '.';
      await refuseExisting(folder, ['.env', 'policy.yml']); // before anyone answers questions for nothing
      const answers = await readAnswers(values, terminal);
      const [environment, policy] = [environmentFile(answers), policyFile(answers)];
      const problems = problemsIn(environment, policy);
      if (problems.length > 0) throw new Refusal('bad_request', [...problems, 'Nothing was written.'].join('\n'));
      const written = await writeNewFiles(folder, [
        { name: '.env', text: environment },
        { name: 'policy.yml', text: policy },
      ]);
      const config = settingsIn(folder, environment, terminal);
      if (values['json'] !== true) sayNext(written, folder, config, terminal);
      else reply(terminal, values, { written, redirectUris: redirectUris(config) }, []);
      return 0;
    },
  },
];

/** What `serve` or `policy check --strict` would say of the files. */
function problemsIn(environment: string, policy: string): string[] {
  try {
    readConfig({ ...parseEnv(environment) });
    return warningsOf(parsePolicy(policy, 'policy.yml')).map((warning) => formatProblem('policy.yml', warning));
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(inOptions);
    throw error;
  }
}

/** As the service will read them, which takes relative paths from the folder of its .env. The image sets these two itself. */
function settingsIn(folder: string, environment: string, { environment: outer }: Terminal): Config {
  const { DATA_DIR, CERTIFICATE_BUNDLE_FILE } = outer;
  const places = { DATA_DIR, CERTIFICATE_BUNDLE_FILE, [envFileSetting]: join(folder, '.env') };
  return readConfig({ ...parseEnv(environment), ...places });
}

function redirectUris(config: Config): string[] {
  return providerNames(config).map((name) => callbackOf(config.publicUrl, name));
}

function sayNext(written: readonly string[], folder: string, config: Config, terminal: Terminal): void {
  const { publicUrl, services, keyRings, google, oidc } = config;
  terminal.out(`Wrote ${written.join(' and ')}.`);
  if (google !== null) terminal.out(`Google needs this redirect URI: ${callbackOf(publicUrl, 'google')}`);
  for (const { name } of oidc) terminal.out(`The provider needs this redirect URI: ${callbackOf(publicUrl, name)}`);
  if (google === null && oidc.length === 0) {
    terminal.out('No one can sign in yet: set GOOGLE_CLIENT_ID or OIDC_PROVIDERS in .env (docs/providers.md).');
  }
  for (const { name, issuer } of services) {
    const realm = `${publicUrl.href.replace(/\/$/, '')}/auth`;
    const [ring] = keyRings;
    terminal.out(`\nIn the config.yml of the registry ${name}, in place of any other auth: section:\n`);
    terminal.out(formatYaml({ realm, service: name, issuer, rootcertbundle: ring?.bundleFile ?? '' }));
  }
  const change = folder === '.' ? '' : `cd ${quoted(folder)} && `;
  const dockpass = commandIn(folder);
  terminal.out(
    `\nNext: ${change}${dockpass} serve, then restart the registry and run: ${dockpass} doctor ${publicUrl.protocol}//${services[0]?.name}`,
  );
}

/** In a clone, which runs its source, the command isn't in the PATH. */
function commandIn(folder: string): string {
  if (!import.meta.filename.endsWith('.ts')) return 'dockpass';
  const clone = join(import.meta.dirname, '../..');
  return resolve(folder) === clone ? './script/dockpass' : quoted(join(clone, 'script/dockpass'));
}

const quoted = (path: string): string => (/^[\w./-]+$/.test(path) ? path : shellQuote(path));

const callbackOf = (publicUrl: URL, provider: string): string =>
  `${publicUrl.href.replace(/\/$/, '')}/sign-in/${provider}/callback`;
