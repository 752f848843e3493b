/** Owns a person's own denials on My access: what the rule that matches now gives them, what is missing, and what would help. */
import { type Denial, deciderOf } from '../audit/denials.ts';
import type { Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import { type Decision, decide } from '../policy/decide.ts';
import { isRepositoryName } from '../repositories/names.ts';
import { type AccessRequest, isOpen } from '../requests/access-request.ts';
import { repositoryActions } from '../scope.ts';
import { actionsList, type DenialView, denialOf } from './access-view.ts';

export type OwnDenialParts = {
  readonly policy: Policy;
  readonly identity: Identity;
  readonly hostOf: (service: string) => string;
  readonly passwords: readonly { readonly id: string; readonly name: string; readonly state: string }[];
  readonly requests: readonly Pick<AccessRequest, 'service' | 'repository' | 'state'>[];
  /** Epoch milliseconds. */
  readonly now: number;
};

/** @param index of the row on its page */
export function ownDenialOf(parts: OwnDenialParts, denial: Denial, index: number): DenialView {
  const view = denialOf(denial, parts.now);
  if (denial.by === 'password') return { ...view, help: { kind: 'password', path: pathOf(parts, denial) } };
  if (denial.type !== 'repository') return view;
  const decision = decideAgain(parts, denial);
  const why = whyNow(decision, denial);
  const told = { why, comment: decision.rule?.comment ?? null, line: decision.rule?.line ?? null };
  const helps = repositoryActions.includes(denial.action) && deciderOf(decision, denial.action) === 'policy';
  if (!helps) return { ...view, ...told };
  const text = requestText(denial, why, parts.hostOf(denial.service));
  const isAsked = parts.requests.some(
    (request) => request.service === denial.service && request.repository === denial.name && isOpen(request),
  );
  const { service } = denial;
  return {
    ...view,
    ...told,
    help: { kind: 'ask', id: `ask-${index}`, text, service, isAsked, canAsk: isRepositoryName(denial.name) },
  };
}

/** The policy and the groups can be others than they were at the denial; what someone asks for is missing now. */
function decideAgain({ policy, identity }: OwnDenialParts, { type, name, action, service, address }: Denial): Decision {
  const access = { type, name, actions: [...new Set([...repositoryActions, action])] };
  return decide(policy, identity, access, { service, address });
}

/** "Rule 3 gives you pull here, not push." */
function whyNow(decision: Decision, { action }: Denial): string {
  const { allowed, rule } = decision;
  if (allowed.includes(action)) return 'The policy grants it now.';
  if (deciderOf(decision, action) === 'groups') {
    return 'It depends on groups that your provider hasn’t reported recently. Signing in again brings them back.';
  }
  if (rule === null) return 'No rule gives you anything here.';
  const given = actionsList(allowed);
  return given === ''
    ? `Rule ${rule.number} gives you nothing here.`
    : `Rule ${rule.number} gives you ${given} here, not ${actionsList([action])}.`;
}

function requestText({ account, name, action }: Denial, why: string, host: string): string {
  return [
    `Please give me ${action} on this repository:`,
    `${host}/${name}`,
    `My account: ${account}`,
    `What Dockpass says: ${why}`,
  ].join('\n');
}

function pathOf({ passwords }: OwnDenialParts, { password }: Denial): string {
  const found = passwords.find(({ name, state }) => name === password && state === 'active');
  return found === undefined ? '/' : `/passwords/${found.id}`;
}
