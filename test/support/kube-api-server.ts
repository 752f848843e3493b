/** Owns a Kubernetes API server for tests, with etcd, in a temporary folder: no nodes, so nothing is ever run by it. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './parts.ts';
import { freePorts } from './ports.ts';
import { type Finished, runProgram, startProgram } from './process.ts';

export type KubeApiServer = {
  readonly url: string;
  /** PEM, of the server. */
  readonly ca: string;
  /** `kubectl WORDS...` as an administrator. */
  kubectl(words: readonly string[], input?: string): Promise<Finished>;
  /** A token of a service account. */
  token(namespace: string, name: string, audience?: string): Promise<string>;
};

/** For `skip`. No Debian has it as a package, and it takes half an hour to build: CI doesn't fail without it. */
export const noKubeApiServer =
  ['kube-apiserver', 'etcd', 'kubectl'].find((program) => findProgram(program) === null) !== undefined &&
  'missing: kube-apiserver, etcd or kubectl (build kube-apiserver from the source package "kubernetes" of Debian 12)';

export async function startKubeApiServer(stack: AsyncDisposableStack): Promise<KubeApiServer> {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-kube-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [client = 0, peer = 0, port = 0] = await freePorts(3);
  const etcdUrl = `http://127.0.0.1:${client}`;
  const etcd = await startProgram(
    findProgram('etcd') ?? 'etcd',
    [
      ...['--data-dir', join(folder, 'etcd'), '--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
      ...['--listen-peer-urls', `http://127.0.0.1:${peer}`, '--unsafe-no-fsync'],
    ],
    { ready: /ready to serve client requests/, cwd: folder },
  );
  stack.defer(() => etcd.stop());

  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(folder, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(folder, 'tokens.csv'), 'admin-token,admin,admin,system:masters\n');
  const url = `https://127.0.0.1:${port}`;
  const server = await startProgram(
    findProgram('kube-apiserver') ?? 'kube-apiserver',
    [
      ...['--etcd-servers', etcdUrl, '--secure-port', String(port), '--bind-address', '127.0.0.1'],
      ...['--cert-dir', join(folder, 'certs'), '--service-cluster-ip-range', '10.0.0.0/24'],
      // Its default is an address of the machine, at which this one doesn't listen.
      ...['--service-account-jwks-uri', `${url}/openid/v1/jwks`],
      ...['--service-account-issuer', url, '--service-account-key-file', join(folder, 'sa.pub')],
      ...[
        '--service-account-signing-key-file',
        join(folder, 'sa.key'),
        '--api-audiences',
        'https://kubernetes.default.svc',
      ],
      ...['--authorization-mode', 'RBAC', '--token-auth-file', join(folder, 'tokens.csv')],
      ...['--disable-admission-plugins', 'ServiceAccount'],
    ],
    { ready: /Serving securely/, cwd: folder },
  );
  stack.defer(() => server.stop());
  const ca = readFileSync(join(folder, 'certs', 'apiserver.crt'), 'utf8');
  const login = [
    '--server',
    url,
    '--token',
    'admin-token',
    '--insecure-skip-tls-verify',
    '--cache-dir',
    join(folder, 'cache'),
  ];
  const kubectl = (words: readonly string[], input = '') => runProgram('kubectl', [...login, ...words], { input });
  await untilReady(() => kubectl(['get', '--raw', '/readyz']));
  return {
    url,
    ca,
    kubectl,
    async token(namespace, name, audience) {
      const given = audience === undefined ? [] : ['--audience', audience];
      return (await kubectl(['create', 'token', name, '--namespace', namespace, ...given])).stdout.trim();
    },
  };
}

/** Its post-start hooks make the roles that everything else needs. */
async function untilReady(ask: () => Promise<Finished>): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { code, output } = await ask();
    if (code === 0) return;
    if (tries === 100) throw new Error(`the API server isn't ready: ${output}`);
  }
}
