/** The composition root: opens the parts, hands each what it needs, and stops them. */
import cluster from 'node:cluster';
import { suspendUnvouched } from '../accounts/unvouched.ts';
import type { AuditBuffer } from '../audit/audit.ts';
import type { Config } from '../config/config.ts';
import { readTls } from '../http/tls.ts';
import type { Keys } from '../keys/keys.ts';
import { openTrialKeys } from '../keys/trial-keys.ts';
import { type SweepSchedule, scheduleSweeps } from '../off-boarding/schedule.ts';
import { createSettling, openAccessRequests, type Settling } from './access-requests.ts';
import { administratorWarnings } from './administrator-warnings.ts';
import { createClockWatch } from './clock.ts';
import { type Core, openCore, openSigningKeys, settled } from './core.ts';
import { createEnding, type Ending } from './ending.ts';
import { startHousekeeping } from './housekeeping.ts';
import { createPresence, type Presence, type ServeMode } from './installation.ts';
import { type ListenerParts, listen } from './listener.ts';
import { createReadings } from './metric-readings.ts';
import { startMetrics } from './metrics-listener.ts';
import { checkWebhooks, startNotifications } from './notifications.ts';
import { openPeople, type People } from './off-boarding.ts';
import { openPolicies, type Policies, type PolicyChange } from './policy-file.ts';
import { proxyWarnings } from './proxy-warnings.ts';
import { openEvents } from './repositories.ts';
import { openWorkloads } from './workloads.ts';
import { workloadsSourceOf } from './workloads-file.ts';

export type App = {
  /** Where it listens: "http://127.0.0.1:5001". */
  readonly url: string;
  /** Resolves when the pages are loaded, which isn't waited for. Rejects if they can't be: then it must be stopped. */
  readonly loaded: Promise<void>;
  /** Takes the policy files over as they are now; what cannot be used is logged and changes nothing. */
  reload(): Promise<void>;
  /** Takes no more requests, finishes those in flight, and closes everything. */
  stop(): Promise<void>;
};

/** Requests in flight have this long to finish once the service stops, in milliseconds. */
const stopDeadline = 10_000;

/** How often the policy files, the keys and what else can go wrong are looked at, in milliseconds. */
const policyInterval = 500;
const keyInterval = 30_000;
const watchInterval = 60_000;

/** Starts the service, and resolves when it listens; rejects, and leaves nothing open, when a part cannot start. */
export async function startApp(config: Config, mode: ServeMode = 'usual'): Promise<App> {
  await checkWebhooks(config);
  const ending = createEnding();
  try {
    const core = await openCore(config, mode);
    ending.defer(() => core.close());
    const running = await startOn(core, settled(config, core), ending);
    return {
      ...running,
      async stop() {
        core.log.info({}, 'stopping');
        await ending.end();
      },
    };
  } catch (error) {
    await ending.end();
    throw error;
  }
}

async function startOn(core: Core, config: Config, ending: Ending): Promise<Omit<App, 'stop'>> {
  const { stopping } = ending;
  const parts = await openParts(core, config, ending);
  const { policies, settling, keys, workloads, watches } = parts;
  const { url, stopServer, pages } = await listen(config, core, { ...parts, stopping });
  ending.defer(pages.ended);
  ending.waitFor(() => stopServer(stopDeadline));
  await startBackground(core, config, parts, ending);
  lookAt(
    [
      [policies, policyInterval],
      [keys, keyInterval],
      [workloads, keyInterval],
      [watches, watchInterval],
    ],
    stopping,
  );
  logStart(core, config, parts, url);
  return {
    url,
    loaded: pages.loaded,
    async reload() {
      await policies.reload();
      await settling.ended();
    },
  };
}

/** What happens without a request, once it listens: a start that fails does nothing of it. */
async function startBackground(
  core: Core,
  config: Config,
  { policies, settling, keys, people, metrics }: Parts,
  ending: Ending,
): Promise<void> {
  const { log, store, dailyCounts } = core;
  startHousekeeping(
    {
      ...{ ...config, store, log, onRun: dailyCounts.running, now: Date.now },
      settle: settling.run,
    },
    ending,
  );
  const notifications = await startNotifications(
    config,
    core,
    {
      ...{ policy: policies.current, keyWarnings: keys.warnings, failing: people.health.problems },
      onEnd: metrics?.notificationEnded ?? (() => {}),
    },
    ending.stopping,
  );
  ending.waitFor(notifications.ended);
}

function logStart({ log, store, trial }: Core, config: Config, { policies, people, tls }: Parts, url: string): void {
  if (trial !== null) log.warn({}, trial.reason);
  const warnings = [...administratorWarnings(config, policies.current()), ...(tls?.warnings(Date.now()) ?? [])];
  for (const warning of warnings) log.warn({}, warning);
  if (people.connectors.length === 0 && trial === null)
    log.warn({}, 'no one can sign in: set GOOGLE_CLIENT_ID or OIDC_PROVIDERS');
  const { dataFolder, publicUrl } = config;
  log.info({ pid: process.pid, url, publicUrl: publicUrl.href, database: store.engine, dataFolder }, 'listening');
}

type Parts = Omit<ListenerParts, 'stopping'> & {
  readonly settling: Settling;
  readonly sweeps: SweepSchedule;
  readonly watches: Watches;
};

/** What answers requests is made of, and what warns operators. */
async function openParts(core: Core, config: Config, ending: Ending): Promise<Parts> {
  const { stopping } = ending;
  const { metricsListener, dataFolder } = config;
  const tls = config.tls && (await readTls(config.tls));
  const watches = await openWatches(core);
  ending.defer(watches.leave);
  const { policies, settling } = await openRules(config, core);
  ending.defer(settling.ended);
  const unvouched = await countUnvouched(core);
  const keys = await (core.trial === null ? openSigningKeys(config, core, 'service') : makeTrialKeys(config, core));
  const people = await openPeople(config, core, policies.current, stopping);
  const sweeps = core.trial === null ? startSweeps(config, core, people, stopping) : noSweeps;
  ending.waitFor(sweeps.ended);
  const served = { warnings: () => tls?.warnings(Date.now()) ?? [] };
  const proxies = { warnings: () => proxyWarnings(config.trustedProxies, policies.current()) };
  const administrators = { warnings: () => administratorWarnings(config, policies.current()) };
  const events = openEvents(config, core, {
    staticUsers: () => policies.current().users,
    // Not there yet: the metrics show the warnings of all parts, and these are one of them.
    onEvents: (...events) => metrics?.registryEvents(...events),
  });
  ending.defer(events.close);
  const sources = [policies, keys, sweeps, watches, served, proxies, administrators, people.health, events];
  const warnings = () => [...core.warnings, ...unvouched, ...sources.flatMap((part) => part.warnings())];
  const readings = createReadings({ store: core.store, dataFolder, now: Date.now });
  const { failing } = people.health;
  const metrics = metricsListener && (await startMetrics(metricsListener, { core, readings, keys, warnings, failing }));
  if (metrics) {
    ending.waitFor(metrics.stop);
    sweeps.onReport(metrics.swept);
  }
  // The keys of CI issuers are asked for, too.
  const inForce = core.trial === null ? policies.workloads : () => null;
  const workloads = openWorkloads(config, core, inForce, {
    ...(metrics && { onJudged: metrics.workloadJudged }),
  });
  ending.defer(workloads.close);
  return { tls, policies, settling, workloads, keys, people, sweeps, watches, events, warnings, readings, metrics };
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

function lookAt(
  parts: readonly (readonly [part: { look(): unknown }, interval: number])[],
  stopping: AbortSignal,
): void {
  for (const [part, interval] of parts) {
    const timer = setInterval(() => part.look(), interval);
    stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
  }
}

/** Suspends accounts whose address their provider doesn't vouch for. @returns a warning where there are any */
async function countUnvouched({ store, authority, audit }: Core): Promise<string[]> {
  if (!authority.isRestricted) return [];
  const count = await suspendUnvouched({ accounts: store.accounts, authority, audit, now: Date.now });
  if (count === 0) return [];
  const what = count === 1 ? 'an account is suspended, as its' : `${count} accounts are suspended, as their`;
  return [`${what} provider isn’t the authority for the address. See /admin/people?state=unvouched`];
}

/** The policy in force; each change of it is recorded, and closes the access requests that it grants. */
async function openRules(config: Config, core: Core): Promise<{ policies: Policies; settling: Settling }> {
  const { log } = core;
  const record = auditPolicy(core.audit);
  const onChange = (change: PolicyChange): void => {
    record(change);
    settling.run().catch((error: unknown) => log.warn({ err: error }, 'granted access requests stay open for now'));
  };
  const source = workloadsSourceOf(config);
  const policies = await openPolicies(config.policyFile, config.policyCandidateFile, log, onChange, source);
  const settling = createSettling(openAccessRequests(config, core, policies.current).settle);
  return { policies, settling };
}

/** A policy that changed is in force whether or not the database is there to record it: the event waits for it. */
function auditPolicy(audit: AuditBuffer): (change: PolicyChange) => void {
  return ({ file, ...detail }) => {
    const action = 'problems' in detail ? 'policy.refused' : 'policy.reload';
    audit.record({ action, actor: '', subject: file, client: null, detail });
    void audit.flush();
  };
}

/** No registry trusts them, so no one pulls what the running service wouldn't let them pull. */
function makeTrialKeys({ keyRings: rings }: Config, { cipher, log }: Core): Promise<Keys> {
  return openTrialKeys({ rings, cipher, log, now: Date.now });
}

/** Of a copy that is tried. */
const noSweeps: SweepSchedule = { onReport() {}, ended: async () => {}, warnings: () => [] };

/** Asks the providers in the background about people who hold passwords. */
function startSweeps(
  { groupsTtl }: Config,
  { log }: Core,
  { offBoarding }: People,
  stopping: AbortSignal,
): SweepSchedule {
  return scheduleSweeps({ sweep: offBoarding.sweep, groupsTtl, log, random: Math.random }, stopping);
}
