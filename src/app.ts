/** The composition root: opens the parts, hands each what it needs, listens. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type Core, openCore, openSigningKeys } from './app/core.ts';
import { type RunningMetrics, startMetrics } from './app/metrics-listener.ts';
import { openPeople, type People } from './app/off-boarding.ts';
import { createPages, type PageParts } from './app/pages.ts';
import type { Audit } from './audit.ts';
import type { Config } from './config/config.ts';
import { startHousekeeping } from './housekeeping.ts';
import { createClientReader, createTrust } from './http/client.ts';
import { pathOf } from './http/path.ts';
import { logRequest } from './http/request-log.ts';
import { createServer, createStop } from './http/server.ts';
import { refuseTwoHosts } from './http/unreadable.ts';
import { createHashCheck } from './identity/hash-check.ts';
import { createHashThread } from './identity/hash-thread.ts';
import type { Credentials } from './identity/identity.ts';
import { createStaticUsers } from './identity/static-users.ts';
import { createImportedCheck } from './imported-passwords/check.ts';
import type { SweepReport } from './off-boarding/sweep.ts';
import { startWorker, type Worker } from './off-boarding/worker.ts';
import { differencesOf } from './policy/shadow.ts';
import { openPolicies, type PolicyChange } from './policy-file.ts';
import { createTokenEndpoint, realmPaths } from './token/endpoint.ts';

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

/** Connections that may wait to be accepted, as far as the kernel allows: Node's 511 turn away a crowd that comes at once. */
const backlog = 4_096;

/** How often the policy files are looked at, and the keys, in milliseconds. */
const policyInterval = 500;
const keyInterval = 30_000;

/** Starts the service; rejects, and leaves nothing open, when a part cannot start. */
export async function startApp(config: Config): Promise<App> {
  const core = await openCore(config);
  const stopping = new AbortController();
  try {
    const policies = await openPolicies(
      config.policyFile,
      config.policyCandidateFile,
      core.log,
      auditPolicy(core.audit),
    );
    const keys = await openSigningKeys(config, core);
    const people = await openPeople(config, core, policies.current, stopping.signal);
    let metrics: RunningMetrics | null = null;
    const onReport = (report: SweepReport) => metrics?.swept(report);
    const sweeps = startSweeps(config, core, people, onReport, stopping.signal);
    const warnings = () => [...core.warnings, ...policies.warnings(), ...keys.warnings(), ...sweeps.warnings()];
    metrics = config.metricsListener && (await startMetrics(config.metricsListener, { core, keys, warnings }));
    const parts = { policies, keys, people, warnings, metrics, stopping: stopping.signal };
    const listener = await createListener(config, core, parts);
    const server = await createServer(config.tls, listener);
    const stopServer = createStop(server);
    server.listen({ port: config.port, host: config.host, backlog });
    await once(server, 'listening');
    const stopHousekeeping = startHousekeeping({ ...config, store: core.store, log: core.log, now: Date.now });
    const looking = [setInterval(policies.look, policyInterval), setInterval(keys.look, keyInterval)];
    const { address, port, family } = server.address() as AddressInfo;
    const host = family === 'IPv6' ? `[${address}]` : address;
    const url = `${config.tls === null ? 'http' : 'https'}://${host}:${port}`;
    core.log.info(
      { pid: process.pid, url, publicUrl: config.publicUrl.href, database: core.store.engine },
      'listening',
    );
    return {
      url,
      reload: policies.reload,
      async stop() {
        core.log.info({}, 'stopping');
        for (const timer of looking) clearInterval(timer);
        stopHousekeeping();
        stopping.abort();
        await Promise.all([stopServer(stopDeadline), sweeps.ended(), metrics?.stop()]);
        await core.close();
      },
    };
  } catch (error) {
    stopping.abort();
    await core.close();
    throw error;
  }
}

/** What happens to the policy file stands in the audit beside what people do. */
function auditPolicy(audit: Audit): (change: PolicyChange) => void {
  return ({ file, ...detail }) => {
    const action = 'problems' in detail ? 'policy.refused' : 'policy.reload';
    audit.record({ action, actor: '', subject: file, client: null, detail });
  };
}

/**
 * The realm is answered before express sees the request: registry clients ask for a token with each layer, and
 * sessions, cookies and page headers are none of their business.
 */
async function createListener(
  config: Config,
  core: Core,
  parts: Omit<PageParts, 'trust' | 'clientOf'>,
): Promise<RequestListener> {
  const { log, passwords, uses, denials } = core;
  const { policies, keys, metrics } = parts;
  const trust = createTrust(config.trustedProxies);
  const clientOf = createClientReader(trust);
  const hashCheck = createHashCheck({
    thread: createHashThread(),
    guessing: core.failedLogins.guessing,
    onNotCompared: core.failedLogins.record,
    now: Date.now,
    // A request that waits must not keep the process from ending.
    wait: (time) => setTimeout(time, undefined, { ref: false }),
  });
  const users = () => policies.current().users;
  const imported = createImportedCheck({
    ...{ store: core.store.passwords, passwords, hashCheck, pepper: core.pepper, now: Date.now },
    isStaticUser: (username) => users().has(username),
    decoyFor: (username) => staticUsers.decoyFor(username),
  });
  const others = [passwords.authenticator, imported];
  const isElsewhere = (credentials: Credentials) => others.some((other) => other.recognises(credentials));
  const staticUsers = createStaticUsers(users, hashCheck, isElsewhere);
  const token = createTokenEndpoint({
    services: config.services.map((service) => ({
      ...service,
      signer: keys.ring(service.ring).signer(service.tokenHeader),
    })),
    authenticators: [...others, staticUsers.authenticator],
    failedLogins: core.failedLogins,
    identityTokens: core.identityTokens,
    anonymous: staticUsers.anonymous,
    policy: policies.current,
    onDecisions(identity, decisions, context) {
      denials.record(identity, decisions, context);
      metrics?.decided(context.service, decisions);
      const candidate = policies.candidate();
      const differences = candidate === null ? [] : differencesOf(candidate, identity, decisions, context);
      for (const difference of differences) log.warn(difference, 'the candidate policy would decide otherwise');
    },
    recordUse(identity, client, access) {
      passwords.recordUse(identity, client);
      uses.record(identity, client, access);
    },
    onAnswer: metrics?.tokenAnswered ?? (() => {}),
    log,
    now: Date.now,
    clientOf,
    publicUrl: config.publicUrl.href,
  });
  const pages = await createPages(config, core, { trust, clientOf, ...parts });

  const realm = new Set(realmPaths.map((path) => config.prefix + path));
  return refuseTwoHosts({ log, clientOf }, (request, response) => {
    if (realm.has(pathOf(request))) void token(request, response);
    // Asked of the server as a whole (RFC 9112, section 3.2.4); express would take it for a page without its session.
    else if (request.url === '*') {
      logRequest(request, response, { log, clientOf });
      response.writeHead(204).end();
    } else pages(request, response);
  });
}

/** Asks in the background about those who hold passwords. */
function startSweeps(
  { groupsTtl }: Config,
  { log }: Core,
  { offBoarding }: People,
  onReport: (report: SweepReport) => void,
  stopping: AbortSignal,
): Worker {
  return startWorker({ sweep: offBoarding.sweep, groupsTtl, onReport, log, random: Math.random }, stopping);
}
