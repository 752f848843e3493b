/** Owns what a provider or directory can say of somebody who signed in before, and the seam by which it is asked. */
import type { Account } from '../store/accounts.ts';

export type ProviderStatus =
  /** `groups: null`: it did not tell them; `problem` says why where that is not usual. */
  | { readonly kind: 'there'; readonly groups: readonly string[] | null; readonly problem?: string }
  /** Suspended, archived or deleted: certain. */
  | { readonly kind: 'gone'; readonly reason: string }
  /** The provider wants to see the person again; a password change may be behind it, so nobody has left for certain. */
  | { readonly kind: 'sign-in'; readonly reason: string }
  /** No answer, or one that says "later". */
  | { readonly kind: 'silent'; readonly reason: string }
  /** It refuses Dockpass, not the person. */
  | { readonly kind: 'fault'; readonly reason: string }
  /** There is nothing to ask with. */
  | { readonly kind: 'unasked' };

/** Implemented by the Google directory and by the refresh tokens of people. */
export interface PersonSource {
  /** Never rejects for what the other side says or does not say; that is a verdict. */
  ask(account: Account): Promise<ProviderStatus>;
}
