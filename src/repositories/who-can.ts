/** Owns "who can push here?": the policy's decision about every account, with the rule that grants it. For administrators. */
import { accountStatusOf, type GracePeriods } from '../identity/account-status.ts';
import type { Identity, IdentityKind } from '../identity/identity.ts';
import { anonymous } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import { type Decision, decide } from '../policy/decide.ts';
import { type RuleAt, rulesAt } from '../policy/rules-at.ts';
import type { Access } from '../scope.ts';
import type { AccountStore } from '../store/accounts.ts';
import type { Turns } from './turns.ts';
import { viewerOf } from './viewer.ts';

export type AccountThatCan = {
  readonly login: string;
  readonly kind: IdentityKind;
  /** `null` for a user of the policy file. */
  readonly accountId: string | null;
  readonly rule: { readonly number: number; readonly line: number; readonly comment: string | null } | null;
};

export type WhoCan = {
  /** The first of them by user name. */
  readonly accounts: readonly AccountThatCan[];
  readonly total: number;
  /** Groups that rules which grant it name, as they are written. */
  readonly groups: readonly string[];
  readonly rules: readonly RuleAt[];
};

export type WhoCanParts = {
  readonly policy: () => Policy;
  readonly accounts: Pick<AccountStore, 'after'>;
  readonly gracePeriods: GracePeriods;
  readonly turns: Turns;
  readonly now: () => number;
};

/** Accounts that are shown. */
const maximumShown = 200;
/** Rows of one statement. */
const readAtOnce = 500;

/**
 * Who is granted an action at a repository now, by the policy in force and as far as their account works. Limits of
 * passwords and the makers of robots' passwords can make it less.
 * @param question.address where from; '' for anywhere: rules on addresses then match no one
 */
export async function whoCan(
  parts: WhoCanParts,
  question: { readonly service: string; readonly name: string; readonly action: string; readonly address: string },
): Promise<WhoCan> {
  const { service, name, action, address } = question;
  const policy = parts.policy();
  const access: Access = { type: 'repository', name, actions: [action] };
  const context = { service, address };
  const found: AccountThatCan[] = [];
  const ask = (identity: Identity): void => {
    const decision = decide(policy, identity, access, context);
    if (decision.granted.length > 0) found.push(accountThatCan(identity, decision));
  };
  for (const [username, { labels }] of policy.users) {
    if (username !== '') ask({ ...anonymous, kind: 'static', account: username, labels });
  }
  for (let last = ''; ; ) {
    const accounts = await parts.accounts.after(last, readAtOnce);
    let turn = await parts.turns.next();
    for (const account of accounts) {
      if (turn.isOver()) turn = await parts.turns.next();
      const works = accountStatusOf(account, parts.gracePeriods, parts.now()).use !== 'none';
      if (works) ask(viewerOf(account, parts.gracePeriods, parts.now(), context).identity);
    }
    const end = accounts.at(-1);
    if (end === undefined || accounts.length < readAtOnce) break;
    last = end.id;
  }
  found.sort((a, b) => (a.login < b.login ? -1 : 1));
  const rules = rulesAt(policy, access, service);
  return { accounts: found.slice(0, maximumShown), total: found.length, groups: groupsIn(rules), rules };
}

function accountThatCan({ account: login, kind, accountId }: Identity, { rule }: Decision): AccountThatCan {
  const decider = rule && { number: rule.number, line: rule.line, comment: rule.comment };
  return { login, kind, accountId, rule: decider };
}

function groupsIn(rules: readonly RuleAt[]): string[] {
  const named = rules.flatMap(({ grants, requires }) =>
    grants ? requires.filter(({ field }) => field === 'group') : [],
  );
  return [...new Set(named.flatMap(({ patterns }) => patterns))];
}
