/** Writes the values.schema.json of the Helm chart; the names under `settings` come from the settings reader. Usage: chart-schema.ts [--check] */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingNames } from './setting-names.ts';

const file = join(import.meta.dirname, '../deploy/helm/dockpass/values.schema.json');

/** Settings that have a value of their own in the chart, or that the image and the chart decide. */
const decided = [
  ...['PUBLIC_URL', 'SERVICES', 'ADMIN_EMAILS', 'CONTACT', 'GOOGLE_CLIENT_ID', 'GOOGLE_DOMAINS', 'TRUSTED_PROXIES'],
  ...['DATABASE_URL', 'DATA_DIR', 'POLICY_FILE', 'CERTIFICATE_BUNDLE_FILE', 'LISTEN_ADDRESS', 'PORT', 'METRICS_LISTEN'],
];

const text = { type: 'string' };
const flag = { type: 'boolean' };
const texts = { type: 'array', items: { type: 'string', minLength: 1 } };
const map = { type: 'object', additionalProperties: { type: 'string' } };
const anything = { type: 'object' };
const list = { type: 'array', items: { type: 'object' } };
const quantity = { type: 'string', pattern: '^[0-9]+([.][0-9]+)?(k|Ki|[MGTPE]i?)?$' };
/** As Kubernetes reads a schedule: five fields, or `@daily` and its like. */
const cron = '^(@[a-z]+( .+)?|\\S+( +\\S+){4})$';
const count = { type: 'integer', minimum: 1 };
const port = { ...count, maximum: 65_535 };
/** Helm reads numbers as JSON does: it rounds a whole number beyond these. */
const setting = {
  type: ['string', 'integer', 'boolean'],
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
};
/** The selector's labels are the chart's: a second value would take the pod away from its Service. */
const labels = {
  ...map,
  properties: {
    'app.kubernetes.io/name': refused('no label of yours: it follows from nameOverride'),
    'app.kubernetes.io/instance': refused("no label of yours: it's the name of the release"),
  },
};
const group = (properties: object) => ({ type: 'object', additionalProperties: false, properties });
const withValue = { minLength: 1 };
const enabled = { properties: { enabled: { const: true } }, required: ['enabled'] };
const postgres = {
  properties: { database: { properties: { existingSecret: withValue }, required: ['existingSecret'] } },
};
const databaseInFile = { properties: { settings: { required: ['DATABASE_URL_FILE'] } }, required: ['settings'] };
const route = { anyOf: [{ properties: { ingress: enabled } }, { properties: { httpRoute: enabled } }] };
const label = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
/** Kubernetes takes the host in a route, in lower case: a DNS name. The last part of an IPv4 address begins with a digit. */
const routable = `^https?://(${label}[.])*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(:[0-9]+)?(/|$)`;

const schema = {
  $schema: 'https://json-schema.org/draft-07/schema#',
  title: 'Values of the Dockpass chart',
  ...group({
    publicUrl: { type: 'string', pattern: '^https?://[^/?#@ ]+(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$' },
    services: { ...texts, minItems: 1, uniqueItems: true },
    adminEmails: texts,
    contact: text,
    google: group({ clientId: text, domains: texts }),
    policy: text,
    existingPolicy: text,
    settings: {
      type: 'object',
      description:
        'Every setting that is neither a secret nor another value of this chart, by its name in .env.example',
      propertyNames: {
        anyOf: [{ enum: settingNames().plain.filter((name) => !decided.includes(name)) }, ...patterns()],
      },
      additionalProperties: setting,
    },
    secrets: group({ existingSecret: text }),
    database: group({ existingSecret: text }),
    replicaCount: count,
    image: group({
      repository: text,
      tag: text,
      digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
      pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
    }),
    imagePullSecrets: list,
    persistence: group({ size: quantity, storageClass: text, existingClaim: text }),
    proxy: group({
      trusted: { type: 'array', items: { type: 'string', pattern: '^[0-9a-fA-F.:]+(/([1-9][0-9]{0,2}))?$' } },
    }),
    service: group({ type: { enum: ['ClusterIP', 'NodePort', 'LoadBalancer'] }, port, annotations: map }),
    ingress: group({ enabled: flag, className: text, annotations: map, tlsSecret: text }),
    httpRoute: group({ enabled: flag, annotations: map, parentRefs: list }),
    networkPolicy: group({ enabled: flag, from: list, egress: list }),
    podDisruptionBudget: group({ enabled: flag }),
    serviceMonitor: group({ enabled: flag, interval: text, labels }),
    backup: group({
      ...{ enabled: flag, schedule: { type: 'string', pattern: cron }, keep: count, size: quantity },
      ...{ storageClass: text, existingClaim: text },
    }),
    resources: anything,
    podSecurityContext: anything,
    podAnnotations: map,
    podLabels: labels,
    nodeSelector: map,
    tolerations: list,
    affinity: anything,
    topologySpreadConstraints: list,
    priorityClassName: text,
    extraVolumes: list,
    extraVolumeMounts: list,
    // A label has it, so what works stays: the selector of a release can't change.
    nameOverride: { type: 'string', pattern: '^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$' },
    fullnameOverride: { type: 'string', pattern: '^([a-z][a-z0-9-]{0,51})?$' },
    global: anything,
  }),
  required: ['publicUrl', 'services'],
  allOf: [
    // Without a whole name, it's a part of the names of objects.
    when(
      { properties: { fullnameOverride: { maxLength: 0 } } },
      { properties: { nameOverride: { pattern: '^[a-z0-9.-]*$' } } },
    ),
    // SQLite is one file and one process; replicas share secrets.
    when(
      { properties: { database: { properties: { existingSecret: { maxLength: 0 } } } } },
      { properties: { replicaCount: { maximum: 1 } } },
      { properties: { secrets: { required: ['existingSecret'], properties: { existingSecret: withValue } } } },
    ),
    // A client in proxy.trusted can claim any address, so there is no default.
    when(route, { properties: { proxy: { required: ['trusted'], properties: { trusted: { minItems: 1 } } } } }),
    when(
      { properties: { httpRoute: enabled } },
      { properties: { httpRoute: { properties: { parentRefs: { minItems: 1 } } } } },
    ),
    when(
      { properties: { policy: withValue }, required: ['policy'] },
      { properties: { existingPolicy: { maxLength: 0 } } },
    ),
    when(
      { properties: { publicUrl: { pattern: '[^!-~]' } } },
      { properties: { publicUrl: refused("an address in ASCII: write the host's international name as xn--...") } },
    ),
    when(
      { allOf: [route, { properties: { publicUrl: { pattern: '^[!-~]*$', not: { pattern: routable } } } }] },
      {
        properties: {
          publicUrl: refused(
            'an address whose host is a DNS name, because an Ingress or HTTPRoute takes nothing else; or set ingress.enabled and httpRoute.enabled to false',
          ),
        },
      },
    ),
    when(
      { allOf: [{ properties: { backup: enabled } }, { anyOf: [postgres, databaseInFile] }] },
      {
        properties: {
          backup: {
            properties: {
              enabled: refused('false: this backs up only SQLite on its volume. Back up PostgreSQL with its own tools'),
            },
          },
        },
      },
    ),
  ],
};

/** Refuses any value. Helm's message is "value must be" and these words, the only ones that a schema can add to it. */
function refused(words: string): object {
  return { const: words };
}

/** An object with a property `then` could be taken for a promise, so it's made of entries. */
function when(condition: object, consequence: object, otherwise: object = {}): object {
  return Object.fromEntries([
    ['if', condition],
    ['then', consequence],
    ['else', otherwise],
  ]);
}

/** Settings whose names hold the name of a service, a provider or a webhook. */
function patterns(): { pattern: string }[] {
  const { perService, perProvider, perWebhook } = settingNames();
  return [
    { pattern: `^SERVICE_[A-Z0-9_]+_(${perService.join('|')})$` },
    { pattern: `^OIDC_[A-Z0-9_]+_(${perProvider.join('|')})$` },
    { pattern: `^WEBHOOK_[A-Z0-9_]+_(${perWebhook.join('|')})$` },
  ];
}

const wanted = `${JSON.stringify(schema, null, 2)}\n`;
if (!process.argv.includes('--check')) writeFileSync(file, wanted);
else if (readFileSync(file, 'utf8') !== wanted) {
  console.error('deploy/helm/dockpass/values.schema.json is not up to date: node script/chart-schema.ts');
  process.exitCode = 1;
}
