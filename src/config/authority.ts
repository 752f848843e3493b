/** Owns what is refused of providers together: a domain belongs to one of them, and an issuer stands for one tenant. */
import { normalizeDomain } from '../lib/domain.ts';
import { type GoogleConfig, type OidcConfig, oidcPrefix } from './providers.ts';
import { createSettings, type Environment, type Settings } from './settings.ts';

type Named = { readonly setting: string; readonly domains: readonly string[] };

/** Reports providers that could speak for each other's people. */
export function refuseSharedAuthority(
  settings: Settings,
  google: GoogleConfig | null,
  oidc: readonly OidcConfig[],
): void {
  const named: Named[] = oidc.map(({ name, domains }) => ({ setting: `${oidcPrefix(name)}DOMAINS`, domains }));
  if (google !== null) named.unshift({ setting: 'GOOGLE_DOMAINS', domains: google.domains });
  if (named.length > 1) for (const each of named) requireDomains(settings, each);
  refuseSharedDomains(settings, named);
  refuseSharedIssuers(settings, google, oidc);
  for (const provider of oidc) refuseIssuer(settings, provider);
}

function requireDomains(settings: Settings, { setting, domains }: Named): void {
  if (domains.length > 0) return;
  settings.problem(
    `${setting} is required with several providers: the e-mail domains whose addresses count from this provider, and from no other`,
  );
}

function refuseSharedDomains(settings: Settings, named: readonly Named[]): void {
  const owners = new Map<string, string>();
  for (const { setting, domains } of named) {
    for (const domain of domains.map(normalizeDomain)) {
      const owner = owners.get(domain);
      if (owner !== undefined && owner !== setting) {
        settings.problem(
          `${owner} and ${setting} both list ${domain}: take it out of one, as one provider owns a domain`,
        );
      }
      owners.set(domain, setting);
    }
  }
}

function refuseSharedIssuers(settings: Settings, google: GoogleConfig | null, oidc: readonly OidcConfig[]): void {
  const owners = new Map((google?.issuers ?? []).map((issuer) => [comparable(issuer), 'Google']));
  for (const { name, issuer } of oidc.filter((provider) => provider.issuer !== '')) {
    const setting = `${oidcPrefix(name)}ISSUER`;
    const owner = owners.get(comparable(issuer));
    if (owner !== undefined) {
      settings.problem(`${setting} is the issuer of ${owner} too: both would share their people's accounts. Keep one`);
    }
    owners.set(comparable(issuer), setting);
  }
}

/** The host of Entra ID, and the tenants that stand for many. */
const entra = /^login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)$/;
const manyTenants = /^\/(common|organizations|consumers|9188040d-6c67-4c5b-b112-36a304b66dad)(?:\/|$)/i;
const discovery = /\/\.well-known\/(?:openid-configuration|oauth-authorization-server)\/?$/;

function refuseIssuer(settings: Settings, { name, issuer }: OidcConfig): void {
  const setting = `${oidcPrefix(name)}ISSUER`;
  const url = URL.parse(issuer);
  if (discovery.test(issuer)) {
    settings.problem(`${setting} is the address of the discovery document: write ${issuer.replace(discovery, '')}`);
  } else if (url?.hostname === 'accounts.google.com') {
    settings.problem(
      `${setting} is Google: use GOOGLE_CLIENT_ID and GOOGLE_DOMAINS, which ask to which Workspace an account belongs`,
    );
  }
  const [, tenant] = (url !== null && entra.test(url.hostname) && manyTenants.exec(url.pathname)) || [];
  if (tenant !== undefined) {
    settings.problem(
      `${setting} is for every tenant ("${tenant}"), and each of them names its people as it likes: write https://${url?.hostname}/TENANT-ID/v2.0`,
    );
  }
}

/** `https://a.example/` and `https://A.example` are one server. */
function comparable(issuer: string): string {
  return issuer
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/$/, '');
}

/** Whether people of several domains can sign in, so that the part of an address before the `@` names no one. */
export function letsInSeveralDomains(environment: Environment): boolean {
  const settings = createSettings(environment);
  const lists = settings.list('OIDC_PROVIDERS').map((name) => settings.list(`${oidcPrefix(name)}DOMAINS`));
  const google = settings.list('GOOGLE_DOMAINS');
  const isOpen = settings.optional('GOOGLE_ANY_ACCOUNT') === 'true' || lists.some((domains) => domains.length === 0);
  return isOpen || new Set([...google, ...lists.flat()].map(normalizeDomain)).size > 1;
}
