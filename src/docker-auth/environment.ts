/** Owns the conversion of docker_auth's `server`, `token`, `google_auth` and `oidc_auth` to settings of Dockpass. */
import { envValueOf } from '../lib/env-value.ts';
import { type Entry, type Reader, suggest, type Value } from '../policy/reader.ts';
import { refusedBackEnds } from './back-ends.ts';
import { isUnfilled } from './source-form.ts';
import { checkToken, type Surroundings } from './token-settings.ts';

/** What becomes of a key: a setting, or advice where it has no counterpart. */
type Rule = { readonly setting: string } | { readonly advice: string } | 'silent';

const tokenDb =
  'once .env is filled in, "dockpass import token-db" imports its app passwords, so that no one has to sign in again';
const rules: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  server: {
    addr: 'silent',
    path_prefix: 'silent',
    certificate: { setting: 'TLS_CERTIFICATE_FILE' },
    key: { setting: 'TLS_KEY_FILE' },
    real_ip_header: { advice: 'name your proxies in TRUSTED_PROXIES; X-Forwarded-For is read only from them' },
    real_ip_pos: { advice: 'TRUSTED_PROXIES says which hops are yours' },
    hsts: { advice: 'it is sent whenever PUBLIC_URL is https' },
    net: { advice: 'Dockpass listens on TCP' },
    tls_min_version: { advice: 'TLS 1.2 is the least; a proxy in front can be stricter' },
    tls_curve_preferences: { advice: 'Node.js chooses; a proxy in front can be stricter' },
    tls_cipher_suites: { advice: 'Node.js chooses; a proxy in front can be stricter' },
    letsencrypt: { advice: 'get certificates with certbot or a proxy and name them in TLS_CERTIFICATE_FILE' },
  },
  token: {
    issuer: { setting: 'TOKEN_ISSUER' },
    expiration: { setting: 'TOKEN_LIFETIME' },
    // The registries trust this certificate already: they need not notice who signs.
    certificate: { setting: 'TOKEN_CERTIFICATE_FILE' },
    key: { setting: 'TOKEN_KEY_FILE' },
    disable_legacy_key_id: 'silent',
  },
  google_auth: {
    domain: { setting: 'GOOGLE_DOMAINS' },
    client_id: { setting: 'GOOGLE_CLIENT_ID' },
    client_secret: { setting: 'GOOGLE_CLIENT_SECRET' },
    client_secret_file: { setting: 'GOOGLE_CLIENT_SECRET_FILE' },
    http_timeout: 'silent',
    level_token_db: { advice: tokenDb },
    token_db: { advice: `this is how level_token_db was called once; ${tokenDb}` },
    gcs_token_db: { advice: 'people sign in again; only a LevelDB token database can be imported' },
    redis_token_db: { advice: 'people sign in again; only a LevelDB token database can be imported' },
  },
  oidc_auth: {
    issuer: { setting: 'OIDC_OIDC_ISSUER' },
    client_id: { setting: 'OIDC_OIDC_CLIENT_ID' },
    client_secret: { setting: 'OIDC_OIDC_CLIENT_SECRET' },
    client_secret_file: { setting: 'OIDC_OIDC_CLIENT_SECRET_FILE' },
    scopes: { setting: 'OIDC_OIDC_SCOPES' },
    redirect_url: { advice: 'the redirect URI is PUBLIC_URL/sign-in/oidc/callback: register it with the provider' },
    user_claim: { advice: 'people are named by their verified e-mail' },
    labels_claims: {
      advice:
        'set OIDC_OIDC_GROUPS_CLAIM; write match.group instead of labels, and ${group:oidc} instead of ${labels:...}',
    },
    label_claims: { advice: 'docker_auth ignores this spelling; set OIDC_OIDC_GROUPS_CLAIM for groups' },
    registry_url: 'silent',
    http_timeout: 'silent',
    level_token_db: { advice: tokenDb },
    token_db: { advice: `this is how level_token_db was called once; ${tokenDb}` },
    gcs_token_db: { advice: 'people sign in again; only a LevelDB token database can be imported' },
    redis_token_db: { advice: 'people sign in again; only a LevelDB token database can be imported' },
  },
};

/** The sections that become settings or the policy. */
export const knownSections: readonly string[] = [...Object.keys(rules), 'users', 'acl'];

/** @returns .env; what has no counterpart is reported as a warning, with what to do instead */
export function convertEnvironment(reader: Reader, sections: readonly Entry[], surroundings: Surroundings): string {
  const settings = new Map<string, string>();
  for (const { key, keyPlace, value } of sections) {
    if (value && rules[key]) convertSection(reader, value, key, settings);
    if (key === 'oidc_auth') settings.set('OIDC_PROVIDERS', 'oidc');
    const isReported =
      refusedBackEnds.includes(key) || reader.problems.some(({ message }) => message.startsWith(`${key}:`));
    if (!knownSections.includes(key) && !isReported)
      reader.report(keyPlace, `docker_auth ignores "${key}"${suggest(key, knownSections)}`, 'warning');
  }
  if (sections.some(({ key }) => key === 'google_auth')) {
    const place = sections.find(({ key }) => key === 'google_auth')?.keyPlace ?? { line: 1, column: 1 };
    reader.report(
      place,
      'google_auth: add the redirect URI PUBLIC_URL/sign-in/google/callback to the OAuth client',
      'warning',
    );
    reader.report(
      place,
      "google_auth: the domain is compared with Google's hd claim, not with the end of the e-mail",
      'warning',
    );
  }
  signAsServer(settings);
  checkToken(reader, sections, settings, surroundings);
  return formatSettings(settings, prefixOf(reader, sections), hasAnonymous(reader, sections));
}

/** Whether docker_auth let requests without credentials in; where not, that they get another answer here is reported. */
function hasAnonymous(reader: Reader, sections: readonly Entry[]): boolean {
  const users = sections.find(({ key }) => key === 'users');
  const anonymous = users?.value && reader.entries(users.value).find(({ key }) => key === '')?.value;
  if (anonymous && !reader.entries(anonymous).some(({ key, value }) => key === 'password' && value)) return true;
  reader.report(
    users?.keyPlace ?? { line: 1, column: 1 },
    `there is no user ""${anonymous ? ' without a password' : ''}, so docker_auth answered requests without credentials with 401; here they get a token that grants nothing. ANONYMOUS_ACCESS=false in .env brings the 401 back`,
    'warning',
  );
  return false;
}

/** Without a certificate of their own, docker_auth signs tokens with the server's: it is the one that the registries trust. */
function signAsServer(settings: Map<string, string>): void {
  if (settings.has('TOKEN_CERTIFICATE_FILE') || settings.has('TOKEN_KEY_FILE')) return;
  const [certificate, key] = [settings.get('TLS_CERTIFICATE_FILE'), settings.get('TLS_KEY_FILE')];
  if (certificate === undefined || key === undefined) return;
  settings.set('TOKEN_CERTIFICATE_FILE', certificate);
  settings.set('TOKEN_KEY_FILE', key);
}

function convertSection(reader: Reader, section: Value, name: string, settings: Map<string, string>): void {
  const known = rules[name] ?? {};
  for (const { key, keyPlace, value } of reader.entries(section)) {
    const rule = known[key];
    if (rule === undefined) {
      reader.report(keyPlace, `docker_auth ignores "${name}.${key}"${suggest(key, Object.keys(known))}`, 'warning');
    } else if (value && rule !== 'silent') {
      if ('advice' in rule) reader.report(keyPlace, `${name}.${key}: ${rule.advice}`, 'warning');
      else setFrom(reader, value, rule.setting, settings);
    }
    if (value && name === 'server' && key === 'addr') convertAddress(reader, value, settings);
  }
}

/** An empty text is a setting that docker_auth doesn't have. */
function setFrom(reader: Reader, value: Value, setting: string, settings: Map<string, string>): void {
  const text = reader
    .texts(value)
    .map((one) => one.text)
    .join(',');
  if (isUnfilled(text)) {
    reader.report(value.place, `${value.path} is "${text}", a variable that no one fills in here: write its value`);
  }
  if (envValueOf(text) === null) {
    const instead = setting.endsWith('_CLIENT_SECRET')
      ? 'put it into a file, and name that in client_secret_file instead'
      : `write another value here, and then set ${setting} in the environment of the service`;
    reader.report(value.place, `${value.path} has characters that .env can't hold: ${instead}`);
  }
  if (text !== '') settings.set(setting, text);
}

/** ":5001" or "10.0.0.7:5001" */
function convertAddress(reader: Reader, value: Value, settings: Map<string, string>): void {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(reader.text(value) ?? '') ?? [];
  if (port === '') reader.report(value.place, 'server.addr: set LISTEN_ADDRESS and PORT by hand', 'warning');
  settings.set('LISTEN_ADDRESS', host.replace(/^\[|\]$/g, '') || '0.0.0.0');
  if (port !== '') settings.set('PORT', port);
}

function prefixOf(reader: Reader, sections: readonly Entry[]): string {
  const server = sections.find(({ key }) => key === 'server')?.value;
  const prefix = server && reader.entries(server).find(({ key }) => key === 'path_prefix')?.value;
  return prefix ? (reader.text(prefix) ?? '').replace(/^\/?/, '/').replace(/\/$/, '') : '';
}

const proxyLines = [
  '# There is no TLS certificate: addresses of the proxy in front that speaks TLS, comma-separated: fill in.',
  'TRUSTED_PROXIES=',
];

const anonymousLines = [
  '# docker_auth refused requests without credentials. Here they get a token that grants nothing, and the registry asks for a',
  '# login. To refuse them immediately, as before:',
  '#ANONYMOUS_ACCESS=false',
];

function formatSettings(settings: ReadonlyMap<string, string>, prefix: string, hasAnonymousUser: boolean): string {
  const lines = [
    '# Made from a docker_auth configuration. .env.example explains every setting.',
    '',
    '# Where people and registries reach Dockpass: fill in. The realm of the registries is this and /auth.',
    `PUBLIC_URL=${envValueOf(`https://auth.example.com${prefix}`) ?? ''}`,
    '# auth.token.service of each registry, comma-separated: fill in.',
    'SERVICES=registry.example.com',
    ...(settings.has('TLS_CERTIFICATE_FILE') ? [] : proxyLines),
    'POLICY_FILE=policy.yml',
    '',
    ...[...settings].map(([name, value]) => `${name}=${envValueOf(value) ?? ''}`),
    ...(hasAnonymousUser ? [] : ['', ...anonymousLines]),
  ];
  return `${lines.join('\n')}\n`;
}
