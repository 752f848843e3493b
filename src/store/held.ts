/** Owns the statements that end for good what a person holds beside their sessions. */
import type { Steps } from './sql.ts';

/** How much of each there was. `robotPasswords`: of robots, made by the person. */
export type Held = { readonly passwords: number; readonly apiTokens: number; readonly robotPasswords: number };

/** Their owners read who revoked them. */
const provider = '(select provider from account where id = $1)';
/** The provider's word was about the time before `$2`. */
const isOlderSignIn = 'exists (select 1 from account where id = $1 and coalesce(signed_in_at, 0) <= $2)';
const revokePasswords = (whose: string) => `
  update app_password set revoked_at = coalesce(revoked_at, $2), revoked_by = ${provider}, revocation_id = null
  where ${whose} and expires_at > $2 and (revoked_at is null or revocation_id is not null) and ${isOlderSignIn}`;

const ends = {
  passwords: revokePasswords('account_id = $1'),
  apiTokens: `
    update api_token set revoked_at = $2, revoked_by = ${provider}
    where account_id = $1 and revoked_at is null and expires_at > $2 and ${isOlderSignIn}`,
  robotPasswords: revokePasswords('maker_id = $1'),
};

/**
 * Steps of a transaction: no later sign-in, enabling or undo brings any of it back. Nothing ends where the person has signed in
 * after `at`.
 * @param forSecurity robots' passwords, too, whose secret the person received
 */
export function* endHeld(accountId: string, at: number, forSecurity: boolean): Steps<Held> {
  const values = [accountId, at];
  const passwords = yield { text: ends.passwords, values };
  const apiTokens = yield { text: ends.apiTokens, values };
  const robotPasswords = forSecurity ? yield { text: ends.robotPasswords, values } : 0;
  return { passwords, apiTokens, robotPasswords };
}

/** Approved for a terminal that hasn't collected it. A collected request stays: its second use ends what it brought. */
const isWaiting = 'approved = 1 and collected_at is null';
export const forgetApprovals = `delete from terminal_request where account_id = $1 and ${isWaiting}`;
/** `$1` is the provider's session; `$2` can be `null`, for any account. */
export const forgetApprovalsOfProviderSession = `
  delete from terminal_request
  where ${isWaiting} and account_id in (
    select account_id from web_session where provider_session = $1 and (cast($2 as text) is null or account_id = $2))`;

export function countOfHeld({ passwords, apiTokens, robotPasswords }: Held): number {
  return passwords + apiTokens + robotPasswords;
}
