/** Owns the settings of the providers that people sign in with. */
import { parseFields } from '../lib/json.ts';
import { PatternError } from '../pattern/compiled.ts';
import { compilePattern } from '../pattern/pattern.ts';
import { type GoogleDirectoryConfig, readGoogleDirectory } from './google-directory.ts';
import { isServiceLink } from './service-links.ts';
import { type Environment, isLoopback, type Settings } from './settings.ts';

export type GoogleConfig = {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Exact values of the `hd` claim that are admitted. */
  readonly domains: readonly string[];
  /** Lets in every account for whose e-mail Google vouches: of any Workspace, and @gmail.com. */
  readonly anyAccount: boolean;
  readonly authorizationUrl: string;
  readonly tokenUrl: string;
  readonly jwksUrl: string;
  readonly revocationUrl: string;
  readonly issuers: readonly string[];
  readonly directory: GoogleDirectoryConfig | null;
  /** Where Google says who signs its security events; `null`: they are not taken. */
  readonly riscConfigurationUrl: string | null;
  /** Other OAuth clients of the same Google Cloud project, whose events come in the same stream. */
  readonly riscClientIds: readonly string[];
  /** Where the stream of events is set up. */
  readonly riscUrl: string;
  /** Keeps people's refresh tokens, to ask later whether they are still there. */
  readonly refreshTokens: boolean;
};

export type OidcConfig = {
  /** In the callback path and before each group: "keycloak". */
  readonly name: string;
  /** On the button. */
  readonly label: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  /** Path of the groups claim: "groups" or "realm_access.roles"; `null` if the provider sends none. */
  readonly groupsClaim: string | null;
  /** Before each group: the provider's name unless configured. */
  readonly groupsPrefix: string;
  /** Pattern of the groups that count; `null`: all. */
  readonly groupsAllow: string | null;
  readonly groupsFormat: (typeof groupFormats)[number];
  /** Between the groups of one text, exactly as written; `null`: a text is one group. */
  readonly groupsSeparator: string | null;
  readonly groupsMissing: (typeof missingMeanings)[number];
  /** The claim that has the e-mail address. */
  readonly emailClaim: string;
  /** Domains of the verified e-mail that are admitted; empty: all. */
  readonly domains: readonly string[];
  readonly requireVerifiedEmail: boolean;
  /** How Dockpass proves itself to the token endpoint; `auto`: tries both. */
  readonly authMethod: (typeof authMethods)[number];
  readonly refreshTokens: boolean;
};

const authMethods = ['auto', 'basic', 'post'] as const;
const groupFormats = ['list', 'json', 'keys'] as const;
const missingMeanings = ['auto', 'none', 'unknown'] as const;

/** `null` where Google is not configured. */
export function readGoogle(settings: Settings): GoogleConfig | null {
  const clientId = settings.optional('GOOGLE_CLIENT_ID');
  const clientSecret = readClientSecret(settings, 'GOOGLE_CLIENT_SECRET', clientId !== null);
  if (clientId === null) {
    if (settings.isSecretSet('GOOGLE_CLIENT_SECRET'))
      settings.problem('GOOGLE_CLIENT_SECRET is set, but GOOGLE_CLIENT_ID is not');
    return null;
  }
  const domains = settings.domains('GOOGLE_DOMAINS');
  const anyAccount = settings.flag('GOOGLE_ANY_ACCOUNT', false);
  if (domains.length === 0 && !anyAccount) {
    settings.problem(
      'GOOGLE_DOMAINS is required: the Workspace domains that can sign in. To let everyone with a Google account in, set GOOGLE_ANY_ACCOUNT=true',
    );
  }
  if (domains.length > 0 && anyAccount) {
    settings.problem('GOOGLE_DOMAINS and GOOGLE_ANY_ACCOUNT=true contradict each other: keep one');
  }
  refusePersonalDomains(settings, domains);
  const issuers = settings.list('GOOGLE_ISSUERS');
  const directory = readGoogleDirectory(settings, domains, (name, fallback) => endpoint(settings, name, fallback));
  if (directory !== null && anyAccount) {
    settings.problem('GOOGLE_DIRECTORY needs GOOGLE_DOMAINS: it knows the people of these domains and no one else');
  }
  return {
    clientId,
    clientSecret,
    domains,
    anyAccount,
    authorizationUrl: endpoint(settings, 'GOOGLE_AUTHORIZATION_URL', 'https://accounts.google.com/o/oauth2/v2/auth'),
    tokenUrl: endpoint(settings, 'GOOGLE_TOKEN_URL', 'https://oauth2.googleapis.com/token'),
    jwksUrl: endpoint(settings, 'GOOGLE_JWKS_URL', 'https://www.googleapis.com/oauth2/v3/certs'),
    revocationUrl: endpoint(settings, 'GOOGLE_REVOCATION_URL', 'https://oauth2.googleapis.com/revoke'),
    directory,
    riscConfigurationUrl: readRisc(settings),
    riscClientIds: settings.list('GOOGLE_RISC_CLIENT_IDS'),
    riscUrl: endpoint(settings, 'GOOGLE_RISC_URL', 'https://risc.googleapis.com'),
    // Where the directory can be asked, nothing of a person has to be kept.
    refreshTokens: settings.flag('GOOGLE_REFRESH_TOKENS', directory === null),
    // Both spellings are Google's own (developers.google.com/identity/openid-connect/reference).
    issuers: issuers.length > 0 ? issuers : ['https://accounts.google.com', 'accounts.google.com'],
  };
}

/** Personal accounts belong to no Workspace: Google's `hd` never names these. Beside others they only do nothing. */
function refusePersonalDomains(settings: Settings, domains: readonly string[]): void {
  const [domain] = domains;
  if (domain === undefined || domains.some((one) => one !== 'gmail.com' && one !== 'googlemail.com')) return;
  settings.problem(
    `GOOGLE_DOMAINS: no one has a Workspace at ${domain}, so no one could sign in. Name the domain of your Workspace; or to let everyone with a Google account in, set GOOGLE_ANY_ACCOUNT=true and no domains`,
  );
}

/** What can't be a secret, such as the whole file of a console, would only show when someone signs in. */
function readClientSecret(settings: Settings, name: string, required: boolean): string {
  const secret = settings.secret(name, { required }) ?? '';
  if (Object.keys(parseFields(secret)).length > 0)
    settings.problem(`${name} is a JSON file: give only the client_secret in it`);
  else if (/[\r\n]/.test(secret)) settings.problem(`${name} has several lines: give only the secret`);
  return secret;
}

function readRisc(settings: Settings): string | null {
  const name = 'GOOGLE_RISC_CONFIGURATION_URL';
  const url = endpoint(settings, name, 'https://accounts.google.com/.well-known/risc-configuration');
  return settings.flag('GOOGLE_RISC', false) ? url : null;
}

export function readOidcProviders(settings: Settings, environment: Environment): OidcConfig[] {
  refuseUnknown(settings, environment);
  const names = settings.list('OIDC_PROVIDERS');
  if (new Set(names).size < names.length) settings.problem('OIDC_PROVIDERS names one provider twice');
  const providers = [...new Set(names)].flatMap((name) => readOidc(settings, environment, name));
  const prefixes = ['google', ...providers.map(({ groupsPrefix }) => groupsPrefix)];
  const twice = prefixes.find((prefix, index) => prefixes.indexOf(prefix) < index);
  if (twice !== undefined) {
    settings.problem(`the group prefix "${twice}" belongs to two providers: one could then name the other's groups`);
  }
  return providers;
}

/** Words that mean something else before the colon of a group's member in the policy. */
const reservedPrefixes = ['domain', 'account', 'group'];

function readGroupsPrefix(settings: Settings, name: string): string {
  const setting = `${oidcPrefix(name)}GROUPS_PREFIX`;
  const prefix = settings.text(setting, name);
  if (!/^[a-z][a-z0-9_-]*$/.test(prefix) || reservedPrefixes.includes(prefix)) {
    settings.problem(
      `${setting}: "${prefix}" is not usable: lower-case letters, digits, "-" and "_", no word of the policy`,
    );
  }
  return prefix;
}

function readGroupsAllow(settings: Settings, name: string): string | null {
  const setting = `${oidcPrefix(name)}GROUPS_ALLOW`;
  const pattern = settings.optional(setting);
  try {
    if (pattern !== null) compilePattern(pattern, { doubleStar: true });
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    settings.problem(`${setting}: ${error.message}`);
  }
  return pattern;
}

/**
 * Whether a group with a comma in its name is one or two is the operator's to say.
 * @param environment the separator can be or contain a space, which the reader of settings would remove
 */
function readGroupsSeparator(settings: Settings, environment: Environment, own: string, format: string): string | null {
  const setting = `${own}GROUPS_SEPARATOR`;
  settings.optional(setting);
  const separator = environment[setting] || null;
  if (separator !== null && format !== 'list') {
    settings.problem(`${setting} is for GROUPS_FORMAT=list: the other formats say where a name ends`);
  }
  return separator;
}

function readEmailClaim(settings: Settings, own: string): string {
  const claim = settings.text(`${own}EMAIL_CLAIM`, 'email');
  if (claim !== 'email' && settings.flag(`${own}REQUIRE_VERIFIED_EMAIL`, true)) {
    settings.problem(
      `${own}EMAIL_CLAIM=${claim}: email_verified speaks only of "email". Set ${own}REQUIRE_VERIFIED_EMAIL=false if this provider doesn't let people choose "${claim}" themselves`,
    );
  }
  return claim;
}

function readOidc(settings: Settings, environment: Environment, name: string): OidcConfig[] {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name) || name === 'google') {
    settings.problem(
      `OIDC_PROVIDERS: "${name}" is not usable as a name: lower-case letters, digits and "-", not "google"`,
    );
    return [];
  }
  const own = oidcPrefix(name);
  const scopes = settings.list(`${own}SCOPES`);
  const groupsFormat = settings.choice(`${own}GROUPS_FORMAT`, groupFormats, 'list');
  return [
    {
      name,
      label: settings.text(`${own}LABEL`, name),
      issuer: endpoint(settings, `${own}ISSUER`),
      clientId: settings.text(`${own}CLIENT_ID`),
      clientSecret: readClientSecret(settings, `${own}CLIENT_SECRET`, true),
      scopes: scopes.length > 0 ? scopes : ['openid', 'email', 'profile'],
      groupsClaim: settings.optional(`${own}GROUPS_CLAIM`),
      groupsPrefix: readGroupsPrefix(settings, name),
      groupsAllow: readGroupsAllow(settings, name),
      groupsFormat,
      groupsSeparator: readGroupsSeparator(settings, environment, own, groupsFormat),
      groupsMissing: settings.choice(`${own}GROUPS_MISSING`, missingMeanings, 'auto'),
      emailClaim: readEmailClaim(settings, own),
      domains: settings.domains(`${own}DOMAINS`),
      authMethod: settings.choice(`${own}AUTH_METHOD`, authMethods, 'auto'),
      requireVerifiedEmail: settings.flag(`${own}REQUIRE_VERIFIED_EMAIL`, true),
      refreshTokens: settings.flag(`${own}REFRESH_TOKENS`, true),
    },
  ];
}

/** The names under which people sign in: `google`, and those of OIDC_PROVIDERS. */
export function providerNames({
  google,
  oidc,
}: {
  readonly google: GoogleConfig | null;
  readonly oidc: readonly OidcConfig[];
}): string[] {
  return [...(google === null ? [] : ['google']), ...oidc.map(({ name }) => name)];
}

/** Before each setting of a provider. */
export function oidcPrefix(name: string): string {
  return `OIDC_${name.toUpperCase().replaceAll('-', '_')}_`;
}

const oidcSettings =
  /^(LABEL|ISSUER|CLIENT_ID|CLIENT_SECRET|CLIENT_SECRET_FILE|SCOPES|GROUPS_CLAIM|GROUPS_PREFIX|GROUPS_ALLOW|GROUPS_FORMAT|GROUPS_SEPARATOR|GROUPS_MISSING|EMAIL_CLAIM|AUTH_METHOD|DOMAINS|REQUIRE_VERIFIED_EMAIL|REFRESH_TOKENS)$/;

/** A misspelled setting would silently not count. */
function refuseUnknown(settings: Settings, environment: Environment): void {
  const prefixes = settings.list('OIDC_PROVIDERS').map(oidcPrefix);
  for (const name of Object.keys(environment).filter((key) => key.startsWith('OIDC_') && key !== 'OIDC_PROVIDERS')) {
    const known = prefixes.some((prefix) => name.startsWith(prefix) && oidcSettings.test(name.slice(prefix.length)));
    if (!known && !isServiceLink(name, environment[name]))
      settings.problem(`${name} is not a setting of a provider that OIDC_PROVIDERS names: misspelt?`);
  }
}

/** The text as it was written: an issuer is compared letter by letter, and URL would add a slash. */
function endpoint(settings: Settings, name: string, fallback?: string): string {
  const url = settings.url(name, fallback);
  if (url.protocol === 'http:' && !isLoopback(url)) {
    settings.problem(`${name} is http: secrets would cross the network in the clear. Use https`);
  }
  return settings.optional(name) ?? fallback ?? '';
}
