/** Mounts every page, and makes what the pages alone need. Reading the routes is reading the product. */
import express, { type RequestHandler } from 'express';
import type { Config } from '../config/config.ts';
import { refuseCrossSite } from '../http/cross-site.ts';
import { logLateErrors, notFound, replyToErrors } from '../http/error-replies.ts';
import { pageHeaders } from '../http/page-headers.ts';
import type { RequesterReader, Trust } from '../http/requester.ts';
import type { Keys } from '../keys/keys.ts';
import { versionOfDockpass } from '../lib/version.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { serveBrand } from '../web/brand.ts';
import { readForm } from '../web/fields.ts';
import { createNavigation } from '../web/navigation.ts';
import { createProviderMessages } from '../web/provider-messages.ts';
import { type TerminalOffer, terminalOfferOf } from '../web/terminal-offer.ts';
import { createViews, type Views } from '../web/views.ts';
import { openAccessRequests } from './access-requests.ts';
import { createAdministration } from './accounts.ts';
import { mountAdministration } from './admin-pages.ts';
import { createApi } from './api.ts';
import type { Core } from './core.ts';
import { createErrorPage } from './error-page.ts';
import { hasRepositories } from './has-repositories.ts';
import { createIdentityByName } from './identity-by-name.ts';
import type { StoredReadings } from './metric-readings.ts';
import type { RunningMetrics } from './metrics-listener.ts';
import { mountNotifications, mountUnsubscribe } from './notification-pages.ts';
import type { People } from './off-boarding.ts';
import { openOperations } from './operations.ts';
import { mountOwnPages } from './own-pages.ts';
import type { PageContext } from './page-context.ts';
import { createPasswordPreview } from './password-preview.ts';
import type { Policies } from './policy-file.ts';
import { providerNotices } from './provider-notices.ts';
import { discovery, mountPublished } from './published.ts';
import type { Registries } from './registries.ts';
import type { RepositoryLists } from './repository-lists.ts';
import { mountAdminRepositories, mountRepositories } from './repository-pages.ts';
import { isSecure, mountSignIn, type OpenSignIn, openSignIn } from './sign-in-pages.ts';
import { createStartSync } from './start-sync.ts';
import { metadataOf, mountTerminal } from './terminal-pages.ts';
import { createVisibleUses } from './visible-uses.ts';
import type { OpenWorkloads } from './workloads.ts';

export type PageParts = {
  readonly trust: Trust;
  readonly requesterOf: RequesterReader;
  readonly keys: Keys;
  readonly policies: Policies;
  readonly workloads: OpenWorkloads;
  /** What an operator should look at, now. */
  readonly warnings: () => readonly string[];
  readonly readings: StoredReadings;
  readonly people: People;
  readonly terminal: Terminal;
  readonly lists: RepositoryLists;
  readonly registries: Registries;
  /** Signs the cookies of sessions. */
  readonly sessionSecret: string;
  /** `null` if metrics are off. */
  readonly metrics: RunningMetrics | null;
  /** Aborted once the service stops. */
  readonly stopping: AbortSignal;
};

/** Everything but the realm. */
export function createPages(config: Config, core: Core, parts: PageParts): express.Express {
  const brand = { ...config.brand, contact: config.contact, version: versionOfDockpass() };
  const { prefix } = config;
  const views = createViews({ prefix, trial: core.trial?.reason ?? null, terminal: offerOf(config), brand });
  const open = openSignIn(config, core, { ...parts, views });
  const context = createContext(config, core, parts, { views, ...open });
  const router = express.Router();
  mountPublished(router, config, core, parts);
  mountPrograms(router, config, core, parts, context);
  router.use(pageHeaders(isSecure(config)));
  // It begins a sign-in as the GET of the same address does, from wherever.
  router.post('/sign-in/:provider', open.signIn.beginByPost);
  router.use('/static', views.assets);
  router.get('/brand/:file', serveBrand(brand));
  mountUnsubscribe(router, context, core);
  router.use(refuseCrossSite(config.publicUrl.origin), ...open.sessions.middleware);
  router.use(navigationOf(config, context));
  mountSignIn(router, open.signIn);
  // Before it's known who is signed in: someone whose session has ended comes back to the form as it was.
  router.use(readForm);
  mountOwnPages(router, context);
  mountRepositories(router, context, config, core, parts.lists, parts.registries);
  if (config.terminal.isOn) mountTerminal(router, context, config, parts);
  mountAdministration(router, context);
  mountNotifications(router, context, core, config);
  mountAdminRepositories(
    router,
    context,
    config,
    core,
    parts.lists,
    createStartSync(core, parts.registries, parts.stopping),
  );
  return createSite(config, core, parts, { router, views });
}

/** What programs ask: they send no cookies, so sessions and page headers have no part in it. */
function mountPrograms(
  router: express.Router,
  config: Config,
  core: Core,
  parts: PageParts,
  { administration }: PageContext,
): void {
  const { people, requesterOf } = parts;
  // Providers are known by their signature.
  const messages = createProviderMessages({ ...people, act: people.offBoarding.act, requesterOf, log: core.log });
  router.post('/sign-in/:provider/back-channel-logout', messages.logout);
  router.post('/google-events', messages.googleEvent);
  router.use('/api/v1', createApi(config, core, { ...parts, administration }));
}

function createContext(
  config: Config,
  core: Core,
  parts: PageParts,
  { views, sessions, fresh }: Pick<OpenSignIn, 'sessions' | 'fresh'> & { readonly views: Views },
): PageContext {
  const { audit, store, denials, passwords, dailyCounts } = core;
  const { people, requesterOf, policies } = parts;
  const administration = createAdministration(config, core, policies.current);
  const { oidc, gracePeriods } = config;
  const notices = () => providerNotices({ ...people, store, oidc, unchecked: gracePeriods.unchecked, now: Date.now });
  const identityNamed = createIdentityByName(config, store.accounts, policies.current);
  return {
    common: { views, requesterOf, now: Date.now },
    ...{ administration, audit, passwords, policies, dailyCounts, fresh, settings: config },
    workloads: parts.workloads.administration,
    requests: openAccessRequests(config, core, policies.current),
    denialsOf: denials.ofAccount,
    denials: denials.list,
    countDenials: denials.count,
    ...createVisibleUses(config, core, { ...parts, ...administration }),
    preview: createPasswordPreview(config, core, { ...parts, identityNamed }),
    identityNamed,
    warnings: async () => [...parts.warnings(), ...(await notices())],
    operations: openOperations(config, parts),
    requirePerson: sessions.requirePerson,
  };
}

function navigationOf({ services, notifications }: Config, { administration }: PageContext): RequestHandler {
  return createNavigation(administration.administrators, {
    hasRepositories: services.some(hasRepositories),
    hasMail: notifications.mail !== null,
  });
}

/** Everything that is mounted, below the prefix, with the replies to errors around it. */
function createSite(
  config: Config,
  core: Core,
  { requesterOf, trust, workloads }: PageParts,
  { router, views }: { readonly router: express.Router; readonly views: Views },
): express.Express {
  const { log } = core;
  const { prefix } = config;
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('trust proxy', trust);
  app.use(prefix === '' ? '/' : prefix, router);
  // RFC 8414, section 3.1 has the path behind the well-known one, for a proxy that sends us that.
  if (prefix !== '') {
    app.get(`/.well-known/dockpass${prefix}`, discovery(config, workloads, core));
    if (config.terminal.isOn)
      app.get(`/.well-known/oauth-authorization-server${prefix}`, metadataOf(config, workloads));
  }
  app.use(notFound, replyToErrors({ log, requesterOf, page: createErrorPage(views) }), logLateErrors(log));
  return app;
}

/** What the page for a new password offers first. */
function offerOf({ terminal, publicUrl, prefix, services }: Config): TerminalOffer | null {
  if (!terminal.isOn) return null;
  const hosts = services.map(({ registryHost }) => registryHost);
  return terminalOfferOf(new URL(`${publicUrl.origin}${prefix}/`), hosts);
}
