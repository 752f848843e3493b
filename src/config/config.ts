/** Owns the configuration: the environment in, one frozen Config out, or all mistakes together. */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { databaseName } from '../lib/data-folder.ts';
import { isDatabaseUrl, sqliteFileOf, sqliteUrlOf } from '../lib/database-url.ts';
import { type LogFormat, type LogLevel, logFormats, logLevels } from '../lib/log.ts';
import { day } from '../lib/time.ts';
import { type ActivityConfig, readActivity } from './activity.ts';
import { type AdministrationConfig, readAdministration } from './administration.ts';
import { refuseSharedAuthority } from './authority.ts';
import { type BrandConfig, readBrand } from './brand.ts';
import { type KeyRingConfig, readKeyRings } from './key-rings.ts';
import { type NotificationConfig, readNotifications } from './notifications.ts';
import { type OffBoardingConfig, readOffBoarding } from './off-boarding.ts';
import { refuseOverwriting } from './overwritten-files.ts';
import { type GoogleConfig, type OidcConfig, providerNames, readGoogle, readOidcProviders } from './providers.ts';
import { withoutServiceLinks } from './service-links.ts';
import { readServices, type ServiceConfig } from './services.ts';
import { createSettings, type Environment, isLoopback, type Settings } from './settings.ts';
import { readTerminal, type TerminalConfig } from './terminal.ts';

export type Config = OffBoardingConfig &
  AdministrationConfig &
  TerminalConfig &
  BrandConfig &
  ActivityConfig &
  NotificationConfig & {
    readonly publicUrl: URL;
    /** Path of the public URL without a slash at its end: '' or '/dockpass'. */
    readonly prefix: string;
    readonly host: string;
    readonly port: number;
    /** Processes that share the port. */
    readonly workers: number;
    readonly tls: { readonly certificateFile: string; readonly keyFile: string } | null;
    /** Addresses and CIDR blocks whose X-Forwarded-* headers are believed. */
    readonly trustedProxies: readonly string[];
    readonly dataFolder: string;
    /** `sqlite:PATH` or `postgres://...`. */
    readonly databaseUrl: string;
    readonly policyFile: string;
    /** A policy whose decisions are compared with those of the policy in force, and change nothing. */
    readonly policyCandidateFile: string | null;
    /** Whose ID tokens count; `isRequired`: it was named, so it must be there. */
    readonly workloads: { readonly file: string; readonly isRequired: boolean };
    /** Milliseconds for which an issuer's keys count without a successful fetch. */
    readonly workloadKeyAge: number;
    readonly services: readonly ServiceConfig[];
    readonly keyRings: readonly KeyRingConfig[];
    readonly google: GoogleConfig | null;
    readonly oidc: readonly OidcConfig[];
    readonly sessionSecret: string | null;
    /** Seconds. */
    readonly sessionIdle: number;
    /** Seconds. */
    readonly sessionAbsolute: number;
    readonly passwordPepper: string | null;
    /** The first encrypts, all decrypt. */
    readonly encryptionKeys: readonly string[] | null;
    readonly passwordMaximumDays: number;
    readonly passwordsPerAccount: number;
    /** Different wrong passwords that can be tried with a user name from one address, in ten minutes. */
    readonly wrongPasswords: number;
    /** Seconds that a provider's clock can differ from ours. */
    readonly clockLeeway: number;
    readonly logLevel: LogLevel;
    /** `null`: text on a terminal, JSON elsewhere. */
    readonly logFormat: LogFormat | null;
  };

/** Every mistake of the environment; `message` has one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** What the commands need that only touch the database. */
export type StorageConfig = Pick<Config, 'dataFolder' | 'databaseUrl'>;

/** @throws {ConfigError} */
export function readConfig(given: Environment): Config {
  const environment = withoutServiceLinks(given);
  const settings = createSettings(environment);
  const publicUrl = settings.url('PUBLIC_URL', undefined);
  const storage = readStorage(settings);
  const services = readServices(settings, environment, publicUrl);
  const config: Config = {
    ...storage,
    ...readListener(settings),
    publicUrl,
    prefix: publicUrl.pathname.replace(/\/+$/, ''),
    ...readPolicyFiles(settings),
    services,
    keyRings: readKeyRings(settings, services, storage.dataFolder),
    google: readGoogle(settings),
    oidc: readOidcProviders(settings, environment),
    ...readSessions(settings),
    passwordPepper: settings.secret('PASSWORD_PEPPER', { minimumLength: 32 }),
    encryptionKeys: readEncryptionKeys(settings),
    ...readOffBoarding(settings),
    ...readAdministration(settings),
    ...readTerminal(settings),
    ...readBrand(settings),
    ...readActivity(settings),
    ...readNotifications(settings, environment),
    passwordMaximumDays: settings.integer('PASSWORD_MAX_DAYS', { fallback: 365, minimum: 1, maximum: 3650 }),
    passwordsPerAccount: settings.integer('PASSWORDS_PER_PERSON', { fallback: 20, minimum: 1, maximum: 1000 }),
    wrongPasswords: settings.integer('WRONG_PASSWORDS', { fallback: 10, minimum: 1, maximum: 1000 }),
    clockLeeway: settings.integer('CLOCK_LEEWAY_SECONDS', { fallback: 30, minimum: 0, maximum: 600 }),
    logLevel: settings.choice('LOG_LEVEL', logLevels, 'info'),
    logFormat: settings.optional('LOG_FORMAT') === null ? null : settings.choice('LOG_FORMAT', logFormats, 'json'),
  };
  refuseInsecure(settings, config);
  refuseLongPath(settings, config);
  refuseOverwriting(settings, config);
  refuseSharedAuthority(settings, config.google, config.oidc);
  settings.refuseMisspelt();
  if (settings.problems.length > 0) throw new ConfigError(settings.problems);
  return Object.freeze(config);
}

/** @throws {ConfigError} */
export function readStorageConfig(environment: Environment): StorageConfig {
  const settings = createSettings(withoutServiceLinks(environment));
  const storage = readStorage(settings);
  if (settings.problems.length > 0) throw new ConfigError(settings.problems);
  return storage;
}

function readStorage(settings: Settings): StorageConfig {
  const dataFolder = settings.path('DATA_DIR', 'data');
  refuseForgottenData(settings, dataFolder);
  const databaseUrl = withAbsolutePath(
    settings,
    settings.secret('DATABASE_URL') ?? sqliteUrlOf(join(dataFolder, databaseName)),
  );
  if (!isDatabaseUrl(databaseUrl)) {
    settings.problem('DATABASE_URL must begin with sqlite: or postgres://');
  } else if (sqliteFileOf(databaseUrl) === null && !URL.canParse(databaseUrl)) {
    settings.problem('DATABASE_URL is not a URL: characters such as @ / # in the password are written %40 %2F %23');
  }
  return { dataFolder, databaseUrl };
}

function withAbsolutePath(settings: Settings, databaseUrl: string): string {
  const file = sqliteFileOf(databaseUrl);
  return file === null || file === '' ? databaseUrl : sqliteUrlOf(settings.absolute(file));
}

/** The folder that DATA_DIR used to mean: a start with an empty one would look as if everything was lost. */
function refuseForgottenData(settings: Settings, dataFolder: string): void {
  const before = resolve(settings.text('DATA_DIR', 'data'));
  if (before === dataFolder || existsSync(join(dataFolder, databaseName)) || !existsSync(join(before, databaseName)))
    return;
  settings.problem(
    `DATA_DIR is relative, so it counts from the folder of the .env file: ${dataFolder}, which has no database. ${before} has one: set DATA_DIR to that path, or move the folder`,
  );
}

/** The workloads file is beside the policy, which decides about what it lets in. */
function readPolicyFiles(
  settings: Settings,
): Pick<Config, 'policyFile' | 'policyCandidateFile' | 'workloads' | 'workloadKeyAge'> {
  const policyFile = settings.path('POLICY_FILE', 'policy.yml');
  const workloadsFile = settings.optionalPath('WORKLOADS_FILE');
  return {
    policyFile,
    policyCandidateFile: settings.optionalPath('POLICY_CANDIDATE_FILE'),
    workloads: {
      file: workloadsFile ?? join(dirname(policyFile), 'workloads.yml'),
      isRequired: workloadsFile !== null,
    },
    workloadKeyAge: settings.integer('WORKLOAD_KEY_DAYS', { fallback: 7, minimum: 1, maximum: 90 }) * day,
  };
}

function readListener(settings: Settings): Pick<Config, 'host' | 'port' | 'workers' | 'tls' | 'trustedProxies'> {
  const certificateFile = settings.optionalPath('TLS_CERTIFICATE_FILE');
  const keyFile = settings.optionalPath('TLS_KEY_FILE');
  if ((certificateFile === null) !== (keyFile === null)) {
    settings.problem('TLS_CERTIFICATE_FILE and TLS_KEY_FILE belong together: set both or none');
  }
  const trustedProxies = settings.list('TRUSTED_PROXIES');
  for (const item of trustedProxies) {
    const problem = checkProxy(item);
    if (problem !== null) settings.problem(`TRUSTED_PROXIES: "${item}" ${problem}`);
  }
  return {
    host: settings.text('LISTEN_ADDRESS', '127.0.0.1'),
    port: settings.integer('PORT', { fallback: 5001, minimum: 0, maximum: 65535 }),
    workers: settings.integer('WORKERS', { fallback: 1, minimum: 1, maximum: 64 }),
    tls: certificateFile === null || keyFile === null ? null : { certificateFile, keyFile },
    trustedProxies,
  };
}

/** An IPv4-mapped block would trust every IPv4 address in some versions of proxy-addr (CVE-2026-90711). */
function checkProxy(item: string): string | null {
  const [address = '', bits, ...rest] = item.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return 'is not an address or a block such as 10.0.0.0/8';
  if (address.toLowerCase().startsWith('::ffff:')) return 'is an IPv4-mapped address: write it as IPv4';
  if (bits === undefined) return null;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return 'has a wrong prefix length';
  return Number(bits) === 0 ? 'trusts everyone: a client could then claim any address' : null;
}

function readSessions(settings: Settings): Pick<Config, 'sessionSecret' | 'sessionIdle' | 'sessionAbsolute'> {
  const idle = settings.integer('SESSION_IDLE_MINUTES', { fallback: 480, minimum: 1, maximum: 43_200 }) * 60;
  const absolute = settings.integer('SESSION_MAX_HOURS', { fallback: 168, minimum: 1, maximum: 8_760 }) * 3600;
  if (idle > absolute) settings.problem('SESSION_IDLE_MINUTES is longer than SESSION_MAX_HOURS');
  return {
    sessionSecret: settings.secret('SESSION_SECRET', { minimumLength: 32 }),
    sessionIdle: idle,
    sessionAbsolute: absolute,
  };
}

function readEncryptionKeys(settings: Settings): readonly string[] | null {
  const keys = settings.secret('ENCRYPTION_KEYS')?.split(/[\s,]+/) ?? null;
  if (keys?.some((key) => key.length < 32)) {
    settings.problem(
      'ENCRYPTION_KEYS: each key needs at least 32 random characters, as `openssl rand -base64 32` does',
    );
  }
  return keys;
}

/** Characters of the public path and a provider's name together, so that a begun sign-in fits into its cookie, on https with a few to spare. */
const maximumPath = 128;

function refuseLongPath(settings: Settings, config: Config): void {
  const { prefix } = config;
  for (const name of providerNames(config).filter(({ length }) => prefix.length + length > maximumPath)) {
    settings.problem(
      `PUBLIC_URL: its path has ${prefix.length} characters, and the name of the provider ${name} has ${name.length}. Together they can have ${maximumPath}, so that a begun sign-in always fits into its cookie: shorten one of them`,
    );
  }
}

/** Combinations that work and are unsafe, each by name. */
function refuseInsecure(settings: Settings, config: Config): void {
  const { publicUrl } = config;
  if (publicUrl.protocol === 'http:' && !isLoopback(publicUrl)) {
    settings.problem('PUBLIC_URL is http on a public name: passwords would cross the network in the clear. Use https');
  }
  if (publicUrl.search !== '' || publicUrl.hash !== '' || publicUrl.username !== '') {
    settings.problem('PUBLIC_URL must have no query, fragment or user name');
  }
  if (!/^(\/[\w.~-]+)*$/.test(config.prefix)) {
    settings.problem('PUBLIC_URL: its path can have letters, digits and . _ ~ - between single slashes');
  }
  if (publicUrl.protocol === 'https:' && config.tls === null && config.trustedProxies.length === 0) {
    settings.problem(
      'PUBLIC_URL is https, but nothing here speaks TLS: set TLS_CERTIFICATE_FILE and TLS_KEY_FILE, or TRUSTED_PROXIES to the addresses of the proxy that does',
    );
  }
  if (publicUrl.protocol === 'http:' && config.tls !== null) {
    settings.problem('PUBLIC_URL is http, but TLS_CERTIFICATE_FILE is set: begin PUBLIC_URL with https');
  }
  if (isDatabaseUrl(config.databaseUrl) && sqliteFileOf(config.databaseUrl) === null) {
    for (const name of ['SESSION_SECRET', 'PASSWORD_PEPPER', 'ENCRYPTION_KEYS']) {
      if (!settings.isSecretSet(name))
        settings.problem(`${name} or ${name}_FILE is required with PostgreSQL: every replica must have the same`);
    }
  }
}
