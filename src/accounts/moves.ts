/** Owns letting accounts follow their person: a provider whose issuer changed, and one person who comes by another provider. */
import { randomBytes } from 'node:crypto';
import type { Actor, Audit } from '../audit/audit.ts';
import type { Authority } from '../identity/authority.ts';
import { Refusal } from '../lib/errors.ts';
import { day } from '../lib/time.ts';
import type { AccountMoveStore, MoveInForce } from '../store/account-moves.ts';
import type { Account, AccountStore } from '../store/accounts.ts';

/** A provider that people sign in with now. */
export type SignInWay = { readonly name: string; readonly issuer: string };

/** What an administrator allowed, and what hasn't ended. Times are epoch milliseconds. */
export type AllowedMove = {
  readonly id: string;
  readonly at: number;
  readonly by: string;
} & (
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
  | { readonly kind: 'relink'; readonly login: string; readonly provider: string; readonly until: number }
);

/** What an administrator looks at before letting an account follow its person. */
export type MovePreview = {
  readonly account: Pick<Account, 'id' | 'login' | 'provider' | 'issuer' | 'subject' | 'state'>;
  /** How many people's accounts have the same issuer. */
  readonly accountsOfIssuer: number;
  /** Providers that vouch for the address, so that a sign-in through them can take the account over. */
  readonly providers: readonly string[];
  /** Issuers to which all accounts of this one can move. */
  readonly issuers: readonly string[];
  /** What is allowed for this account already. */
  readonly allowed: readonly AllowedMove[];
};

export type Moves = {
  /** @throws {Refusal} `not_found` where there is no such person */
  preview(accountId: string): Promise<MovePreview>;
  /** @throws {Refusal} `not_found` where no one has this issuer, `bad_request` where people can't sign in by the other one */
  previewMove(from: string, to: string): Promise<{ readonly accounts: number }>;
  /**
   * Lets everyone of an issuer keep their account at another: each with the next sign-in there that shows the same subject and the
   * same verified address. @returns how many accounts that can be
   * @throws {Refusal} as `previewMove`
   */
  move(from: string, to: string, by: Actor): Promise<number>;
  /**
   * Lets the next verified sign-in with this address through the provider take the account over, once within 24 hours.
   * @throws {Refusal} `not_found`; `bad_request` where the provider isn't there, or doesn't vouch for the address
   */
  relink(accountId: string, provider: string, by: Actor): Promise<void>;
  /** What is allowed now, newest first. */
  list(): Promise<AllowedMove[]>;
  /** Ends what was allowed; accounts that have followed their person stay. @throws {Refusal} `not_found` */
  end(id: string, by: Actor): Promise<void>;
};

export type MoveParts = {
  readonly moves: AccountMoveStore;
  readonly accounts: Pick<AccountStore, 'byId'>;
  readonly ways: readonly SignInWay[];
  readonly authority: Authority;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createMoves(parts: MoveParts): Moves {
  const { moves, accounts, ways, audit, now } = parts;
  const personOf = async (id: string): Promise<Account> => {
    const account = await accounts.byId(id);
    if (account?.kind === 'person') return account;
    throw new Refusal('not_found', `There is no person ${id}. Search for the person by name or e-mail.`);
  };
  const previewMove = async (from: string, to: string) => {
    requireIssuers(ways, from, to);
    const count = await moves.countOfIssuer(from);
    if (count > 0) return { accounts: count };
    throw new Refusal('not_found', `No one has an account of the issuer ${from}.`);
  };
  const allow = (by: Actor) => ({ id: randomBytes(9).toString('hex'), at: now(), created_by: by.actor });
  const list = async () => (await moves.inForce(now())).map(toAllowed);
  return {
    async preview(accountId) {
      const account = await personOf(accountId);
      const [accountsOfIssuer, allowed] = await Promise.all([moves.countOfIssuer(account.issuer), list()]);
      return previewOf(parts, account, { accountsOfIssuer, allowed });
    },
    previewMove,
    async move(from, to, by) {
      const { accounts: count } = await previewMove(from, to);
      const row = { ...allow(by), account_id: null, from_issuer: from, to_issuer: to, provider: null, until: null };
      const event = { action: 'person.move', ...by, subject: '', detail: { from, to, accounts: count } } as const;
      await audit.commit(event, (entry) => moves.allow(row, entry));
      return count;
    },
    async relink(accountId, provider, by) {
      const account = await personOf(accountId);
      requireVouching(parts, account, provider);
      const until = now() + day;
      const row = { ...allow(by), account_id: account.id, from_issuer: null, to_issuer: null, provider, until };
      const event = { action: 'person.relink', ...by, subject: account.login, detail: { provider } } as const;
      await audit.commit(event, (entry) => moves.allow(row, entry));
    },
    list,
    async end(id, by) {
      const found = (await list()).find((move) => move.id === id);
      if (found === undefined) throw new Refusal('not_found', 'This was not allowed, or it has ended already.');
      const { kind, at: _at, by: allowedBy, id: _id, ...what } = found;
      const subject = kind === 'relink' ? found.login : '';
      const event = { action: 'person.end-move', ...by, subject, detail: { kind, ...what, allowedBy } } as const;
      await audit.commit(event, (entry) => moves.end(id, entry));
    },
  };
}

function requireIssuers(ways: readonly SignInWay[], from: string, to: string): void {
  if (from === to) throw new Refusal('bad_request', 'Both are the same issuer. Name the old one and the new one.');
  if (ways.some(({ issuer }) => issuer === to)) return;
  const known = ways.map(({ issuer }) => issuer).join(', ') || 'none';
  throw new Refusal('bad_request', `No provider of Dockpass has the issuer ${to}. There are: ${known}.`);
}

function requireVouching({ ways, authority }: MoveParts, account: Account, provider: string): void {
  if (!ways.some(({ name }) => name === provider)) {
    const known = ways.map(({ name }) => name).join(', ') || 'none';
    throw new Refusal('bad_request', `There is no provider "${provider}". There are: ${known}.`, { field: 'provider' });
  }
  const objection = authority.objectionTo({ ...account, provider });
  if (objection === null) return;
  throw new Refusal('bad_request', `${account.login} can't sign in through ${provider}: ${objection}.`, {
    field: 'provider',
  });
}

function previewOf(
  { ways, authority }: MoveParts,
  account: Account,
  { accountsOfIssuer, allowed }: { accountsOfIssuer: number; allowed: readonly AllowedMove[] },
): MovePreview {
  const { id, login, provider, issuer, subject, state } = account;
  const concerns = (move: AllowedMove) => (move.kind === 'move' ? move.from === issuer : move.login === login);
  return {
    account: { id, login, provider, issuer, subject, state },
    accountsOfIssuer,
    providers: ways
      .map(({ name }) => name)
      .filter((name) => authority.objectionTo({ ...account, provider: name }) === null),
    issuers: ways.map((way) => way.issuer).filter((other) => other !== issuer),
    allowed: allowed.filter(concerns),
  };
}

function toAllowed({ id, at, created_by: by, login, ...row }: MoveInForce): AllowedMove {
  const { from_issuer: from, to_issuer: to, provider, until } = row;
  if (login === null) return { id, at, by, kind: 'move', from: from ?? '', to: to ?? '' };
  return { id, at, by, kind: 'relink', login, provider: provider ?? '', until: until ?? at };
}
