/** Owns the page of one password: what it can do, what became of it, what used it in the last 30 days. */
import type { Request, RequestHandler, Response } from 'express';
import type { AppPassword, AppPasswords, Owner } from '../app-passwords/app-passwords.ts';
import type { DailyCounts } from '../audit/daily-counts.ts';
import type { Use } from '../audit/uses.ts';
import { Refusal } from '../lib/errors.ts';
import { activityViewOf, type RepositoryUseView } from './account-activity-view.ts';
import { type ChartView, chartOf } from './activity-chart.ts';
import { frameOf, type Holder, type HolderFrame, type PasswordActionParts } from './password-actions.ts';
import { chartDays } from './password-rows.ts';
import { type PasswordView, viewOf } from './password-view.ts';
import { type UsesView, usesOf } from './uses-view.ts';
import type { Views } from './views.ts';

export type PasswordDetailParts = {
  readonly passwords: Pick<AppPasswords, 'ofAccount'>;
  /** @throws {Refusal} `not_found` for a robot that the person does not manage */
  readonly holderOf: (request: Request) => Promise<Holder>;
  /** By password id, as far as the person who asks can see it. */
  readonly usesOf: (request: Request, owner: Owner) => Promise<ReadonlyMap<string, readonly Use[]>>;
  readonly activityOf: PasswordActionParts['activityOf'];
  readonly dailyCounts: Pick<DailyCounts, 'ofPasswords'>;
  readonly views: Views;
  readonly now: () => number;
};

declare module './views.ts' {
  interface ViewData {
    password: HolderFrame & {
      password: PasswordView;
      /** The password that this one replaced, as long as it works, and the one that replaced this. */
      previous: PasswordView | null;
      successor: PasswordView | null;
      uses: UsesView;
      chart: ChartView;
      /** What the owner really pushed and pulled with all passwords; `null`: no registry reports it. */
      activity: readonly RepositoryUseView[] | null;
    };
  }
}

/** GET .../passwords/:id; mount behind a guard that only lets people through who are signed in. */
export function createPasswordDetail(parts: PasswordDetailParts): RequestHandler {
  return (request, response) => show(parts, request, response);
}

async function show(parts: PasswordDetailParts, request: Request, response: Response): Promise<void> {
  const { views, now } = parts;
  const holder = await parts.holderOf(request);
  const { owner, isSuspended } = holder;
  const all = await parts.passwords.ofAccount(owner);
  const password = all.find(({ id }) => id === request.params['id']);
  // Also one of someone else: whether that exists is no one's business.
  if (password === undefined) throw new Refusal('not_found', 'That password doesn’t exist. Your passwords are listed.');
  const { id } = password;
  const viewOfOne = (wanted: (one: AppPassword) => boolean): PasswordView | null => {
    const found = all.find(wanted);
    return found === undefined ? null : viewOf(found, now(), isSuspended);
  };
  const [uses, activity, counts] = await Promise.all([
    parts.usesOf(request, owner),
    parts.activityOf(request, owner),
    parts.dailyCounts.ofPasswords([id], chartDays),
  ]);
  views.page(response, 'password', {
    ...frameOf(holder),
    password: viewOf(password, now(), isSuspended),
    previous: viewOfOne(({ replacedBy, state }) => replacedBy === id && state === 'active'),
    successor: viewOfOne((one) => one.id === password.replacedBy),
    uses: usesOf(uses.get(id) ?? [], now()),
    chart: chartOf('Logins', ['login', 'logins'], counts.get(id) ?? []),
    activity: activity && activityViewOf(activity, now()),
  });
}
