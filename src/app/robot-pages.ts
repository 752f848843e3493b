/** Mounts the pages about robots: once for administrators, once for the groups that own some. */
import type { Router } from 'express';
import { createPasswordActions } from '../web/password-actions.ts';
import { createPasswordDetail } from '../web/password-detail.ts';
import { createRobotPages, type RobotPlace } from '../web/robots.ts';
import type { PageContext } from './page-context.ts';
import { createPatternSuggestions } from './pattern-suggestions.ts';

/** @param place where, below the prefix, and for whom */
export function mountRobots(router: Router, context: PageContext, place: RobotPlace): void {
  const { base } = place;
  const { common, passwords, administration, settings } = context;
  const { robots, reviewRobots: review } = administration;
  const { activityOf, usesOf, dailyCounts, denialsOf } = context;
  const pages = createRobotPages(
    {
      ...{ ...common, passwords, robots, review, denialsOf, dailyCounts, usesOf },
      policy: context.policies.current,
      identityOf: async (login) => (await context.identityNamed(login)).identity,
    },
    place,
  );
  const { services } = settings;
  const ofRobot = { ...common, passwords, activityOf, holderOf: pages.holderOf };
  const suggestionsOf = createPatternSuggestions(context);
  const actions = createPasswordActions({ ...ofRobot, services, suggestionsOf, ...context.preview });
  const fresh = context.fresh();
  router.get(base, pages.list);
  const { requireMaking } = pages;
  router.get(`${base}/new`, fresh, requireMaking, pages.ask);
  router.post(`${base}/new`, fresh, requireMaking, pages.create);
  router.get(`${base}/:robot`, pages.show);
  router.get(`${base}/:robot/change`, fresh, requireMaking, pages.askChange);
  router.post(`${base}/:robot/change`, fresh, requireMaking, pages.change);
  router.post(`${base}/:robot/passwords/:id/confirm`, fresh, pages.confirm);
  router.get(`${base}/:robot/remove`, fresh, pages.askRemoval);
  router.post(`${base}/:robot/remove`, fresh, pages.remove);
  router.post(`${base}/:robot/state`, fresh, pages.setState);
  router.get(`${base}/:robot/passwords`, actions.list);
  router.get(`${base}/:robot/passwords/new`, fresh, requireMaking, actions.ask);
  router.post(`${base}/:robot/passwords`, fresh, requireMaking, actions.create);
  router.get(`${base}/:robot/passwords/:id`, createPasswordDetail({ ...ofRobot, usesOf, dailyCounts }));
  router.get(`${base}/:robot/passwords/:id/rotate`, fresh, requireMaking, actions.askRotation);
  router.post(`${base}/:robot/passwords/:id/rotate`, fresh, requireMaking, actions.rotate);
  router.get(`${base}/:robot/passwords/:id/revoke`, fresh, actions.confirmRevocation);
  router.post(`${base}/:robot/passwords/:id/revoke`, fresh, actions.revoke);
}
