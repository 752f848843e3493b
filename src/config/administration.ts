/** Owns the settings of administration: who administers, what is kept for how long, where metrics are shown. */
import { day } from '../lib/time.ts';
import type { Settings } from './settings.ts';

export type AdministrationConfig = {
  readonly administrators: {
    readonly emails: readonly string[];
    readonly groups: readonly string[];
    /** Seconds since the sign-in within which destructive actions are allowed. */
    readonly freshness: number;
  };
  /** Seconds since the sign-in within which an app password can be created; `null`: as long as the session lasts. */
  readonly passwordFreshness: number | null;
  /** Whom people ask for access: text for their pages, or `null`. */
  readonly contact: string | null;
  /** Milliseconds. */
  readonly auditRetention: number;
  /** Milliseconds. */
  readonly denialRetention: number;
  readonly apiTokenMaximumDays: number;
  readonly robots: {
    /** `null`: an installation that had robots before makers were kept warns, every other one enforces. */
    readonly bound: 'warn' | 'enforce' | null;
    /** Whether members of the owner groups make robots and their passwords; otherwise only administrators do. */
    readonly selfService: boolean;
    readonly perPerson: number;
    /** Milliseconds that robots' passwords work after their maker left; `null`: for as long as they live. */
    readonly grace: number | null;
  };
  /** Where metrics are shown, apart from everything else; `null`: nowhere. */
  readonly metricsListener: { readonly host: string; readonly port: number } | null;
};

export function readAdministration(settings: Settings): AdministrationConfig {
  const days = (name: string, fallback: number) => settings.integer(name, { fallback, minimum: 1, maximum: 3_650 });
  return {
    administrators: {
      emails: settings.emails('ADMIN_EMAILS'),
      groups: settings.list('ADMIN_GROUPS'),
      freshness: settings.integer('ADMIN_FRESH_MINUTES', { fallback: 15, minimum: 1, maximum: 1_440 }) * 60,
    },
    passwordFreshness: readPasswordFreshness(settings),
    contact: settings.optional('CONTACT'),
    auditRetention: days('AUDIT_RETENTION_DAYS', 365) * day,
    denialRetention: days('DENIAL_RETENTION_DAYS', 30) * day,
    robots: readRobots(settings),
    apiTokenMaximumDays: days('API_TOKEN_MAX_DAYS', 365),
    metricsListener: readMetricsListener(settings),
  };
}

function readPasswordFreshness(settings: Settings): number | null {
  const minutes = settings.integer('PASSWORD_FRESH_MINUTES', { fallback: 0, minimum: 0, maximum: 43_200 });
  return minutes === 0 ? null : minutes * 60;
}

function readRobots(settings: Settings): AdministrationConfig['robots'] {
  const bound =
    settings.optional('ROBOT_BOUND') === null ? null : settings.choice('ROBOT_BOUND', ['warn', 'enforce'], 'enforce');
  const grace = settings.integer('ROBOT_GRACE_DAYS', { fallback: 7, minimum: 0, maximum: 365 }) * day;
  return {
    bound,
    selfService: settings.flag('ROBOT_SELF_SERVICE', true),
    perPerson: settings.integer('ROBOTS_PER_PERSON', { fallback: 20, minimum: 1, maximum: 1_000 }),
    grace: settings.choice('ROBOTS_OF_LEAVERS', ['suspend', 'keep'], 'suspend') === 'keep' ? null : grace,
  };
}

/** "127.0.0.1:9464", "[::1]:9464". */
function readMetricsListener(settings: Settings): AdministrationConfig['metricsListener'] {
  const text = settings.optional('METRICS_LISTEN');
  if (text === null) return null;
  const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) > 65_535) {
    settings.problem(`METRICS_LISTEN must be an address and a port such as 127.0.0.1:9464, not "${text}"`);
  }
  return { host, port: Number(port) };
}
