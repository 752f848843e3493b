/** Owns the settings of mail, and of when people are reminded. Those of webhooks are in webhooks.ts. */
import { isLoopback, type Settings } from './settings.ts';
import { readWebhooks, type WebhookConfig } from './webhooks.ts';

export type MailConfig = {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (`smtps:`). */
  readonly implicitTls: boolean;
  /** Without TLS nothing is sent. Only a server on this machine, or SMTP_INSECURE, goes without. */
  readonly requiresTls: boolean;
  readonly login: { readonly user: string; readonly password: string } | null;
  readonly from: { readonly name: string; readonly address: string };
  readonly perMinute: number;
};

export type NotificationConfig = {
  readonly notifications: {
    /** `null`: no mail is sent. */
    readonly mail: MailConfig | null;
    readonly webhooks: readonly WebhookConfig[];
    /** Days before a password's end, the most first. */
    readonly reminderDays: readonly number[];
  };
};

const defaultReminders = ['14', '3', '1'];

export function readNotifications(
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
): NotificationConfig {
  return {
    notifications: {
      mail: readMail(settings),
      webhooks: readWebhooks(settings, environment),
      reminderDays: readReminderDays(settings),
    },
  };
}

function readReminderDays(settings: Settings): number[] {
  const given = settings.list('EXPIRY_REMINDER_DAYS');
  const days = (given.length > 0 ? given : defaultReminders).map((text) => (/^\d{1,3}$/.test(text) ? Number(text) : 0));
  if (days.some((day) => day < 1 || day > 365)) {
    settings.problem('EXPIRY_REMINDER_DAYS must be whole numbers from 1 to 365, such as 14,3,1');
  }
  return [...new Set(days)].sort((a, b) => b - a);
}

function readMail(settings: Settings): MailConfig | null {
  const text = settings.secret('SMTP_URL');
  const from = settings.optional('SMTP_FROM');
  const perMinute = settings.integer('SMTP_PER_MINUTE', { fallback: 60, minimum: 1, maximum: 6_000 });
  const isInsecure = settings.flag('SMTP_INSECURE', false);
  if (text === null) {
    if (from !== null && !settings.isSecretSet('SMTP_URL')) settings.problem('SMTP_FROM is set, but SMTP_URL is not');
    return null;
  }
  const url = URL.parse(text);
  // Never the text itself: it has a password.
  const problem = url === null ? notUrl : problemOf(url);
  if (url === null || problem !== null) {
    settings.problem(`SMTP_URL ${problem}`);
    return null;
  }
  const implicitTls = url.protocol === 'smtps:';
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (implicitTls ? 465 : 587) : Number(url.port),
    implicitTls,
    requiresTls: !isInsecure && !isLoopback(url),
    login: loginOf(url),
    from: readFrom(settings, from),
    perMinute,
  };
}

const notUrl =
  'must be a URL such as smtps://user:password@mail.example.com or smtp://localhost:25; write @ / # of a password as %40 %2F %23';

function problemOf(url: URL): string | null {
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') return 'must begin with smtps:// or smtp://';
  if (url.hostname === '') return notUrl;
  if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    return 'takes no path, query or fragment: SMTP_INSECURE and SMTP_FROM are settings of their own';
  }
  if (url.username === '' && url.password !== '') return 'has a password, but no user name';
  return isDecodable(url.username) && isDecodable(url.password) ? null : notUrl;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function loginOf({ username, password }: URL): MailConfig['login'] {
  return username === '' ? null : { user: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/** "Dockpass <dockpass@example.com>" or the address alone. */
function readFrom(settings: Settings, text: string | null): MailConfig['from'] {
  const [, name = '', bracketed, bare] =
    /^(?:([^<>"\r\n]*?)\s*<([^\s<>@]+@[^\s<>@]+)>|([^\s<>@]+@[^\s<>@]+))$/.exec(text ?? '') ?? [];
  const address = bracketed ?? bare ?? '';
  if (address === '') {
    settings.problem(
      'SMTP_FROM is required with SMTP_URL: an address, or a name and an address such as Dockpass <dockpass@example.com>',
    );
  }
  return { name: name === '' ? 'Dockpass' : name, address };
}
