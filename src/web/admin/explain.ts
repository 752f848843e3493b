/** Owns the page that explains a decision to administrators, and what a candidate policy would decide instead. */
import type { Request, RequestHandler, Response } from 'express';
import type { Audit } from '../../audit/audit.ts';
import { explainedEvent } from '../../audit/explained.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Policy } from '../../policy/acl.ts';
import { checkAddress } from '../../policy/address.ts';
import { accessOf } from '../../policy/cases.ts';
import { type ExplainedRule, type Explanation, explain, formatMismatch } from '../../policy/explain.ts';
import { type Access, formatScope, parseScopes } from '../../scope.ts';
import { actionsText, isEverything } from '../access-view.ts';
import { fieldsOf } from '../fields.ts';
import { sections } from '../navigation.ts';
import { actorOf } from '../session.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type ExplainPageParts = AdminParts & {
  readonly policy: () => Policy;
  readonly candidate: () => Policy | null;
  /** Who goes by this user name now, as it was typed: a stored account, a user of the policy file, anonymous for ''. */
  readonly identityOf: (account: string) => Promise<{ readonly identity: Identity; readonly isKnown: boolean }>;
  readonly services: readonly { readonly name: string }[];
  readonly audit: Pick<Audit, 'write'>;
};

type Outcome = ReturnType<typeof outcomeOf>;

declare module '../views.ts' {
  interface ViewData {
    'admin-explain': AdminFrame & {
      fields: Asked & { readonly scope: string };
      services: ExplainPageParts['services'];
      /** What is wrong with each field. */
      errors: Readonly<Record<'scope' | 'address', string | null>>;
      answer: Awaited<ReturnType<typeof answerTo>> | null;
    };
    explanation: Outcome & { title: string; scope: string; id: string };
  }
}

/** GET /admin/explain: the form, and the explanation of what its query asks. */
export function createExplainPage(parts: ExplainPageParts): RequestHandler {
  return async (request, response) => show(parts, request, response);
}

async function show(parts: ExplainPageParts, request: Request, response: Response): Promise<void> {
  const { services, views } = parts;
  const field = fieldsOf(request.query);
  const fields = {
    who: field('who'),
    scope: field('scope'),
    address: field('address'),
    service: services.find(({ name }) => name === field('service'))?.name ?? services[0]?.name ?? '',
  };
  const isAsked = fields.who !== '' && fields.scope !== '';
  const { access, problem } = readScope(fields.scope);
  const errors = { scope: isAsked ? problem : null, address: isAsked ? addressProblem(fields.address) : null };
  const isAnswered = isAsked && errors.scope === null && errors.address === null;
  views.page(response, 'admin-explain', {
    section: sections.administration,
    tab: tabs.explain,
    fields,
    services,
    errors,
    answer: isAnswered ? await answerTo(parts, request, fields, access) : null,
  });
}

/** A scope, or only the name of a repository, which asks for everything on it. */
function readScope(text: string): { readonly access: Access; readonly problem: string | null } {
  const isScope = /^[a-z0-9]+(\([a-z0-9]+\))?:/.test(text);
  const problems: string[] = [];
  const scope = isScope ? text : `repository:${text}:pull,push,delete`;
  const access = accessOf(scope, (problem) => void problems.push(`${problem}.`));
  const isRead = parseScopes([scope]).length === 1 && (isScope || access.name === text);
  const unread = `“${text}” isn’t a repository name or a scope. Write team/app, or repository:team/app:pull,push.`;
  return { access, problem: isRead ? (problems[0] ?? null) : unread };
}

function addressProblem(address: string): string | null {
  let found: string | null = null;
  checkAddress(address, (problem) => {
    found = `${problem}.`;
  });
  return found;
}

type Asked = { readonly who: string; readonly address: string; readonly service: string };

async function answerTo(parts: ExplainPageParts, request: Request, { who, address, service }: Asked, access: Access) {
  const account = who === 'anonymous' ? '' : who;
  const { identity, isKnown } = await parts.identityOf(account);
  const context = { service, address };
  const explanation = explain(parts.policy(), identity, access, context);
  const candidate = parts.candidate();
  const other = candidate === null ? null : explain(candidate, identity, access, context);
  await parts.audit.write({ ...actorOf(parts, request), ...explainedEvent(account, access, context) });
  return {
    who: explanation.who,
    isKnown,
    scope: formatScope(access),
    groups: explanation.groups,
    groupsUnknown: explanation.groupsUnknown !== null,
    inForce: outcomeOf(explanation),
    candidate: other === null ? null : outcomeOf(other),
    differs: other !== null && other.granted.toSorted().join() !== explanation.granted.toSorted().join(),
  };
}

/** What one policy says, step by step. */
function outcomeOf({ access, granted, passedOver, decidedBy }: Explanation) {
  const refused = access.actions.filter((action) => !granted.includes(action));
  return {
    tone: granted.length === 0 ? 'no' : refused.length === 0 ? 'yes' : 'partly',
    granted: actionsText(granted),
    refused: refused.length === 0 ? null : actionsText(refused).toLowerCase(),
    passedOver: passedOver.map((rule) => ({
      ...rule,
      grants: grantsOf(rule),
      why: rule.mismatches.map(formatMismatch),
    })),
    decidedBy: decidedBy === null ? null : { ...decidedBy, grants: grantsOf(decidedBy) },
  };
}

function grantsOf({ actions }: ExplainedRule): string {
  return isEverything(actions) ? 'whatever is asked for' : actionsText(actions).toLowerCase();
}
