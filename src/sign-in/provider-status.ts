/** Owns what a provider or directory can say about someone who signed in before, and the seam by which it is asked. */
import type { Account } from '../store/accounts.ts';

export type ProviderStatus =
  /**
   * `groups: null`: it didn't say; `undecided`: groups of which it didn't say whether the person is in them; `problem`
   * says why.
   */
  | {
      readonly kind: 'there';
      readonly groups: readonly string[] | null;
      readonly undecided?: readonly string[];
      /** No group, because the provider left the claim out. */
      readonly groupsLeftOut?: true;
      readonly problem?: string;
    }
  /** Certain. `suspended`: or archived, so that they may come back; otherwise deleted. */
  | { readonly kind: 'gone'; readonly reason: string; readonly suspended?: true }
  /** The provider wants to see the person again; a password change may be behind it, so it's not certain that anyone has left. */
  | { readonly kind: 'sign-in'; readonly reason: string }
  /** No answer, or one that says "later". `personal`: about this person only; the provider does answer about others. */
  | { readonly kind: 'silent'; readonly reason: string; readonly personal?: true }
  /** It refuses Dockpass, not the person. `error`: of an OAuth answer. */
  | { readonly kind: 'fault'; readonly reason: string; readonly error?: string }
  /** There is nothing to ask with. */
  | { readonly kind: 'unasked' };

/** Implemented by the Google directory and by the refresh tokens of people. */
export interface PersonSource {
  /** Never rejects for what the other side says or does not say; that is a verdict. */
  ask(account: Account): Promise<ProviderStatus>;
}
