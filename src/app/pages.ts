/** Mounts every page, and makes what the pages alone need. Reading the routes is reading the product. */
import express, { type Request, type RequestHandler } from 'express';
import type { Config } from '../config/config.ts';
import type { ServiceConfig } from '../config/services.ts';
import { refuseCrossSite } from '../http/cross-site.ts';
import { type ErrorPage, logLateErrors, notFound, replyToErrors } from '../http/error-replies.ts';
import { pageHeaders } from '../http/page-headers.ts';
import { logRequest } from '../http/request-log.ts';
import type { RequesterReader, Trust } from '../http/requester.ts';
import type { Keys } from '../keys/keys.ts';
import { Refusal } from '../lib/errors.ts';
import { versionOfDockpass } from '../lib/version.ts';
import { createAdmission } from '../sign-in/admission.ts';
import { createFreshness } from '../sign-in/freshness.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { serveBrand } from '../web/brand.ts';
import { requireFreshSignIn } from '../web/fresh-sign-in.ts';
import { createNavigation } from '../web/navigation.ts';
import { createProviderMessages } from '../web/provider-messages.ts';
import { createRedemptions } from '../web/redemptions.ts';
import { createSessions, type Sessions } from '../web/session.ts';
import { createSignIn, type SignIn, type SignInParts } from '../web/sign-in.ts';
import { createSignInAttempts } from '../web/sign-in-attempts.ts';
import { createSignedOut } from '../web/signed-out.ts';
import { type TerminalOffer, terminalOfferOf } from '../web/terminal-offer.ts';
import { createViews, type Views } from '../web/views.ts';
import { openAccessRequests } from './access-requests.ts';
import { createAdministration } from './accounts.ts';
import { mountAdministration } from './admin-pages.ts';
import { createApi } from './api.ts';
import { type Core, secretOf } from './core.ts';
import { hasRepositories } from './has-repositories.ts';
import { createIdentityByName } from './identity-by-name.ts';
import { answerTwin } from './live-twin.ts';
import type { RunningMetrics } from './metrics-listener.ts';
import { mountNotifications, mountUnsubscribe } from './notification-pages.ts';
import { labelOf, type People } from './off-boarding.ts';
import { mountOwnPages } from './own-pages.ts';
import type { PageContext } from './page-context.ts';
import type { Policies } from './policy-file.ts';
import { providerNotices } from './provider-notices.ts';
import { openRegistries } from './registries.ts';
import type { RepositoryLists } from './repository-lists.ts';
import { mountAdminRepositories, mountRepositories } from './repository-pages.ts';
import { createStartSync } from './start-sync.ts';
import { metadataOf, mountTerminal } from './terminal.ts';
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
  readonly people: People;
  readonly terminal: Terminal;
  readonly lists: RepositoryLists;
  /** `null` if metrics are off. */
  readonly metrics: RunningMetrics | null;
  /** Aborted once the service stops. */
  readonly stopping: AbortSignal;
};

/** Everything but the realm. */
export async function createPages(config: Config, core: Core, parts: PageParts): Promise<express.Express> {
  const { log, store, audit } = core;
  const { requesterOf } = parts;
  const { people } = parts;
  const { prefix, publicUrl } = config;
  const brand = { ...config.brand, contact: config.contact, version: versionOfDockpass() };
  const views = createViews({ prefix, trial: core.trial?.reason ?? null, terminal: offerOf(config), brand });
  const secrets = [await secretOf(config, 'sessionSecret', 'session-secret')];
  const sessions = openSessions(config, core, parts, secrets);
  const administration = createAdministration(config, core, parts.policies.current);
  const freshness = createFreshness({ ...freshnessOf(config), sent: people.sent, now: Date.now });
  const freshParts = {
    ...{ labelOf: (provider: string) => labelOf(people, provider), isProven: freshness.isProven },
    ...{ views, now: Date.now },
  };
  const notices = () =>
    providerNotices({
      store,
      connectors: people.connectors,
      oidc: config.oidc,
      unchecked: config.gracePeriods.unchecked,
      now: Date.now,
    });
  const context: PageContext = {
    common: { views, requesterOf, now: Date.now },
    ...{ administration, audit, passwords: core.passwords, settings: config },
    policies: parts.policies,
    workloads: parts.workloads.administration,
    requests: openAccessRequests(config, core, parts.policies.current),
    denialsOf: core.denials.ofAccount,
    denials: core.denials.list,
    dailyCounts: core.dailyCounts,
    ...createVisibleUses(config, core, { ...parts, ...administration }),
    identityNamed: createIdentityByName(config, store.accounts, parts.policies.current),
    warnings: async () => [...parts.warnings(), ...(await notices())],
    requirePerson: sessions.requirePerson,
    fresh: (maximumAge = config.administrators.freshness) =>
      requireFreshSignIn({ ...freshParts, freshness: maximumAge }),
  };

  const signIn = openSignIn(config, core, parts, { sessions, views, secrets, freshness });
  const messages = createProviderMessages({ ...people, act: people.offBoarding.act, requesterOf, log });

  const registries = openRegistries(config, parts.keys);
  const router = express.Router();
  router.get('/healthz', healthy);
  router.get('/readyz', readiness(core, parts));
  router.get('/.well-known/jwks.json', publicKeys(config.services, parts.keys));
  router.get('/.well-known/registry-bundle.pem', certificateBundle(config.services, parts.keys));
  router.get('/.well-known/dockpass', discovery(config, parts.workloads, core));
  // Providers send no cookies, and are known by their signature.
  router.post('/sign-in/:provider/back-channel-logout', messages.logout);
  router.post('/google-events', messages.googleEvent);
  router.use('/api/v1', createApi(config, core, { ...parts, administration }));
  router.use(pageHeaders(isSecure(config)));
  // It begins a sign-in as the GET of the same address does, from wherever.
  router.post('/sign-in/:provider', signIn.beginByPost);
  router.use('/static', views.assets);
  router.get('/brand/:file', serveBrand(brand));
  mountUnsubscribe(router, context, core);
  router.use(refuseCrossSite(publicUrl.origin), ...sessions.middleware);
  router.use(
    createNavigation(administration.administrators, {
      hasRepositories: config.services.some(hasRepositories),
      hasMail: config.notifications.mail !== null,
    }),
  );

  router.get('/sign-in', signIn.choose);
  router.get('/sign-in/:provider', signIn.begin);
  router.get('/sign-in/:provider/callback', signIn.complete);
  router.post('/sign-out', signIn.signOut);

  mountOwnPages(router, context);
  mountRepositories(router, context, config, core, parts.lists, registries);
  if (config.terminal.isOn) mountTerminal(router, context, config, parts.terminal);
  mountAdministration(router, context);
  mountNotifications(router, context, core, config);
  mountAdminRepositories(router, context, config, core, parts.lists, createStartSync(core, registries, parts.stopping));

  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('trust proxy', parts.trust);
  app.use((request, response, next) => {
    logRequest(request, response, { log, requesterOf });
    next();
  });
  app.use(prefix === '' ? '/' : prefix, router);
  // RFC 8414, section 3.1 has the path behind the well-known one, for a proxy that sends us that.
  if (prefix !== '') {
    app.get(`/.well-known/dockpass${prefix}`, discovery(config, parts.workloads, core));
    if (config.terminal.isOn) app.get(`/.well-known/oauth-authorization-server${prefix}`, metadataOf(config));
  }
  app.use(notFound, replyToErrors({ log, requesterOf, page: errorPage(views) }), logLateErrors(log));
  return app;
}

/** What the page for a new password offers first. */
function offerOf({ terminal, publicUrl, prefix, services }: Config): TerminalOffer | null {
  if (!terminal.isOn) return null;
  const hosts = services.map(({ registryHost }) => registryHost);
  return terminalOfferOf(new URL(`${publicUrl.origin}${prefix}/`), hosts);
}

/** The freshest sign-in that a page asks for is what a provider is asked for. */
function freshnessOf({ administrators, passwordFreshness, clockLeeway }: Config) {
  return {
    maximumAge: Math.min(administrators.freshness, passwordFreshness ?? Number.POSITIVE_INFINITY),
    clockLeeway,
  };
}

/** Whether browsers speak https with the pages. */
function isSecure({ publicUrl }: Config): boolean {
  return publicUrl.protocol === 'https:';
}

/** The public URL with the prefix, and without a slash at its end. */
function siteOf({ publicUrl, prefix }: Config): string {
  return publicUrl.origin + prefix;
}

function openSessions(
  config: Config,
  { store, log, authority }: Core,
  parts: PageParts,
  secrets: readonly string[],
): Sessions {
  const sessions = createSessions({
    sessions: store.sessions,
    accounts: store.accounts,
    authority,
    requesterOf: parts.requesterOf,
    secrets,
    idle: config.sessionIdle,
    absolute: config.sessionAbsolute,
    secure: isSecure(config),
    prefix: config.prefix,
    publicUrl: siteOf(config),
    log,
    now: Date.now,
  });
  parts.stopping.addEventListener('abort', sessions.close);
  return sessions;
}

function openSignIn(
  config: Config,
  { store, audit, log, trial, authority }: Core,
  { people, policies, requesterOf, metrics }: PageParts,
  pages: Pick<SignInParts, 'sessions' | 'views' | 'freshness'> & { readonly secrets: readonly string[] },
): SignIn {
  const { connectors, offBoarding } = people;
  const isStaticUser = (login: string) => policies.current().users.has(login);
  if (connectors.length === 0 && trial === null)
    log.warn({}, 'no one can sign in: set GOOGLE_CLIENT_ID or OIDC_PROVIDERS');
  const site = { prefix: config.prefix, publicUrl: siteOf(config), secure: isSecure(config), now: Date.now };
  return createSignIn({
    ...{ connectors, audit, log, requesterOf, ...pages, ...site },
    registries: config.services.map(({ label, registryHost: host }) => ({ label, host })),
    maximumAge: freshnessOf(config).maximumAge,
    attempts: createSignInAttempts({ ...pages, ...site }),
    signedOut: createSignedOut(site),
    redemptions: createRedemptions({ seenTokens: store.seenTokens, now: Date.now }),
    onAnswer: people.health.note,
    onEnd: metrics?.signInEnded ?? (() => {}),
    admission: createAdmission({
      accounts: store.accounts,
      moves: store.accountMoves,
      retiredLogins: store.retiredLogins,
      authority,
      isStaticUser,
      audit,
      now: Date.now,
    }),
    believe: offBoarding.believe,
    afterSignIn: offBoarding.afterSignIn,
    needsToken: offBoarding.needsToken,
  });
}

/** What a script needs to log a workload in: one address to configure, the rest follows from it. */
function discovery({ publicUrl, prefix }: Config, { inForce }: OpenWorkloads, { store, trial }: Core): RequestHandler {
  const base = publicUrl.origin + prefix;
  return async (request, response) => {
    const workloads = inForce();
    // A trial isn't what is served.
    const twin = trial === null ? await answerTwin({ store, now: Date.now }, request.query['database']) : null;
    response.set('Cache-Control', 'no-store').json({
      realm: `${base}/auth`,
      token_endpoint: `${base}/oauth/token`,
      ...(workloads && { audience: workloads.audience }),
      ...twin,
    });
  };
}

/** The process answers. */
const healthy: RequestHandler = (_request, response) => {
  response.json({ status: 'ok' });
};

/**
 * It can do its work: load balancers ask this, and send nothing more to a service that stops. `untrustedProxy` is the
 * address that the request came from, if that sent X-Forwarded-For and TRUSTED_PROXIES doesn't have it.
 */
function readiness(
  { store, trial }: Pick<Core, 'store' | 'trial'>,
  parts: Pick<PageParts, 'warnings' | 'stopping' | 'trust'>,
): RequestHandler {
  return async (request, response) => {
    const problem = parts.stopping.aborted
      ? 'stopping'
      : await store.check().then(
          () => null,
          () => "the database doesn't answer, or can't be written",
        );
    // No registry may be led here: its tokens are worth nothing.
    if (trial !== null && problem === null) {
      response.status(503).json({ status: 'trial', problem: trial.reason });
      return;
    }
    const warnings = parts.warnings();
    const peer = request.socket.remoteAddress ?? '';
    const isUnknownProxy = request.headers['x-forwarded-for'] !== undefined && !parts.trust(peer, 0);
    const ready = {
      status: 'ok',
      ...(warnings.length > 0 && { warnings: isOwnMachine(request) ? warnings : warnings.length }),
      ...(isUnknownProxy && { untrustedProxy: peer }),
    };
    response.status(problem === null ? 200 : 503).json(problem === null ? ready : { status: 'unavailable', problem });
  };
}

/** Warnings name people's numbers and providers' faults: in words for those who run Dockpass, as a number for everyone else. */
function isOwnMachine({ socket, headers }: Request): boolean {
  const isForwarded = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
  return !isForwarded && /^(?:::ffff:)?127\.|^::1$/.test(socket.remoteAddress ?? '');
}

/** For registries that can't read the file: the certificates that they must trust. */
function certificateBundle(services: Config['services'], keys: Keys): RequestHandler {
  return (request, response) => {
    const ring = keys.ring(namedService(services, request.query['service']).ring);
    response.set('Cache-Control', 'public, max-age=300').type('application/x-pem-file').send(ring.bundle());
  };
}

function publicKeys(services: Config['services'], keys: Keys): RequestHandler {
  return (request, response) => {
    const ring = keys.ring(namedService(services, request.query['service']).ring);
    response.set('Cache-Control', 'public, max-age=300').json(ring.jwks());
  };
}

/** The first service, unless `?service=` names another. */
function namedService(services: Config['services'], name: unknown): ServiceConfig {
  const service = name === undefined ? services[0] : services.find((candidate) => candidate.name === name);
  if (service === undefined) throw new Refusal('not_found', 'Unknown registry.');
  return service;
}

/** What a page of an error is called where its code says more than that something failed. */
const errorTitles: Partial<Record<Refusal['code'], string>> = {
  unauthenticated: 'You’re signed out',
  denied: 'Administrators only',
  not_found: 'Not found',
  too_large: 'That is too much',
  too_many_requests: 'Too many tries',
  unavailable: 'Not available right now',
};

function errorPage(views: Views): ErrorPage {
  return (response, refusal, requestId) => {
    const { status, message } = refusal;
    const title = errorTitles[refusal.code] ?? (status < 500 ? 'That didn’t work' : 'Something went wrong');
    const { returnTo }: { returnTo?: string } = response.locals;
    const query = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`;
    const signInHref = `${views.prefix}/sign-in${query}`;
    views.page(response, 'error', { status, title, message, requestId, signInHref }, status);
  };
}
