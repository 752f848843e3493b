/** Owns what an answer about one person changes: the groups, the age of what is known, and the audit of it. */
import type { Audit } from '../audit/audit.ts';
import type { PersonSource, Verdict } from '../sign-in/provider-status.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import type { Finder } from './leavers.ts';

export type Confirm = {
  /** Asks about a person, and changes nothing. */
  ask(account: Account): Promise<Verdict>;
  /** Stores what was learnt at `at`. Of somebody who has left only that they were asked about: the caller decides that. */
  note(account: Account, verdict: Verdict, at: number, finder: Finder): Promise<void>;
};

export type ConfirmParts = {
  readonly source: PersonSource;
  readonly accounts: Pick<AccountStore, 'confirm' | 'noteCheck' | 'forgetConfirmation'>;
  readonly audit: Audit;
};

export function createConfirm({ source, accounts, audit }: ConfirmParts): Confirm {
  return {
    ask: (account) => source.ask(account),
    async note(account, verdict, at, finder) {
      if (verdict.kind === 'unasked') return accounts.forgetConfirmation(account.id, at);
      if (verdict.kind !== 'there') return accounts.noteCheck(account.id, at);
      await accounts.confirm(account.id, { at, groups: verdict.groups });
      if (verdict.groups !== null) recordGroups(audit, account, verdict.groups, finder);
    },
  };
}

/** Writes down which groups came and went; nothing where none did. @param account as it was before */
export function recordGroups(audit: Audit, account: Account, groups: readonly string[], finder: Finder): void {
  const before = JSON.parse(account.groups_json) as string[];
  const added = groups.filter((group) => !before.includes(group));
  const removed = before.filter((group) => !groups.includes(group));
  if (added.length + removed.length === 0) return;
  audit.record({ action: 'person.groups', ...finder, subject: account.login, detail: { added, removed } });
}
