/** Owns the page of one robot: its passwords, what it can do, what it was denied, how it's used. */
import type { Request, Response } from 'express';
import type { RobotManager } from '../accounts/robot-facts.ts';
import type { Robot, Robots } from '../accounts/robots.ts';
import type { AppPasswords } from '../app-passwords/app-passwords.ts';
import type { DailyCounts, DayCount } from '../audit/daily-counts.ts';
import type { Denial } from '../audit/denials.ts';
import type { Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import { effectivePermissionsOf } from '../policy/effective-permissions.ts';
import { candidateRulesOf, type DenialView, denialOf } from './access-view.ts';
import { type ChartView, chartOf } from './activity-chart.ts';
import type { PasswordDetailParts } from './password-detail.ts';
import { chartDays, type PasswordRow, rowsOf } from './password-rows.ts';
import type { PasswordView } from './password-view.ts';
import { formatTime } from './time-view.ts';
import { type UsesView, usesOf } from './uses-view.ts';
import type { Views } from './views.ts';

export type RobotFrame = { readonly section: string; readonly tab: string | null; readonly robotsHome: string };

export type RobotView = ReturnType<typeof robotView>;

declare module './views.ts' {
  interface ViewData {
    robot: RobotFrame &
      Pick<ViewData['rule-list'], 'candidateRules'> & {
        base: string;
        robot: RobotView;
        live: readonly PasswordRow[];
        past: readonly PasswordRow[];
        /** Whether the reader can change it and make passwords for it. */
        canMake: boolean;
        /** What was refused because a password's maker can't do it, and everything else. */
        beyondMakers: readonly DenialView[];
        denials: readonly DenialView[];
        uses: UsesView;
        /** Logins with all its passwords. */
        chart: ChartView;
        /** The password that was just revoked. */
        revoked: PasswordView | null;
      };
  }
}

export type RobotPageParts = {
  readonly robots: Pick<Robots, 'canMake'>;
  readonly passwords: Pick<AppPasswords, 'ofAccount'>;
  readonly dailyCounts: Pick<DailyCounts, 'ofPasswords'>;
  readonly usesOf: PasswordDetailParts['usesOf'];
  readonly denialsOf: (accountId: string) => Promise<readonly Denial[]>;
  readonly policy: () => Policy;
  /** Who goes by the login, to the policy, now. */
  readonly identityOf: (login: string) => Promise<Identity>;
  readonly views: Views;
  readonly now: () => number;
};

/** @param of the robot, who reads the page, and where that is */
export async function showRobot(
  parts: RobotPageParts,
  request: Request,
  response: Response,
  of: { readonly robot: Robot; readonly manager: RobotManager; readonly frame: RobotFrame },
): Promise<void> {
  const { views, now } = parts;
  const { robot, manager, frame } = of;
  const { id, login } = robot;
  const [found, denials, uses, identity] = await Promise.all([
    parts.passwords.ofAccount(robot),
    parts.denialsOf(id),
    parts.usesOf(request, { id, login, kind: 'robot' }),
    parts.identityOf(login),
  ]);
  const ids = found.map((password) => password.id);
  const logins = await parts.dailyCounts.ofPasswords(ids, chartDays);
  const { live, past } = rowsOf(found, { logins, now: now(), isSuspended: robot.state !== 'active' });
  const byMaker = Map.groupBy(denials, ({ by }) => by === 'maker');
  const viewsOf = (some: readonly Denial[] = []) => some.map((denial) => denialOf(denial, now()));
  views.page(response, 'robot', {
    ...frame,
    base: `${frame.robotsHome}/${id}`,
    robot: robotView(robot, now()),
    ...{ live, past },
    canMake: parts.robots.canMake(manager),
    candidateRules: candidateRulesOf(effectivePermissionsOf(parts.policy(), identity)),
    beyondMakers: viewsOf(byMaker.get(true)),
    denials: viewsOf(byMaker.get(false)),
    uses: usesOf([...uses.values()].flat(), now()),
    chart: chartOf('Logins', ['login', 'logins'], sumOf([...logins.values()])),
    revoked: past.find((row) => row.state === 'revoked' && row.id === request.query['revoked']) ?? null,
  });
}

export function robotView(robot: Robot, now: number) {
  const isOff = robot.state !== 'active';
  const state = { state: isOff ? 'disabled' : 'active', stateLabel: isOff ? 'Disabled' : 'Active' };
  const labels = Object.entries(robot.labels).map(([name, values]) => `${name}: ${values.join(', ')}`);
  return { ...robot, ...state, labels, created: formatTime(robot.createdAt, now) };
}

/** Day by day; the same days are unknown of all. */
function sumOf([first = [], ...others]: readonly (readonly DayCount[])[]): DayCount[] {
  return first.map(({ at, count }, index) => ({
    at,
    count: count === null ? null : others.reduce((sum, days) => sum + (days[index]?.count ?? 0), count),
  }));
}
