/** The Helm chart, rendered by Helm itself: what comes of the values, what is refused, and that no secret is in it. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { readConfig } from '../../src/config/config.ts';
import { charts, helm, type Manifest, noHelm, render } from '../support/helm.ts';
import { findProgram } from '../support/parts.ts';
import { runProgram } from '../support/process.ts';

const least = { publicUrl: 'https://auth.example.com', services: ['registry.example.com'] };
const proxy = { trusted: ['10.42.0.0/16'] };
const postgres = {
  database: { existingSecret: 'database' },
  secrets: { existingSecret: 'dockpass' },
  replicaCount: 3,
};
const everything = {
  ...{ ...least, publicUrl: 'https://tools.example.com/dockpass', proxy },
  services: ['registry.example.com', 'other.example.com:5000'],
  adminEmails: ['ana@example.com'],
  contact: '#registry: "ask" there',
  google: { clientId: 'id', domains: ['example.com'] },
  policy: 'acl:\n  - match: { domain: example.com }\n    actions: [pull]\n',
  settings: { TOKEN_LIFETIME: 600, IDENTITY_TOKENS: true, SERVICE_OTHER_EXAMPLE_COM_5000_LIFETIME: 900 },
  secrets: { existingSecret: 'dockpass' },
  ingress: { enabled: true, className: 'nginx', tlsSecret: 'tls', annotations: { a: 'b' } },
  httpRoute: { enabled: true, parentRefs: [{ name: 'public' }] },
  networkPolicy: { enabled: true, from: [{ namespaceSelector: {} }], egress: [{ ports: [{ port: 5432 }] }] },
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  backup: { enabled: true, keep: 3 },
  podLabels: { team: 'platform' },
  podAnnotations: { 'example.com/a': 'b' },
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'a', operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
  ],
  priorityClassName: 'high',
  imagePullSecrets: [{ name: 'pull' }],
  extraVolumes: [{ name: 'ca', secret: { secretName: 'ca' } }],
  extraVolumeMounts: [{ name: 'ca', mountPath: '/ca' }],
};
/** As a key without a value is: `podLabels:`. */
const emptied = {
  ...{ ...least, adminEmails: null, google: { clientId: 'id', domains: null }, settings: null },
  ...{ service: { annotations: null }, ingress: { enabled: true, annotations: null }, proxy },
  serviceMonitor: { enabled: true, labels: null },
  ...{ networkPolicy: { enabled: true, from: null, egress: null }, backup: { enabled: true }, resources: null },
  ...{ podSecurityContext: null, podAnnotations: null, podLabels: null, nodeSelector: null, tolerations: null },
  ...{ affinity: null, topologySpreadConstraints: null, imagePullSecrets: null },
  ...{ extraVolumes: null, extraVolumeMounts: null },
};
const matrix: Readonly<Record<string, object>> = {
  'the least': least,
  everything,
  PostgreSQL: { ...least, ...postgres, proxy },
  'a claim and a policy of their own': { ...least, persistence: { existingClaim: 'mine' }, existingPolicy: 'mine' },
  'a path': { ...least, publicUrl: 'https://tools.example.com/dockpass/', ingress: { enabled: true }, proxy },
  'keys without a value': emptied,
  'a digest': { ...least, image: { digest: `sha256:${'0'.repeat(64)}` } },
};

type Container = {
  readonly name: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly image: string;
  readonly securityContext: object;
  readonly readinessProbe?: { readonly httpGet: { readonly path: string } };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
};
type Pod = {
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly securityContext: object;
  readonly containers: readonly [Container];
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
  readonly affinity?: object;
};

/** The pods of a manifest, wherever its kind has them. */
function podsIn(manifest: Manifest): Pod[] {
  const found = /"automountServiceAccountToken"/.test(JSON.stringify(manifest)) ? [find(manifest)] : [];
  return found.filter((pod) => pod !== null);
}
function find(value: unknown): Pod | null {
  if (typeof value !== 'object' || value === null) return null;
  if ('containers' in value) return value as Pod; // a pod's spec, by its only required field
  for (const inner of Object.values(value)) {
    const pod = find(inner);
    if (pod !== null) return pod;
  }
  return null;
}
const kinds = (manifests: readonly Manifest[]) => manifests.map(({ kind }) => kind).sort();
const podOf = (manifests: readonly Manifest[]): Pod =>
  manifests.filter(({ kind }) => kind === 'Deployment').flatMap(podsIn)[0] ?? assert.fail('no pod');
/** As Kubernetes does: `$(NAME)` is an earlier variable, and a doubled dollar one dollar. */
function expand(text: string, env: NonNullable<Container['env']>): string {
  return text.replace(/\$\$|\$\((\w+)\)/g, (found, name) =>
    found === '$$' ? '$' : (env.find((one) => one.name === name)?.value ?? found),
  );
}
/** What the service reads: the container's environment, and what the image sets. */
function settingsOf({ containers: [{ env = [] }] }: Pod): Record<string, string> {
  const given = env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, expand(value, env)]]));
  return { ...Object.fromEntries(given), DATA_DIR: '/data', LISTEN_ADDRESS: '0.0.0.0' };
}

describe('the chart', { skip: noHelm }, () => {
  for (const [what, values] of Object.entries(matrix)) {
    test(`with ${what}: lints, and renders the same bytes each time`, async () => {
      const linted = await helm(['lint', '--strict', join(charts, 'dockpass')], values);
      assert.equal(linted.code, 0, linted.output);
      const rendered = () => helm(['template', 'release', join(charts, 'dockpass')], values);
      const [first, again] = [await rendered(), await rendered()];
      assert.equal(first.code, 0, first.output);
      assert.equal(again.stdout, first.stdout);
    });

    test(`with ${what}: no pod has more rights than it needs, or variables of Services`, async () => {
      for (const manifest of await render('dockpass', values)) {
        assert.notEqual(manifest.kind, 'Secret');
        // Argo CD and Helm in one step: nothing waits for what comes later, and migrations are the service's own work.
        const { 'helm.sh/hook': hook = 'test' } = manifest.metadata.annotations ?? {};
        assert.deepEqual([hook, manifest.kind === 'Job'], ['test', false], manifest.kind);
        for (const pod of podsIn(manifest)) {
          assert.equal(pod.automountServiceAccountToken, false, manifest.kind);
          assert.equal(pod.enableServiceLinks, false, manifest.kind);
          const { runAsNonRoot } = pod.securityContext as { runAsNonRoot?: boolean };
          assert.equal(runAsNonRoot, true, manifest.kind);
          for (const { command, securityContext } of pod.containers) {
            assert.equal(command, undefined, 'the entry point of the image is dockpass, and it has no shell');
            assert.deepEqual(securityContext, {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            });
          }
        }
      }
    });
  }

  test('with SQLite makes one pod, replaced and not joined, on a claim that outlives the release', async () => {
    const manifests = await render('dockpass', least);
    assert.deepEqual(kinds(manifests), ['ConfigMap', 'Deployment', 'PersistentVolumeClaim', 'Pod', 'Service']);
    const deployment = manifests.find(({ kind }) => kind === 'Deployment')?.spec;
    assert.deepEqual([deployment?.['replicas'], deployment?.['strategy']], [1, { type: 'Recreate' }]);
    const claim = manifests.find(({ kind }) => kind === 'PersistentVolumeClaim');
    assert.equal(claim?.metadata.annotations?.['helm.sh/resource-policy'], 'keep');
  });

  test('with PostgreSQL makes replicas that roll, guarded by a disruption budget, and no claim', async () => {
    const manifests = await render('dockpass', { ...least, ...postgres });
    assert.ok(kinds(manifests).includes('PodDisruptionBudget'));
    assert.ok(!kinds(manifests).includes('PersistentVolumeClaim'));
    const one = await render('dockpass', { ...least, ...postgres, replicaCount: 1 });
    assert.ok(!kinds(one).includes('PodDisruptionBudget'));
  });

  test('sets what the service accepts, and nothing secret', async () => {
    const pod = podOf(await render('dockpass', everything));
    const settings = settingsOf(pod);
    const config = readConfig({ ...settings, GOOGLE_CLIENT_SECRET: 'x' });
    assert.equal(config.prefix, '/dockpass');
    assert.deepEqual(
      config.services.map(({ lifetime }) => lifetime),
      [600, 900],
    );
    assert.equal(config.contact, '#registry: "ask" there');
    assert.deepEqual(
      Object.keys(settings).filter((name) => /SECRET|PEPPER|KEYS$|DATABASE_URL/.test(name)),
      [],
    );
  });

  test('hands every setting on as it was written, whole numbers in digits', async () => {
    const settings = {
      ...{
        TOKEN_LIFETIME: 600,
        ACTIVITY_RETENTION_DAYS: 10_000_000,
        WRONG_PASSWORDS: 2 ** 53 - 1,
        IDENTITY_TOKENS: true,
      },
      ...{ KEY_ROTATION_DAYS: '0.9', BRAND_NAME: ' "$(SERVICES)" $$ \\\t<a>\n', OIDC_KC_CLIENT_ID: '0123' },
    };
    const given = settingsOf(podOf(await render('dockpass', { ...least, contact: '$(PUBLIC_URL)', settings })));
    for (const [name, value] of Object.entries(settings)) assert.equal(given[name], String(value), name);
    assert.equal(given['CONTACT'], '$(PUBLIC_URL)');
  });

  test('writes large counts in digits', async () => {
    const values = { ...least, ...postgres, replicaCount: 2_000_000 };
    const { stdout } = await helm(['template', 'r', join(charts, 'dockpass')], values);
    assert.match(stdout, /replicas: 2000000$/m);
    const backup = await render('dockpass', { ...least, backup: { enabled: true, keep: 1_000_000 } });
    assert.ok(JSON.stringify(backup).includes('["backup","/backup","--keep","1000000"]'));
  });

  test('writes the policy into its ConfigMap byte for byte', async () => {
    for (const policy of [
      '  # hi\nacl: []\n',
      '\tacl: []',
      'acl: []  \r\n# é 🐋 "quoted" \\ $$ {{ .Values }}\r\n',
      'acl:\n---\n  []\n\n\n',
      '\n\n',
      ' ',
    ]) {
      const manifests = await render('dockpass', { ...least, policy, ...postgres });
      const map = manifests.find(({ kind }) => kind === 'ConfigMap');
      assert.equal(map?.data?.['policy.yml'], policy);
    }
  });

  test('keeps annotations of several lines as they are', async () => {
    for (const text of ['  a\nb\n', 'a\n\n\n', '\n a', 'a \r\n\tb', '---\na']) {
      const annotations = { a: text, b: text };
      const values = { ...everything, podAnnotations: annotations, service: { annotations } };
      const manifests = await render('dockpass', {
        ...values,
        ingress: { enabled: true, annotations },
        httpRoute: { enabled: true, annotations, parentRefs: [{ name: 'a' }] },
      });
      for (const kind of ['Service', 'Ingress', 'HTTPRoute']) {
        const found = manifests.find((manifest) => manifest.kind === kind);
        assert.deepEqual(found?.metadata.annotations, annotations, kind);
      }
      assert.ok(JSON.stringify(manifests).includes(`"annotations":${JSON.stringify(annotations)}},"spec":{"auto`));
    }
  });

  test('routes the host of the public URL in lower case, and names the issuer as Dockpass does', async () => {
    const values = {
      ...{ ...least, proxy, publicUrl: 'https://Auth.Example.com:443/Path/' },
      ...{ ingress: { enabled: true }, httpRoute: { enabled: true, parentRefs: [{ name: 'a' }] } },
    };
    const manifests = await render('dockpass', values);
    const spec = (of: string) => JSON.stringify(manifests.find(({ kind }) => kind === of)?.spec);
    assert.match(spec('Ingress'), /"host":"auth\.example\.com".*"path":"\/Path"/);
    assert.match(spec('HTTPRoute'), /"hostnames":\["auth\.example\.com"\]/);
    const { issuer } = readConfig(settingsOf(podOf(manifests))).services[0] ?? {};
    const { output } = await helm(['install', 'r', join(charts, 'dockpass'), '--dry-run=client'], values);
    assert.match(output, new RegExp(`issuer: ${issuer}$`, 'm'));
  });

  test('tests a pod that speaks TLS by its public name, which its certificate has', async () => {
    const argsOf = async (values: object) => {
      const found = (await render('dockpass', values)).find(({ metadata }) => metadata.name.endsWith('-test'));
      return found === undefined ? [] : podsIn(found).flatMap(({ containers: [{ args }] }) => args);
    };
    assert.ok((await argsOf(least)).includes('http://release-dockpass:80'));
    const settings = { TLS_CERTIFICATE_FILE: '/tls/tls.crt', TLS_KEY_FILE: '/tls/tls.key' };
    assert.ok((await argsOf({ ...least, settings })).includes(least.publicUrl));
  });

  test('tests on the nodes that the values allow, within the same resources', async () => {
    const manifests = await render('dockpass', everything);
    const found = manifests.find(({ metadata }) => metadata.name.endsWith('-test'))?.spec ?? {};
    const { nodeSelector, tolerations } = everything;
    assert.deepEqual([found['nodeSelector'], found['tolerations']], [nodeSelector, tolerations]);
    assert.match(JSON.stringify(found), /"limits":\{"memory"/);
  });

  test('has each label once, and yours before the ones that name the version', async () => {
    const own = { 'app.kubernetes.io/version': 'x', team: 'a' };
    const values = { ...least, podLabels: own, serviceMonitor: { enabled: true, labels: own } };
    const manifests = await render('dockpass', values); // the parser refuses a key that comes twice
    const text = JSON.stringify(manifests);
    assert.equal(text.match(/"app\.kubernetes\.io\/version":"x","helm.sh\/chart":"[^"]+","team":"a"/g)?.length, 2);
  });

  test('takes names that YAML would read as something else', async () => {
    const values = {
      ...{ ...least, existingPolicy: '123', secrets: { existingSecret: '1e3' }, priorityClassName: 'null' },
      ...{ persistence: { existingClaim: 'true' }, backup: { enabled: true, existingClaim: '0x1' } },
      ...{ proxy, ingress: { enabled: true, className: 'on', tlsSecret: '1' } },
    };
    const text = JSON.stringify(await render('dockpass', values));
    for (const part of ['"name":"123"', '"name":"1e3"', '"priorityClassName":"null"', '"claimName":"true"']) {
      assert.ok(text.includes(part), part);
    }
    for (const part of ['"claimName":"0x1"', '"ingressClassName":"on"', '"secretName":"1"']) {
      assert.ok(text.includes(part), part);
    }
  });

  test('probes and routes carry the path of the public URL', async () => {
    const manifests = await render('dockpass', everything);
    assert.equal(podOf(manifests).containers[0].readinessProbe?.httpGet.path, '/dockpass/readyz');
    const text = JSON.stringify(manifests);
    assert.ok(text.includes('"path":"/dockpass","pathType":"Prefix"'));
    assert.ok(text.includes('"type":"PathPrefix","value":"/dockpass"'));
  });

  test('mounts the policy as a folder, so that a change arrives without a restart', async () => {
    const [{ volumeMounts }] = podOf(await render('dockpass', everything)).containers;
    const mount = volumeMounts.find(({ name }) => name === 'policy');
    assert.deepEqual([mount?.mountPath, mount?.subPath], ['/etc/dockpass', undefined]);
    const before = podOf(await render('dockpass', everything));
    assert.deepEqual(podOf(await render('dockpass', { ...everything, policy: 'acl: []' })), before);
  });

  test('backs SQLite up on the same node into a claim of its own', async () => {
    const backup = (await render('dockpass', everything)).find(({ kind }) => kind === 'CronJob');
    const [pod] = backup === undefined ? [] : podsIn(backup);
    assert.deepEqual(pod?.containers[0].args, ['backup', '/backup', '--keep', '3']);
    assert.match(JSON.stringify(pod?.affinity), /podAffinity.*kubernetes\.io\/hostname/);
  });

  test('backs up under a name that Kubernetes takes, and when any schedule of Kubernetes says', async () => {
    for (const schedule of ['@daily', '@every 6h', '*/30 1-5 * * MON,WED', '17 3 * * *']) {
      const values = {
        ...least,
        fullnameOverride: `${'a'.repeat(44)}-${'b'.repeat(7)}`,
        backup: { enabled: true, schedule },
      };
      const backup = (await render('dockpass', values)).find(({ kind }) => kind === 'CronJob');
      assert.ok((backup?.metadata.name.length ?? 99) <= 52, 'a CronJob adds 11 characters to the names of its jobs');
      assert.equal(backup?.spec?.['schedule'], schedule);
    }
  });

  test('leaves user and group to OpenShift where the values take them out', async () => {
    const podSecurityContext = { runAsUser: null, runAsGroup: null, fsGroup: null };
    const { securityContext } = podOf(await render('dockpass', { ...least, podSecurityContext }));
    assert.deepEqual(
      Object.entries(securityContext).filter(([name, value]) => value !== null && /run|fsGroup$/.test(name)),
      [['runAsNonRoot', true]],
    );
  });

  /** Values, and what Helm's refusal names. */
  const refused: Record<string, readonly [values: object, says: RegExp]> = {
    'no public URL': [{ services: ['x'] }, /publicUrl/],
    'no service': [{ publicUrl: 'https://x' }, /services/],
    'a schedule that is none': [{ ...least, backup: { schedule: 'daily' } }, /schedule/],
    'two pods on SQLite': [{ ...least, replicaCount: 2 }, /replicaCount/],
    'PostgreSQL without shared secrets': [{ ...least, database: { existingSecret: 'x' } }, /secrets/],
    'an ingress whose addresses are unknown': [{ ...least, ingress: { enabled: true } }, /proxy/],
    'a gateway whose addresses are unknown': [
      { ...least, httpRoute: { enabled: true, parentRefs: [{ name: 'a' }] } },
      /proxy/,
    ],
    'everyone as a proxy': [{ ...least, proxy: { trusted: ['0.0.0.0/0'] } }, /trusted/],
    'a setting that has a value of its own': [{ ...least, settings: { PUBLIC_URL: 'x' } }, /PUBLIC_URL|settings/],
    'a secret as a value': [{ ...least, settings: { PASSWORD_PEPPER: 'x' } }, /PASSWORD_PEPPER|settings/],
    'the secret of a provider as a value': [
      { ...least, settings: { OIDC_KC_CLIENT_SECRET: 'x' } },
      /OIDC_KC_CLIENT_SECRET/,
    ],
    'a misspelled setting': [{ ...least, settings: { TOKEN_LIFETIM: 600 } }, /TOKEN_LIFETIM|settings/],
    'a misspelled value': [{ ...least, replicas: 2 }, /replicas/],
    'a setting with a fraction, which Dockpass refuses': [
      { ...least, settings: { KEY_ROTATION_DAYS: 0.9 } },
      /KEY_ROTATION/,
    ],
    'a whole number that Helm rounds': [{ ...least, settings: { OIDC_KC_CLIENT_ID: 2 ** 53 } }, /OIDC_KC_CLIENT_ID/],
    'a port that is none': [{ ...least, service: { port: 65_536 } }, /port/],
    'a volume whose size is none': [{ ...least, persistence: { size: '1.2.3Gi' } }, /size/],
    'a name that Kubernetes refuses': [{ ...least, fullnameOverride: 'Auth' }, /fullnameOverride/],
    'a part of a name that Kubernetes refuses': [{ ...least, nameOverride: 'Auth' }, /nameOverride/],
    'a name that is no label': [{ ...least, nameOverride: '-a b', fullnameOverride: 'auth' }, /nameOverride/],
    "a label in the selector's place": [{ ...least, podLabels: { 'app.kubernetes.io/name': 'x' } }, /nameOverride/],
    'a backup of PostgreSQL': [{ ...least, ...postgres, backup: { enabled: true } }, /backup.*its own tools/],
    'a backup of a database that only a file names': [
      { ...least, settings: { DATABASE_URL_FILE: '/x' }, backup: { enabled: true } },
      /backup.*its own tools/,
    ],
    'an international host': [{ ...least, publicUrl: 'https://bücher.example' }, /publicUrl.*xn--/],
    'two policies': [{ ...least, policy: 'acl: []', existingPolicy: 'x' }, /existingPolicy/],
  };
  for (const host of ['10.0.0.1', '[::1]:8443', 'a_b.example.com', 'auth.example.com.', '-a.example.com', 'a.0x7f.1']) {
    for (const route of [
      { ingress: { enabled: true } },
      { httpRoute: { enabled: true, parentRefs: [{ name: 'a' }] } },
    ]) {
      refused[`${Object.keys(route)[0]} for ${host}`] = [
        { ...least, proxy, ...route, publicUrl: `https://${host}` },
        /publicUrl.*DNS name.*ingress\.enabled/,
      ];
    }
  }
  for (const [what, [values, says]] of Object.entries(refused)) {
    test(`refuses ${what}`, async () => {
      const { code, output } = await helm(['template', 'r', join(charts, 'dockpass')], values);
      assert.notEqual(code, 0);
      assert.match(output, says);
    });
  }

  test('says what is missing, and what comes next', async () => {
    const { output } = await helm(['install', 'r', join(charts, 'dockpass'), '--dry-run=client'], least);
    for (const says of [
      /MISSING: who speaks TLS/,
      /MISSING: a policy/,
      /MISSING: a way to sign in/,
      /MISSING: an administrator/,
      /helm test r/,
    ]) {
      assert.match(output, says);
    }
    const whole = await helm(['install', 'r', join(charts, 'dockpass'), '--dry-run=client'], everything);
    assert.doesNotMatch(whole.output, /MISSING/);
    assert.match(whole.output, /realm: https:\/\/tools\.example\.com\/dockpass\/auth/);
    const several = await helm(['install', 'r', join(charts, 'dockpass'), '--dry-run=client'], {
      ...least,
      ...postgres,
    });
    assert.match(several.output, /kubectl create secret generic dockpass .*[\s\S]*PASSWORD_PEPPER="\$\(openssl rand/);
  });

  test('names the values that have no effect', async () => {
    const notes = async (values: object) =>
      (await helm(['install', 'r', join(charts, 'dockpass'), '--dry-run=client'], { ...least, ...values })).output;
    assert.doesNotMatch(await notes({}), /WITHOUT EFFECT/);
    assert.doesNotMatch(await notes(everything), /WITHOUT EFFECT/);
    const off = await notes({
      ...{ ingress: { tlsSecret: 'x' }, httpRoute: { parentRefs: [{ name: 'a' }] }, networkPolicy: { from: [{}] } },
      ...{ serviceMonitor: { labels: { a: 'b' } }, backup: { existingClaim: 'x' } },
      ...{
        persistence: { existingClaim: 'x', storageClass: 'y' },
        image: { tag: 'x', digest: `sha256:${'0'.repeat(64)}` },
      },
    });
    for (const name of ['ingress.tlsSecret', 'httpRoute.parentRefs', 'networkPolicy.from', 'serviceMonitor.labels']) {
      assert.ok(off.includes(`- ${name}: ${name.split('.')[0]}.enabled is false`), name);
    }
    for (const name of ['backup.existingClaim', 'persistence.storageClass', 'image.tag']) {
      assert.ok(off.includes(`- ${name}: `), name);
    }
    const server = await notes({ ...postgres, persistence: { existingClaim: 'x' }, networkPolicy: { enabled: true } });
    assert.match(server, /persistence\.existingClaim: with PostgreSQL/);
    assert.match(server, /MISSING: the way to PostgreSQL/);
  });

  test('is packaged with the version of the product', async () => {
    const { stdout } = await runProgram('helm', ['show', 'chart', join(charts, 'dockpass')]);
    const { version } = JSON.parse((await runProgram('cat', ['package.json'])).stdout) as { version: string };
    for (const field of ['version', 'appVersion']) assert.match(stdout, new RegExp(`^${field}: ${version}$`, 'm'));
  });
});

describe('the example of a registry', { skip: noHelm }, () => {
  test('fits the Dockpass beside it, and fetches the certificates at each start', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'dockpass-example-'));
    t.after(() => rmSync(folder, { recursive: true }));
    for (const name of ['dockpass', 'examples']) cpSync(join(charts, name), join(folder, name), { recursive: true });
    const example = join(folder, 'examples', 'registry');
    const built = await runProgram('helm', ['dependency', 'build', '--skip-refresh', example]);
    assert.equal(built.code, 0, built.output);
    const { code, stdout, output } = await runProgram('helm', ['template', 'r', example]);
    assert.equal(code, 0, output);
    for (const line of [
      /REGISTRY_AUTH_TOKEN_REALM, value: "https:\/\/auth\.example\.com\/auth"/,
      /REGISTRY_AUTH_TOKEN_ISSUER, value: "auth\.example\.com"/,
    ]) {
      assert.match(stdout, line);
    }
    const elsewhere = ['--set', 'dockpass.publicUrl=https://Auth.example.com:443/a/'];
    const other = await runProgram('helm', ['template', 'r', example, ...elsewhere]);
    assert.match(other.stdout, /:80\/a\/\.well-known[\s\S]*ISSUER, value: "auth\.example\.com"/);
    const registry = parseAllDocuments(stdout)
      .map((document) => document.toJS() as Manifest)
      .find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'registry');
    const pod = find(registry) as RegistryPod | null;
    assert.equal(pod?.automountServiceAccountToken, false);
    await tryCertificates(t, pod, folder);
  });
});

type RegistryPod = Pod & {
  readonly initContainers: readonly [{ readonly args: readonly [string] }];
  readonly containers: readonly [
    {
      readonly args: readonly [string];
      readonly livenessProbe: { readonly exec: { readonly command: readonly string[] } };
    },
  ];
};

/** Runs what the pod runs, with BusyBox, as its image has, and with Dockpass away, there, and with other certificates. */
async function tryCertificates(t: TestContext, pod: RegistryPod, folder: string): Promise<void> {
  const busybox = findProgram('busybox');
  if (busybox === null) return t.diagnostic('missing: busybox');
  let bundle: string | null = null;
  const server = createServer((_request, response) => void response.writeHead(bundle === null ? 503 : 200).end(bundle));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}/.well-known/registry-bundle.pem`;
  mkdirSync(join(folder, 'certs'));
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  for (const name of ['cmp', 'mv', 'sh', 'sleep', 'timeout', 'wget']) symlinkSync(busybox, join(programs, name));
  const run = (text: string) => {
    const here = text
      .replaceAll('http://dockpass:80/.well-known/registry-bundle.pem', place)
      .replaceAll('/certs/', `${folder}/certs/`)
      .replaceAll('/tmp/bundle', `${folder}/bundle`)
      .replace('exec registry serve', 'echo serve');
    return runProgram(busybox, ['timeout', '60', 'sh', '-c', here], { env: { PATH: programs } });
  };
  const read = () => readFileSync(join(folder, 'certs/registry-bundle.pem'), 'utf8');
  const [
    {
      args: [fetchFirst],
    },
  ] = pod.initContainers;
  const [
    {
      args: [start],
      livenessProbe,
    },
  ] = pod.containers;
  const isAlive = async () => (await run(livenessProbe.exec.command.at(-1) ?? '')).code === 0;

  bundle = 'one';
  assert.equal((await run(fetchFirst)).code, 0);
  assert.equal(read(), 'one');
  assert.ok(await isAlive());
  bundle = 'two';
  assert.ok(!(await isAlive()), 'it is restarted for other certificates');
  assert.match((await run(start)).stdout, /^serve/);
  assert.equal(read(), 'two');
  bundle = null;
  assert.ok(await isAlive(), 'it is not restarted because Dockpass is away');
  assert.match((await run(start)).stdout, /^serve/);
  assert.equal(read(), 'two');
}
