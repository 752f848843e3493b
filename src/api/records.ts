/** Owns the operations of the API that answer "who did this, and why not": audit, denials, explain. */

import { type Audit, isEventId } from '../audit/audit.ts';
import { type AuditFilter, type AuditLog, type ExportFormat, exportLines, exportTypes } from '../audit/audit-log.ts';
import type { DenialLog } from '../audit/denials.ts';
import { explainedEvent } from '../audit/explained.ts';
import type { Identity } from '../identity/identity.ts';
import { begun } from '../lib/begun.ts';
import { Refusal } from '../lib/errors.ts';
import type { Policy } from '../policy/acl.ts';
import { checkAddress } from '../policy/address.ts';
import { accessOf } from '../policy/cases.ts';
import { explain } from '../policy/explain.ts';
import { givenText, oneOf } from './checks.ts';
import type { ApiField, Input } from './input.ts';
import type { ApiRoute } from './route.ts';

const filterFields: readonly ApiField[] = [
  {
    name: 'person',
    type: 'string',
    about: 'as actor or as subject: a person’s login in any case, the name of a job as written',
  },
  { name: 'action', type: 'string', about: '"password.revoke"' },
  { name: 'from', type: 'integer', about: 'epoch milliseconds' },
  { name: 'until', type: 'integer', about: 'epoch milliseconds' },
  { name: 'repository', type: 'string', about: 'of events that are about one' },
];
const before: ApiField = { name: 'before', type: 'string', about: 'the `next` of the page before' };
const denialFields: readonly ApiField[] = [
  { name: 'account', type: 'string', about: 'a person’s login in any case, the name of a job as written' },
  { name: 'repository', type: 'string', about: 'exactly this' },
  { name: 'action', type: 'string', about: 'exactly this' },
];
const formats: readonly ExportFormat[] = ['csv', 'jsonl'];

type RecordParts = {
  readonly auditLog: AuditLog;
  readonly denials: DenialLog;
  readonly audit: Audit;
  /** All that events can be called. */
  readonly actions: readonly string[];
  readonly policy: () => Policy;
  /** Who is meant by a login or a user of the policy file. */
  readonly identityOf: (account: string) => Promise<Identity>;
};

export function recordRoutes(parts: RecordParts): ApiRoute[] {
  return [...auditRoutes(parts), denialRoute(parts), explainRoute(parts)];
}

function auditRoutes({ auditLog, actions }: RecordParts): ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/audit',
      scope: 'audit:read',
      summary: 'Events, newest first, a hundred a page',
      query: [...filterFields, before],
      run: ({ query, by }) => auditLog.page(readFilter(query, actions), readCursor(query), by),
    },
    ...formats.map(
      (format): ApiRoute => ({
        method: 'get',
        path: `/audit.${format}`,
        scope: 'audit:read',
        summary: 'All events of a filter, as a file',
        query: filterFields,
        run: () => ({}),
        download: {
          type: exportTypes[format],
          fileName: `audit.${format}`,
          lines: async ({ query, by }) =>
            exportLines(await begun(auditLog.all(readFilter(query, actions), by)), format),
        },
      }),
    ),
  ];
}

function denialRoute({ denials }: RecordParts): ApiRoute {
  return {
    method: 'get',
    path: '/denials',
    scope: 'audit:read',
    summary: 'What was refused, counted by person, repository, action and rule; the latest 500',
    query: denialFields,
    async run({ query }) {
      const given = denialFields
        .map(({ name }) => [name, givenText(query, name)] as const)
        .filter(([, value]) => value !== undefined);
      return { denials: await denials.list(Object.fromEntries(given)) };
    },
  };
}

function explainRoute({ audit, policy, identityOf }: RecordParts): ApiRoute {
  return {
    method: 'post',
    path: '/explain',
    scope: 'policy:explain',
    summary: 'What someone is granted and why: every rule, and the one that decides',
    body: [
      { name: 'who', type: 'string', about: 'an e-mail, a robot, a user of the policy file; "" is anonymous' },
      { name: 'scope', type: 'string', about: '"repository:team/app:pull,push"', required: true },
      { name: 'service', type: 'string', about: 'the registry that asks' },
      { name: 'address', type: 'string', about: 'where the request comes from' },
    ],
    async run({ body, by }) {
      const who = body.text('who') ?? '';
      const refuse = (field: string) => (problem: string) => {
        throw new Refusal('bad_request', `${problem}.`, { field });
      };
      const access = accessOf(body.requiredText('scope'), refuse('scope'));
      const address = body.text('address') ?? '';
      checkAddress(address, refuse('address'));
      const context = { service: body.text('service') ?? '', address };
      await audit.write({ ...by, ...explainedEvent(who, access, context) });
      return explain(policy(), await identityOf(who), access, context);
    },
  };
}

function readFilter(query: Input, actions: readonly string[]): AuditFilter {
  const texts = ['person', 'action', 'repository'] as const;
  const times = ['from', 'until'] as const;
  oneOf(actions, 'action', givenText(query, 'action'));
  const given = [
    ...texts.map((name) => [name, givenText(query, name)] as const),
    ...times.map((name) => [name, query.integer(name)] as const),
  ].filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

/** @throws {Refusal} for what no page named as its `next`: a program would read the newest events again and again */
function readCursor(query: Input): string | null {
  const cursor = givenText(query, before.name) ?? null;
  if (cursor === null || isEventId(cursor)) return cursor;
  throw new Refusal('bad_request', '"before" must be the `next` of the page before.', { field: before.name });
}
