/** Owns whether a person can have a login that they didn't have before. */
import { whyConfusable } from '../identity/confusable-address.ts';
import { otherFormOf } from '../identity/email.ts';
import { foldCase } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import type { RetiredLoginStore } from '../store/retired-logins.ts';
import type { Profile } from './connector.ts';

export type NewLoginParts = {
  /** Users of the policy file: rules for one of them would apply to a person of the same name. */
  readonly isStaticUser: (login: string) => boolean;
  readonly retiredLogins: Pick<RetiredLoginStore, 'find' | 'retire'>;
};

/**
 * What the rules of today refuse; someone who has the address already keeps it.
 * @throws {Refusal} `denied` or `conflict`
 */
export async function requireNewLogin(
  { isStaticUser, retiredLogins }: NewLoginParts,
  { issuer, subject }: Pick<Profile, 'issuer' | 'subject'>,
  email: string,
): Promise<void> {
  requireDistinct(email);
  const forms = [foldCase(email), otherFormOf(email)].filter((form) => form !== null);
  const user = forms.find(isStaticUser);
  if (user !== undefined) {
    throw new Refusal(
      'conflict',
      `The policy of this registry has a user called ${user}, whose rules would apply to you. Ask the administrator to rename it.`,
    );
  }
  const retired = await Promise.all(forms.map((form) => retiredLogins.find(form)));
  if (retired.every((row) => row === undefined || (row.issuer === issuer && row.subject === subject))) return;
  throw new Refusal(
    'conflict',
    `The address ${email} belonged to an account that isn't here any more, and rules of this registry can still name it. Ask the administrator to release it for you (dockpass person release, or "Reserved names" below the list of people).`,
  );
}

/** @throws {Refusal} `denied` where an address passes for another one in people's eyes */
export function requireDistinct(email: string): void {
  const why = whyConfusable(email);
  if (why === null) return;
  throw new Refusal(
    'denied',
    `The address ${email} ${why}, so it could pass for someone else's. Ask the person who manages your account there to change it.`,
  );
}
