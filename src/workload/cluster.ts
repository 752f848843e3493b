/** Owns asking a Kubernetes API server for its issuer and keys: with a kubeconfig, or from within a pod. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { errorCode, errorMessage, Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import type { FetchText } from './fetch-text.ts';
import { KeySetError, readKeySet } from './key-set.ts';

/** How to reach an API server, and how to log in there. */
export type Cluster = {
  readonly server: string;
  /** PEM; `null`: what the system trusts. */
  readonly ca: string | null;
  readonly token: string | null;
  /** PEM. */
  readonly client: { readonly cert: string; readonly key: string } | null;
};

/** `keys` is the text of the JSON Web Key Set. */
export type ClusterIssuer = { readonly issuer: string; readonly keys: string };

/** Where a pod finds its own API server. */
const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export async function readPod(environment: Readonly<Record<string, string | undefined>>): Promise<Cluster> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  if (host === undefined) throw new Refusal('bad_request', 'This is not a pod: KUBERNETES_SERVICE_HOST is not set.');
  const [ca, token] = await Promise.all([readText(`${podFolder}/ca.crt`), readText(`${podFolder}/token`)]);
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca,
    token: token.trim(),
    client: null,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * @param context of the kubeconfig; `null`: its current one
 * @throws {Refusal} where it can't be used, with another way where it needs a program to log in
 */
export async function readKubeconfig(file: string, context: string | null): Promise<Cluster> {
  const root = fieldsIn(parseYaml(await readText(file), file));
  const name = context ?? text(root['current-context']);
  if (name === null) {
    throw new Refusal('bad_request', `${file} has no current-context. Name one with --context.`);
  }
  const chosen = find(root['contexts'], name, 'context');
  const cluster = find(root['clusters'], text(chosen['cluster']) ?? '', 'cluster');
  const user = find(root['users'], text(chosen['user']) ?? '', 'user');
  const server = text(cluster['server']);
  if (server === null) throw new Refusal('bad_request', `The context "${name}" of ${file} has no server.`);
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw new Refusal(
      'bad_request',
      `${file} skips the check of the server's certificate: keys from there could be anyone's. Set certificate-authority instead of insecure-skip-tls-verify.`,
    );
  }
  if (user['exec'] !== undefined || user['auth-provider'] !== undefined) {
    const how = 'kubectl get --raw /openid/v1/jwks > keys.json, then --issuer URL --jwks keys.json';
    throw new Refusal('bad_request', `The user of "${name}" logs in with a program. Use ${how}.`);
  }
  const from = (fields: Fields, key: string) => dataOf(fields, key, dirname(file));
  const [ca, cert, key, tokenFile] = await Promise.all([
    from(cluster, 'certificate-authority'),
    from(user, 'client-certificate'),
    from(user, 'client-key'),
    user['tokenFile'] === undefined ? null : readText(resolve(dirname(file), String(user['tokenFile']))),
  ]);
  const token = text(user['token']) ?? tokenFile?.trim() ?? null;
  return { server, ca, token, client: cert !== null && key !== null ? { cert, key } : null };
}

/** @throws {Refusal} */
function parseYaml(content: string, file: string): unknown {
  try {
    return parse(content);
  } catch (cause) {
    const [line = ''] = errorMessage(cause).split('\n');
    throw new Refusal('bad_request', `${file} is not a kubeconfig: ${line}`, { cause });
  }
}

/** `NAME-data` in base64, or a file that `NAME` names, relative to the kubeconfig. */
async function dataOf(fields: Fields, key: string, folder: string): Promise<string | null> {
  const data = text(fields[`${key}-data`]);
  if (data !== null) return Buffer.from(data, 'base64').toString();
  const file = text(fields[key]);
  return file === null ? null : readText(resolve(folder, file));
}

function find(list: unknown, name: string, what: 'context' | 'cluster' | 'user'): Fields {
  const entry = (Array.isArray(list) ? list : []).map(fieldsIn).find((one) => one['name'] === name);
  if (entry === undefined) throw new Refusal('bad_request', `The kubeconfig has no ${what} "${name}".`);
  return fieldsIn(entry[what]);
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/**
 * The keys are at a fixed path of the API server; what its metadata calls `jwks_uri` is often an address that can't be
 * reached from here. The server of a kubeconfig can have a path of its own, as those of Rancher have.
 * @throws {Refusal}
 */
export async function askCluster({ server, ca, token, client }: Cluster, fetchText: FetchText): Promise<ClusterIssuer> {
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  const ask = (path: string) =>
    fetchText(new URL(server.replace(/\/$/, '') + path), { ca, headers, ...(client && { client }) });
  try {
    const { issuer } = fieldsIn(JSON.parse(await ask('/.well-known/openid-configuration')));
    if (typeof issuer !== 'string') throw new KeySetError('its metadata names no issuer');
    const keys = await ask('/openid/v1/jwks');
    readKeySet(keys);
    return { issuer, keys };
  } catch (cause) {
    const message = errorMessage(cause);
    const help = /answers 40[13]/.test(message)
      ? ' The ClusterRole system:service-account-issuer-discovery allows it, for every service account by default.'
      : '';
    throw new Refusal('bad_gateway', `The cluster did not tell its issuer and keys: ${message}.${help}`, { cause });
  }
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Refusal('not_found', `${file} cannot be read (${errorCode(cause)}).`);
  });
}
