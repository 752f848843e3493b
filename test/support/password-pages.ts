/** Owns a small site for tests of the password pages: the real routes, store and headers, with whoever the test names signed in. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { type AppPasswords, createAppPasswords } from '../../src/app-passwords/app-passwords.ts';
import type { AuditEvent } from '../../src/audit/audit.ts';
import { createDailyCounts, type DailyCounts } from '../../src/audit/daily-counts.ts';
import { createUses, type Uses } from '../../src/audit/uses.ts';
import { refuseCrossSite } from '../../src/http/cross-site.ts';
import { notFound, replyToErrors } from '../../src/http/error-replies.ts';
import { pageHeaders } from '../../src/http/page-headers.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { createAuthority } from '../../src/identity/authority.ts';
import type { Requester } from '../../src/identity/requester.ts';
import { createLog } from '../../src/lib/log.ts';
import { createPepper } from '../../src/lib/secret.ts';
import { createPatternCheck } from '../../src/pattern/repository-pattern.ts';
import type { Account } from '../../src/store/accounts.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { readForm } from '../../src/web/fields.ts';
import { createPasswordActions } from '../../src/web/password-actions.ts';
import { createPasswordDetail, type PasswordDetailParts } from '../../src/web/password-detail.ts';
import { createOwnHolder, createPasswordList } from '../../src/web/passwords.ts';
import { createViews, type ViewData, type ViewName } from '../../src/web/views.ts';
import { collectingAudit } from './audit.ts';
import { signedIn } from './rows.ts';

export type Site = {
  /** With the prefix, without a slash at its end. */
  readonly url: string;
  readonly passwords: AppPasswords;
  readonly store: Store;
  readonly events: AuditEvent[];
  readonly dailyCounts: DailyCounts;
  readonly uses: Uses;
  readonly ana: Account;
  readonly bo: Account;
  /** Whose browser it is, and what time it is. */
  readonly state: { person: Account; now: number };
  close(): Promise<void>;
};

export type Shown = {
  readonly [Name in ViewName]: { readonly template: Name; readonly data: ViewData[Name] };
}[ViewName];

export const day = 24 * 60 * 60 * 1000;
export const dockerClient: Requester = {
  address: '203.0.113.7',
  userAgent: 'docker/28.2.2 go/go1.24.3 os/linux arch/amd64 UpstreamClient(Docker-Client/28.2.2 \\(linux\\))',
  requestId: 'r1',
};

/** @param changes `also`: more addresses, each with the template and data that it shows, to nobody unless `signedIn` */
export async function startPasswordPages(
  changes: {
    prefix?: string;
    maximumDays?: number;
    maximumPerAccount?: number;
    also?: Record<string, Shown>;
    signedIn?: true;
  } = {},
): Promise<Site> {
  const { prefix = '' } = changes;
  const store = await openStore('sqlite::memory:', assert.ifError);
  const ana = await store.accounts.signIn(signedIn({ displayName: 'Ana García' }));
  const bo = await store.accounts.signIn(
    signedIn({ id: 'account-2', subject: '1002', login: 'bo@example.com', email: 'bo@example.com', displayName: 'Bo' }),
  );
  const state = { person: ana, now: Date.UTC(2026, 10, 23, 9, 28) };
  const events: AuditEvent[] = [];
  const gracePeriods = { groups: day, full: day, pull: 3 * day, unchecked: null };
  const passwords = createAppPasswords({
    accountById: store.accounts.byId,
    authority: createAuthority([]),
    makerRules: { enforced: true, grace: 7 * 24 * 60 * 60 * 1000 },

    store: store.passwords,
    audit: collectingAudit(events),
    pepper: createPepper('p'.repeat(32)),
    onError: assert.ifError,
    now: () => state.now,
    publicUrl: 'https://auth.example.com/',
    maximumDays: changes.maximumDays ?? 365,
    maximumPerAccount: changes.maximumPerAccount ?? 20,
    gracePeriods,
    checkPattern: createPatternCheck(['registry.example.com']),
  });

  const app = express();
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const requesterOf = createRequesterReader(createTrust([]));
  const views = createViews({ prefix, trial: null });
  const router = express.Router();
  router.use('/static', views.assets);
  router.use(pageHeaders(false), refuseCrossSite(origin), (request, response, next) => {
    Object.assign(request, { user: state.person });
    response.locals['person'] = state.person;
    next();
  });
  const services = [{ name: 'registry.example.com', registryHost: 'registry.example.com', lifetime: 300 }];
  const parts = { passwords, requesterOf, views, services, gracePeriods, now: () => state.now };
  const counting = { onError: assert.ifError, now: () => state.now };
  const dailyCounts = createDailyCounts({ store: store.dailyCounts, ...counting });
  const uses = createUses({ store: store.passwordUses, audit: { record: () => {} }, ...counting });
  const suggestionsOf = async () => ['team-a/*', 'people/ana/**'];
  const preview = { previewOf: async () => ({ services: [], unreachable: [] }), unreachableOf: async () => [] };
  const ofOwn = { ...parts, holderOf: createOwnHolder(parts), activityOf: async () => null, suggestionsOf, ...preview };
  const pages = createPasswordActions(ofOwn);
  router.use(readForm);
  router.get('/', createPasswordList({ ...parts, dailyCounts, suggestionsOf }));
  router.get('/passwords', pages.list);
  router.get('/passwords/new', pages.ask);
  router.post('/passwords', pages.create);
  const usesOf: PasswordDetailParts['usesOf'] = (_request, { id }) => uses.ofAccount(id);
  router.get('/passwords/:id', createPasswordDetail({ ...ofOwn, usesOf, dailyCounts }));
  router.get('/passwords/:id/rotate', pages.askRotation);
  router.post('/passwords/:id/rotate', pages.rotate);
  router.get('/passwords/:id/revoke', pages.confirmRevocation);
  router.post('/passwords/:id/revoke', pages.revoke);
  for (const [path, { template, data }] of Object.entries(changes.also ?? {})) {
    router.get(path, (_request, response) => {
      if (!changes.signedIn) response.locals['person'] = null;
      views.page(response, template, data);
    });
  }
  router.use(
    notFound,
    replyToErrors({
      log: createLog('silent'),
      requesterOf,
      page: (response, refusal, requestId) =>
        views.page(
          response,
          'error',
          {
            title: 'Refused',
            message: refusal.message,
            requestId,
            status: refusal.status,
            signInHref: '/sign-in',
            home: { href: '/', label: 'Home' },
          },
          refusal.status,
        ),
    }),
  );
  app.use(prefix === '' ? '/' : prefix, router);

  return {
    url: origin + prefix,
    passwords,
    store,
    events,
    dailyCounts,
    uses,
    ana,
    bo,
    state,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([dailyCounts.close(), uses.close()]);
      await store.close();
    },
  };
}

/** Ana's passwords in every state: live, soon to expire, narrowed, expired, revoked, used and never used. */
export async function seedPasswords(site: Site): Promise<void> {
  const { state, passwords, ana } = site;
  const by = { actor: ana.login, client: null };
  const today = state.now;
  const make = async (age: number, name: string, days: number, pullOnly = false, repositories: string[] = []) => {
    state.now = today - age * day;
    const { password } = await passwords.issue(ana, { name, days, pullOnly, repositories }, by);
    return password.id;
  };
  const use = (id: string, ago: number, client: Pick<Requester, 'address' | 'userAgent'>) =>
    site.store.passwords.recordUses([{ id, at: today - ago, address: client.address, client: client.userAgent }], 0);

  await make(200, 'old-laptop', 30);
  const leaked = await make(60, 'build-server-2', 365);
  const cluster = await make(80, 'Production cluster', 365, true, [
    'platform/**',
    'base/alpine',
    'base/debian',
    'tools/*',
  ]);
  const actions = await make(82, 'GitHub Actions: web-shop', 90, false, ['web-shop/*']);
  const laptop = await make(12, 'MacBook', 90);
  await make(0, 'Raspberry Pi in the lab', 30, true);
  state.now = today - 3 * day;
  await passwords.revoke(leaked, ana.id, by);
  state.now = today;
  await use(cluster, 40_000, { address: '2001:db8:4f::c1', userAgent: 'containerd/v2.1.0' });
  await use(actions, 26 * 3_600_000, { address: '198.51.100.23', userAgent: 'skopeo/1.18.0' });
  await use(laptop, 3 * 3_600_000, dockerClient);
}
