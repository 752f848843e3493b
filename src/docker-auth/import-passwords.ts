/** Owns taking passwords over from docker_auth: whose they become, which are left out, and that a second time changes nothing. */
import { createHash, randomBytes } from 'node:crypto';
import { stateOf } from '../app-passwords/check.ts';
import type { Actor, Audit, AuditEvent } from '../audit/audit.ts';
import { foldEmail, isUsableEmail, otherFormOf } from '../identity/email.ts';
import { foldCase } from '../identity/identity.ts';
import { dateOf, day } from '../lib/time.ts';
import { domainOf } from '../sign-in/admission.ts';
import type { Account } from '../store/accounts.ts';
import { bcryptMark, type ListedPassword, type NewPassword } from '../store/passwords.ts';
import { ConstraintError } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import type { TokenDbEntry } from './token-db.ts';

export type PasswordImportOptions = {
  /** The configured provider that vouches for these people from now on. */
  readonly provider: string;
  /** E-mail domains that it lets in; empty: all. */
  readonly domains: readonly string[];
  /** What the passwords are called. */
  readonly name: string;
  readonly days: number;
  /** Epoch milliseconds: people whom docker_auth hasn't seen since are left out; `null`: no one is. */
  readonly usedSince: number | null;
  /** Changes nothing. */
  readonly dryRun: boolean;
};

/** `replaced`: it took the place of one that was imported before. `known`: a former import had it. */
export type PasswordImport = {
  readonly email: string;
  readonly outcome: 'imported' | 'replaced' | 'known' | 'left out';
  /** `null` where it was not left out. */
  readonly reason: string | null;
  readonly labels: readonly string[];
};

export type PasswordImportParts = {
  readonly store: Pick<Store, 'accounts' | 'passwords'>;
  readonly audit: Audit;
  readonly by: Actor;
  readonly maximumPerAccount: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Begins the id of each imported password: what docker_auth replaced can be replaced here, and nothing else. */
const idPrefix = 'docker-auth-';

/** @returns what became of each entry, in their order */
export async function importPasswords(
  parts: PasswordImportParts,
  entries: readonly TokenDbEntry[],
  input: PasswordImportOptions,
  onProgress: (done: number) => void = () => {},
): Promise<PasswordImport[]> {
  const latest = latestOf(entries);
  const done: PasswordImport[] = [];
  for (const entry of entries) {
    const { email, labels } = entry;
    const reason = latest.has(entry)
      ? reasonToLeave(entry, input)
      : 'the same e-mail in another case or spelling was used later';
    const result = reason === null ? await takeOne(parts, entry, input).catch(reasonOf) : reason;
    const outcome = typeof result === 'string' ? 'left out' : result.outcome;
    done.push({
      email,
      outcome,
      reason: typeof result === 'string' ? result : null,
      labels: Object.keys(labels ?? {}),
    });
    onProgress(done.length);
  }
  return done;
}

/** docker_auth distinguishes Bob@ and bob@; here they are one person, who used one of the two last. */
function latestOf(entries: readonly TokenDbEntry[]): ReadonlySet<TokenDbEntry> {
  const latest = new Map<string, TokenDbEntry>();
  for (const entry of entries) {
    const address = foldEmail(entry.email);
    const other = latest.get(address);
    if (other === undefined || (entry.validUntil ?? 0) > (other.validUntil ?? 0)) latest.set(address, entry);
  }
  return new Set(latest.values());
}

function reasonToLeave({ email, validUntil }: TokenDbEntry, input: PasswordImportOptions): string | null {
  if (!isUsableEmail(email)) return 'not an e-mail address that can be a user name';
  const domain = domainOf(email) ?? '';
  if (input.domains.length > 0 && !input.domains.includes(domain)) {
    return `${input.provider} admits no one from ${domain}`;
  }
  if (input.usedSince !== null && (validUntil ?? 0) < input.usedSince) {
    return validUntil === null ? 'it was never used' : `it was last used about ${dateOf(validUntil)}`;
  }
  return null;
}

type Taken = { readonly outcome: Exclude<PasswordImport['outcome'], 'left out'> };

/** @returns why it is left out, or what became of it */
async function takeOne(
  parts: PasswordImportParts,
  entry: TokenDbEntry,
  input: PasswordImportOptions,
): Promise<Taken | string> {
  const { passwords } = parts.store;
  const login = foldCase(entry.email);
  const { accounts } = parts.store;
  const account = await accounts.byLogin(login);
  const otherLogin = otherFormOf(entry.email);
  // Docker has the password under the name in this entry, which isn't the name of that account.
  const other = account === undefined && otherLogin !== null ? await accounts.byLogin(otherLogin) : undefined;
  if (other !== undefined) return `an account has this e-mail in another spelling (${other.login})`;
  const refused = account === undefined ? null : reasonAgainst(account, input);
  if (refused !== null) return refused;
  const id = idOf(entry);
  const held = account === undefined ? [] : await passwords.ofAccount(account.id);
  if (held.some((password) => password.id === id)) return { outcome: 'known' };
  const live = held.filter((one) => one.origin === null && stateOf(one, parts.now()) === 'active');
  const sameName = live.filter(({ name }) => name === input.name);
  // One that was rotated has a successor of its name.
  if (sameName.some((one) => !one.id.startsWith(idPrefix))) {
    return `there is a password of the name "${input.name}"; give another --name`;
  }
  const [named] = sameName;
  if (named === undefined && countOf(live) >= parts.maximumPerAccount) {
    return `there are ${parts.maximumPerAccount} active passwords, which is the limit`;
  }
  const outcome = named === undefined ? 'imported' : 'replaced';
  if (input.dryRun) return { outcome };
  const accountId = account?.id ?? (await createAccount(parts, entry, login, input));
  const row = rowOf(id, accountId, entry, input, parts.now());
  const isStored = await (named === undefined ? insert(parts, row, login) : replace(parts, named, row));
  return isStored ? { outcome } : 'the account changed meanwhile; try again';
}

/** Another import at the same time, or an entry that someone copied. @throws what isn't about this entry */
function reasonOf(error: unknown): string {
  if (error instanceof ConstraintError) return 'another import or entry has the same account or password; try again';
  throw error;
}

/** As the limit counts: what has a new secret already gives its place to it. */
function countOf(live: readonly ListedPassword[]): number {
  return live.filter((password) => password.replaced_by === null).length;
}

function reasonAgainst({ provider, state }: Account, input: PasswordImportOptions): string | null {
  if (provider !== input.provider) return `the account with this e-mail is of ${provider}`;
  return state === 'active' ? null : `the account is ${state === 'disabled' ? 'disabled' : 'waiting for a sign-in'}`;
}

/** The same for the same hash, so that an import knows what it did before: also after the first use, and after a revocation. */
function idOf({ hash }: TokenDbEntry): string {
  return idPrefix + createHash('sha256').update(hash).digest('hex').slice(0, 12);
}

async function createAccount(
  { store, now }: PasswordImportParts,
  { email, labels }: TokenDbEntry,
  login: string,
  { provider }: PasswordImportOptions,
): Promise<string> {
  const id = randomBytes(10).toString('hex');
  const otherLogin = otherFormOf(email);
  await store.accounts.import({ id, provider, login, otherLogin, email, labels, at: now() });
  return id;
}

/** docker_auth has one password a person: a new one ended the one before. */
function replace(
  { store, audit, by }: PasswordImportParts,
  { id, name, login }: ListedPassword,
  row: NewPassword,
): Promise<boolean> {
  const detail = { id, name, reason: 'docker_auth replaced it' };
  const revocation = { action: 'password.revoke', ...by, subject: login, detail } as const;
  return audit.commit(importOf(row, login, by), (inserted) =>
    audit.commit(revocation, (revoked) => store.passwords.replace({ id, by: by.actor }, row, { revoked, inserted })),
  );
}

function insert(
  { store, audit, by, maximumPerAccount }: PasswordImportParts,
  row: NewPassword,
  login: string,
): Promise<boolean> {
  return audit.commit(importOf(row, login, by), (entry) => store.passwords.insert(row, maximumPerAccount, entry));
}

function importOf({ id, name, expires_at }: NewPassword, subject: string, by: Actor): AuditEvent {
  return { action: 'password.import', ...by, subject, detail: { id, name, expiresAt: expires_at } };
}

function rowOf(
  id: string,
  accountId: string,
  { hash }: TokenDbEntry,
  { name, days }: PasswordImportOptions,
  createdAt: number,
): NewPassword {
  return {
    id,
    account_id: accountId,
    name,
    hash,
    pepper_id: bcryptMark,
    hint: 'not used yet',
    actions_json: null,
    repositories_json: null,
    created_at: createdAt,
    expires_at: createdAt + days * day,
  };
}
