/** Owns which active passwords an administrator means. */

import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { normalizeDomain } from '../lib/domain.ts';
import { Refusal } from '../lib/errors.ts';
import { isKeyOf, isRecord } from '../lib/json.ts';
import { domainOf } from '../sign-in/admission.ts';
import type { Account } from '../store/accounts.ts';
import { inPieces } from '../store/conditions.ts';
import type { SelectedApproval } from '../store/revocations.ts';
import type { Store } from '../store/store.ts';
import type { Administrators } from './administrators.ts';

/** Active passwords to which everything that is given applies; at least one thing must be given. Times are epoch milliseconds. */
export type Selection = {
  readonly passwordId?: string;
  readonly accountId?: string;
  /** The verified domain of their owners, in any case. */
  readonly domain?: string;
  /** A group of their owners: of the provider, with its prefix, or of the policy file. */
  readonly group?: string;
  readonly provider?: string;
  readonly createdBefore?: number;
  /** Not used since, though made before. */
  readonly unusedSince?: number;
};

const kinds: Readonly<Record<keyof Selection, 'string' | 'number'>> = {
  passwordId: 'string',
  accountId: 'string',
  domain: 'string',
  group: 'string',
  provider: 'string',
  createdBefore: 'number',
  unusedSince: 'number',
};

/** A field that isn't known would be left out, and more would be selected than was meant. */
export function isSelection(value: unknown): value is Selection {
  return (
    isRecord(value) && Object.entries(value).every(([name, one]) => isKeyOf(kinds, name) && typeof one === kinds[name])
  );
}

export type SelectionParts = {
  readonly store: Pick<Store, 'revocations' | 'accounts' | 'passwords'>;
  readonly administrators: Pick<Administrators, 'lastGroupsOf'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Accounts read before others have their turn. */
const pieceSize = 1_000;

export type Selected = {
  /** Of the password or, in the state `approved`, of the approval. */
  readonly id: string;
  readonly accountId: string;
  readonly login: string;
  /**
   * `ended`: another revocation has ended it, and its undo can still bring it back. `approved`: a terminal that its owner has
   * approved can still collect it.
   */
  readonly state: 'active' | 'ended' | 'approved';
};

/**
 * The passwords that are meant, and the approvals that would become passwords, in one pass over the accounts.
 * @throws {Refusal} `bad_request` for an empty selection
 */
export async function select(parts: SelectionParts, selection: Selection): Promise<Selected[]> {
  if (Object.values(selection).every((value) => value === undefined)) {
    throw new Refusal('bad_request', 'Choose which passwords to revoke: by person, domain, group, provider or date.');
  }
  const { store, now } = parts;
  const meant = withFoldedDomain(selection);
  const found: Selected[] = [];
  const at = now();
  for await (const accounts of accountsOf(parts, meant)) {
    const logins = new Map(accounts.filter((each) => isMeant(parts, meant, each)).map(({ id, login }) => [id, login]));
    for (const ids of inPieces([...logins.keys()])) {
      const passwords = await store.revocations.passwords(ids, meant, at);
      const approvals = await store.revocations.approved(ids, meant, at);
      for (const { id, account_id: accountId, state } of [...passwords, ...approvals.map(asApproved)]) {
        found.push({ id, accountId, login: logins.get(accountId) ?? '', state });
      }
    }
    // SQLite answers within the turn: without this, no token is made while a hundred thousand rows are read.
    await yieldToOthers();
  }
  return found;
}

const asApproved = (approval: SelectedApproval) => ({ ...approval, state: 'approved' as const });

/** As accounts have it. */
function withFoldedDomain(selection: Selection): Selection {
  return selection.domain === undefined ? selection : { ...selection, domain: normalizeDomain(selection.domain) };
}

/** The candidates: one, or all in pieces. */
async function* accountsOf(
  { store }: SelectionParts,
  { passwordId, accountId, domain, provider }: Selection,
): AsyncGenerator<Account[]> {
  if (passwordId !== undefined || accountId !== undefined) {
    const id = accountId ?? (await store.passwords.byId(passwordId ?? ''))?.account_id;
    const account = id === undefined ? undefined : await store.accounts.byId(id);
    yield account === undefined ? [] : [account];
    return;
  }
  let piece: Account[];
  let after = '';
  do {
    piece = await store.accounts.after(after, pieceSize, { domain, provider });
    yield piece;
    after = piece.at(-1)?.id ?? '';
  } while (piece.length === pieceSize);
}

/** Groups of the policy file are no column, so each account is asked, as it would be at `/auth`. */
function isMeant(
  { administrators }: SelectionParts,
  { domain, provider, group }: Selection,
  account: Account,
): boolean {
  // For taking something away, an account whose domain isn't known yet belongs to the domain of its e-mail.
  if (domain !== undefined && (account.domain ?? domainOf(account.login)) !== domain) return false;
  if (provider !== undefined && account.provider !== provider) return false;
  return group === undefined || administrators.lastGroupsOf(account).some(({ name }) => name === group);
}
