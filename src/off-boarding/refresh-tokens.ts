/** Owns people's refresh tokens: encrypted at rest, bound to their owner, replaced as the provider replaces them, revoked at the end. */

import type { Cipher } from '../lib/cipher.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Refresher } from '../sign-in/connector.ts';
import type { Account } from '../store/accounts.ts';
import type { RefreshTokenStore } from '../store/refresh-tokens.ts';

export type KeptToken = {
  readonly token: string;
  /** The OAuth client it was issued to; `null` where that isn't known; '' where it isn't the one of today. */
  readonly clientId: string | null;
  /** Notes whose it turned out to be, where that wasn't known. */
  noteClient(clientId: string): Promise<void>;
  /** Stores the provider's next one, unless a sign-in has brought another meanwhile. */
  replace(next: string): Promise<void>;
};

export type RefreshTokens = {
  keep(accountId: string, token: string, clientId: string): Promise<void>;
  /** `null` if there is none. @throws {Error} when the key that sealed it is not there any more */
  read(accountId: string): Promise<KeptToken | null>;
  /** Forgets it, and makes the provider forget it; that the provider does not is logged and ends nothing. */
  forget(accountId: string, refresher: Refresher | null): Promise<void>;
  /** Whose token it is that fits; a token whose key is lost fits nothing. */
  owner(issuer: string, fits: (token: string) => boolean): Promise<Account | undefined>;
  /** Accounts that were disabled, here or elsewhere, and of which a token is still kept. */
  ofDisabled(): Promise<Account[]>;
};

export type RefreshTokenParts = {
  readonly store: RefreshTokenStore;
  readonly cipher: Cipher;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Tokens are sealed, so nothing but reading them all finds one. */
const ownersAPage = 500;

export function createRefreshTokens({ store, cipher, log, now }: RefreshTokenParts): RefreshTokens {
  const contextOf = (accountId: string) => `refresh token of account ${accountId}`;
  const read = async (accountId: string): Promise<KeptToken | null> => {
    const row = await store.ofAccount(accountId);
    if (row === undefined) return null;
    const { sealed, client_id: clientId } = row;
    const token = cipher.open(sealed, contextOf(accountId));
    const replace = async (next: string): Promise<void> => {
      await store.rotate(accountId, sealed, cipher.seal(next, contextOf(accountId)), now());
    };
    if (!cipher.isCurrent(sealed)) {
      await replace(token);
      return read(accountId);
    }
    return { token, clientId, replace, noteClient: (id) => store.noteClient(accountId, id) };
  };
  return {
    async owner(issuer, fits) {
      for (let page = await store.ofIssuer(issuer, '', ownersAPage); page.length > 0; ) {
        for (const account of page) {
          const kept = await read(account.id).catch(() => null);
          if (kept !== null && fits(kept.token)) return account;
        }
        page = await store.ofIssuer(issuer, page.at(-1)?.id ?? '', ownersAPage);
      }
      return undefined;
    },
    ofDisabled: () => store.ofDisabled(),
    keep: (accountId, token, clientId) =>
      store.write(accountId, cipher.seal(token, contextOf(accountId)), clientId, now()),
    read,
    async forget(accountId, refresher) {
      const kept = await read(accountId).catch(() => null);
      await store.remove(accountId);
      if (kept === null || refresher === null) return;
      await refresher.revoke(kept.token).catch((error: unknown) => {
        log.warn({ account: accountId, reason: errorMessage(error) }, 'the provider did not revoke a refresh token');
      });
    },
  };
}
