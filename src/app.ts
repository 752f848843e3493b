/** The composition root: opens the parts, hands each what it needs, mounts every route. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type RequestHandler } from 'express';
import { type AppPasswords, createAppPasswords } from './app-passwords.ts';
import { type Audit, createAudit } from './audit.ts';
import type { Config } from './config/config.ts';
import { createDataFolder, readOrCreateSecret } from './data-folder.ts';
import * as http from './http.ts';
import { createAdmission } from './identity/admission.ts';
import type { Connector } from './identity/connector.ts';
import { createGoogleConnector } from './identity/google.ts';
import { createOidcConnector } from './identity/oidc.ts';
import { createStaticUsers } from './identity/static-users.ts';
import { createLog, type Log } from './log.ts';
import { globProblem } from './pattern.ts';
import { differencesOf } from './policy/shadow.ts';
import { openPolicies, type Policies } from './policy-file.ts';
import { createPepper, looksLikeSecret } from './secret.ts';
import { openStore } from './store/open.ts';
import type { Store } from './store/store.ts';
import { createTokenEndpoint, realmPaths } from './token/endpoint.ts';
import { openKeys } from './token/keys.ts';
import { createPasswordPages } from './web/passwords.ts';
import { createSessions } from './web/session.ts';
import { createSignIn } from './web/sign-in.ts';
import { createViews, type Views } from './web/views.ts';

/** What pages and commands share. */
export type Core = {
  readonly log: Log;
  readonly store: Store;
  readonly audit: Audit;
  readonly passwords: AppPasswords;
  close(): Promise<void>;
};

/** Opens the store and what stands on it alone. */
export async function openCore(config: Config): Promise<Core> {
  const log = createLog(config.logLevel);
  await createDataFolder(config.dataFolder);
  const store = await openStore(config.databaseUrl, (error) => log.error({ err: error }, 'idle database connection'));
  const audit = createAudit(store.audit, log, Date.now);
  const passwords = createAppPasswords({
    store: store.passwords,
    audit,
    pepper: createPepper(await secretOf(config, 'passwordPepper', 'password-pepper')),
    onError: (error) => log.error({ err: error }, 'last use of a password was not recorded'),
    now: Date.now,
    publicUrl: config.publicUrl.href,
    maximumDays: config.passwordMaximumDays,
    maximumPerAccount: config.passwordsPerAccount,
    patience: config.patience,
    checkPattern: globProblem,
  });
  const close = async () => {
    await passwords.flush();
    await audit.flush();
    await store.close();
  };
  return { log, store, audit, passwords, close };
}

/** From the configuration, or made once for this machine. */
function secretOf(config: Config, name: 'passwordPepper' | 'sessionSecret', file: string): Promise<string> {
  const given = config[name];
  return given === null ? readOrCreateSecret(join(config.dataFolder, file)) : Promise.resolve(given);
}

export type App = {
  /** Where it listens: "http://127.0.0.1:5001". */
  readonly url: string;
  /** Takes the policy files over as they are now; what cannot be used is logged and changes nothing. */
  reload(): Promise<void>;
  /** Takes no more requests, finishes those in flight, and closes everything. */
  stop(): Promise<void>;
};

/** Requests in flight have this long to finish once the service stops, in milliseconds. */
const stopDeadline = 10_000;

/** How often the policy files are looked at, in milliseconds. */
const policyInterval = 500;

/** Starts the service; rejects, and leaves nothing open, when a part cannot start. */
export async function startApp(config: Config): Promise<App> {
  const core = await openCore(config);
  try {
    const stopping = new AbortController();
    const policies = await openPolicies(config.policyFile, config.policyCandidateFile, core.log);
    const listener = await createListener(config, core, policies, stopping.signal);
    const server = await http.createServer(config.tls, listener);
    const stopServer = http.createStop(server);
    server.listen(config.port, config.host);
    await once(server, 'listening');
    const looking = setInterval(policies.look, policyInterval);
    const { address, port, family } = server.address() as AddressInfo;
    const host = family === 'IPv6' ? `[${address}]` : address;
    const url = `${config.tls === null ? 'http' : 'https'}://${host}:${port}`;
    core.log.info({ url, publicUrl: config.publicUrl.href, database: core.store.engine }, 'listening');
    return {
      url,
      reload: policies.reload,
      async stop() {
        core.log.info({}, 'stopping');
        clearInterval(looking);
        stopping.abort();
        await stopServer(stopDeadline);
        await core.close();
      },
    };
  } catch (error) {
    await core.close();
    throw error;
  }
}

/**
 * The realm is answered before express sees the request: registry clients ask for a token with each layer, and
 * sessions, cookies and page headers are none of their business.
 */
async function createListener(
  config: Config,
  core: Core,
  policies: Policies,
  stopping: AbortSignal,
): Promise<RequestListener> {
  const { log, passwords } = core;
  const trust = http.createTrust(config.trustedProxies);
  const clientOf = http.createClientReader(trust);
  const staticUsers = createStaticUsers(() => policies.current().users, looksLikeSecret);
  const keys = await openKeys({
    folder: join(config.dataFolder, 'keys'),
    bundleFile: config.certificateBundleFile,
    now: Date.now,
  });
  const token = createTokenEndpoint({
    services: config.services,
    authenticators: [passwords.authenticator, staticUsers.authenticator],
    anonymous: staticUsers.anonymous,
    policy: policies.current,
    onDecisions(identity, decisions, context) {
      const candidate = policies.candidate();
      const differences = candidate === null ? [] : differencesOf(candidate, identity, decisions, context);
      for (const difference of differences) log.warn(difference, 'the candidate policy would decide otherwise');
    },
    signer: keys.signer,
    recordUse: passwords.recordUse,
    log,
    now: Date.now,
    clientOf,
    publicUrl: config.publicUrl.href,
  });
  const pages = await createPages(config, core, { trust, clientOf, jwks: keys.jwks, policies, stopping });

  const realm = new Set(realmPaths.map((path) => config.prefix + path));
  return (request, response) => {
    if (realm.has(http.pathOf(request))) void token(request, response);
    else pages(request, response);
  };
}

type PageParts = {
  readonly trust: http.Trust;
  readonly clientOf: ReturnType<typeof http.createClientReader>;
  readonly jwks: object;
  readonly policies: Policies;
  /** Aborted once the service stops. */
  readonly stopping: AbortSignal;
};

/** Everything but the realm. */
async function createPages(config: Config, core: Core, parts: PageParts): Promise<express.Express> {
  const { log, store, audit, passwords } = core;
  const { clientOf } = parts;
  const { prefix, publicUrl } = config;
  const secure = publicUrl.protocol === 'https:';
  const views = createViews({ prefix });
  const sessions = createSessions({
    sessions: store.sessions,
    accounts: store.accounts,
    secrets: [await secretOf(config, 'sessionSecret', 'session-secret')],
    idle: config.sessionIdle,
    absolute: config.sessionAbsolute,
    secure,
    prefix,
    log,
    now: Date.now,
  });
  parts.stopping.addEventListener('abort', sessions.close);
  const admission = createAdmission({ accounts: store.accounts, now: Date.now });
  const connectors = createConnectors(config, log);
  const signIn = createSignIn({
    connectors,
    admission,
    sessions,
    views,
    audit,
    log,
    clientOf,
    prefix,
    secure,
    now: Date.now,
  });
  const own = createPasswordPages({ passwords, clientOf, views, services: config.services, now: Date.now });

  const router = express.Router();
  router.get('/healthz', healthy);
  router.get('/readyz', readiness(store, parts.policies, parts.stopping));
  router.get('/.well-known/jwks.json', (_request, response) => {
    response.set('Cache-Control', 'public, max-age=300').json(parts.jwks);
  });
  router.use(http.pageHeaders(secure));
  router.use('/static', views.assets);
  router.use(http.refuseCrossSite(publicUrl.origin), ...sessions.middleware);

  router.get('/sign-in', signIn.choose);
  router.get('/sign-in/:provider', signIn.begin);
  router.get('/sign-in/:provider/callback', signIn.complete);
  router.post('/sign-out', signIn.signOut);

  router.get('/', sessions.requirePerson, own.list);
  router.get('/passwords/new', sessions.requirePerson, own.ask);
  router.post('/passwords', sessions.requirePerson, own.create);
  router.get('/passwords/:id/revoke', sessions.requirePerson, own.confirmRevocation);
  router.post('/passwords/:id/revoke', sessions.requirePerson, own.revoke);

  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('trust proxy', parts.trust);
  app.use((request, response, next) => {
    http.logRequest(request, response, { log, clientOf });
    next();
  });
  app.use(prefix === '' ? '/' : prefix, router);
  app.use(http.notFound, http.replyToErrors({ log, clientOf, page: errorPage(views) }));
  return app;
}

/** The providers that people sign in with, each with its own callback path. */
function createConnectors({ google, oidc, publicUrl, prefix }: Config, log: Log): Connector[] {
  const callbackOf = (name: string) => `${publicUrl.origin}${prefix}/sign-in/${name}/callback`;
  const parts = { fetch, log, now: Date.now };
  const connectors: Connector[] = oidc.map((settings) => {
    // The configuration lets http pass for an issuer on this machine alone.
    const allowInsecureIssuer = settings.issuer.startsWith('http:');
    return createOidcConnector({ ...settings, allowInsecureIssuer, callbackUrl: callbackOf(settings.name) }, parts);
  });
  if (google !== null)
    connectors.unshift(createGoogleConnector({ ...google, callbackUrl: callbackOf('google') }, parts));
  return connectors;
}

/** The process answers. */
const healthy: RequestHandler = (_request, response) => {
  response.json({ status: 'ok' });
};

/** It can do its work: whoever balances load asks this, and asks no more of a service that stops. */
function readiness(store: Store, policies: Policies, stopping: AbortSignal): RequestHandler {
  return async (_request, response) => {
    const problem = stopping.aborted
      ? 'stopping'
      : await store.ping().then(
          () => null,
          () => 'the database does not answer',
        );
    const warnings = policies.warnings();
    const healthy = warnings.length === 0 ? { status: 'ok' } : { status: 'ok', warnings };
    response.status(problem === null ? 200 : 503).json(problem === null ? healthy : { status: 'unavailable', problem });
  };
}

function errorPage(views: Views): http.ErrorPage {
  return (response, refusal, requestId) => {
    const { status, message } = refusal;
    const title = status === 404 ? 'Not found' : status < 500 ? 'That did not work' : 'Something went wrong';
    views.page(response, 'error', { status, title, message, requestId }, status);
  };
}
