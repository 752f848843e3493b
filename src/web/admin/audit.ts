/** Owns the audit as administrators read it: filters, the way back in time, exports. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler, Response } from 'express';
import { isSelection } from '../../accounts/selection.ts';
import {
  type AuditEntry,
  type AuditFilter,
  type AuditLog,
  type ExportFormat,
  exportLines,
  exportTypes,
} from '../../audit/audit-log.ts';
import { begun } from '../../lib/begun.ts';
import { isRecord } from '../../lib/json.ts';
import { day } from '../../lib/time.ts';
import { dayOf, fieldsOf, oneOf, queryOf } from '../fields.ts';
import { sections } from '../navigation.ts';
import type { FormError } from '../password-form.ts';
import { actorOf } from '../session.ts';
import { formatTime } from '../time-view.ts';
import { userAgentName } from '../user-agent.ts';
import { actionLabels, actions, isAuditAction, isGrave } from './audit-labels.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';
import { describeSelection } from './selection.ts';

export type AuditPageParts = AdminParts & { readonly auditLog: AuditLog };

declare module '../views.ts' {
  interface ViewData {
    'admin-audit': AdminFrame & {
      /** What is wrong with the filter. */
      mistake: FormError | null;
      fields: Fields;
      isFiltered: boolean;
      actions: readonly { readonly value: string; readonly label: string }[];
      rows: readonly ReturnType<typeof rowOf>[];
      /** The filter, as the query of an address. */
      query: string;
      /** Addresses of the newest page and of the next older one; `null` where there is none. */
      newest: string | null;
      older: string | null;
    };
  }
}

export type AuditPages = {
  /** GET /admin/audit */
  readonly list: RequestHandler;
  /** GET /admin/audit.csv and /admin/audit.jsonl, with the same query */
  export(format: ExportFormat): RequestHandler;
};

export function createAuditPages(parts: AuditPageParts): AuditPages {
  return {
    list: (request, response) => list(parts, request, response),
    export: (format) => (request, response) => send(parts, format, request, response),
  };
}

type Fields = Readonly<Record<'person' | 'action' | 'from' | 'until' | 'repository', string>>;

async function list(parts: AuditPageParts, request: Request, response: Response): Promise<void> {
  const { auditLog, views, now } = parts;
  const fields = readFields(request);
  const before = fieldsOf(request.query)('before') || null;
  const { entries, next } = await auditLog.page(filterOf(fields), before, actorOf(parts, request));
  views.page(response, 'admin-audit', {
    section: sections.administration,
    tab: tabs.audit,
    fields,
    mistake: mistakeIn(fields),
    isFiltered: queryOf(fields) !== '',
    actions: actions.map((action) => ({ value: action, label: actionLabels[action] })),
    rows: entries.map((entry) => rowOf(entry, now())),
    query: queryOf(fields),
    newest: before === null ? null : queryOf(fields) || '?',
    older: next === null ? null : queryOf({ ...fields, before: next }),
  });
}

function readFields(request: Request): Fields {
  const field = fieldsOf(request.query);
  return {
    person: field('person'),
    action: oneOf(actions, field('action')) ?? '',
    from: field('from'),
    until: field('until'),
    repository: field('repository'),
  };
}

function mistakeIn(fields: Fields): FormError | null {
  const field = (['from', 'until'] as const).find((name) => fields[name] !== '' && dayOf(fields[name]) === null);
  if (field !== undefined) {
    return { field, message: `“${fields[field]}” isn’t a date. Use YYYY-MM-DD. It was left out of the filter.` };
  }
  const [begin, end] = [dayOf(fields.from), dayOf(fields.until)];
  if (begin === null || end === null || begin <= end) return null;
  return { field: 'from', message: '“From” is after “Until”, so nothing can match.' };
}

/** Both days belong to the span. */
function filterOf({ person, action, from, until, repository }: Fields): AuditFilter {
  const begin = dayOf(from);
  const end = dayOf(until);
  return {
    ...(person !== '' && { person }),
    ...(action !== '' && { action }),
    ...(begin !== null && { from: begin }),
    ...(end !== null && { until: end + day }),
    ...(repository !== '' && { repository }),
  };
}

/** Read in pieces and written as the client takes them: an audit of years doesn't fit into memory. */
async function send(parts: AuditPageParts, format: ExportFormat, request: Request, response: Response) {
  const entries = await begun(parts.auditLog.all(filterOf(readFields(request)), actorOf(parts, request)));
  response.set('Content-Disposition', `attachment; filename="dockpass-audit.${format}"`).type(exportTypes[format]);
  await pipeline(Readable.from(exportLines(entries, format)), response);
}

function rowOf(entry: AuditEntry, now: number) {
  const { id, at, action, actor, subject, address, client, requestId, repository, detail } = entry;
  return {
    ...{ id, action, address, requestId, repository },
    actor: actor || (address === null ? 'Dockpass itself' : 'no one known'),
    at: formatTime(at, now),
    label: isAuditAction(action) ? actionLabels[action] : action,
    isGrave: isAuditAction(action) && isGrave(action),
    subject: subject === actor ? '' : subject,
    client: client === null || client === '' ? null : userAgentName(client),
    userAgent: client ?? '',
    details: detailsOf(detail),
  };
}

/** What changed, as short facts: `expiresAt: 1795432020003` is "expires at 2026-11-23 09:07 UTC". */
function detailsOf(detail: AuditEntry['detail']): { name: string; value: string }[] {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => ({
      name: name.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`),
      value: textOf(name, value),
    }))
    .filter(({ value }) => value !== '');
}

/** Of a longer list the first are shown; an export has all. */
const shownItems = 5;

function listText(items: readonly unknown[]): string {
  const shown = items.slice(0, shownItems).map((item) => textOf('', item));
  if (items.length > shownItems) shown.push(`and ${items.length - shownItems} more`);
  return shown.join(', ') || 'none';
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (name === 'selection' && isSelection(value)) return describeSelection(value);
  if (typeof value === 'number' && /(At|Until)$/.test(name)) return formatTime(value, value).minute;
  if (Array.isArray(value)) return listText(value);
  if (!isRecord(value)) return String(value);
  const { name: called, login } = value;
  if (typeof called === 'string' && typeof login === 'string') return `${called} of ${login}`;
  return detailsOf(value)
    .map((fact) => `${fact.name} ${fact.value}`)
    .join(', ');
}
