/** Owns the administrators' page of repositories: whether events arrive, the largest and the busiest, those that no one pulls. */
import type { Request, RequestHandler, Response } from 'express';
import type { Actor } from '../../audit/audit.ts';
import { Refusal } from '../../lib/errors.ts';
import { dateOf, day } from '../../lib/time.ts';
import type { NeverPulled, Ranked, RepositoryOverview } from '../../repositories/overview.ts';
import { daysUntilUnused, type RegistryStatus } from '../../repositories/status.ts';
import { type ChartView, chartOf } from '../activity-chart.ts';
import { fieldsOf, queryOf } from '../fields.ts';
import { type Pager, pageIn, pagerOf } from '../list-view.ts';
import { sections } from '../navigation.ts';
import { type ListedService, timeOf } from '../repositories.ts';
import { actorOf } from '../session.ts';
import { formatSize } from '../size-view.ts';
import { type FormattedTime, formatTime } from '../time-view.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type AdminRepositoryParts = AdminParts & {
  readonly services: readonly ListedService[];
  readonly statuses: () => Promise<readonly RegistryStatus[]>;
  readonly overviewOf: (service: string) => Promise<RepositoryOverview>;
  readonly neverPulledOf: (service: string, page: number) => Promise<NeverPulled>;
  /** Begins to read a registry's catalog and tags, and doesn't wait for the end. @throws {Refusal} where it can't begin */
  readonly startSync: (service: string, by: Actor) => Promise<void>;
};

type RankedView = { readonly name: string; readonly value: string };

declare module '../views.ts' {
  interface ViewData {
    'admin-repositories': AdminFrame & {
      service: ListedService;
      services: readonly (ListedService & { readonly isChosen: boolean })[];
      status: ReturnType<typeof statusView>;
      total: number;
      ranks: readonly { readonly title: string; readonly what: string; readonly rows: readonly RankedView[] }[];
      charts: readonly { readonly id: string; readonly chart: ChartView }[];
      /** What was just done. */
      done: string | null;
      /** `null`: it can't be told yet. */
      never: { readonly rows: readonly NeverView[]; readonly total: number; readonly pager: Pager } | null;
    };
    'admin-repositories-off': AdminFrame & { statuses: readonly RegistryStatus[] };
  }
}

const frame: AdminFrame = { section: sections.administration, tab: tabs.repositories };

export type AdminRepositoryPages = {
  /** GET /admin/repositories */
  readonly show: RequestHandler;
  /** POST /admin/repositories/sync */
  readonly sync: RequestHandler;
};

export function createAdminRepositoryPages(parts: AdminRepositoryParts): AdminRepositoryPages {
  return {
    show: (request, response) => show(parts, request, response),
    sync: async (request, response) => {
      const { name: service } = serviceOf(parts, fieldsOf(request.body)('service'));
      await parts.startSync(service, actorOf(parts, request));
      response.redirect(303, `${parts.views.prefix}${tabs.repositories}${queryOf({ service, done: 'sync' })}`);
    },
  };
}

/** @throws {Refusal} `not_found` */
export function serviceOf({ services }: Pick<AdminRepositoryParts, 'services'>, name: string): ListedService {
  const service = name === '' ? services[0] : services.find((candidate) => candidate.name === name);
  if (service !== undefined) return service;
  throw new Refusal('not_found', 'No registry of this name reports its repositories. SERVICES has the names.');
}

async function show(parts: AdminRepositoryParts, request: Request, response: Response): Promise<void> {
  const { views, services, now } = parts;
  const field = fieldsOf(request.query);
  const statuses = await parts.statuses();
  if (services.length === 0) {
    views.page(response, 'admin-repositories-off', { ...frame, statuses });
    return;
  }
  const service = serviceOf(parts, field('service'));
  const status = statuses.find((one) => one.service === service.name);
  if (status === undefined) throw new Error(`there is no status of ${service.name}`);
  const overview = await parts.overviewOf(service.name);
  const never = status.canTellUnused ? await parts.neverPulledOf(service.name, pageIn(field)) : null;
  views.page(response, 'admin-repositories', {
    ...frame,
    service,
    services: services.map((one) => ({ ...one, isChosen: one === service })),
    status: statusView(status, now()),
    total: overview.total,
    ranks: ranksOf(overview),
    charts: [
      { id: 'pulls-title', chart: chartOf('Pulls', ['pull', 'pulls'], overview.pulls) },
      { id: 'pushes-title', chart: chartOf('Pushes', ['push', 'pushes'], overview.pushes) },
    ],
    done: field('done') === 'sync' ? begun : null,
    never: never && neverView(never, service, now()),
  });
}

const begun = 'Dockpass is reading the registry. What it finds is listed as it goes.';

function ranksOf({ largest, busiest, programs }: RepositoryOverview) {
  const number = new Intl.NumberFormat('en');
  const counted = (rows: readonly Ranked[]) => rows.map(({ name, value }) => ({ name, value: number.format(value) }));
  return [
    {
      title: 'Largest',
      what: 'layers and configs, each counted once',
      rows: largest.map(({ name, value }) => ({ name, value: formatSize(value) })),
    },
    { title: 'Most pulled', what: 'pulls in 30 days', rows: counted(busiest) },
    { title: 'Robots and jobs that pull most', what: 'pulls in 30 days', rows: counted(programs) },
  ];
}

/** Days that are named; of more, their number. */
const namedGaps = 5;

function statusView(status: RegistryStatus, now: number) {
  const { sync } = status;
  return {
    ...{ takesEvents: status.takesEvents, isReadable: status.isReadable, notifications: status.notifications },
    first: timeOf(status.firstAt, now),
    last: timeOf(status.lastAt, now),
    tellsUnusedFrom: status.firstAt === null ? null : formatTime(status.firstAt + daysUntilUnused * day, now),
    gaps: status.gaps.slice(-namedGaps).map((number) => dateOf(number * day)),
    moreGaps: Math.max(0, status.gaps.length - namedGaps),
    sync: sync && {
      isRunning: sync.finished_at === null,
      changed: formatTime(sync.changed_at, now),
      completed: timeOf(sync.completed_at, now),
      ...{ repositories: sync.repositories, tags: sync.tags, removed: sync.removed, unknown: sync.unknown },
      problem: sync.problem,
    },
  };
}

type NeverView = {
  readonly name: string;
  readonly size: string;
  readonly pushed: FormattedTime | null;
  readonly firstSeen: FormattedTime;
};

function neverView({ rows, total, page, pages }: NeverPulled, service: ListedService, now: number) {
  return {
    total,
    rows: rows.map(({ name, size, pushedAt, firstSeenAt }): NeverView => {
      return { name, size: formatSize(size), pushed: timeOf(pushedAt, now), firstSeen: formatTime(firstSeenAt, now) };
    }),
    pager: pagerOf({ page, pages }, (to) => queryOf({ service: service.name, page: to })),
  };
}
