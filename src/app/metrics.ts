/** Owns the numbers for Prometheus: what is counted as it happens, and what is read at each scrape. */
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is asked for at each look; `null`: it could not be found out just now, and is left out. */
export type Readings = {
  isDatabaseUp(): Promise<boolean>;
  /** Passwords by state. */
  passwords(): Promise<Readonly<Record<'active' | 'expired' | 'revoked', number>> | null>;
  /** Active passwords without a successor that end within so many days. */
  expiring(): Promise<readonly { readonly days: number; readonly passwords: number }[] | null>;
  /**
   * Of people who hold active passwords: how long ago, in seconds, the longest ago that a provider spoke of one and told one's
   * groups; `null` where there are none.
   */
  oldest(): Promise<{ confirmation: number | null; groups: number | null } | null>;
  /** People who hold something that works, and whose provider can't be asked. */
  unchecked(): Promise<readonly { readonly provider: string; readonly people: number }[] | null>;
  /**
   * Of each key that signs: the ring, '' for the common one; how old it is, in seconds, `null` where Dockpass did not make it;
   * and when the first of its certificates ends, in seconds since 1970.
   */
  signingKeys(): readonly { readonly ring: string; readonly age: number | null; readonly expiresAt: number }[];
  /** Messages that wait or could not be delivered, by channel. */
  notifications(): Promise<
    readonly { readonly channel: string; readonly state: string; readonly messages: number }[] | null
  >;
  /** When `dockpass backup` last succeeded here, in seconds since 1970; `null`: never. */
  lastBackup(): Promise<number | null>;
  /** When events of a registry last arrived, in seconds since 1970. */
  registryEvents(): Promise<readonly { readonly service: string; readonly lastAt: number }[] | null>;
  /** Records that this process has lost for good, by kind. */
  lostRecords(): readonly { readonly what: string; readonly records: number }[];
  /** What an operator should look at: policy files, keys, sweeps. */
  warnings(): readonly string[];
  /** Providers whose last sign-in in this process failed for their own reason. */
  failing(): readonly string[];
};

export type SweptReport = {
  /** Epoch milliseconds. */
  readonly begunAt: number;
  readonly people: readonly { readonly provider: string; readonly outcome: string }[];
  /** Why it off-boarded no one; `null` for a whole sweep. */
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
  /** An event of a registry. @param outcome 'stored', or why not */
  registryEvent(service: string, action: string, outcome: string): void;
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
  gaugeStore(registry, readings);
  gaugeMaintenance(registry, readings);
  const sweeps = countSweeps(registry);
  const counts = countAnswers(registry);
  return {
    ...counts,
    swept: sweeps,
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

/** What people and registries were answered. */
function countAnswers(
  registry: Registry,
): Pick<
  Metrics,
  'tokenAnswered' | 'decided' | 'signInEnded' | 'workloadJudged' | 'registryEvent' | 'notificationEnded'
> {
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
    help: 'Attempts to deliver a mail or a webhook, by channel and outcome: sent, postponed, failed, or dropped because nothing of it held any more',
    labelNames: ['channel', 'outcome'],
    registers,
  });
  return {
    registryEvent: (service, action, outcome) => events.inc({ service, action, outcome }),
    notificationEnded: (channel, outcome) => notifications.inc({ channel, outcome }),
    workloadJudged: (issuer, outcome) => workloads.inc({ issuer, outcome }),
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
    signInEnded: (provider, outcome) => signIns.inc({ provider, outcome }),
  };
}

/** What the database says. Every worker reads the same, but perhaps not at the same moment. */
function gaugeStore(registry: Registry, readings: Readings): void {
  const registers = [registry];
  new Gauge({
    name: 'dockpass_database_up',
    help: '1 while the database answers and can be written',
    registers,
    aggregator: 'min',
    async collect() {
      this.set((await readings.isDatabaseUp()) ? 1 : 0);
    },
  });
  new Gauge({
    name: 'dockpass_passwords',
    help: 'App passwords by state',
    labelNames: ['state'],
    registers,
    aggregator: 'max',
    async collect() {
      this.reset();
      for (const [state, count] of Object.entries((await readings.passwords()) ?? {})) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'dockpass_passwords_expiring',
    help: 'Active app passwords that end within so many days and have no new secret yet',
    labelNames: ['days'],
    registers,
    aggregator: 'max',
    async collect() {
      this.reset();
      for (const { days, passwords } of (await readings.expiring()) ?? []) this.set({ days }, passwords);
    },
  });
  new Gauge({
    name: 'dockpass_people_unchecked',
    help: 'People who hold something that works, and about whose status their provider cannot be asked',
    labelNames: ['provider'],
    registers,
    aggregator: 'max',
    async collect() {
      this.reset();
      for (const { provider, people } of (await readings.unchecked()) ?? []) this.set({ provider }, people);
    },
  });
  new Gauge({
    name: 'dockpass_notifications',
    help: 'Messages by channel and state: waiting, or failed, which /admin/deliveries shows',
    labelNames: ['channel', 'state'],
    registers,
    aggregator: 'max',
    async collect() {
      this.reset();
      for (const { channel, state, messages } of (await readings.notifications()) ?? []) {
        this.set({ channel, state }, messages);
      }
    },
  });
  const ages = [
    ['confirmation', 'Age of the oldest word of a provider on a password holder'],
    ['groups', 'Age of the oldest groups of a password holder'],
  ] as const;
  for (const [kind, help] of ages) {
    new Gauge({
      ...{ name: `dockpass_oldest_${kind}_seconds`, help, registers, aggregator: 'max' },
      async collect() {
        this.set((await readings.oldest())?.[kind] ?? 0);
      },
    });
  }
}

/** What an operator looks after. */
function gaugeMaintenance(registry: Registry, readings: Readings): void {
  const registers = [registry];
  new Gauge({
    name: 'dockpass_signing_key_age_seconds',
    help: 'Age of the key that signs, by the service that has keys of its own',
    labelNames: ['ring'],
    registers,
    aggregator: 'max',
    collect() {
      for (const { ring, age } of readings.signingKeys()) if (age !== null) this.set({ ring }, age);
    },
  });
  new Gauge({
    name: 'dockpass_signing_certificate_expiry_timestamp_seconds',
    help: 'When registries stop to trust the key that signs, by the service that has keys of its own',
    labelNames: ['ring'],
    registers,
    aggregator: 'min',
    collect() {
      for (const { ring, expiresAt } of readings.signingKeys()) this.set({ ring }, expiresAt);
    },
  });
  new Gauge({
    name: 'dockpass_last_backup_timestamp_seconds',
    help: 'When dockpass backup last succeeded on this data folder',
    registers,
    aggregator: 'max',
    async collect() {
      const at = await readings.lastBackup();
      if (at === null) this.remove();
      else this.set(at);
    },
  });
  new Gauge({
    name: 'dockpass_registry_events_last_timestamp_seconds',
    help: 'When events of a registry last arrived',
    labelNames: ['service'],
    registers,
    aggregator: 'max',
    async collect() {
      this.reset();
      for (const { service, lastAt } of (await readings.registryEvents()) ?? []) this.set({ service }, lastAt);
    },
  });
  new Counter({
    name: 'dockpass_lost_records_total',
    help: 'Records that were never stored: the database refused them, or was away for too long',
    labelNames: ['what'],
    registers,
    collect() {
      this.reset();
      for (const { what, records } of readings.lostRecords()) this.inc({ what }, records);
    },
  });
  new Gauge({
    name: 'dockpass_provider_failing',
    help: '1 while the last sign-in failed because of the provider, or of how it is set up',
    labelNames: ['provider'],
    registers,
    aggregator: 'max',
    collect() {
      this.reset();
      for (const provider of readings.failing()) this.set({ provider }, 1);
    },
  });
  new Gauge({
    name: 'dockpass_warnings',
    help: 'What /readyz warns of',
    registers,
    aggregator: 'max',
    collect() {
      this.set(readings.warnings().length);
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
    help: 'When the last sweep began, by result: whole, or stopped, which off-boards no one',
    labelNames: ['result'],
    registers,
    aggregator: 'max',
  });
  return ({ people, stopped, begunAt }) => {
    for (const { provider, outcome } of people) asked.inc({ provider, outcome });
    last.set({ result: stopped === null ? 'whole' : 'stopped' }, begunAt / 1000);
  };
}
