/** Owns the first page of the administrators: what needs action, how many there are of what, logins and denials by day, how the installation is. */

import type { Request, RequestHandler, Response } from 'express';
import type { PasswordLists } from '../../accounts/password-lists.ts';
import type { People } from '../../accounts/people.ts';
import type { DailyCounts } from '../../audit/daily-counts.ts';
import type { Denial } from '../../audit/denials.ts';
import { countOf, wordFor } from '../../lib/count.ts';
import { remembered } from '../../lib/remembered.ts';
import { minute } from '../../lib/time.ts';
import type { AccessRequests } from '../../requests/access-requests.ts';
import { denialOf } from '../access-view.ts';
import { type ChartView, chartOf } from '../activity-chart.ts';
import { queryOf } from '../fields.ts';
import { sections } from '../navigation.ts';
import { chartDays } from '../password-rows.ts';
import { type FormattedTime, formatTime } from '../time-view.ts';
import type { ViewData } from '../views.ts';
import { type DenialRowView, denialRow } from './denials.ts';
import { type OperationsReading, type OperationsView, operationsView } from './operations-view.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';
import { type WarningPart, warningParts } from './warning-view.ts';

export type OverviewParts = AdminParts & {
  readonly people: Pick<People, 'list'>;
  readonly passwordLists: PasswordLists;
  readonly requests: Pick<AccessRequests, 'countOpen'>;
  readonly dailyCounts: Pick<DailyCounts, 'totals'>;
  /** Of everyone, the latest first. */
  readonly denials: () => Promise<readonly Denial[]>;
  readonly warnings: () => Promise<readonly string[]>;
  readonly operations: () => Promise<OperationsReading>;
};

/** A number that leads to the list with as many rows. */
type Figure = { readonly label: string; readonly count: string; readonly href: string; readonly isConcern: boolean };

declare module '../views.ts' {
  interface ViewData {
    'admin-overview': AdminFrame & {
      warnings: readonly (readonly WarningPart[])[];
      figures: readonly { readonly title: string; readonly list: readonly Figure[] }[];
      charts: readonly { readonly id: string; readonly chart: ChartView }[];
      denials: readonly DenialRowView[];
      operations: OperationsView;
      /** When the numbers were read. */
      read: FormattedTime;
    };
  }
}

/** What takes long with 100,000 people, read at most once a minute. */
type Reading = Pick<ViewData['admin-overview'], 'figures' | 'charts'> & { readonly at: number };

const shownDenials = 8;

/** GET /admin. An address of the list of people from before it had its own leads there. */
export function createOverview(parts: OverviewParts): RequestHandler {
  const read = remembered(() => readAll(parts, parts.now()), minute, parts.now);
  return async (request, response) => {
    if (Object.keys(request.query).length > 0) return leadToPeople(parts, request, response);
    const [{ at, figures, charts }, warnings, denials, operations] = await Promise.all([
      read(),
      parts.warnings(),
      parts.denials(),
      parts.operations(),
    ]);
    parts.views.page(response, 'admin-overview', {
      ...{ section: sections.administration, tab: tabs.overview },
      ...{ warnings: warnings.map(warningParts), figures, charts },
      denials: denials.slice(0, shownDenials).map((denial) => denialRow(denial, denialOf(denial, parts.now()))),
      operations: operationsView(operations, parts.now()),
      read: formatTime(at, parts.now()),
    });
  };
}

function leadToPeople({ views }: OverviewParts, request: Request, response: Response): void {
  response.redirect(303, `${views.prefix}${tabs.people}${new URL(request.originalUrl, 'http://localhost').search}`);
}

async function readAll(parts: OverviewParts, at: number): Promise<Reading> {
  const [passwords, people, totals] = await Promise.all([
    passwordFigures(parts.passwordLists),
    peopleFigures(parts),
    parts.dailyCounts.totals(chartDays),
  ]);
  const charts = [
    { id: 'logins-title', chart: chartOf('Logins', ['login', 'logins'], totals.logins) },
    { id: 'denials-title', chart: chartOf('Denials', ['denied request', 'denied requests'], totals.denials) },
  ];
  return {
    at,
    figures: [
      { title: 'Passwords', list: passwords },
      { title: 'People', list: people },
    ],
    charts,
  };
}

const number = new Intl.NumberFormat('en');

async function passwordFigures(lists: PasswordLists): Promise<Figure[]> {
  const soon = countOf(lists.soonDays, 'day');
  const figure = async (
    kind: Parameters<PasswordLists['count']>[0],
    several: string,
    isConcern = false,
    one = several,
  ) => {
    const count = await lists.count(kind);
    return {
      label: wordFor(count, one, several),
      count: number.format(count),
      href: tabs.passwords + queryOf({ state: kind }),
      isConcern: isConcern && count > 0,
    };
  };
  return Promise.all([
    figure('active', 'active'),
    figure('expiring', `expire within ${soon}`, true, `expires within ${soon}`),
    figure('unused', `unused for ${countOf(lists.idleDays, 'day')}`, true),
    figure('suspended', 'suspended'),
  ]);
}

async function peopleFigures({ people, requests }: OverviewParts): Promise<Figure[]> {
  const everyone = { search: '', provider: null, domain: null, group: null, sort: 'login', descending: false } as const;
  const figure = async (state: 'active' | 'reauth_required' | 'disabled', label: string) => {
    const { total } = await people.list({ ...everyone, state, page: 1 });
    return { label, count: number.format(total), href: tabs.people + queryOf({ state }), isConcern: false };
  };
  const asking = async (): Promise<Figure> => {
    const open = await requests.countOpen();
    const label = wordFor(open, 'open access request');
    return { label, count: number.format(open), href: tabs.requests, isConcern: open > 0 };
  };
  return Promise.all([
    figure('active', 'active'),
    figure('reauth_required', 'must sign in again'),
    figure('disabled', 'disabled'),
    asking(),
  ]);
}
