/** Owns the pages about workloads: issuers and their keys, rules and their last use, what was refused and why, snippets. */
import type { RequestHandler, Response } from 'express';
import { Refusal } from '../../lib/errors.ts';
import type { Policy } from '../../policy/acl.ts';
import type {
  ListedIssuer,
  ListedRule,
  WorkloadAdministration,
  WorkloadOverview,
} from '../../workload/administration.ts';
import type { ListedFailure } from '../../workload/failures.ts';
import { formatFailed } from '../../workload/identify.ts';
import { coverageWarnings, grantsOf } from '../../workload/policy-fit.ts';
import { refusalReasons } from '../../workload/refusal.ts';
import { actionsText, isEverything } from '../access-view.ts';
import { fieldsOf } from '../fields.ts';
import { sections } from '../navigation.ts';
import { actorOf } from '../session.ts';
import { type FormattedTime, formatTime } from '../time-view.ts';
import { type Snippet, type SnippetValues, snippetsFor } from '../workload-snippets.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type WorkloadPageParts = AdminParts & {
  readonly workloads: WorkloadAdministration;
  readonly policy: () => Policy;
  readonly snippetValues: Omit<SnippetValues, 'audience'>;
};

type IssuerView = ReturnType<typeof issuerView>;
type RuleView = ReturnType<typeof ruleView>;
type FailureView = ReturnType<typeof failureView>;
/** What is done about an issuer, each on a page that asks first. */
type Change = 'off' | 'on' | 'discard-keys';
/** What an address says was done. */
type Done = { readonly change: Change; readonly name: string };

declare module '../views.ts' {
  interface ViewData {
    /** `done`: what was just done to which issuer. */
    'admin-workloads': AdminFrame & {
      audience: string | null;
      issuers: readonly IssuerView[];
      rules: readonly RuleView[];
      /** Of rules of the policy that cover workloads although they were hardly written for them. */
      warnings: readonly string[];
      failures: readonly FailureView[];
      done: string | null;
    };
    'workload-failures': { rows: readonly FailureView[] };
    'admin-workload-change': AdminFrame & {
      name: string;
      change: Change;
      /** Whether nothing is left to do. */
      isDone: boolean;
      reason: string;
    };
    'admin-workload-snippets': AdminFrame & { snippets: readonly Snippet[] };
  }
}

const frame: AdminFrame = { section: sections.administration, tab: tabs.workloads };

type NameHandler = RequestHandler<{ name: string }>;

export type WorkloadPages = {
  /** GET /admin/workloads */
  readonly show: RequestHandler;
  /** GET /admin/workloads/snippets */
  readonly snippets: RequestHandler;
  /** GET and POST of /admin/workloads/:name/off, /on and /discard-keys */
  ask(change: Change): NameHandler;
  act(change: Change): NameHandler;
};

export function createWorkloadPages(parts: WorkloadPageParts): WorkloadPages {
  const { workloads, views } = parts;
  return {
    show: async (request, response) => {
      const field = fieldsOf(request.query);
      const done = changes.find((change) => field(change) !== '');
      await show(parts, response, done === undefined ? null : { change: done, name: field(done) });
    },
    async snippets(_request, response) {
      const { audience } = (await workloads.overview()) ?? { audience: parts.snippetValues.publicUrl };
      views.page(response, 'admin-workload-snippets', {
        ...frame,
        snippets: snippetsFor({ ...parts.snippetValues, audience }),
      });
    },
    ask: (change) => async (request, response) => {
      const { name } = request.params;
      const issuer = (await workloads.overview())?.issuers.find((one) => one.name === name);
      if (issuer === undefined) throw new Refusal('not_found', `The workloads file has no issuer "${name}".`);
      views.page(response, 'admin-workload-change', {
        ...frame,
        name,
        change,
        isDone: isDone(change, issuer),
        reason: fieldsOf(request.query)('reason'),
      });
    },
    act: (change) => async (request, response) => {
      const { name } = request.params;
      const by = actorOf(parts, request);
      if (change === 'off') await workloads.disable(name, fieldsOf(request.body)('reason'), by);
      else if (change === 'on') await workloads.enable(name, by);
      else await workloads.discardKeys(name, by);
      response.redirect(303, `${views.prefix}${tabs.workloads}?${change}=${encodeURIComponent(name)}`);
    },
  };
}

const changes: readonly Change[] = ['off', 'on', 'discard-keys'];

/** Whether nothing is left to do. */
function isDone(change: Change, { off }: ListedIssuer): boolean {
  return change !== 'discard-keys' && (off !== null) === (change === 'off');
}

/** Nothing that isn't so is said of an issuer because an address says it. */
function doneWords(done: Done | null, issuers: readonly ListedIssuer[]): string | null {
  const issuer = issuers.find(({ name }) => name === done?.name);
  if (done === null || issuer === undefined) return null;
  const { change, name } = done;
  if (change === 'discard-keys') return `The keys of “${name}” are discarded.`;
  return isDone(change, issuer) ? stateWords(change, name) : null;
}

async function show(parts: WorkloadPageParts, response: Response, done: Done | null): Promise<void> {
  const now = parts.now();
  const overview: WorkloadOverview | null = await parts.workloads.overview();
  const failures = overview === null ? [] : await parts.workloads.failures();
  parts.views.page(response, 'admin-workloads', {
    ...frame,
    audience: overview?.audience ?? null,
    issuers: (overview?.issuers ?? []).map((issuer) => issuerView(issuer, now)),
    rules: (overview?.rules ?? []).map((rule) => ruleView(rule, parts.policy(), now)),
    warnings: overview === null ? [] : warningsOf(overview, parts.policy()),
    failures: failures.map((failure) => failureView(failure, now)),
    done: doneWords(done, overview?.issuers ?? []),
  });
}

function stateWords(change: Change, name: string): string {
  return `“${name}” is ${change === 'off' ? 'disabled' : 'enabled'}.`;
}

function warningsOf({ rules }: WorkloadOverview, policy: Policy): string[] {
  const found = coverageWarnings(policy, { rules: rules.map(({ rule }) => rule) });
  return found.map(({ line, message }) => `Line ${line} of the policy: ${message}.`);
}

function issuerView({ name, preset, issuer, exchangeOnly, keys, off }: ListedIssuer, now: number) {
  const fetched: FormattedTime | null = keys.fetchedAt === null ? null : formatTime(keys.fetchedAt, now);
  return {
    ...{ name, preset, issuer, exchangeOnly },
    keys: { count: keys.count, isFile: keys.source === 'file', fetched, problem: keys.problem },
    off: off === null ? null : { ...off, at: formatTime(off.at, now) },
  };
}

function ruleView({ rule, lastUsedAt, active }: ListedRule, policy: Policy, now: number) {
  const { number, line, comment, issuer, conditions, groups } = rule;
  return {
    ...{ number, line, comment, groups, active },
    issuer: issuer.name,
    conditions: conditions.map(({ claim, has, patterns }) => `${claim}: ${has ? 'has ' : ''}${patterns.join(' or ')}`),
    grants: grantsOf(policy, rule).candidateRules.map(({ line: policyLine, actions, requires }) => ({
      line: policyLine,
      actions: isEverything(actions) ? 'Everything' : actionsText(actions),
      where: requires.map(({ field, patterns }) => `${field} ${patterns.join(' or ')}`).join(', '),
    })),
    lastUsed: lastUsedAt === null ? null : formatTime(lastUsedAt, now),
  };
}

function failureView({ issuer, reason, who, claims, nearest, address, count, lastAt }: ListedFailure, now: number) {
  return {
    ...{ issuer, who, claims, address, count },
    reason: refusalReasons[reason],
    nearest: nearest && {
      line: nearest.line,
      comment: nearest.comment,
      problems: [...nearest.failed.map(formatFailed), ...(nearest.problem === null ? [] : [nearest.problem])],
    },
    last: formatTime(lastAt, now),
  };
}
