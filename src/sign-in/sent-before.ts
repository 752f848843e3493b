/** Owns what is remembered of a provider's answers, so that leaving something out can mean something. */
import { createHash } from 'node:crypto';
import { hour } from '../lib/time.ts';
import type { ProviderSentStore } from '../store/provider-sent.ts';

/** `sign-in`: an ID token at all. Groups and address are judged by the kind of answer, because a provider can put them into only one. */
export type Sent =
  | 'sign-in'
  | 'auth_time'
  | 'groups in the ID token'
  | 'groups in userinfo'
  | 'groups in a refresh answer'
  | 'groups with commas'
  | 'address in a refresh answer'
  | 'no more groups';

/** A provider: its configured name, and the issuer it is. */
export type SentBy = {
  readonly provider: string;
  readonly issuer: string;
  /**
   * What it was asked for, where its answer depends on that: client, scopes, the claim's path. What it sent before to another
   * client, or by another name, says nothing about this one.
   */
  readonly asked?: readonly string[];
};

export type SentBefore = {
  has(by: SentBy, what: Sent): Promise<boolean>;
  note(by: SentBy, what: Sent): Promise<void>;
};

/** Milliseconds: a sign-in writes here once an hour and not every time. */
const interval = hour;

/** @param now epoch milliseconds */
export function createSentBefore(store: Pick<ProviderSentStore, 'note' | 'has'>, now: () => number): SentBefore {
  /** When this process noted each; no more entries than issuers and kinds. */
  const noted = new Map<string, number>();
  return {
    async has(by, what) {
      const kind = kindOf(by, what);
      return noted.has(`${kind} ${by.issuer}`) || (await store.has(by.issuer, kind));
    },
    async note(by, what) {
      const { provider, issuer } = by;
      const kind = kindOf(by, what);
      const key = `${kind} ${issuer}`;
      const at = now();
      if (Math.abs(at - (noted.get(key) ?? Number.NEGATIVE_INFINITY)) < interval) return;
      await store.note({ provider, issuer, what: kind, at });
      noted.set(key, at);
    },
  };
}

/** As it's stored. Settings can be longer than an index takes. */
function kindOf({ asked }: SentBy, what: Sent): string {
  if (asked === undefined) return what;
  return `${what} ${createHash('sha256').update(JSON.stringify(asked)).digest('base64url').slice(0, 22)}`;
}
