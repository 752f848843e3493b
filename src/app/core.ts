/** Owns what pages, realm and commands are built on: the log, the store, the audit, the passwords. */
import { join } from 'node:path';
import { type AppPasswords, createAppPasswords } from '../app-passwords/app-passwords.ts';
import { createIdentityTokens, type IdentityTokens } from '../app-passwords/identity-tokens.ts';
import type { MakerRules } from '../app-passwords/maker.ts';
import { createAudit, type OpenAudit } from '../audit/audit.ts';
import { createDailyCounts, type DailyCounts } from '../audit/daily-counts.ts';
import { createDenials, type Denials } from '../audit/denials.ts';
import { createUses, type Uses } from '../audit/uses.ts';
import type { Config } from '../config/config.ts';
import type { GracePeriods } from '../identity/account-status.ts';
import { type Authority, createAuthority, type Source } from '../identity/authority.ts';
import { type Keys, openKeys } from '../keys/keys.ts';
import { type Cipher, createCipher } from '../lib/cipher.ts';
import { createDataFolder, readOrCreateSecret } from '../lib/data-folder.ts';
import { createLog, type Log } from '../lib/log.ts';
import { createPepper, type Pepper } from '../lib/secret.ts';
import { createUnstoredRecords, type UnstoredRecords } from '../lib/unstored.ts';
import { createPatternCheck } from '../pattern/repository-pattern.ts';
import { createFailedLogins, type FailedLogins } from '../static-users/failed-logins.ts';
import { importedIssuer } from '../store/accounts.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { createIsAnnounced } from './announced.ts';
import { openTrial, type ServeMode, type Trial } from './installation.ts';

/** What pages and commands share. */
export type Core = {
  readonly log: Log;
  readonly store: Store;
  readonly audit: OpenAudit;
  /** Keys the hashes of all secrets that are given out. */
  readonly pepper: Pepper;
  readonly passwords: AppPasswords;
  /** How far the makers of robots' passwords bound them. */
  readonly makerRules: MakerRules;
  /** The settings, and what this database says where they leave it open. */
  readonly gracePeriods: GracePeriods;
  /** Which provider is the authority for which domain. */
  readonly authority: Authority;
  readonly identityTokens: IdentityTokens;
  readonly failedLogins: FailedLogins;
  /** For secrets in the database that must be read again. */
  readonly cipher: Cipher;
  /** For operators: what was found wrong at the start. */
  readonly warnings: readonly string[];
  readonly uses: Uses;
  readonly denials: Denials;
  readonly dailyCounts: DailyCounts;
  /** Not `null` where this is a copy that is tried. */
  readonly trial: Trial;
  /** What could not be stored of what is written behind the answers. */
  readonly unstored: UnstoredRecords;
  close(): Promise<void>;
};

/**
 * Opens the store and what needs only the store.
 * @param mode of `serve`; `null` for a command
 */
export async function openCore(config: Config, mode: ServeMode | null = null): Promise<Core> {
  const log = createLog(config.logLevel, config.logFormat);
  await createDataFolder(config.dataFolder);
  const store = await openStore(config.databaseUrl, (error) => log.error({ err: error }, 'idle database connection'));
  const unstored = createUnstoredRecords(log);
  let trial: Trial = null;
  const isAnnounced = createIsAnnounced(config);
  const audit = createAudit(
    store.audit,
    log,
    Date.now,
    unstored.of('audit events', '; this log has each of them'),
    (action) => trial === null && isAnnounced(action),
  );
  trial = await openTrial({ store, audit, log, mode, publicUrl: config.publicUrl.origin + config.prefix });
  const pepper = createPepper(await secretOf(config, 'passwordPepper', 'password-pepper'));
  const warnings = await checkPepper(store, pepper);
  for (const warning of warnings) log.error({}, warning);
  const robotBound = config.robots.bound ?? (await store.robots.defaultBound());
  if (robotBound === 'warn') warnings.push(unbound);
  const gracePeriods = await gracePeriodsOf(config, store);
  const authority = createAuthority(sourcesOf(config), importedIssuer);
  const makerRules = { enforced: robotBound === 'enforce', grace: config.robots.grace };
  const passwords = createAppPasswords({
    store: store.passwords,
    audit,
    pepper,
    onError: unstored.of('last uses of passwords'),
    now: Date.now,
    publicUrl: config.publicUrl.href,
    maximumDays: config.passwordMaximumDays,
    maximumPerAccount: config.passwordsPerAccount,
    gracePeriods,
    accountById: store.accounts.byId,
    makerRules,
    authority,
    checkPattern: createPatternCheck(config.services.map(({ registryHost }) => registryHost)),
  });
  const cipher = createCipher(
    config.encryptionKeys ?? [await readOrCreateSecret(join(config.dataFolder, 'encryption-key'))],
  );
  const identityTokens = createIdentityTokens({
    store: store.identityTokens,
    pepper,
    identityByHash: passwords.identityByHash,
    audit,
    now: Date.now,
  });
  const failedLogins = createFailedLogins({
    store: store.failedLogins,
    pepper,
    limit: config.wrongPasswords,
    onError: (error) => log.error({ err: error }, 'wrong passwords were counted only in this process'),
    now: Date.now,
  });
  const uses = createUses({
    store: store.passwordUses,
    audit,
    onError: unstored.of('uses of passwords'),
    now: Date.now,
  });
  const denials = createDenials({
    store: store.denials,
    onError: unstored.of('denials'),
    now: Date.now,
  });
  const dailyCounts = createDailyCounts({
    store: store.dailyCounts,
    onError: unstored.of('daily counts'),
    now: Date.now,
  });
  const close = async () => {
    await Promise.all([dailyCounts.close(), failedLogins.close(), uses.close(), denials.close(), passwords.close()]);
    await audit.close(); // last: uses record new addresses in it
    await store.close();
  };
  return {
    log,
    store,
    audit,
    pepper,
    passwords,
    makerRules,
    gracePeriods,
    authority,
    identityTokens,
    failedLogins,
    cipher,
    uses,
    denials,
    dailyCounts,
    unstored,
    trial,
    warnings,
    close,
  };
}

/** After an upgrade nobody loses a password to a limit that wasn't there: /admin says how many people it would be. */
async function gracePeriodsOf(
  { gracePeriods, uncheckedByDefault }: Config,
  { installation }: Store,
): Promise<GracePeriods> {
  if (!uncheckedByDefault || !(await installation.keepsUnchecked())) return gracePeriods;
  return { ...gracePeriods, unchecked: null };
}

/** The settings as they count with this database. */
export function settled(config: Config, { gracePeriods }: Core): Config {
  return { ...config, gracePeriods };
}

function sourcesOf({ google, oidc }: Config): Source[] {
  return google === null ? [...oidc] : [{ name: 'google', domains: google.domains }, ...oidc];
}

const unbound =
  'robots can do more than the makers of their passwords: look at what would be denied under /admin/robots, then set ROBOT_BOUND=enforce';

/** A lost pepper would look like wrong passwords for everyone. */
async function checkPepper({ passwords }: Store, pepper: Pepper): Promise<string[]> {
  const inUse = await passwords.pepperInUse(Date.now());
  if (inUse === undefined || inUse === pepper.id) return [];
  return [
    'app passwords were made with another pepper and cannot work: restore PASSWORD_PEPPER or password-pepper in DATA_DIR',
  ];
}

/** The keys that sign tokens; makes them on the first call, and writes the files that registries read, but for those of a copy. */
export function openSigningKeys(config: Config, { store, cipher, log, trial }: Core): Promise<Keys> {
  const parts = { rings: config.keyRings, store: store.signingKeys, cipher, log, now: Date.now };
  return openKeys({ ...parts, writes: trial === null });
}

/** From the configuration, or made once for this machine. */
export function secretOf(config: Config, name: 'passwordPepper' | 'sessionSecret', file: string): Promise<string> {
  const given = config[name];
  return given === null ? readOrCreateSecret(join(config.dataFolder, file)) : Promise.resolve(given);
}
