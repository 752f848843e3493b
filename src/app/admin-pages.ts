/** Mounts the pages of the administrators. */
import type { Router } from 'express';
import { createAuditPages } from '../web/admin/audit.ts';
import { createExplainPage } from '../web/admin/explain.ts';
import { createPeopleList } from '../web/admin/people.ts';
import { createPersonPage } from '../web/admin/person.ts';
import { createPersonChange } from '../web/admin/person-changes.ts';
import { createRevocationPages } from '../web/admin/revocations.ts';
import { requireAdministrator, tabs } from '../web/admin/section.ts';
import { createTokenPages } from '../web/admin/tokens.ts';
import { sections } from '../web/navigation.ts';
import { createNaming } from './named-identity.ts';
import type { PageContext } from './page-context.ts';
import { mountRobots, withoutLast } from './robot-pages.ts';

export function mountAdministration(router: Router, context: PageContext): void {
  const { administration, requirePerson } = context;
  router.use('/admin', requirePerson, requireAdministrator(administration.administrators));
  // What is destructive stands on addresses of its own, GET to ask and POST to do: both want a fresh sign-in.
  mountPeople(router, context);
  mountRevocations(router, context);
  mountRobots(router, context, {
    base: '/admin/robots',
    section: sections.administration,
    tab: tabs.robots,
    managerOf: () => ({ administrator: true }),
  });
  mountTokens(router, context);

  const audit = createAuditPages({ ...context, auditLog: administration.auditLog });
  router.get('/admin/audit', audit.list);
  router.get('/admin/audit.csv', audit.export('csv'));
  router.get('/admin/audit.jsonl', audit.export('jsonl'));
  router.get(
    '/admin/explain',
    createExplainPage({ ...context, ...policiesOf(context), identityOf: namingOf(context) }),
  );
}

function mountPeople(router: Router, context: PageContext): void {
  const { administration, core } = context;
  const fresh = context.fresh();
  const { people } = administration;
  router.get('/admin', createPeopleList({ ...context, people }));
  const named = namingOf(context);
  const show = createPersonPage({
    ...context,
    ...policiesOf(context),
    people,
    denialsOf: core.denials.ofAccount,
    async identityOf(id) {
      const { person } = await people.detail(id);
      return (await named(person.login)).identity;
    },
  });
  router.get('/admin/people/:id', show);
  const disable = createPersonChange({ ...context, people }, 'disable');
  router.get('/admin/people/:id/disable', fresh, disable.ask);
  router.post('/admin/people/:id/disable', fresh, disable.act);
  const enable = createPersonChange({ ...context, people }, 'enable');
  router.get('/admin/people/:id/enable', fresh, enable.ask);
  router.post('/admin/people/:id/enable', fresh, enable.act);
  const endSessions = createPersonChange({ ...context, people }, 'end-sessions');
  router.get('/admin/people/:id/end-sessions', fresh, endSessions.ask);
  router.post('/admin/people/:id/end-sessions', fresh, endSessions.act);
  const remove = createPersonChange({ ...context, people }, 'remove');
  router.get('/admin/people/:id/remove', fresh, remove.ask);
  router.post('/admin/people/:id/remove', fresh, remove.act);
}

function mountRevocations(router: Router, context: PageContext): void {
  const { people, revocations } = context.administration;
  const fresh = context.fresh();
  const pages = createRevocationPages({ ...context, people, revocations });
  router.get('/admin/revocations', pages.list);
  router.get('/admin/revocations/new', fresh, pages.preview);
  router.post('/admin/revocations/new', fresh, pages.revoke);
  router.get('/admin/revocations/:id', pages.show);
  router.post('/admin/revocations/:id/undo', context.fresh(withoutLast), pages.undo);
}

function mountTokens(router: Router, context: PageContext): void {
  const fresh = context.fresh();
  const pages = createTokenPages({ ...context, apiTokens: context.administration.apiTokens });
  router.get('/admin/tokens', pages.list);
  router.get('/admin/tokens/new', fresh, pages.ask);
  router.post('/admin/tokens/new', fresh, pages.create);
  router.get('/admin/tokens/:id/revoke', fresh, pages.confirmRevocation);
  router.post('/admin/tokens/:id/revoke', fresh, pages.revoke);
}

function policiesOf({ policies }: PageContext) {
  return { policy: policies.current, candidate: policies.candidate };
}

function namingOf({ core, config, policies }: PageContext) {
  return createNaming(config, core, policies.current);
}
