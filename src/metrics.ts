/** Owns the numbers for Prometheus: what is counted as it happens, and what is asked for when somebody looks. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is asked for at each look. */
export type Readings = {
  /** Passwords by state; `expiring`: live ones that end within 14 days. Rejects when the database does not answer. */
  passwords(): Promise<{ live: number; expiring: number; expired: number; revoked: number }>;
  /**
   * Of people who hold live passwords: how long ago, in seconds, the longest ago that a provider spoke of one and told one's
   * groups; `null` where there are none.
   */
  oldest(): Promise<{ confirmation: number | null; groups: number | null }>;
  /** Of each key that signs: the ring, '' for the common one, and how old the key is, in seconds. */
  signingKeys(): readonly { readonly ring: string; readonly age: number }[];
  /** What an operator should look at: policy files, keys, sweeps. */
  warnings(): readonly string[];
};

export type SweptReport = {
  /** Epoch milliseconds. */
  readonly begunAt: number;
  readonly people: readonly { readonly provider: string; readonly outcome: string }[];
  /** Why it off-boarded nobody; `null` for a whole sweep. */
  readonly stopped: string | null;
};

export type Metrics = {
  /** An answer of the realm. @param outcome 'issued', or the code of the refusal  @param seconds that it took */
  tokenAnswered(service: string, outcome: string, seconds: number): void;
  /** A sweep over the holders of passwords, by this process. */
  swept(report: SweptReport): void;
  /** In the text format of Prometheus. */
  read(): Promise<{ readonly type: string; readonly text: string }>;
};

/** Seconds: a token takes a millisecond or so, and more than two are a fault. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

export function createMetrics(readings: Readings): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
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
  const up = new Gauge({ name: 'dockpass_database_up', help: '1 while the database answers', registers });
  const passwords = new Gauge({
    name: 'dockpass_passwords',
    help: 'App passwords by state; expiring are the live ones that end within 14 days',
    labelNames: ['state'],
    registers,
  });
  const keyAge = new Gauge({
    name: 'dockpass_signing_key_age_seconds',
    help: 'Age of the key that signs, by the service that has keys of its own',
    labelNames: ['ring'],
    registers,
  });
  const warnings = new Gauge({ name: 'dockpass_warnings', help: 'What /readyz warns of', registers });
  const sweeps = createSweepMetrics(registers);

  return {
    swept: sweeps.swept,
    tokenAnswered(service, outcome, seconds) {
      answers.inc({ service, outcome });
      durations.observe({ outcome: outcome === 'issued' ? outcome : 'refused' }, seconds);
    },
    async read() {
      // A database that is away is a number too, and no reason to show none at all.
      const counts = await readings.passwords().catch(() => null);
      up.set(counts === null ? 0 : 1);
      passwords.reset();
      for (const [state, count] of Object.entries(counts ?? {})) passwords.set({ state }, count);
      sweeps.setOldest(await readings.oldest().catch(() => null));
      for (const { ring, age } of readings.signingKeys()) keyAge.set({ ring }, age);
      warnings.set(readings.warnings().length);
      return { type: registry.contentType, text: await registry.metrics() };
    },
  };
}

/** What sweeps found, and how old the oldest word of a provider is. */
function createSweepMetrics(registers: Registry[]) {
  const gauge = (name: string, help: string) => new Gauge({ name: `dockpass_${name}`, help, registers });
  const asked = new Counter({
    name: 'dockpass_sweep_people_total',
    help: 'People asked about, by provider and outcome; silent and fault are errors of the provider',
    labelNames: ['provider', 'outcome'],
    registers,
  });
  const stopped = gauge('sweep_stopped', '1 while the last sweep was stopped: nobody is off-boarded');
  const last = gauge('sweep_last_timestamp_seconds', 'When the last sweep began');
  const confirmation = gauge(
    'oldest_confirmation_seconds',
    'Age of the oldest word of a provider on a password holder',
  );
  const groups = gauge('oldest_groups_seconds', 'Age of the oldest groups of a password holder');
  return {
    swept(report: SweptReport): void {
      for (const { provider, outcome } of report.people) asked.inc({ provider, outcome });
      stopped.set(report.stopped === null ? 0 : 1);
      last.set(report.begunAt / 1000);
    },
    setOldest(ages: Awaited<ReturnType<Readings['oldest']>> | null): void {
      confirmation.set(ages?.confirmation ?? 0);
      groups.set(ages?.groups ?? 0);
    },
  };
}
