/** Mounts the pages of the administrators. */
import type { Router } from 'express';
import { createAuditPages } from '../web/admin/audit.ts';
import { createDenialList } from '../web/admin/denials.ts';
import { createExplainPage } from '../web/admin/explain.ts';
import { createKeptLoginPages, keptLogins } from '../web/admin/kept-logins.ts';
import { createOverview } from '../web/admin/overview.ts';
import { createPasswordLists } from '../web/admin/passwords.ts';
import { createPeopleList } from '../web/admin/people.ts';
import { createPersonPage } from '../web/admin/person.ts';
import { createPersonChange } from '../web/admin/person-changes.ts';
import { createPersonMovePages } from '../web/admin/person-move.ts';
import { createAdminRequests } from '../web/admin/requests.ts';
import { createRevocationPages } from '../web/admin/revocations.ts';
import { requireAdministrator, tabs } from '../web/admin/section.ts';
import { createTokenPages } from '../web/admin/tokens.ts';
import { createWorkloadPages } from '../web/admin/workloads.ts';
import { sections } from '../web/navigation.ts';
import type { PageContext } from './page-context.ts';
import { mountRobots } from './robot-pages.ts';

export function mountAdministration(router: Router, context: PageContext): void {
  const { common, administration, policies, requirePerson } = context;
  router.use('/admin', requirePerson, requireAdministrator(administration.administrators));
  // Destructive actions have their own addresses, GET to ask and POST to act: both need a fresh sign-in.
  mountPeople(router, context);
  mountRevocations(router, context);
  mountRobots(router, context, {
    base: '/admin/robots',
    section: sections.administration,
    tab: tabs.robots,
    managerOf: ({ id }) => ({ administrator: true, accountId: id }),
  });
  mountWorkloads(router, context);
  mountTokens(router, context);

  const requests = createAdminRequests({ ...common, requests: context.requests, services: context.settings.services });
  router.get('/admin/requests', requests.list);
  router.post('/admin/requests/:id/answer', requests.answer);

  const audit = createAuditPages({ ...common, auditLog: administration.auditLog });
  router.get('/admin/audit', audit.list);
  router.get('/admin/audit.csv', audit.export('csv'));
  router.get('/admin/audit.jsonl', audit.export('jsonl'));
  router.get(
    '/admin/explain',
    createExplainPage({
      ...common,
      policy: policies.current,
      candidate: policies.candidate,
      identityOf: context.identityNamed,
      services: context.settings.services,
      audit: context.audit,
    }),
  );
}

function mountPeople(router: Router, context: PageContext): void {
  const { common, administration, policies, denialsOf } = context;
  const fresh = context.fresh();
  const { people, moves } = administration;
  const { passwordLists } = administration;
  router.get(
    '/admin',
    createOverview({
      ...{ ...common, people, passwordLists, requests: context.requests },
      dailyCounts: context.dailyCounts,
      denials: () => context.denials({}),
      warnings: context.warnings,
      operations: context.operations,
    }),
  );
  router.get('/admin/passwords', createPasswordLists({ ...common, passwordLists }));
  router.get('/admin/denials', createDenialList({ ...common, denials: context.denials, count: context.countDenials }));
  router.get('/admin/people', createPeopleList({ ...common, people }));
  const show = createPersonPage({
    ...common,
    people,
    moves,
    policy: policies.current,
    denialsOf,
    identityOf: async (login) => (await context.identityNamed(login)).identity,
  });
  router.get('/admin/people/:id', show);
  const disable = createPersonChange({ ...common, people }, 'disable');
  router.get('/admin/people/:id/disable', fresh, disable.ask);
  router.post('/admin/people/:id/disable', fresh, disable.act);
  const enable = createPersonChange({ ...common, people }, 'enable');
  router.get('/admin/people/:id/enable', fresh, enable.ask);
  router.post('/admin/people/:id/enable', fresh, enable.act);
  const endSessions = createPersonChange({ ...common, people }, 'end-sessions');
  router.get('/admin/people/:id/end-sessions', fresh, endSessions.ask);
  router.post('/admin/people/:id/end-sessions', fresh, endSessions.act);
  const remove = createPersonChange({ ...common, people }, 'remove');
  router.get('/admin/people/:id/remove', fresh, remove.ask);
  router.post('/admin/people/:id/remove', fresh, remove.act);
  const names = createKeptLoginPages({ ...common, retiredLogins: administration.retiredLogins });
  router.get(keptLogins, names.list);
  router.post(`${keptLogins}/release`, fresh, names.release);
  const following = createPersonMovePages({ ...common, moves });
  router.get('/admin/people/:id/move', fresh, following.ask);
  router.post('/admin/people/:id/move', fresh, following.move);
  router.post('/admin/people/:id/relink', fresh, following.relink);
  router.post('/admin/people/:id/moves/:move/end', fresh, following.end);
}

function mountRevocations(router: Router, context: PageContext): void {
  const { common, administration } = context;
  const { people, revocations } = administration;
  const fresh = context.fresh();
  const pages = createRevocationPages({ ...common, people, revocations });
  router.get('/admin/revocations', pages.list);
  router.get('/admin/revocations/new', fresh, pages.preview);
  router.post('/admin/revocations/new', fresh, pages.revoke);
  router.get('/admin/revocations/:id', pages.show);
  router.post('/admin/revocations/:id/undo', fresh, pages.undo);
}

function mountWorkloads(router: Router, context: PageContext): void {
  const { common, workloads, policies, settings } = context;
  const fresh = context.fresh();
  const hosts = settings.services.map(({ registryHost }) => registryHost);
  const snippetValues = { publicUrl: settings.publicUrl.origin + settings.prefix, hosts };
  const pages = createWorkloadPages({ ...common, workloads, policy: policies.current, snippetValues });
  router.get('/admin/workloads', pages.show);
  router.get('/admin/workloads/snippets', pages.snippets);
  router.get('/admin/workloads/:name/off', fresh, pages.ask('off'));
  router.post('/admin/workloads/:name/off', fresh, pages.act('off'));
  router.get('/admin/workloads/:name/on', fresh, pages.ask('on'));
  router.post('/admin/workloads/:name/on', fresh, pages.act('on'));
  router.get('/admin/workloads/:name/discard-keys', fresh, pages.ask('discard-keys'));
  router.post('/admin/workloads/:name/discard-keys', fresh, pages.act('discard-keys'));
}

function mountTokens(router: Router, context: PageContext): void {
  const fresh = context.fresh();
  const { publicUrl, prefix } = context.settings;
  const apiUrl = `${publicUrl.origin}${prefix}/api/v1`;
  const pages = createTokenPages({ ...context.common, apiTokens: context.administration.apiTokens, apiUrl });
  router.get('/admin/tokens', pages.list);
  router.get('/admin/tokens/new', fresh, pages.ask);
  router.post('/admin/tokens/new', fresh, pages.create);
  router.get('/admin/tokens/:id/revoke', fresh, pages.confirmRevocation);
  router.post('/admin/tokens/:id/revoke', fresh, pages.revoke);
}
