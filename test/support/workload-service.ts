/** Owns a realm and a token endpoint that let workloads in, on a real store and over HTTP. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { type Core, openCore, openSigningKeys } from '../../src/app/core.ts';
import { openPolicies } from '../../src/app/policy-file.ts';
import { createRealm } from '../../src/app/realm.ts';
import { openRepositoryLists } from '../../src/app/repository-lists.ts';
import { openTerminal } from '../../src/app/terminal.ts';
import { type OpenWorkloads, openWorkloads } from '../../src/app/workloads.ts';
import { workloadsSourceOf } from '../../src/app/workloads-file.ts';
import { readConfig } from '../../src/config/config.ts';
import { pathOf } from '../../src/http/path.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { createServer } from '../../src/http/server.ts';
import { byGrantType, createOAuthEndpoint } from '../../src/oauth/token-endpoint.ts';
import { basic, type Claims } from './token-service.ts';

export const registry = 'registry.example.com';
export const audience = 'http://localhost:5001';

/** Workloads of the group deployers push to acme/, those with another label pull from it; people and nobody do nothing. */
export const policyText = `
users:
  jenkins: {}
acl:
  - match: { kind: ci, group: deployers, name: "acme/**" }
    actions: [pull, push]
  - match: { kind: ci, labels: { owner: "98*" }, name: "acme/**" }
    actions: [pull]
`;

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
  /** What is granted, "repository:acme/web:pull". */
  readonly granted: readonly string[];
  readonly claims: Claims | null;
};

export type WorkloadService = {
  readonly url: string;
  readonly core: Core;
  readonly workloads: OpenWorkloads;
  /** How tokens were judged, in their order: "github accepted". */
  readonly judged: readonly string[];
  /** A token request with Basic. */
  login(password: string, options?: LoginOptions): Promise<Answer>;
  /** A token request with a form: a password or refresh grant. */
  post(fields: Readonly<Record<string, string>>): Promise<Answer>;
  exchange(token: string, fields?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Writes the workloads file, or takes it away, and puts it in force. */
  reload(workloadsText: string | null): Promise<void>;
  stop(): Promise<void>;
};

type LoginOptions = {
  readonly user?: string;
  readonly service?: string;
  readonly scope?: string;
  readonly offline?: boolean;
};

const defaultScope = 'repository:acme/web:pull,push';

export async function startWorkloadService(input: {
  readonly databaseUrl?: string;
  readonly workloadsText: string | null;
  readonly files?: Readonly<Record<string, string>>;
  readonly policyText?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly now?: () => number;
  /** Milliseconds that a login waits for keys. */
  readonly longestWait?: number;
}): Promise<WorkloadService> {
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-workload-'));
  const workloadsFile = join(folder, 'workloads.yml');
  for (const [name, text] of Object.entries(input.files ?? {})) await writeFile(join(folder, name), text);
  await writeFile(join(folder, 'policy.yml'), input.policyText ?? policyText);
  if (input.workloadsText !== null) await writeFile(workloadsFile, input.workloadsText);
  const config = readConfig({
    PUBLIC_URL: audience,
    SERVICES: `${registry},other.example.com`,
    IDENTITY_TOKENS: 'true',
    DATA_DIR: folder,
    POLICY_FILE: join(folder, 'policy.yml'),
    LOG_LEVEL: 'silent',
    ...(input.databaseUrl !== undefined && {
      DATABASE_URL: input.databaseUrl,
      SESSION_SECRET: 's'.repeat(32),
      PASSWORD_PEPPER: 'p'.repeat(32),
      ENCRYPTION_KEYS: 'e'.repeat(32),
    }),
    ...input.environment,
  });
  const core = await openCore(config);
  const judged: string[] = [];
  const policies = await openPolicies(config.policyFile, null, core.log, () => {}, workloadsSourceOf(config));
  const workloads = openWorkloads(config, core, policies.workloads, {
    onJudged: (issuer, outcome) => judged.push(`${issuer} ${outcome}`),
    ...(input.now && { now: input.now }),
    ...(input.longestWait !== undefined && { longestWait: input.longestWait }),
  });
  const keys = await openSigningKeys(config, core, 'service');
  const trust = createTrust([]);
  const requesterOf = createRequesterReader(trust);
  const { listing } = openRepositoryLists(config, core, policies);
  const { token: realm } = createRealm(config, core, {
    requesterOf,
    keys,
    policies,
    workloads,
    terminal: openTerminal(config, core),
    ...{ metrics: null, listing, trust },
  });
  const oauth = createOAuthEndpoint({ handle: byGrantType(workloads.grants), requesterOf, log: core.log });
  const server = createServer(null, (request, response) => {
    void (pathOf(request) === '/oauth/token' ? oauth : realm)(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const send = (path: string, form: Readonly<Record<string, string>>) =>
    fetch(url + path, { method: 'POST', body: new URLSearchParams(form) }).then(answerOf);
  return {
    ...{ url, core, workloads, judged },
    async login(password, { user = 'oidc', service = registry, scope = defaultScope, offline = false } = {}) {
      const query = new URLSearchParams({
        service,
        ...(scope !== '' && { scope }),
        ...(offline && { offline_token: 'true' }),
      });
      return answerOf(await fetch(`${url}/auth?${query}`, { headers: { Authorization: basic(user, password) } }));
    },
    post: (fields) => send('/auth', { service: registry, scope: defaultScope, ...fields }),
    exchange: (token, fields = {}) => send('/oauth/token', { ...exchangeForm(token), ...fields }),
    async reload(text) {
      if (text === null) await rm(workloadsFile);
      else await writeFile(workloadsFile, text);
      await policies.reload();
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      await workloads.close();
      await core.close();
      await rm(folder, { recursive: true });
    },
  };
}

export function exchangeForm(token: string): Record<string, string> {
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const body = (await response.json()) as Answer['body'];
  const claims = typeof body['token'] === 'string' ? decodeJwt<Claims>(body['token']) : null;
  const granted = (claims?.access ?? []).map(({ type, name, actions }) => `${type}:${name}:${actions.join()}`);
  return { status, headers, body, granted, claims };
}
