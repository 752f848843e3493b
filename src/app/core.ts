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
import { nothingBefore } from '../keys/published.ts';
import { beforeThisStart } from '../keys/worker-starts.ts';
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
import { isServed, openTrial, type ServeMode, type Trial } from './installation.ts';

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
  const records = await openRecords(config, mode);
  const { log, store, audit } = records;
  const pepper = createPepper(await secretOf(config, 'passwordPepper', 'password-pepper'));
  const robotBound = config.robots.bound ?? (await store.robots.defaultBound());
  const warnings = [...(await checkPepper(store, pepper, log)), ...(robotBound === 'warn' ? [unbound] : [])];
  const gracePeriods = await gracePeriodsOf(config, store);
  const authority = createAuthority(sourcesOf(config), importedIssuer);
  const makerRules = { enforced: robotBound === 'enforce', grace: config.robots.grace };
  const passwords = openPasswords(config, { ...records, pepper, gracePeriods, authority, makerRules });
  const cipher = createCipher(
    config.encryptionKeys ?? [await readOrCreateSecret(join(config.dataFolder, 'encryption-key'))],
  );
  const identityTokens = createIdentityTokens({
    ...{ store: store.identityTokens, pepper, audit, now: Date.now },
    identityByHash: passwords.identityByHash,
  });
  const counts = openCounts(config, { ...records, pepper });
  const close = async () => {
    await Promise.all([...Object.values(counts).map((each) => each.close()), passwords.close()]);
    await audit.close(); // last: uses record new addresses in it
    await store.close();
  };
  const secrets = { pepper, passwords, identityTokens, cipher };
  return { ...records, ...secrets, ...counts, makerRules, gracePeriods, authority, warnings, close };
}

type Records = Pick<Core, 'log' | 'store' | 'audit' | 'unstored' | 'trial'>;

/** What everything else is recorded in. */
async function openRecords(config: Config, mode: ServeMode | null): Promise<Records> {
  const log = createLog(config.logLevel, config.logFormat);
  await createDataFolder(config.dataFolder);
  const store = await openStore(config.databaseUrl, (error) => log.error({ err: error }, 'idle database connection'));
  const unstored = createUnstoredRecords(log);
  // That this is a trial is recorded, too: until it's known, events count as those of the service.
  let trial: Trial = null;
  const isAnnounced = createIsAnnounced(config);
  const audit = createAudit(
    store.audit,
    log,
    Date.now,
    unstored.of('audit events', '; this log has each of them'),
    // A command has no log; the service writes the lines for it.
    (action) => trial === null && (mode === null || isAnnounced(action)),
  );
  trial = await openTrial({ store, audit, log, mode, publicUrl: config.publicUrl.origin + config.prefix });
  return { log, store, audit, unstored, trial };
}

function openPasswords(
  config: Config,
  parts: Records & Pick<Core, 'pepper' | 'gracePeriods' | 'authority' | 'makerRules'>,
): AppPasswords {
  const { store, audit, unstored, pepper, gracePeriods, authority, makerRules } = parts;
  return createAppPasswords({
    ...{ store: store.passwords, audit, pepper, gracePeriods, authority, makerRules, now: Date.now },
    onError: unstored.of('last uses of passwords'),
    publicUrl: config.publicUrl.href,
    maximumDays: config.passwordMaximumDays,
    maximumPerAccount: config.passwordsPerAccount,
    accountById: store.accounts.byId,
    checkPattern: createPatternCheck(config.services.map(({ registryHost }) => registryHost)),
  });
}

/** What is counted behind the answers. */
function openCounts(
  { wrongPasswords }: Config,
  { store, audit, log, unstored, pepper }: Records & Pick<Core, 'pepper'>,
): Pick<Core, 'failedLogins' | 'uses' | 'denials' | 'dailyCounts'> {
  const now = Date.now;
  return {
    failedLogins: createFailedLogins({
      ...{ store: store.failedLogins, pepper, limit: wrongPasswords, now },
      onError: (error) => log.error({ err: error }, 'wrong passwords were counted only in this process'),
    }),
    uses: createUses({ store: store.passwordUses, audit, onError: unstored.of('uses of passwords'), now }),
    denials: createDenials({ store: store.denials, onError: unstored.of('denials'), now }),
    dailyCounts: createDailyCounts({ store: store.dailyCounts, onError: unstored.of('daily counts'), now }),
  };
}

/** After an upgrade, no one loses a password to a limit that wasn't there: /admin says how many people it would be. */
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
async function checkPepper({ passwords }: Store, pepper: Pepper, log: Log): Promise<string[]> {
  const inUse = await passwords.pepperInUse(Date.now());
  if (inUse === undefined || inUse === pepper.id) return [];
  const warning =
    'app passwords were made with another pepper and cannot work: restore PASSWORD_PEPPER or password-pepper in DATA_DIR';
  log.error({}, warning);
  return [warning];
}

/** The keys that sign tokens; makes them on the first call, and writes the files that registries read, but for those of a copy. */
export async function openSigningKeys(
  config: Config,
  { store, cipher, log, trial }: Core,
  by: 'service' | 'command',
): Promise<Keys> {
  const parts = { rings: config.keyRings, store: store.signingKeys, cipher, log, now: Date.now };
  const writes = trial === null;
  if (by === 'service') return openKeys({ ...parts, writes, serves: true, before: beforeThisStart });
  const before = (await isServed(store, Date.now())) ? null : nothingBefore;
  return openKeys({ ...parts, writes, serves: false, before: () => before });
}

/** From the configuration, or made once for this machine. */
export function secretOf(config: Config, name: 'passwordPepper' | 'sessionSecret', file: string): Promise<string> {
  const given = config[name];
  return given === null ? readOrCreateSecret(join(config.dataFolder, file)) : Promise.resolve(given);
}
