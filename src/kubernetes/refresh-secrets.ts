/** Owns pull secrets that are renewed: in each namespace that asks for one by a label, and nowhere else. */
import { errorMessage, Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import type { Cluster } from '../workload/cluster.ts';
import { type Answer, callCluster, reasonOf, type Send } from './api.ts';

/** What a namespace asks by, and what the secret is called. */
export const secretName = 'dockpass-pull-secret';
const managed = { 'app.kubernetes.io/managed-by': 'dockpass' } as const;
/** When its password was made and when it ends, so that the next run knows. */
const madeAt = 'dockpass/made-at';
const endsAt = 'dockpass/ends-at';

export type Password = { readonly username: string; readonly password: string; readonly expiresIn: number };

export type RefreshParts = {
  readonly cluster: Cluster;
  readonly send: Send;
  readonly registry: string;
  /** A new password at Dockpass; asked for at most once. */
  readonly exchange: () => Promise<Password>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export type Refreshed = {
  readonly namespace: string;
  readonly outcome: 'created' | 'renewed' | 'deleted' | 'kept' | 'failed';
  /** Why it failed. */
  readonly problem?: string;
};

/**
 * Writes what is missing or past half of its life, and deletes its own where the label is gone. A namespace that fails
 * doesn't stop the others, and without a new password nothing is touched.
 * @throws {Refusal} `bad_gateway` where the namespaces can't be listed
 */
export async function refreshSecrets(parts: RefreshParts): Promise<readonly Refreshed[]> {
  const namespaces = await listNamespaces(parts);
  let password: Promise<Password> | null = null;
  const once = () => (password ??= parts.exchange());
  const done: Refreshed[] = [];
  for (const { name, wanted } of namespaces) {
    done.push(
      await (wanted ? keep(parts, name, once) : remove(parts, name)).catch((error: unknown) => failed(name, error)),
    );
  }
  return done.filter(({ outcome }) => outcome !== 'kept');
}

function failed(namespace: string, error: unknown): Refreshed {
  return { namespace, outcome: 'failed', problem: errorMessage(error) };
}

async function listNamespaces(parts: RefreshParts): Promise<{ name: string; wanted: boolean }[]> {
  const answer = await callCluster(parts, 'GET', '/api/v1/namespaces').catch((cause: unknown) => {
    throw new Refusal('bad_gateway', `The namespaces can't be listed: ${errorMessage(cause)}.`, { cause });
  });
  if (answer.status !== 200) throw new Refusal('bad_gateway', `The namespaces can't be listed: ${reasonOf(answer)}.`);
  const items = Array.isArray(answer.body['items']) ? answer.body['items'] : [];
  return items.flatMap((item) => {
    const { name, labels, deletionTimestamp } = fieldsIn(fieldsIn(item)['metadata']);
    if (typeof name !== 'string' || deletionTimestamp !== undefined) return [];
    return [{ name, wanted: fieldsIn(labels)[secretName] === 'true' }];
  });
}

async function keep(parts: RefreshParts, namespace: string, password: () => Promise<Password>): Promise<Refreshed> {
  const found = await callCluster(parts, 'GET', `${pathOf(namespace)}/${secretName}`);
  if (found.status === 404) {
    await expect(callCluster(parts, 'POST', pathOf(namespace), secretOf(parts, await password())), 201);
    return { namespace, outcome: 'created' };
  }
  if (found.status !== 200) throw new Error(reasonOf(found));
  if (!isOurs(found)) throw new Error(`there is a secret ${secretName} that Dockpass didn't make: rename it`);
  if (isFresh(found, parts)) return { namespace, outcome: 'kept' };
  // The version that was read: what someone else wrote meanwhile is theirs.
  const { resourceVersion } = fieldsIn(found.body['metadata']);
  const secret = secretOf(parts, await password(), resourceVersion);
  await expect(callCluster(parts, 'PUT', `${pathOf(namespace)}/${secretName}`, secret), 200);
  return { namespace, outcome: 'renewed' };
}

async function remove(parts: RefreshParts, namespace: string): Promise<Refreshed> {
  const found = await callCluster(parts, 'GET', `${pathOf(namespace)}/${secretName}`);
  if (found.status === 404 || (found.status === 200 && !isOurs(found))) return { namespace, outcome: 'kept' };
  if (found.status !== 200) throw new Error(reasonOf(found));
  const { uid, resourceVersion } = fieldsIn(found.body['metadata']);
  const preconditions = { preconditions: { uid, resourceVersion } };
  await expect(callCluster(parts, 'DELETE', `${pathOf(namespace)}/${secretName}`, preconditions), 200);
  return { namespace, outcome: 'deleted' };
}

const pathOf = (namespace: string): string => `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;

function isOurs({ body }: Answer): boolean {
  const labels = fieldsIn(fieldsIn(body['metadata'])['labels']);
  return Object.entries(managed).every(([name, value]) => labels[name] === value);
}

/** Less than half of its life is over, and it's for this registry. */
function isFresh({ body }: Answer, { registry, now }: RefreshParts): boolean {
  const annotations = fieldsIn(fieldsIn(body['metadata'])['annotations']);
  const [made, ends] = [Date.parse(String(annotations[madeAt])), Date.parse(String(annotations[endsAt]))];
  const config = Buffer.from(String(fieldsIn(body['data'])['.dockerconfigjson']), 'base64').toString();
  return now() < (made + ends) / 2 && config.includes(JSON.stringify(registry));
}

function secretOf({ registry, now }: RefreshParts, password: Password, resourceVersion?: unknown): object {
  const auth = Buffer.from(`${password.username}:${password.password}`).toString('base64');
  const config = JSON.stringify({ auths: { [registry]: { auth } } });
  const [made, ends] = [now(), now() + password.expiresIn * 1000].map((time) => new Date(time).toISOString());
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/dockerconfigjson',
    metadata: { name: secretName, labels: managed, annotations: { [madeAt]: made, [endsAt]: ends }, resourceVersion },
    data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
  };
}

async function expect(answer: Promise<Answer>, status: number): Promise<void> {
  const got = await answer;
  if (got.status !== status) throw new Error(reasonOf(got));
}
