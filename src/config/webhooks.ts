/** Owns the settings of webhooks: WEBHOOKS names them, WEBHOOK_<NAME>_... sets each. */
import { isAddressOrBlock, isNeverReachable } from '../lib/reachable-address.ts';
import { isServiceLink } from './service-links.ts';
import type { Environment, Settings } from './settings.ts';

export type WebhookConfig = {
  readonly name: string;
  /** Often a secret itself: never shown or logged. */
  readonly url: URL;
  /** Keys for signatures, each of which signs; two while they are rotated. Empty for a receiver that checks none. */
  readonly secrets: readonly Uint8Array[];
  readonly format: (typeof formats)[number];
  /** Audit actions, or beginnings such as `password.*`; `null`: what the format sends unless told otherwise. */
  readonly events: readonly string[] | null;
  /** Private addresses and blocks that it can reach. */
  readonly allow: readonly string[];
};

const formats = ['cloudevents', 'slack'] as const;
const parts = ['URL', 'URL_FILE', 'SECRET', 'SECRET_FILE', 'FORMAT', 'EVENTS', 'ALLOW'];

export function readWebhooks(settings: Settings, environment: Environment): WebhookConfig[] {
  const names = settings.list('WEBHOOKS');
  if (new Set(names).size < names.length) settings.problem('WEBHOOKS names one webhook twice');
  const known = [...new Set(names)];
  refuseUnknown(settings, environment, known);
  return known.flatMap((name) => readWebhook(settings, name));
}

/** "WEBHOOK_CHAT_" */
export function webhookPrefix(name: string): string {
  return `WEBHOOK_${name.toUpperCase().replaceAll('-', '_')}_`;
}

function refuseUnknown(settings: Settings, environment: Environment, names: readonly string[]): void {
  const known = new Set(names.flatMap((name) => parts.map((part) => webhookPrefix(name) + part)));
  for (const [name, value] of Object.entries(environment)) {
    if (!/^WEBHOOK_.+_/.test(name) || known.has(name) || isServiceLink(name, value)) continue;
    settings.problem(`${name} belongs to no webhook: WEBHOOKS has their names, and each has ${parts.join(', ')}`);
  }
}

function readWebhook(settings: Settings, name: string): WebhookConfig[] {
  // "mail" is what the test command and the page of deliveries call the other channel.
  if (!/^[a-z][a-z0-9-]*$/.test(name) || name === 'mail') {
    settings.problem(`WEBHOOKS: "${name}" is not usable: lower-case letters, digits and "-", and not "mail"`);
    return [];
  }
  const own = webhookPrefix(name);
  const format = settings.choice(`${own}FORMAT`, formats, 'cloudevents');
  const secrets = readSecrets(settings, `${own}SECRET`);
  if (secrets.length === 0 && format === 'cloudevents') {
    settings.problem(`no one can tell a genuine message from another without a key: ${own}SECRET is required`);
  }
  const allow = readAllow(settings, `${own}ALLOW`);
  const url = readUrl(settings, `${own}URL`, allow);
  const events = settings.list(`${own}EVENTS`);
  if (url === null) return [];
  return [{ name, url, secrets, format, events: events.length === 0 ? null : events, allow }];
}

/** Never shown, not even in a mistake: a Slack URL is a secret. */
function readUrl(settings: Settings, setting: string, allow: readonly string[]): URL | null {
  const text = settings.secret(setting, { required: true });
  if (text === null) return null;
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '') {
    settings.problem(`${setting} must be an https URL without a user name`);
    return null;
  }
  if (url.protocol === 'http:' && allow.length === 0) {
    settings.problem(
      `${setting} is http: only an address that ${setting.replace(/URL$/, 'ALLOW')} lists goes without TLS`,
    );
  }
  return url;
}

/** Standard Webhooks: `whsec_` and 24 to 64 bytes in base64. */
function readSecrets(settings: Settings, setting: string): Uint8Array[] {
  const texts = settings.secret(setting)?.split(/[\s,]+/) ?? [];
  if (texts.length > 2) settings.problem(`${setting} takes two secrets at most, while they are rotated`);
  return texts.map((text) => {
    const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
    const key = Buffer.from(encoded, 'base64');
    if (key.length < 24 || key.length > 64) {
      settings.problem(`${setting} must be whsec_ and 24 to 64 random bytes: echo "whsec_$(openssl rand -base64 32)"`);
    }
    return key;
  });
}

function readAllow(settings: Settings, setting: string): string[] {
  return settings.list(setting).filter((item) => {
    const [address = ''] = item.split('/');
    if (!isAddressOrBlock(item)) {
      settings.problem(`${setting}: "${item}" is not an address or a block such as 10.0.0.0/8`);
      return false;
    }
    if (isNeverReachable(address)) {
      settings.problem(`${setting}: "${item}" can't be allowed: loopback, link-local and metadata addresses never are`);
    }
    return true;
  });
}
