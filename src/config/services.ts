/** Owns the settings of the services: the registries that ask Dockpass for tokens. */
import { isServiceLink } from './service-links.ts';
import type { Environment, Settings } from './settings.ts';

export type ServiceConfig = {
  /** How the names of its own settings begin: "SERVICE_REGISTRY_EXAMPLE_COM_". */
  readonly prefix: string;
  /** `service` of the registry's configuration; the token's `aud`. */
  readonly name: string;
  /** What people give to `docker login`. */
  readonly registryHost: string;
  /** What people call the registry; `null`: by its host. */
  readonly label: string | null;
  /** `issuer` of the registry's configuration; the token's `iss`. */
  readonly issuer: string;
  /** Seconds that a token lives. */
  readonly lifetime: number;
  /** Whether requests without credentials can get a token. */
  readonly anonymous: boolean;
  /** Whether `docker login` keeps an identity token in the place of the password. */
  readonly identityTokens: boolean;
  /** `x5c`: for registries with a `rootcertbundle`; `kid`: for a 3.x with a `jwks` alone. */
  readonly tokenHeader: 'x5c' | 'kid';
  /** '' where it shares its keys with others, else its own name. */
  readonly ring: string;
  /** Where Dockpass itself reaches the registry; `null`: it doesn't. */
  readonly url: URL | null;
  /** PEM certificates that count for `url` beside the system's. */
  readonly authorityFile: string | null;
  /** What its notifications are sent with, any of them; empty: they're refused. */
  readonly eventsTokens: readonly string[];
};

/** What a service does not set for itself. */
type Defaults = Pick<ServiceConfig, 'issuer' | 'lifetime' | 'anonymous' | 'identityTokens'>;

/** Seconds. Clients take a life below a minute for a minute (distribution, session.go minimumTokenLifetimeSeconds). */
const lifetimes = { minimum: 60, maximum: 86_400 };

export function readServices(settings: Settings, environment: Environment, publicUrl: URL): ServiceConfig[] {
  const names = settings.list('SERVICES');
  if (names.length === 0) {
    settings.problem('SERVICES is required: the `service` of each registry, for example registry.example.com');
  }
  for (const name of names.filter((one) => /^["']|["']$/.test(one))) {
    settings.problem(`SERVICES: ${name} is in quotes, which would belong to the name: leave them out`);
  }
  if (new Set(names).size < names.length) settings.problem('SERVICES names one service twice');
  else if (new Set(names.map(prefixOf)).size < names.length) {
    settings.problem(
      'SERVICES: two names differ only in characters that are neither letters nor digits, or in case; their settings would mix',
    );
  }
  refuseUnknown(settings, environment, names.map(prefixOf));
  const defaults = {
    issuer: settings.text('TOKEN_ISSUER', publicUrl.host),
    lifetime: settings.integer('TOKEN_LIFETIME', { fallback: 300, ...lifetimes }),
    anonymous: settings.flag('ANONYMOUS_ACCESS', true),
    identityTokens: settings.flag('IDENTITY_TOKENS', false),
  };
  return [...new Set(names)].map((name) => readService(settings, name, defaults));
}

function readService(settings: Settings, name: string, defaults: Defaults): ServiceConfig {
  const own = prefixOf(name);
  return {
    name,
    prefix: own,
    registryHost: readHost(settings, `${own}HOST`, name),
    label: settings.optional(`${own}LABEL`),
    issuer: settings.text(`${own}ISSUER`, defaults.issuer),
    lifetime: settings.integer(`${own}LIFETIME`, { fallback: defaults.lifetime, ...lifetimes }),
    anonymous: settings.flag(`${own}ANONYMOUS_ACCESS`, defaults.anonymous),
    identityTokens: settings.flag(`${own}IDENTITY_TOKENS`, defaults.identityTokens),
    tokenHeader: settings.choice(`${own}TOKEN_HEADER`, ['x5c', 'kid'], 'x5c'),
    ring: readRing(settings, name),
    url: readUrl(settings, `${own}URL`),
    authorityFile: settings.optionalPath(`${own}CA_FILE`),
    eventsTokens: readEventsTokens(settings, `${own}EVENTS_TOKEN`),
  };
}

function readUrl(settings: Settings, name: string): URL | null {
  if (settings.optional(name) === null) return null;
  const url = settings.url(name);
  if (url.search !== '' || url.hash !== '' || url.username !== '') {
    settings.problem(`${name} must have no query, fragment or user name`);
  }
  return url;
}

/** Two, so that the registry's configuration can change without a gap. */
function readEventsTokens(settings: Settings, name: string): string[] {
  const tokens = (settings.secret(name) ?? '').split(',').map((token) => token.trim());
  const given = tokens.filter((token) => token !== '');
  if (given.length > 2 || given.some((token) => token.length < shortestEventsToken || !/^[\x21-\x7e]+$/.test(token))) {
    settings.problem(
      `${name} must be one or two comma-separated values of at least ${shortestEventsToken} visible characters, as \`openssl rand -hex 32\` makes them`,
    );
  }
  return given;
}

const shortestEventsToken = 32;

function readHost(settings: Settings, setting: string, name: string): string {
  const host = settings.text(setting, name);
  if (host.includes('/')) {
    settings.problem(
      `${setting} must be what follows \`docker login\`, such as registry.example.com:5000, not "${host}"`,
    );
  }
  return host;
}

function readRing(settings: Settings, name: string): string {
  const own = prefixOf(name);
  if (settings.flag(`${own}SEPARATE_KEY`, false)) return name;
  for (const setting of ringSettings) {
    if (settings.optional(own + setting) !== null) {
      settings.problem(`${own}${setting} needs ${own}SEPARATE_KEY=true: otherwise the service shares its keys`);
    }
  }
  return '';
}

/** "my registry:5000" is set by SERVICE_MY_REGISTRY_5000_... */
function prefixOf(name: string): string {
  return `SERVICE_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_`;
}

const ringSettings = [
  'TOKEN_ALGORITHM',
  'TOKEN_CERTIFICATE_FILE',
  'TOKEN_KEY_FILE',
  'KEY_ROTATION_DAYS',
  'CERTIFICATE_BUNDLE_FILE',
  'JWKS_FILE',
];
const serviceSettings = new Set([
  ...['HOST', 'LABEL', 'ISSUER', 'LIFETIME', 'ANONYMOUS_ACCESS', 'IDENTITY_TOKENS', 'TOKEN_HEADER', 'SEPARATE_KEY'],
  ...['URL', 'CA_FILE', 'EVENTS_TOKEN', 'EVENTS_TOKEN_FILE'],
  ...ringSettings,
]);

/** A misspelled setting would silently not count. */
function refuseUnknown(settings: Settings, environment: Environment, prefixes: readonly string[]): void {
  for (const name of Object.keys(environment).filter((key) => key.startsWith('SERVICE_'))) {
    const known = prefixes.some((prefix) => name.startsWith(prefix) && serviceSettings.has(name.slice(prefix.length)));
    if (!known && !isServiceLink(name, environment[name]))
      settings.problem(`${name} is not a setting of a service that SERVICES names: misspelt?`);
  }
}
