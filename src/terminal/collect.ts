/** Owns what an approved terminal is given, once. */
import { randomBytes } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import type { Limits } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { isTexts, readJson } from '../lib/json.ts';
import { createSecret, hintOf, type Pepper } from '../lib/secret.ts';
import { hour, minute } from '../lib/time.ts';
import type { AccountStore } from '../store/accounts.ts';
import type { PasswordStore } from '../store/passwords.ts';
import type { NewSecret, TerminalRequestRow, TerminalRequestStore } from '../store/terminal-requests.ts';
import { machineLifetime } from './machines.ts';

/** Times are epoch milliseconds. */
export type Collected = {
  readonly login: string;
  /** What goes before an image's name. */
  readonly registry: string;
  /** A password, or the refresh secret of a machine. */
  readonly secret: string;
  readonly kind: 'password' | 'machine';
  readonly endsAt: number;
};

export type CollectParts = {
  readonly requests: TerminalRequestStore;
  readonly passwords: Pick<PasswordStore, 'revoke'>;
  readonly accounts: Pick<AccountStore, 'byId'>;
  readonly audit: Audit;
  readonly pepper: Pepper;
  /** Hours that a password of a login works. */
  readonly passwordHours: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds in which an answer can be fetched again: it may have been lost. */
const secondChance = minute;
/** Of one person, at the same time. */
const maximumLogins = 20;
/** Stands where a login does, in `revokedBy`; no login has a space. */
const twice = 'the use of its code by two';

/**
 * @returns `null` where another poll was first, at the same moment, or the code has expired
 * @throws {Refusal} `unauthenticated` or `conflict`, which says what to do
 */
export async function collect(
  parts: CollectParts,
  row: TerminalRequestRow,
  client: Requester,
): Promise<Collected | null> {
  const { accounts, requests, now } = parts;
  const owner = row.account_id === null ? undefined : await accounts.byId(row.account_id);
  if (owner === undefined || owner.state !== 'active') {
    throw new Refusal('unauthenticated', 'The account that approved this terminal is not active any more.');
  }
  const made = make(parts, row);
  const collected = {
    ...{ login: owner.login, registry: row.service, secret: made.secret, endsAt: made.stored.password.expires_at },
    kind: row.purpose === 'machine' ? 'machine' : 'password',
  } as const;
  const event = eventOf(row, made.stored, owner.login, client);
  if (row.collected_at !== null) {
    await collectAgain(parts, row, made.stored, event);
    return collected;
  }
  const outcome = await parts.audit.commit(event, (entry) =>
    requests.collect(row.id, made.stored, maximumLogins, now(), entry),
  );
  if (outcome === 'stored') return collected;
  if (outcome === 'gone') return null;
  throw new Refusal(
    'conflict',
    `You have ${maximumLogins} logins of terminals already. Revoke one on your page first.`,
  );
}

/** Later than a lost answer explains, someone else has the code: what it brought ends. */
async function collectAgain(
  { requests, passwords, audit, now }: CollectParts,
  row: TerminalRequestRow,
  secret: NewSecret,
  first: ReturnType<typeof eventOf>,
): Promise<void> {
  const { id } = secret.password;
  if (now() - (row.collected_at ?? 0) <= secondChance) {
    // Where from, this time: it's what tells someone else from a lost answer.
    const event = { ...first, detail: { ...first.detail, address: first.client.address, again: true } };
    if (await audit.commit(event, (entry) => requests.replaceSecret(id, secret, entry))) return;
    throw new Refusal('unauthenticated', 'This login was revoked. Start again.');
  }
  const { client, subject } = first;
  const detail = { id, name: nameOf(row), reason: 'its code was used again later than a lost answer explains' };
  await audit.commit({ action: 'terminal.copied', actor: '', client, subject, detail }, (entry) =>
    passwords.revoke(id, twice, now(), entry),
  );
  throw new Refusal('unauthenticated', 'This login was collected before, so it was revoked. Start again.');
}

function eventOf(row: TerminalRequestRow, { password }: NewSecret, login: string, client: Requester) {
  const { id, name, expires_at: expiresAt } = password;
  const detail = { id, name, expiresAt, limits: limitsOf(row), service: row.service, address: row.address };
  return { action: 'terminal.collect', actor: login, client, subject: login, detail } as const;
}

function make(parts: CollectParts, row: TerminalRequestRow): { secret: string; stored: NewSecret } {
  const { pepper, now } = parts;
  const isMachine = row.purpose === 'machine';
  const id = row.password_id ?? randomBytes(9).toString('hex');
  const createdAt = row.collected_at ?? now();
  const secret = createSecret(isMachine ? 'dkm' : 'dkp');
  const password = {
    ...{ id, account_id: row.account_id ?? '', name: nameOf(row), pepper_id: pepper.id, hint: hintOf(secret) },
    // A machine's own row has no password: its secrets are elsewhere, and no hash of a secret has this form.
    hash: isMachine ? `machine ${id}` : pepper.hash(secret),
    ...{ actions_json: row.actions_json, repositories_json: row.repositories_json, created_at: createdAt },
    // As the page said to who approved it.
    expires_at: (row.decided_at ?? createdAt) + (isMachine ? machineLifetime : parts.passwordHours * hour),
    origin: isMachine ? ('machine' as const) : ('terminal' as const),
    origin_address: row.address,
  };
  return { secret, stored: { password, machineSecretHash: isMachine ? pepper.hash(secret) : null } };
}

function nameOf({ machine, service }: TerminalRequestRow): string {
  return `${machine} at ${service}`.slice(0, 60);
}

function limitsOf({ actions_json: actions, repositories_json: repositories }: TerminalRequestRow): Limits {
  const parse = (json: string | null) => (json === null ? null : readJson(json, isTexts));
  return { actions: parse(actions), repositories: parse(repositories) };
}
