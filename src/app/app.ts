/** The composition root: opens the parts, hands each what it needs, listens. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { suspendUnvouched } from '../accounts/unvouched.ts';
import type { AuditBuffer } from '../audit/audit.ts';
import type { Config } from '../config/config.ts';
import { pathOf } from '../http/path.ts';
import { logRequest } from '../http/request-log.ts';
import { createRequesterReader, createTrust } from '../http/requester.ts';
import { boundTo, createServer, createStop } from '../http/server.ts';
import { refuseTwoHosts } from '../http/unreadable.ts';
import type { Keys } from '../keys/keys.ts';
import { openTrialKeys } from '../keys/trial-keys.ts';
import { securityHeaders } from '../lib/security-headers.ts';
import { byGrantType, createOAuthEndpoint, type OAuthEndpointParts } from '../oauth/token-endpoint.ts';
import { type SweepSchedule, scheduleSweeps } from '../off-boarding/schedule.ts';
import { eventsPath } from '../repositories/event-endpoint.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { catalogPath } from '../token/catalog-endpoint.ts';
import { realmPaths } from '../token/endpoint.ts';
import { openAccessRequests } from './access-requests.ts';
import { createClockWatch } from './clock.ts';
import { type Core, openCore, openSigningKeys, settled } from './core.ts';
import { startHousekeeping } from './housekeeping.ts';
import { createPresence, type Presence, type ServeMode } from './installation.ts';
import { startMetrics } from './metrics-listener.ts';
import { checkWebhooks, startNotifications } from './notifications.ts';
import { openPeople, type People } from './off-boarding.ts';
import { createPages, type PageParts } from './pages.ts';
import { openPolicies, type PolicyChange } from './policy-file.ts';
import { proxyWarnings } from './proxy-warnings.ts';
import { createRealm } from './realm.ts';
import { type OpenEvents, openEvents } from './repositories.ts';
import { openRepositoryLists } from './repository-lists.ts';
import { openTerminal, terminalEndpoints, terminalGrants } from './terminal.ts';
import { type OpenWorkloads, openWorkloads } from './workloads.ts';
import { workloadsSourceOf } from './workloads-file.ts';

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

/** Connections that can wait to be accepted, as far as the kernel allows: Node's 511 refuse a crowd that comes together. */
const backlog = 4_096;

/** How often the policy files, the keys and what else can go wrong are looked at, in milliseconds. */
const policyInterval = 500;
const keyInterval = 30_000;
const watchInterval = 60_000;

/** Starts the service; rejects, and leaves nothing open, when a part cannot start. */
export async function startApp(config: Config, mode: ServeMode = 'usual'): Promise<App> {
  await checkWebhooks(config);
  const core = await openCore(config, mode);
  const stopping = new AbortController();
  try {
    return await startOn(core, settled(config, core), stopping);
  } catch (error) {
    stopping.abort();
    await core.close();
    throw error;
  }
}

async function startOn(core: Core, config: Config, stopping: AbortController): Promise<App> {
  const { log, store } = core;
  const parts = await openParts(core, config, stopping.signal);
  const { policies, keys, people, workloads, sweeps, watches, metrics, events } = parts;
  const { url, stopServer } = await listen(config, core, { ...parts, stopping: stopping.signal }).catch(
    async (error: unknown) => {
      // Their listener would keep a process alive that serves nothing, and it wouldn't be restarted.
      await metrics?.stop();
      throw error;
    },
  );
  const stopHousekeeping = startHousekeeping({
    ...{ ...config, store, log, onRun: core.dailyCounts.running, now: Date.now },
    settle: openAccessRequests(config, core, policies.current).settle,
  });
  const notifications = await startNotifications(
    config,
    core,
    {
      ...{ policy: policies.current, keyWarnings: keys.warnings, failing: people.health.problems },
      onEnd: metrics?.notificationEnded ?? (() => {}),
    },
    stopping.signal,
  );
  const stopLooking = lookAt([
    [policies, policyInterval],
    [keys, keyInterval],
    [workloads, keyInterval],
    [watches, watchInterval],
  ]);
  if (core.trial !== null) log.warn({}, core.trial.reason);
  const { dataFolder, publicUrl } = config;
  log.info({ pid: process.pid, url, publicUrl: publicUrl.href, database: store.engine, dataFolder }, 'listening');
  return {
    url,
    reload: policies.reload,
    async stop() {
      log.info({}, 'stopping');
      stopLooking();
      stopHousekeeping();
      stopping.abort();
      await Promise.all([stopServer(stopDeadline), sweeps.ended(), notifications.ended(), metrics?.stop()]);
      await Promise.all([workloads.close(), events.close()]);
      await watches.leave();
      await core.close();
    },
  };
}

type Parts = Omit<ListenerParts, 'stopping'> & { readonly sweeps: SweepSchedule; readonly watches: Watches };

/** What answers requests is made of, and what warns operators. */
async function openParts(core: Core, config: Config, stopping: AbortSignal): Promise<Parts> {
  const { log } = core;
  const { policyFile, policyCandidateFile, metricsListener, dataFolder } = config;
  const source = workloadsSourceOf(config);
  const policies = await openPolicies(policyFile, policyCandidateFile, log, auditPolicy(core.audit), source);
  const unvouched = await countUnvouched(core);
  const keys = await (core.trial === null ? openSigningKeys(config, core) : makeTrialKeys(config, core));
  const people = await openPeople(config, core, policies.current, stopping);
  const sweeps = core.trial === null ? startSweeps(config, core, people, stopping) : noSweeps;
  const watches = await openWatches(core);
  const proxies = { warnings: () => proxyWarnings(config.trustedProxies, policies.current()) };
  const events = openEvents(config, core, {
    isStaticUser: (login) => policies.current().users.has(login),
    // Not there yet: the metrics show the warnings of all parts, and these are one of them.
    onEvent: (...event) => metrics?.registryEvent(...event),
  });
  const sources = [policies, keys, sweeps, watches, proxies, people.health, events];
  const warnings = () => [...core.warnings, ...unvouched, ...sources.flatMap((part) => part.warnings())];
  const metrics =
    metricsListener &&
    (await startMetrics(metricsListener, { core, keys, warnings, dataFolder, failing: people.health.failing }));
  if (metrics) sweeps.onReport(metrics.swept);
  // The keys of CI issuers are asked for, too.
  const inForce = core.trial === null ? policies.workloads : () => null;
  const workloads = openWorkloads(config, core, inForce, {
    ...(metrics && { onJudged: metrics.workloadJudged }),
  });
  return { policies, workloads, keys, people, sweeps, watches, events, warnings, metrics };
}

/** What is looked at while the service runs: the database's clock, and who else serves the database. */
type Watches = Pick<Presence, 'warnings' | 'look' | 'leave'>;

async function openWatches({ store, log }: Core): Promise<Watches> {
  const clock = createClockWatch(store, log, Date.now);
  await clock.look();
  const presence = createPresence({ store, log, pid: cluster.isWorker ? process.ppid : process.pid, now: Date.now });
  await presence.look();
  return {
    warnings: () => [...clock.warnings(), ...presence.warnings()],
    async look() {
      await Promise.all([clock.look(), presence.look()]);
    },
    leave: presence.leave,
  };
}

/** @returns what stops it */
function lookAt(parts: readonly (readonly [part: { look(): unknown }, interval: number])[]): () => void {
  const timers = parts.map(([part, interval]) => setInterval(() => part.look(), interval));
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}

/** Suspends accounts whose address their provider doesn't vouch for. @returns a warning where there are any */
async function countUnvouched({ store, authority, audit }: Core): Promise<string[]> {
  if (!authority.isRestricted) return [];
  const count = await suspendUnvouched({ accounts: store.accounts, authority, audit, now: Date.now });
  if (count === 0) return [];
  const what = count === 1 ? 'an account is suspended, as its' : `${count} accounts are suspended, as their`;
  return [`${what} provider is not the authority for the address: /admin/people?state=unvouched lists them`];
}

type ListenerParts = Omit<PageParts, 'trust' | 'requesterOf' | 'terminal' | 'lists'> & { readonly events: OpenEvents };

/** @returns where it listens, and what stops it */
async function listen(
  config: Config,
  core: Core,
  parts: ListenerParts,
): Promise<{ url: string; stopServer: ReturnType<typeof createStop> }> {
  const { tls, port, host } = config;
  const server = await createServer(tls, await createListener(config, core, parts));
  const stopServer = createStop(server);
  server.listen({ port, host, backlog });
  await once(server, 'listening');
  const bound = boundTo(server);
  const boundHost = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return { url: `${tls === null ? 'http' : 'https'}://${boundHost}:${bound.port}`, stopServer };
}

/** A policy that changed is in force whether or not the database is there to record it: the event waits for it. */
function auditPolicy(audit: AuditBuffer): (change: PolicyChange) => void {
  return ({ file, ...detail }) => {
    const action = 'problems' in detail ? 'policy.refused' : 'policy.reload';
    audit.record({ action, actor: '', subject: file, client: null, detail });
    void audit.flush();
  };
}

/**
 * The realm is answered before express sees the request: registry clients ask for a token with each layer, and
 * sessions, cookies and page headers are none of their business.
 */
async function createListener(config: Config, core: Core, parts: ListenerParts): Promise<RequestListener> {
  const { log } = core;
  const trust = createTrust(config.trustedProxies);
  const requesterOf = createRequesterReader(trust);
  const terminal = openTerminal(config, core);
  const lists = openRepositoryLists(core, parts.policies);
  const { listing } = lists;
  const { token, catalog } = createRealm(config, core, { ...parts, requesterOf, terminal, listing, trust });
  const pages = await createPages(config, core, { trust, requesterOf, terminal, lists, ...parts });
  const oauth = createOAuth(config, terminal, parts.workloads, { requesterOf, log });
  // A registry's own address, whatever the prefix of Dockpass is: a proxy sends it here.
  const programs = new Map([...oauth, [catalogPath, loggedBy({ log, requesterOf }, catalog)]]);

  // Watchtower sends the realm in lower case, whatever the registry says.
  const realm = new Set(realmPaths.map((path) => (config.prefix + path).toLowerCase()));
  const events = config.prefix + eventsPath;
  return refuseTwoHosts({ log, requesterOf }, (request, response) => {
    const path = pathOf(request);
    if (realm.has(path.toLowerCase())) {
      void token(request, response);
      return;
    }
    setSecurityHeaders(response, config.publicUrl);
    // Thousands a second, each on a connection of its own: no page, no session, and no line in the log.
    if (path.startsWith(events)) {
      void parts.events.answer(request, response, path.slice(events.length));
      return;
    }
    const endpoint = programs.get(path);
    if (endpoint !== undefined) void endpoint(request, response);
    // Asked of the server as a whole (RFC 9112, section 3.2.4); express would take it for a page without its session.
    else if (request.url === '*') {
      logRequest(request, response, { log, requesterOf });
      response.writeHead(204).end();
    } else pages(request, response);
  });
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

function loggedBy(parts: Parameters<typeof logRequest>[2], handle: Handler): Handler {
  return (request, response) => {
    logRequest(request, response, parts);
    return handle(request, response);
  };
}

function setSecurityHeaders(response: ServerResponse, { protocol }: URL): void {
  const headers = securityHeaders(protocol === 'https:');
  for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? '', headers[at + 1] ?? '');
}

/** No registry trusts them, so no one pulls what the running service wouldn't let them pull. */
function makeTrialKeys({ keyRings: rings }: Config, { cipher, log }: Core): Promise<Keys> {
  return openTrialKeys({ rings, cipher, log, now: Date.now });
}

/** Of a copy that is tried. */
const noSweeps: SweepSchedule = { onReport() {}, ended: async () => {}, warnings: () => [] };

/** By path. Programs ask here, so that sessions, cookies and page headers have no part in it. */
function createOAuth(
  config: Config,
  terminal: Terminal,
  workloads: OpenWorkloads,
  parts: Pick<OAuthEndpointParts, 'requesterOf' | 'log'>,
): ReadonlyMap<string, ReturnType<typeof createOAuthEndpoint>> {
  const ofTerminal = terminalGrants(config, terminal);
  const grants = () => new Map([...workloads.grants(), ...ofTerminal]);
  const handlers = new Map([['/oauth/token', byGrantType(grants)], ...terminalEndpoints(config, terminal)]);
  return new Map(
    [...handlers].map(([path, handle]) => [config.prefix + path, createOAuthEndpoint({ ...parts, handle })]),
  );
}

/** Asks the providers in the background about people who hold passwords. */
function startSweeps(
  { groupsTtl }: Config,
  { log }: Core,
  { offBoarding }: People,
  stopping: AbortSignal,
): SweepSchedule {
  return scheduleSweeps({ sweep: offBoarding.sweep, groupsTtl, log, random: Math.random }, stopping);
}
