/** Owns the suspension of stored accounts whose provider isn't the authority for their address, and its end once it is. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Audit } from '../audit/audit.ts';
import type { Authority } from '../identity/authority.ts';
import { type Account, type AccountStore, byAuthority } from '../store/accounts.ts';

export type UnvouchedParts = {
  readonly accounts: Pick<AccountStore, 'after' | 'setState'>;
  readonly authority: Authority;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Accounts read before others have their turn. */
const pieceSize = 1_000;

/** Brings the stored states to the settings: who signs in with what is judged at each request anyway. @returns how many are suspended now */
export async function suspendUnvouched(parts: UnvouchedParts): Promise<number> {
  let suspended = 0;
  let piece: Account[];
  let after = '';
  do {
    piece = await parts.accounts.after(after, pieceSize);
    for (const account of piece) if (await judge(parts, account)) suspended += 1;
    after = piece.at(-1)?.id ?? '';
    await yieldToOthers();
  } while (piece.length === pieceSize);
  return suspended;
}

/** @returns whether the account is suspended for its address */
async function judge({ accounts, authority, audit, now }: UnvouchedParts, account: Account): Promise<boolean> {
  const { id, login: subject, state, state_by: by } = account;
  const reason = authority.objectionTo(account);
  const isSuspended = state === 'disabled' && by === byAuthority;
  if (reason === null && isSuspended) {
    const change = { state: 'active', reason: null, by: byAuthority, at: now(), was: account } as const;
    const event = { action: 'person.enable', actor: byAuthority, client: null, subject } as const;
    await audit.commit(event, (row) => accounts.setState(id, change, row));
  }
  // Someone who has to sign in again can't without a provider that vouches, and must not be active once other settings do.
  const isActive = state === 'active';
  if (reason !== null && isActive) {
    const change = { state: 'disabled', reason, by: byAuthority, at: now(), was: account } as const;
    const event = { action: 'person.suspend', actor: byAuthority, client: null, subject, detail: { reason } } as const;
    await audit.commit(event, (row) => accounts.setState(id, change, row));
  }
  return reason !== null && (isActive || isSuspended);
}
