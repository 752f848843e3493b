/** Owns what a completed sign-in changes for the later sweeps: the refresh token, the groups, the age of what is known. */
import type { Audit } from '../audit/audit.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import type { Admitted } from '../sign-in/admission.ts';
import type { Profile } from '../sign-in/connector.ts';
import type { ProviderStatus } from '../sign-in/provider-status.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import { type Confirm, groupsEvent } from './confirm.ts';
import type { HeldTeams } from './leaver-limit.ts';
import type { Leavers } from './leavers.ts';
import type { LostGroups } from './lost-groups.ts';

export type AfterSignInParts = {
  readonly accounts: Pick<AccountStore, 'confirm' | 'forgetConfirmation'>;
  readonly keepToken: (account: Account, token: string) => Promise<void>;
  /** Whether the provider can be asked with a refresh token of the person. */
  readonly hasToken: (account: Account) => Promise<boolean>;
  readonly confirm: Confirm;
  readonly leavers: Leavers;
  readonly heldTeams: Pick<HeldTeams, 'believes'>;
  readonly lostGroups: Pick<LostGroups, 'noteProblem'>;
  /** Names of the providers whose directory can be asked. */
  readonly directories: ReadonlySet<string>;
  readonly audit: Audit;
  readonly now: () => number;
  /** Resolves after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>;
};

/** @throws {Refusal} `denied` when the directory knows that the person has left, whatever the provider let pass */
export type AfterSignIn = (admitted: Admitted, profile: Profile, client: Requester) => Promise<void>;

/** Milliseconds: a person waits for the page, and the next sweep makes up for it. */
const longestWait = 4_000;

export function createAfterSignIn(parts: AfterSignInParts): AfterSignIn {
  const { accounts, confirm, leavers, audit, now } = parts;
  return async ({ account, before }, profile, client) => {
    const actor = { actor: account.login, client };
    const change = before === undefined ? null : groupsEvent(before, profile.groups, actor);
    if (change !== null) await audit.write(change);
    if (profile.refreshToken !== null) await parts.keepToken(account, profile.refreshToken);

    const at = now();
    if (profile.groups !== null || profile.groupsProblem !== null) {
      await parts.lostGroups.noteProblem(account, profile.groupsProblem);
    }
    if (parts.directories.has(account.provider)) {
      const status = await Promise.race([confirm.ask(account), parts.wait(longestWait).then(() => late)]);
      if (status.kind === 'gone') {
        // Refused in any case; while so many leave that the sweep believes none of it, nothing is revoked.
        if (await parts.heldTeams.believes({ account, status, at })) {
          await leavers.shutOut(account, status.reason, at, actor, status);
        }
        throw new Refusal('denied', `The account ${account.login} is ${status.reason}.`);
      }
      if (status.kind === 'there') return confirm.note(account, status, at, actor);
    }
    const canBeAsked = parts.directories.has(account.provider) || (await parts.hasToken(account));
    if (canBeAsked) await accounts.confirm(account.id, { at, groups: null }, () => null);
    else await accounts.forgetConfirmation(account.id, at);
  };
}

const late: ProviderStatus = { kind: 'silent', reason: 'the directory took too long' };
