/** Owns what `dockpass init` writes: the text of .env and policy.yml. */
import { stringify } from 'yaml';
import { normalizeDomain } from '../lib/domain.ts';
import { envValueOf } from '../lib/env-value.ts';
import { Refusal } from '../lib/errors.ts';

export type Answers = {
  readonly publicUrl: string;
  readonly services: readonly string[];
  /** E-mail addresses. */
  readonly admins: readonly string[];
  readonly domains: readonly string[];
  /** Of an OpenID Connect provider; null: Google. */
  readonly issuer: string | null;
  /** '' where no provider is set up yet. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** The address of the proxy that speaks TLS; null: Dockpass is reached over http, on this machine. */
  readonly proxy: string | null;
};

export function environmentFile(answers: Answers): string {
  const { publicUrl, services, admins, proxy } = answers;
  const settings = [
    ['PUBLIC_URL', publicUrl],
    ['SERVICES', services.join(',')],
    ['ADMIN_EMAILS', admins.join(',')],
    ...(proxy === null ? [] : [['TRUSTED_PROXIES', proxy]]),
  ];
  const linesOf = (lines: readonly string[][]) =>
    lines.map(([name = '', value = '']) => `${name}=${written(name, value)}`);
  const provider = linesOf(providerOf(answers));
  const lines = [...linesOf(settings), ...(answers.clientId === '' ? afterwards(provider) : provider)];
  return `# Settings of Dockpass; .env.example explains all of them.\n${lines.join('\n')}\n`;
}

/** What was answered isn't asked for again. */
function afterwards(lines: readonly string[]): string[] {
  return ['# With an OAuth client, fill these in, and take the "#" away:', ...lines.map((line) => `#${line}`)];
}

function providerOf({ issuer, clientId, clientSecret, domains }: Answers): string[][] {
  if (issuer === null) {
    return [
      ['GOOGLE_CLIENT_ID', clientId],
      ['GOOGLE_CLIENT_SECRET', clientSecret],
      ['GOOGLE_DOMAINS', domains.join(',')],
    ];
  }
  return [
    ['OIDC_PROVIDERS', 'sso'],
    ['OIDC_SSO_ISSUER', issuer],
    ['OIDC_SSO_CLIENT_ID', clientId],
    ['OIDC_SSO_CLIENT_SECRET', clientSecret],
    ['OIDC_SSO_DOMAINS', domains.join(',')],
  ];
}

function written(name: string, value: string): string {
  const text = envValueOf(value);
  if (text !== null) return text;
  throw new Refusal(
    'bad_request',
    `${name} has characters that .env can't hold: put it into a file, and name that in ${name}_FILE.`,
  );
}

export function policyFile({ admins, domains }: Answers): string {
  // Of two domains, two people can have the same user name.
  const placesOf = (domain: string) => (domains.length === 1 ? 'people' : `people/${normalizeDomain(domain)}`);
  const acl = [
    { match: { group: 'platform' }, actions: ['*'], comment: 'The platform group can do everything.' },
    ...domains.flatMap((domain) => [
      {
        match: { domain, type: 'repository', name: `${placesOf(domain)}/\${user}/**` },
        actions: ['pull', 'push'],
        comment: 'A namespace for each person.',
      },
      { match: { domain, type: 'repository' }, actions: ['pull'], comment: `Everyone at ${domain} pulls.` },
    ]),
  ];
  return `# Who can do what; docs/policy.md explains it. A change is in force a second after it's saved.\n${stringify({ groups: { platform: admins }, acl }, { lineWidth: 0 })}`;
}
