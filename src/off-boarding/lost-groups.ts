/** Owns whether to believe that someone is in no group any more because the provider left the claim out. */
import type { Log } from '../lib/log.ts';
import { day } from '../lib/time.ts';
import type { Profile } from '../sign-in/connector.ts';
import type { ProviderStatus } from '../sign-in/provider-status.ts';
import type { SentBefore } from '../sign-in/sent-before.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import type { LostGroupsStore } from '../store/lost-groups.ts';
import { isTooMany } from './safety-limit.ts';

type There = ProviderStatus & { readonly kind: 'there' };

export type LostGroups = {
  /** What a sign-in said, with groups that stay as they are where too many people lost theirs. */
  ofProfile(profile: Profile): Promise<Profile>;
  /** The same for what was learnt later. */
  ofStatus(account: Account, status: There): Promise<There>;
  /** Keeps for the person why their groups are unknown, and logs it when that's new. */
  noteProblem(account: Account, problem: string | null): Promise<void>;
};

export type LostGroupsParts = {
  readonly store: LostGroupsStore;
  readonly accounts: Pick<AccountStore, 'byIdentity'>;
  readonly sent: SentBefore;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createLostGroups(parts: LostGroupsParts): LostGroups {
  const { store, accounts, log } = parts;
  const believe = createBelief(parts);
  return {
    async ofProfile(profile) {
      if (!profile.groupsLeftOut) return profile;
      const account = await accounts.byIdentity(profile.issuer, profile.subject);
      if (account === undefined || (await believe(account))) return profile;
      return { ...profile, groups: null, groupsLeftOut: false, groupsProblem: problemOf(account) };
    },
    async ofStatus(account, status) {
      if (status.groupsLeftOut !== true || (await believe(account))) return status;
      return { kind: 'there', groups: null, problem: problemOf(account) };
    },
    async noteProblem({ id, login, provider, groups_problem: before }, problem) {
      if (before === problem) return;
      await store.noteProblem(id, problem);
      if (problem !== null)
        log.warn({ account: login, provider, reason: problem }, 'the groups of a person are unknown');
    },
  };
}

/** More people together than the safety limit are the provider's fault: someone changed a mapper there. */
function createBelief({ store, sent, now }: LostGroupsParts): (account: Account) => Promise<boolean> {
  const judge = async (account: Account): Promise<boolean> => {
    const { lost, having } = await store.countOf(account.provider, now() - day);
    if (isTooMany(lost + 1, lost + having)) {
      await sent.note(account, 'no more groups');
      return false;
    }
    await store.noteLeftOut(account.id, now());
    return true;
  };
  // One after another: a sweep asks about several people at a time, and each must count those before it.
  let last: Promise<unknown> = Promise.resolve();
  return (account) => {
    if (account.groups_json === '[]') return Promise.resolve(true);
    const judged = last.then(() => judge(account));
    last = judged.catch(() => {});
    return judged;
  };
}

function problemOf({ provider }: Account): string {
  return `${provider} stopped sending groups for many people, so the ones it sent before stay for now`;
}
