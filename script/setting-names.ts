/** Owns the list of all settings, from .env.example and the settings reader itself, which also shows which are secrets. */
import { readFileSync } from 'node:fs';
import { ConfigError, readConfig } from '../src/config/config.ts';

export type SettingNames = {
  /** Everything that isn't a secret, without the settings of one service or provider. */
  readonly plain: readonly string[];
  readonly secret: readonly string[];
  /** What follows SERVICE_<NAME>_, OIDC_<NAME>_ and WEBHOOK_<NAME>_, without secrets. */
  readonly perService: readonly string[];
  readonly perProvider: readonly string[];
  readonly perWebhook: readonly string[];
};

/** Some settings are asked for only where another has a value: each of these brings up more of them. */
const environments: readonly Readonly<Record<string, string>>[] = [
  { PUBLIC_URL: 'http://localhost', SERVICES: 'x', OIDC_PROVIDERS: 'x', GOOGLE_CLIENT_ID: 'x', WEBHOOKS: 'x' },
  { PUBLIC_URL: 'http://localhost', SERVICES: 'x', SERVICE_X_SEPARATE_KEY: 'true', TOKEN_CERTIFICATE_FILE: 'x' },
  { PUBLIC_URL: 'http://localhost', SERVICES: 'x', SERVICE_X_SEPARATE_KEY: 'true', GOOGLE_DIRECTORY: 'direct' },
];

export function settingNames(): SettingNames {
  const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
  const documented = [...example.matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map(([, name = '']) => name);
  const general = documented.filter((name) => !/^(?:SERVICE|OIDC|WEBHOOK)_(?!PROVIDERS$)/.test(name));
  const asked = new Set([...environments.flatMap(askedFor), ...general]);
  const secret = [...asked].filter((name) => asked.has(`${name}_FILE`));
  const own = [...asked].filter((name) => /^[A-Z][A-Z0-9_]+$/.test(name) && !secret.includes(name)).sort();
  const after = (prefix: string) => own.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  return {
    plain: own.filter((name) => !/^(?:SERVICE|OIDC|WEBHOOK)_X_|^DOCKPASS_ENV_FILE$/.test(name)),
    secret,
    perService: after('SERVICE_X_'),
    perProvider: after('OIDC_X_'),
    perWebhook: after('WEBHOOK_X_'),
  };
}

function askedFor(environment: Readonly<Record<string, string>>): string[] {
  const asked = new Set<string>();
  const watched = new Proxy(environment, {
    get(target, name) {
      asked.add(String(name));
      return target[String(name)];
    },
  });
  try {
    readConfig(watched);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
  return [...asked];
}
