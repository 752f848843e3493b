/** Owns the metrics that are read at each scrape: what they are called, and which reading each shows. */
import { Gauge, type Registry } from 'prom-client';
import type { Readings } from './metric-readings.ts';

/** A value, and the labels that it has. */
type Sample = { readonly value: number; readonly [label: string]: string | number };

type Description = {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** Of what several workers read: every one reads the same, but perhaps not at the same moment. */
  readonly aggregator: 'min' | 'max';
  /** Nothing is shown where there is no sample. */
  samples(readings: Readings): Iterable<Sample> | Promise<Iterable<Sample>>;
};

/** What the database says. */
const storeGauges: readonly Description[] = [
  {
    name: 'dockpass_database_up',
    help: '1 while the database answers and can be written',
    aggregator: 'min',
    samples: async ({ isDatabaseUp }) => [{ value: (await isDatabaseUp()) ? 1 : 0 }],
  },
  {
    name: 'dockpass_passwords',
    help: 'App passwords by state',
    labelNames: ['state'],
    aggregator: 'max',
    samples: async ({ passwords }) =>
      Object.entries((await passwords()) ?? {}).map(([state, value]) => ({ state, value })),
  },
  {
    name: 'dockpass_passwords_expiring',
    help: 'Active app passwords that end within so many days and have no new secret yet',
    labelNames: ['days'],
    aggregator: 'max',
    samples: async ({ expiring }) =>
      (await expiring())?.map(({ days, passwords }) => ({ days, value: passwords })) ?? [],
  },
  {
    name: 'dockpass_people_unchecked',
    help: 'People who hold something that works, and about whose status their provider cannot be asked',
    labelNames: ['provider'],
    aggregator: 'max',
    samples: async ({ unchecked }) =>
      (await unchecked())?.map(({ provider, people }) => ({ provider, value: people })) ?? [],
  },
  {
    name: 'dockpass_notifications',
    help: 'Messages by channel and state: waiting, or failed, which /admin/deliveries shows',
    labelNames: ['channel', 'state'],
    aggregator: 'max',
    samples: async ({ notifications }) =>
      (await notifications())?.map(({ channel, state, messages }) => ({ channel, state, value: messages })) ?? [],
  },
  {
    name: 'dockpass_oldest_confirmation_seconds',
    help: 'Age of the oldest word of a provider on a password holder',
    aggregator: 'max',
    samples: async ({ oldest }) => [{ value: (await oldest())?.confirmation ?? 0 }],
  },
  {
    name: 'dockpass_oldest_groups_seconds',
    help: 'Age of the oldest groups of a password holder',
    aggregator: 'max',
    samples: async ({ oldest }) => [{ value: (await oldest())?.groups ?? 0 }],
  },
];

/** What an operator looks after. */
const maintenanceGauges: readonly Description[] = [
  {
    name: 'dockpass_signing_key_age_seconds',
    help: 'Age of the key that signs, by the service that has keys of its own',
    labelNames: ['ring'],
    aggregator: 'max',
    samples: ({ signingKeys }) =>
      signingKeys().flatMap(({ ring, age }) => (age === null ? [] : [{ ring, value: age }])),
  },
  {
    name: 'dockpass_signing_certificate_expiry_timestamp_seconds',
    help: 'When registries stop trusting the key that signs, by the service that has keys of its own',
    labelNames: ['ring'],
    aggregator: 'min',
    samples: ({ signingKeys }) => signingKeys().map(({ ring, expiresAt }) => ({ ring, value: expiresAt })),
  },
  {
    name: 'dockpass_last_backup_timestamp_seconds',
    help: 'When dockpass backup last succeeded on this data folder',
    aggregator: 'max',
    async samples({ lastBackup }) {
      const at = await lastBackup();
      return at === null ? [] : [{ value: at }];
    },
  },
  {
    name: 'dockpass_registry_events_last_timestamp_seconds',
    help: 'When events of a registry last arrived',
    labelNames: ['service'],
    aggregator: 'max',
    samples: async ({ registryEvents }) =>
      (await registryEvents())?.map(({ service, lastAt }) => ({ service, value: lastAt })) ?? [],
  },
  {
    name: 'dockpass_provider_failing',
    help: '1 while the last sign-in failed because of the provider, or of how it is set up',
    labelNames: ['provider'],
    aggregator: 'max',
    samples: ({ failing }) => failing().map((provider) => ({ provider, value: 1 })),
  },
  {
    name: 'dockpass_warnings',
    help: 'What /readyz warns of',
    aggregator: 'max',
    samples: ({ warnings }) => [{ value: warnings().length }],
  },
];

export function gaugeReadings(registry: Registry, readings: Readings): void {
  for (const { samples, ...description } of [...storeGauges, ...maintenanceGauges]) {
    new Gauge({
      ...description,
      registers: [registry],
      async collect() {
        const found = [...(await samples(readings))];
        this.reset();
        // A metric without labels starts with 0, which would be a reading.
        if (description.labelNames === undefined && found.length === 0) this.remove();
        for (const { value, ...labels } of found) this.set(labels, value);
      },
    });
  }
}
