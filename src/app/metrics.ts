/** Owns the numbers for Prometheus, and those of them that are counted as things happen. */
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { gaugeReadings } from './metric-gauges.ts';
import type { Readings } from './metric-readings.ts';

export type SweptReport = {
  /** Epoch milliseconds. */
  readonly begunAt: number;
  readonly people: readonly { readonly provider: string; readonly outcome: string }[];
  /** Why it stopped or held someone back; `null` for a whole sweep. */
  readonly stopped: string | null;
};

/** Of a scope: what was asked for, and what of it was granted. */
type Decided = { readonly access: { readonly actions: readonly string[] }; readonly granted: readonly string[] };

export type Metrics = {
  /** An answer of the realm. @param outcome 'issued', or the code of the refusal  @param seconds that it took */
  tokenAnswered(service: string, outcome: string, seconds: number): void;
  decided(service: string, decisions: readonly Decided[]): void;
  /** An ID token, or what was made from one. @param issuer '' where none is known  @param outcome 'accepted', or why not */
  workloadJudged(issuer: string, outcome: string): void;
  /** Events of a registry. @param outcome 'stored', or why not */
  registryEvents(service: string, action: string, outcome: string, count: number): void;
  /** A sign-in that came to an end. @param outcome 'completed', or the code of the refusal */
  signInEnded(provider: string, outcome: string): void;
  /** An attempt to deliver a message. @param outcome 'sent', 'failed', 'postponed' or 'dropped' */
  notificationEnded(channel: string, outcome: string): void;
  /** A sweep over the holders of passwords, by this process. */
  swept(report: SweptReport): void;
  /** In the text format of Prometheus. */
  read(): Promise<MetricsText>;
  /** Hands the numbers of this worker to the process that looks after the workers, whenever that one asks. */
  share(): void;
};

export type MetricsText = { readonly type: string; readonly text: string };

/** Seconds: a token takes a millisecond or so, and more than two are a fault. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

export function createMetrics(readings: Readings): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  gaugeReadings(registry, readings);
  countLostRecords(registry, readings);
  return {
    swept: countSweeps(registry),
    ...countTokens(registry),
    ...countOutcomes(registry),
    read: async () => ({ type: registry.contentType, text: await registry.metrics() }),
    share() {
      AggregatorRegistry.setRegistries(registry);
      new AggregatorRegistry();
    },
  };
}

/** For the process that looks after the workers: their numbers as one. */
export function createWorkersMetrics(): Pick<Metrics, 'read'> {
  const registry = new AggregatorRegistry();
  return { read: async () => ({ type: registry.contentType, text: await registry.clusterMetrics() }) };
}

/** What registries and their clients were answered. */
function countTokens(registry: Registry): Pick<Metrics, 'tokenAnswered' | 'decided'> {
  const registers = [registry];
  const answers = new Counter({
    name: 'dockpass_token_requests_total',
    help: 'Answers of the realm, by service and outcome: issued, or why not',
    labelNames: ['service', 'outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'dockpass_token_request_duration_seconds',
    help: 'Time from the request to its answer',
    labelNames: ['outcome'],
    buckets,
    registers,
  });
  const scopes = new Counter({
    name: 'dockpass_token_scopes_total',
    help: 'Scopes that were asked for, by service and by how much of each was granted: all, some or none',
    labelNames: ['service', 'granted'],
    registers,
  });
  return {
    tokenAnswered(service, outcome, seconds) {
      answers.inc({ service, outcome });
      durations.observe({ outcome: outcome === 'issued' ? outcome : 'refused' }, seconds);
    },
    decided(service, decisions) {
      for (const { access, granted: given } of decisions) {
        const granted = given.length === 0 ? 'none' : given.length < access.actions.length ? 'some' : 'all';
        scopes.inc({ service, granted });
      }
    },
  };
}

/** How everything else ended. */
function countOutcomes(
  registry: Registry,
): Pick<Metrics, 'signInEnded' | 'workloadJudged' | 'registryEvents' | 'notificationEnded'> {
  const registers = [registry];
  const signIns = new Counter({
    name: 'dockpass_sign_ins_total',
    help: 'Sign-ins in the browser, by provider and outcome: completed, or why not; unavailable is a fault of the provider',
    labelNames: ['provider', 'outcome'],
    registers,
  });
  const workloads = new Counter({
    name: 'dockpass_workload_logins_total',
    help: 'Logins of workloads by issuer and outcome: accepted, or why not; the Workloads page has the claims',
    labelNames: ['issuer', 'outcome'],
    registers,
  });
  const events = new Counter({
    name: 'dockpass_registry_events_total',
    help: 'Events of registries by service, action and outcome: stored, duplicate, ignored (layers, HEAD, own reads), invalid, refused, unavailable',
    labelNames: ['service', 'action', 'outcome'],
    registers,
  });
  const notifications = new Counter({
    name: 'dockpass_notifications_total',
    help: 'Attempts to deliver an e-mail or a webhook message, by channel and outcome: sent, postponed, failed, or dropped because nothing of it held any more',
    labelNames: ['channel', 'outcome'],
    registers,
  });
  return {
    signInEnded: (provider, outcome) => signIns.inc({ provider, outcome }),
    workloadJudged: (issuer, outcome) => workloads.inc({ issuer, outcome }),
    registryEvents: (service, action, outcome, count) => events.inc({ service, action, outcome }, count),
    notificationEnded: (channel, outcome) => notifications.inc({ channel, outcome }),
  };
}

/** They are counted elsewhere, as what lost them has no metrics. */
function countLostRecords(registry: Registry, readings: Readings): void {
  new Counter({
    name: 'dockpass_lost_records_total',
    help: 'Records that were never stored: the database refused them, or was away for too long',
    labelNames: ['what'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { what, records } of readings.lostRecords()) this.inc({ what }, records);
    },
  });
}

/** What sweeps found. Any process can have made the last one, so each kind of result has its moment. */
function countSweeps(registry: Registry): Metrics['swept'] {
  const registers = [registry];
  const asked = new Counter({
    name: 'dockpass_sweep_people_total',
    help: 'People asked about, by provider and outcome; silent and fault are errors of the provider',
    labelNames: ['provider', 'outcome'],
    registers,
  });
  const last = new Gauge({
    name: 'dockpass_sweep_last_timestamp_seconds',
    help: 'When the last sweep began, by result: whole, or stopped, where someone has to look',
    labelNames: ['result'],
    registers,
    aggregator: 'max',
  });
  return ({ people, stopped, begunAt }) => {
    for (const { provider, outcome } of people) asked.inc({ provider, outcome });
    last.set({ result: stopped === null ? 'whole' : 'stopped' }, begunAt / 1000);
  };
}
