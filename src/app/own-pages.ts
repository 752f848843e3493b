/** Mounts the pages of everyone who is signed in: their passwords, what they can do, the robots of their groups. */
import type { Router } from 'express';
import { identityOfAccount } from '../identity/account-identity.ts';
import { createAccessPages } from '../web/access.ts';
import { sections } from '../web/navigation.ts';
import { createPasswordActions } from '../web/password-actions.ts';
import { createPasswordDetail } from '../web/password-detail.ts';
import { createOwnHolder, createPasswordList } from '../web/passwords.ts';
import { createRequestPages } from '../web/requests.ts';
import { type PageContext, recentSignIn } from './page-context.ts';
import { createPatternSuggestions } from './pattern-suggestions.ts';
import { mountRobots } from './robot-pages.ts';

export function mountOwnPages(router: Router, context: PageContext): void {
  const { common, passwords, settings, requirePerson } = context;
  const { services, gracePeriods } = settings;
  const { activityOf, usesOf, dailyCounts } = context;
  const ofOwn = { ...common, passwords, activityOf, holderOf: createOwnHolder({ ...common, gracePeriods }) };
  const suggestionsOf = createPatternSuggestions(context);
  const own = createPasswordActions({ ...ofOwn, services, suggestionsOf, ...context.preview });
  router.get(
    '/',
    requirePerson,
    createPasswordList({ ...common, passwords, services, gracePeriods, dailyCounts, suggestionsOf }),
  );
  const recent = recentSignIn(context);
  router.get('/passwords', requirePerson, own.list);
  router.get('/passwords/new', requirePerson, recent, own.ask);
  router.post('/passwords', requirePerson, recent, own.create);
  router.get('/passwords/:id', requirePerson, createPasswordDetail({ ...ofOwn, usesOf, dailyCounts }));
  router.get('/passwords/:id/rotate', requirePerson, recent, own.askRotation);
  router.post('/passwords/:id/rotate', requirePerson, recent, own.rotate);
  router.get('/passwords/:id/revoke', requirePerson, own.confirmRevocation);
  router.post('/passwords/:id/revoke', requirePerson, own.revoke);
  const access = accessPages(context);
  router.get('/access', requirePerson, access.show);
  const requests = createRequestPages({ ...common, services, requests: context.requests });
  router.get('/requests', requirePerson, requests.list);
  router.get('/requests/new', requirePerson, requests.form);
  router.post('/requests', requirePerson, requests.ask);
  router.post('/requests/:id/withdraw', requirePerson, requests.withdraw);
  router.post('/sessions/end', requirePerson, access.endSessions);

  const { groupsOf } = context.administration.administrators;
  router.use('/robots', requirePerson);
  mountRobots(router, context, {
    base: '/robots',
    section: sections.robots,
    tab: null,
    managerOf: (person) => ({
      administrator: false,
      accountId: person.id,
      groups: groupsOf(person).map(({ name }) => name),
    }),
  });
}

function accessPages({ common, policies, administration, denialsOf, passwords, requests, settings }: PageContext) {
  const { services, gracePeriods, contact } = settings;
  return createAccessPages({
    ...common,
    gracePeriods,
    policy: policies.current,
    identityOf: (account) => identityOfAccount(account, gracePeriods, common.now()),
    denialsOf,
    passwordsOf: passwords.ofAccount,
    requestsOf: requests.ofPerson,
    people: administration.people,
    services,
    contact,
  });
}
