/** Owns whether a person can have a login that they didn't have before. */
import { whyConfusable } from '../identity/confusable-address.ts';
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
  const login = foldCase(email);
  const why = whyConfusable(email);
  if (why !== null) {
    throw new Refusal(
      'denied',
      `The address ${email} ${why}, so it could pass for someone else's. Ask the person who manages your account there to change it.`,
    );
  }
  if (isStaticUser(login)) {
    throw new Refusal(
      'conflict',
      `The policy of this registry has a user called ${login}, whose rules would apply to you. Ask the administrator to rename it.`,
    );
  }
  const retired = await retiredLogins.find(login);
  if (retired === undefined || (retired.issuer === issuer && retired.subject === subject)) return;
  throw new Refusal(
    'conflict',
    `The address ${email} belonged to an account that isn't here any more, and rules of this registry can still name it. Ask the administrator to release it for you (dockpass person release, or "Reserved names" below the list of people).`,
  );
}
