/** Owns the question who may come in at all: the rules on domain and e-mail, and the account that a person gets. */
import { randomBytes } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import type { Authority } from '../identity/authority.ts';
import { isSameEmail, isUsableEmail, otherFormOf, splitEmail, usableEmails } from '../identity/email.ts';
import { foldCase } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { normalizeDomain } from '../lib/domain.ts';
import { Refusal } from '../lib/errors.ts';
import type { AccountMoveStore } from '../store/account-moves.ts';
import {
  type Account,
  type AccountStore,
  byAuthority,
  byProvider,
  importedIssuer,
  type SignedIn,
} from '../store/accounts.ts';
import { ConstraintError } from '../store/sql.ts';
import type { Connector, Profile } from './connector.ts';
import { type NewLoginParts, requireDistinct, requireNewLogin } from './new-login.ts';

/** Someone who was admitted. `before`: the account as it was until now; `undefined` at the first sign-in. */
export type Admitted = { readonly account: Account; readonly before: Account | undefined };

/** Who comes in: the requester, and when the provider was asked who it is, in epoch milliseconds. */
export type Arrival = { readonly client: Requester; readonly answeredAt: number };

/** Lets in whom a provider proved, as an account: creates it at the first sign-in. */
export type Admission = {
  /**
   * @param check what else has to let the person in, before an account that rests or is suspended works again
   * @throws {Refusal} `denied` or `conflict`, with a message for the person, and what `check` throws
   */
  admit(
    connector: Connector,
    profile: Profile,
    arrival: Arrival,
    check?: (admitted: Admitted) => Promise<void>,
  ): Promise<Admitted>;
};

export type AdmissionParts = NewLoginParts & {
  readonly accounts: AccountStore;
  readonly moves: Pick<AccountMoveStore, 'find' | 'follow'>;
  readonly authority: Authority;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createAdmission(parts: AdmissionParts): Admission {
  return {
    async admit(connector, profile, arrival, check = async () => {}) {
      requireSubject(profile, connector.label);
      const email = requireEmail(profile, connector.label);
      connector.check(profile);
      requireAuthority(parts.authority, profile, email);
      const admitted = await signIn(parts, connector, profile, email, arrival);
      const { account, before } = admitted;
      requireNotDisabled(account);
      await check(admitted);
      return { account: account.state === 'active' ? account : await restore(parts, account, arrival), before };
    },
  };
}

/**
 * What the provider took away, it gives back: someone who completes a sign-in is neither suspended nor deleted there. What
 * an administrator took stays, and so does what the provider took after it answered.
 */
async function restore(
  { accounts, audit, now }: AdmissionParts,
  account: Account,
  { client, answeredAt }: Arrival,
): Promise<Account> {
  const { id, login, state, state_reason: why } = account;
  const change = {
    state: 'active',
    reason: null,
    by: byProvider,
    at: now(),
    was: account,
    saidAt: answeredAt,
  } as const;
  const event = (left: number) => {
    const detail = { was: state, reason: why, ...(left > 0 && { revoked: left }) };
    return { action: 'person.enable', actor: login, client, subject: login, detail } as const;
  };
  if (!(await audit.commit(event, (row) => accounts.setState(id, change, row)))) {
    const meanwhile = await accounts.byId(id);
    requireNotDisabled(meanwhile ?? account);
    if (meanwhile?.state !== 'active')
      throw new Refusal('conflict', 'Your account was changed just now. Sign in again.');
  }
  return { ...account, state: 'active', state_reason: null, state_by: byProvider, state_at: change.at };
}

/** @throws {Refusal} `denied` where an administrator disabled the account */
function requireNotDisabled({ login, state, state_by: by, state_reason: why }: Account): void {
  if (state !== 'disabled' || by === byProvider || by === byAuthority) return;
  const reason = why ? `: ${why}` : '';
  throw new Refusal(
    'denied',
    `The account ${login} is disabled here${reason}. Ask the administrator of this registry.`,
  );
}

/** Any provider could otherwise say an address of any domain, and be given what belongs to its owner. */
function requireAuthority(authority: Authority, { provider, issuer, domain }: Profile, email: string): void {
  const account = { kind: 'person', provider, issuer, login: foldCase(email), email, domain } as const;
  const objection = authority.objectionTo(account);
  if (objection === null) return;
  throw new Refusal('denied', `You can't sign in here with ${email}: ${objection}. Sign in with the other provider.`);
}

/** OpenID Connect Core 1.0, section 2: at most 255 characters of ASCII; PostgreSQL keeps no NUL. */
function requireSubject({ subject }: Profile, label: string): void {
  if (/^[\x20-\x7e]{1,255}$/.test(subject)) return;
  throw new Refusal(
    'denied',
    `${label} named you in a way that OpenID Connect does not allow. Tell your administrator.`,
  );
}

/** Characters of a name that is shown. */
const maximumNameLength = 100;

function requireEmail({ email }: Profile, label: string): string {
  if (email === null || email === '') {
    throw new Refusal('denied', `${label} didn’t send your e-mail address. Dockpass needs it as your user name.`);
  }
  if (!isUsableEmail(email)) {
    throw new Refusal(
      'denied',
      `Your e-mail address from ${label} can’t be used as a Docker user name, which can have ${usableEmails}. Ask the person who manages your account there to change it.`,
    );
  }
  return email;
}

async function signIn(
  parts: AdmissionParts,
  connector: Connector,
  profile: Profile,
  email: string,
  arrival: Arrival,
): Promise<Admitted> {
  const { label } = connector;
  const { provider, issuer, subject, domain, groups } = profile;
  const displayName = shownName(profile.displayName);
  const id = randomBytes(10).toString('hex');
  const before = await parts.accounts.byIdentity(issuer, subject);
  // An address that is only written otherwise changes no user name.
  const hasLogin = before !== undefined && isSameEmail(before.login, email);
  const login = hasLogin ? before.login : foldCase(email);
  const logins = { login, otherLogin: hasLogin ? null : otherFormOf(email) };
  const person = {
    id,
    provider,
    issuer,
    subject,
    ...logins,
    email,
    displayName,
    domain,
    groups,
    at: arrival.answeredAt,
  };
  if (!hasLogin) await requireNewLogin(parts, profile, email);
  else if (login !== foldCase(email)) requireDistinct(email);
  if (before !== undefined && !hasLogin) await parts.retiredLogins.retire(before.id, login, parts.now());
  try {
    return { account: await parts.accounts.signIn(person), before };
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error;
    const claimed = await claim(parts.accounts, person, profile, label);
    if (claimed !== null) return claimed;
    if (await followed(parts, person, profile, arrival)) return signIn(parts, connector, profile, email, arrival);
    if (await freeLogin(parts, person, arrival)) return signIn(parts, connector, profile, email, arrival);
    throw await explainTaken(parts.accounts, person, error);
  }
}

/**
 * Whether the account that has this login follows its person here, as an administrator allowed. An account that the person has
 * already is never merged with it: then the sign-in itself didn't create one.
 */
async function followed(
  { accounts, moves, audit, now }: AdmissionParts,
  person: SignedIn,
  { emailVerified }: Profile,
  { client }: Arrival,
): Promise<boolean> {
  const { issuer, subject, provider } = person;
  if (emailVerified !== true || (await accounts.byIdentity(issuer, subject)) !== undefined) return false;
  const account = await holderOf(accounts, person);
  const move = account && (await moves.find(account, person, now()));
  if (account === undefined || move === undefined) return false;
  const { login } = account;
  const detail = { from: account.issuer, to: issuer, provider, allowedBy: move.created_by };
  const event = { action: 'person.follow', actor: login, client, subject: login, detail } as const;
  return audit.commit(event, (row) => moves.follow(account, move, person, row));
}

/** Never merged: anyone who got hold of a leaver's address, or of another provider's, would inherit the account. */
async function explainTaken(accounts: AccountStore, person: SignedIn, cause: unknown) {
  const { issuer, subject, login, email } = person;
  const account = await holderOf(accounts, person);
  const spelling = account === undefined || account.login === login ? '' : ` (as ${account.login})`;
  const isSameSubject = account !== undefined && account.subject === subject && account.issuer !== issuer;
  const message = isSameSubject
    ? `The issuer of your provider changed from ${account.issuer} to ${issuer}, and your account still has the old one. Ask the administrator of this registry to move the accounts (dockpass person move).`
    : `Another account already has the e-mail address ${email}${spelling}: it might have belonged to someone else, and accounts are never merged. Ask the administrator of this registry to remove the old account, or to relink it if it's yours.`;
  return new Refusal('conflict', message, { cause });
}

/**
 * Takes the login from an account whose provider isn't the authority for the address: its owner is the person who signs in
 * now, by the provider that is. @returns false where the other account is vouched for
 */
async function freeLogin({ accounts, authority, audit }: AdmissionParts, person: SignedIn, { client }: Arrival) {
  const squatter = await holderOf(accounts, person);
  if (squatter === undefined || authority.objectionTo(squatter) === null) return false;
  const { id, provider, login } = squatter;
  const detail = { id, provider, reason: authority.objectionTo(squatter) };
  const event = { action: 'person.free-login', actor: login, client, subject: login, detail } as const;
  return audit.commit(event, (row) => accounts.freeLogin(id, row));
}

/**
 * The account that an import from docker_auth left for this person. An e-mail is all that it says of its owner, so the
 * provider that the import named must vouch for that e-mail itself; no one who has an account already gets a second one.
 */
async function claim(
  accounts: AccountStore,
  person: SignedIn,
  { emailVerified }: Profile,
  label: string,
): Promise<Admitted | null> {
  const before = await holderOf(accounts, person);
  if (before === undefined || before.provider !== person.provider) return null;
  if (before.issuer !== importedIssuer) return isTheirs(before, person) ? { account: before, before } : null;
  if (emailVerified !== true) {
    throw new Refusal(
      'denied',
      `An account from docker_auth waits for the owner of ${person.email}, and ${label} does not say that this address is verified. Ask the administrator of this registry.`,
    );
  }
  try {
    // Where another tab claimed it meanwhile, that was the same person or someone else.
    const account =
      (await accounts.claim({ ...person, login: before.login })) ?? (await accounts.byLogin(before.login));
    return account !== undefined && isTheirs(account, person) ? { account, before } : null;
  } catch (error) {
    if (error instanceof ConstraintError) return null;
    throw error;
  }
}

/** The account that has this login, in whichever spelling. */
async function holderOf(accounts: AccountStore, { login, otherLogin = null }: SignedIn): Promise<Account | undefined> {
  return (await accounts.byLogin(login)) ?? (otherLogin === null ? undefined : accounts.byLogin(otherLogin));
}

function isTheirs(account: Account, { issuer, subject }: SignedIn): boolean {
  return account.issuer === issuer && account.subject === subject;
}

/** People write their own name at many providers: without what turns the text around it, and not as long as they like. */
function shownName(name: string | null): string | null {
  const plain =
    name
      ?.toWellFormed()
      .replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '')
      .trim() ?? '';
  return plain === '' ? null : [...plain].slice(0, maximumNameLength).join('');
}

/** The domain part of an e-mail, as domains are compared; `null` where there is none. */
export function domainOf(email: string): string | null {
  return normalizeDomain(splitEmail(email).domain) || null;
}

/**
 * @param options.assumeVerified accept a provider that does not say; one that says "not verified" is believed
 * @throws {Refusal}
 */
export function requireVerifiedEmail(profile: Profile, label: string, options: { assumeVerified: boolean }): void {
  if (profile.emailVerified === true || (profile.emailVerified === null && options.assumeVerified)) return;
  throw new Refusal(
    'denied',
    `${label} has not verified the address ${profile.email ?? ''}. Verify it there, then sign in again.`,
  );
}
