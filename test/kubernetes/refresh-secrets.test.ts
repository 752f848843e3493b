/** Pull secrets that are renewed: what is written when, and that nothing that is someone else's is ever touched. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { Call, Send } from '../../src/kubernetes/api.ts';
import { type Password, type RefreshParts, refreshSecrets, secretName } from '../../src/kubernetes/refresh-secrets.ts';

type Metadata = {
  name: string;
  uid?: string;
  resourceVersion?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
};
type Secret = { metadata: Metadata; data: Record<string, string> };

const minute = 60_000;
const wanted = { [secretName]: 'true' };
const theirs: Secret = { metadata: { name: secretName, resourceVersion: '7' }, data: { mine: 'bWluZQ==' } };

/** An API server with what these calls need of one: optimistic writes, and namespaces that refuse. */
function createCluster(namespaces: Record<string, Record<string, string>>) {
  const secrets = new Map<string, Secret>();
  const writes: string[] = [];
  let version = 10;
  const forbidden = new Set<string>();
  const answer = (status: number, body: object = { message: `status ${status}` }) => ({ status, body: { ...body } });
  const write = (namespace: string, { method, body = '' }: Call) => {
    const secret = JSON.parse(body) as Secret;
    const current = secrets.get(namespace);
    if (method === 'PUT' && secret.metadata.resourceVersion !== current?.metadata.resourceVersion) return answer(409);
    secret.metadata.resourceVersion = String(++version);
    secrets.set(namespace, secret);
    writes.push(`${method} ${namespace}`);
    return answer(method === 'POST' ? 201 : 200, secret);
  };
  const send: Send = async (call) => {
    const [, namespace = ''] = /\/namespaces\/([^/]+)\/secrets/.exec(call.url.pathname) ?? [];
    if (namespace === '') {
      const items = Object.entries(namespaces).map(([name, labels]) => ({ metadata: { name, labels } }));
      return answer(200, { items });
    }
    if (forbidden.has(namespace)) return answer(403, { message: 'secrets is forbidden' });
    if (call.method === 'GET') {
      const secret = secrets.get(namespace);
      return secret === undefined ? answer(404) : answer(200, secret);
    }
    if (call.method !== 'DELETE') return write(namespace, call);
    secrets.delete(namespace);
    writes.push(`DELETE ${namespace}`);
    return answer(200);
  };
  return { send, secrets, writes, forbidden, namespaces };
}

function createRun(cluster: ReturnType<typeof createCluster>) {
  const state = { now: 0, exchanges: 0, away: false };
  const exchange = async (): Promise<Password> => {
    if (state.away) throw new Error('Dockpass gives no password: it answers 503');
    return { username: 'oidc', password: `dkc_${++state.exchanges}`, expiresIn: 3600 };
  };
  const parts: RefreshParts = {
    cluster: { server: 'https://10.0.0.1', ca: null, token: 't', client: null },
    registry: 'registry.example.com',
    send: cluster.send,
    exchange,
    now: () => state.now,
  };
  return { state, run: (changes: Partial<RefreshParts> = {}) => refreshSecrets({ ...parts, ...changes }) };
}

const loginIn = (secret: Secret | undefined): string => {
  const config = Buffer.from(secret?.data['.dockerconfigjson'] ?? '', 'base64').toString();
  const { auths } = JSON.parse(config) as { auths: Record<string, { auth: string }> };
  return Buffer.from(auths['registry.example.com']?.auth ?? '', 'base64').toString();
};

test('each namespace with the label gets a secret, from one exchange; the others get none', async () => {
  const cluster = createCluster({ shop: wanted, web: wanted, other: {}, off: { [secretName]: 'false' } });
  const { state, run } = createRun(cluster);
  const done = await run();
  assert.deepEqual(
    done.map(({ namespace, outcome }) => `${namespace} ${outcome}`),
    ['shop created', 'web created'],
  );
  assert.equal(loginIn(cluster.secrets.get('shop')), 'oidc:dkc_1');
  assert.equal(cluster.secrets.get('shop')?.metadata.labels?.['app.kubernetes.io/managed-by'], 'dockpass');
  assert.equal(state.exchanges, 1);
});

test('a secret is renewed once half of its life is over, and not before', async () => {
  const cluster = createCluster({ shop: wanted });
  const { state, run } = createRun(cluster);
  await run();
  state.now = 29 * minute;
  assert.deepEqual(await run(), []);
  state.now = 31 * minute;
  assert.deepEqual(await run(), [{ namespace: 'shop', outcome: 'renewed' }]);
  assert.equal(loginIn(cluster.secrets.get('shop')), 'oidc:dkc_2');
  assert.deepEqual(cluster.writes, ['POST shop', 'PUT shop']);
});

test('a new namespace gets its secret at the next run, and one of another registry is renewed', async () => {
  const cluster = createCluster({ shop: wanted });
  const { run } = createRun(cluster);
  await run();
  cluster.namespaces['web'] = wanted;
  assert.deepEqual(await run(), [{ namespace: 'web', outcome: 'created' }]);
  const moved = await run({ registry: 'new.example.com' });
  assert.deepEqual(
    moved.map(({ outcome }) => outcome),
    ['renewed', 'renewed'],
  );
});

test('a secret that Dockpass did not make is never changed or deleted', async () => {
  const cluster = createCluster({ shop: wanted, other: {} });
  cluster.secrets.set('shop', structuredClone(theirs)).set('other', structuredClone(theirs));
  const { state, run } = createRun(cluster);
  const [only, ...rest] = await run();
  assert.deepEqual(rest, []);
  assert.match(only?.problem ?? '', /that Dockpass didn't make/);
  assert.deepEqual([...cluster.secrets.values()], [theirs, theirs]);
  assert.equal(state.exchanges, 0);
});

test('what someone wrote between reading and writing stays', async () => {
  const cluster = createCluster({ shop: wanted });
  const { state, run } = createRun(cluster);
  await run();
  state.now = 40 * minute;
  const send: Send = async (call) => {
    const answer = await cluster.send(call);
    if (call.method === 'GET' && call.url.pathname.includes('/secrets/')) {
      cluster.secrets.set('shop', structuredClone(theirs));
    }
    return answer;
  };
  assert.deepEqual(
    (await run({ send })).map(({ outcome }) => outcome),
    ['failed'],
  );
  assert.deepEqual(cluster.secrets.get('shop'), theirs);
});

test('without a new password the old secret stays', async () => {
  const cluster = createCluster({ shop: wanted });
  const { state, run } = createRun(cluster);
  await run();
  Object.assign(state, { now: 50 * minute, away: true });
  const [failed] = await run();
  assert.match(failed?.problem ?? '', /it answers 503/);
  assert.equal(loginIn(cluster.secrets.get('shop')), 'oidc:dkc_1');
});

test('a secret goes when its label does', async () => {
  const cluster = createCluster({ shop: wanted });
  const { run } = createRun(cluster);
  await run();
  cluster.namespaces['shop'] = {};
  assert.deepEqual(await run(), [{ namespace: 'shop', outcome: 'deleted' }]);
  assert.equal(cluster.secrets.size, 0);
});

test("one namespace's error does not stop the others, and no problem holds a password", async () => {
  const cluster = createCluster({ a: wanted, b: wanted, c: wanted });
  cluster.forbidden.add('b');
  const { run } = createRun(cluster);
  const done = await run();
  assert.deepEqual(
    done.map(({ outcome }) => outcome),
    ['created', 'failed', 'created'],
  );
  assert.match(done[1]?.problem ?? '', /403 secrets is forbidden/);
  assert.doesNotMatch(JSON.stringify(done), /dkc_/);
});

test('the CronJob runs every five minutes, never twice at once, and exchanges its own token', () => {
  const text = readFileSync('deploy/kubernetes/refresh-secrets.yaml', 'utf8');
  const { spec } = parseAllDocuments(text)
    .map((document) => document.toJS())
    .find(({ kind }) => kind === 'CronJob');
  assert.deepEqual([spec.schedule, spec.concurrencyPolicy], ['*/5 * * * *', 'Forbid']);
  const pod = spec.jobTemplate.spec.template.spec;
  const [{ args, command }] = pod.containers;
  assert.equal(command, undefined);
  const read = Object.fromEntries(args.slice(2).map((word: string) => word.slice(2).split('=')));
  const [{ serviceAccountToken }] = pod.volumes[0].projected.sources;
  assert.equal(serviceAccountToken.audience, read['url'], 'what the workloads file expects by default');
  assert.equal(read['token-file'], '/var/run/secrets/dockpass/token');
});
