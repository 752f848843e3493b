/** Owns what a person can unsubscribe from, and the token of a link that does that and nothing else. */
import type { Actor, Audit } from '../audit/audit.ts';
import { equalHashes, type Pepper } from '../lib/secret.ts';
import type { Store } from '../store/store.ts';

/** What isn't here is security: it's always sent. */
export const categories = ['passwords', 'robots', 'administration'] as const;
export type Category = (typeof categories)[number];

export function isCategory(text: string): text is Category {
  return categories.some((category) => category === text);
}

export type Preferences = {
  /** What the person gets. */
  of(accountId: string): Promise<readonly Category[]>;
  choose(accountId: string, wanted: readonly Category[], by: Actor & { readonly subject: string }): Promise<void>;
  /** Goes into the header and the foot of a mail. It shows no address, doesn't expire, and opens nothing. */
  tokenOf(accountId: string): string;
  /** Unsubscribes the person from everything that isn't security. False for a token that isn't genuine. */
  unsubscribe(token: string, client: Actor['client']): Promise<boolean>;
  isGenuine(token: string): boolean;
};

export type PreferenceParts = {
  readonly store: Pick<Store, 'notificationOptOuts' | 'accounts'>;
  readonly audit: Audit;
  readonly pepper: Pepper;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createPreferences({ store, audit, pepper, now }: PreferenceParts): Preferences {
  // No secret that Dockpass gives out begins like this, so no hash of one is a token.
  const signatureOf = (accountId: string) => pepper.hash(`unsubscribe\0${accountId}`);
  const accountIn = (token: string): string | null => {
    const [id = '', signature = ''] = token.split('.', 2);
    return id !== '' && equalHashes(signature, signatureOf(id)) ? id : null;
  };
  const choose: Preferences['choose'] = async (accountId, wanted, by) => {
    const off = categories.filter((category) => !wanted.includes(category));
    const event = { action: 'notification.preferences', ...by, detail: { unsubscribed: off } } as const;
    await audit.commit(event, (row) => store.notificationOptOuts.set(accountId, off, now(), row));
  };
  const wantedBy: Preferences['of'] = async (accountId) => {
    const off = (await store.notificationOptOuts.of(accountId)).map(({ category }) => category);
    return categories.filter((category) => !off.includes(category));
  };
  return {
    choose,
    of: wantedBy,
    tokenOf: (accountId) => `${accountId}.${signatureOf(accountId)}`,
    isGenuine: (token) => accountIn(token) !== null,
    async unsubscribe(token, client) {
      const accountId = accountIn(token);
      if (accountId === null) return false;
      const account = await store.accounts.byId(accountId);
      // Anyone who has the mail can do this, as often as they like; that the account is gone is no one's business.
      if (account !== undefined && (await wantedBy(accountId)).length > 0) {
        await choose(accountId, [], { actor: 'unsubscribe link', subject: account.login, client });
      }
      return true;
    },
  };
}
