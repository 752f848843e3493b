/** Owns the realm and the catalog on a real server with a real store, people with passwords, and repositories that were pushed. */

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Core, openCore, openSigningKeys } from '../../src/app/core.ts';
import { openPolicies, type Policies } from '../../src/app/policy-file.ts';
import { createRealm } from '../../src/app/realm.ts';
import { openRepositoryLists } from '../../src/app/repository-lists.ts';
import { openTerminal } from '../../src/app/terminal.ts';
import { openWorkloads } from '../../src/app/workloads.ts';
import { readConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/settings.ts';
import { pathOf } from '../../src/http/path.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { createServer } from '../../src/http/server.ts';
import { unknownActor } from '../../src/store/registry-actors.ts';
import { signedIn } from './rows.ts';
import { basic } from './token-service.ts';

export type CatalogAnswer = {
  readonly status: number;
  readonly headers: Headers;
  /** `null`: it's an error. */
  readonly names: readonly string[] | null;
  readonly body: string;
};

export type CatalogService = {
  readonly url: string;
  readonly core: Core;
  readonly policies: Policies;
  readonly service: string;
  /** Writes another policy, and takes it over. */
  setPolicy(text: string): Promise<void>;
  /** Lets someone sign in: "ana" is ana@example.com. @returns the account's id */
  addPerson(name: string, groups?: readonly string[]): Promise<string>;
  /** @returns id and secret */
  newPassword(
    name: string,
    limits?: { readonly pullOnly?: boolean; readonly repositories?: readonly string[] },
  ): Promise<{ readonly id: string; readonly secret: string }>;
  /** Names of repositories, with a tag unless they begin with "empty/". */
  push(names: readonly string[], service?: string): Promise<void>;
  /** A token, as a client asks for one. */
  token(user: string, secret: string, scope: string, service?: string): Promise<string>;
  catalog(
    authorization: string | null,
    options?: { query?: string; headers?: Record<string, string>; method?: string },
  ): Promise<CatalogAnswer>;
  stop(): Promise<void>;
};

export { basic };

export async function startCatalogService(input: {
  readonly policyText: string;
  readonly databaseUrl?: string;
  readonly environment?: Environment;
}): Promise<CatalogService> {
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-catalog-'));
  await writeFile(join(folder, 'policy.yml'), input.policyText);
  const config = readConfig({
    PUBLIC_URL: 'https://auth.example.com/dockpass',
    SERVICES: 'registry.example.com',
    DATA_DIR: folder,
    POLICY_FILE: join(folder, 'policy.yml'),
    LOG_LEVEL: 'silent',
    TRUSTED_PROXIES: '127.0.0.1',
    WRONG_PASSWORDS: '3',
    ...(input.databaseUrl !== undefined && {
      DATABASE_URL: input.databaseUrl,
      SESSION_SECRET: 's'.repeat(32),
      PASSWORD_PEPPER: 'p'.repeat(32),
      ENCRYPTION_KEYS: 'e'.repeat(32),
    }),
    ...input.environment,
  });
  const core = await openCore(config);
  const policies = await openPolicies(config.policyFile, null, core.log, () => {});
  const keys = await openSigningKeys(config, core, 'service');
  const trust = createTrust(config.trustedProxies);
  const workloads = openWorkloads(config, core, policies.workloads);
  const { listing } = openRepositoryLists(config, core, policies);
  const parts = { keys, policies, workloads, metrics: null, terminal: openTerminal(config, core), listing, trust };
  const { token, catalog } = createRealm(config, core, { ...parts, requesterOf: createRequesterReader(trust) });
  const server = createServer(null, (request, response) => {
    void (pathOf(request) === '/v2/_catalog' ? catalog : token)(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service = 'registry.example.com';
  return {
    ...{ url, core, policies, service },
    async setPolicy(text) {
      await writeFile(join(folder, 'policy.yml'), text);
      await policies.reload();
    },
    async addPerson(name, groups = []) {
      const [id, email] = [`account-${name}`, `${name}@example.com`];
      await core.store.accounts.signIn(
        signedIn({ id, subject: name, login: email, email, groups: [...groups], at: Date.now() }),
      );
      return id;
    },
    async newPassword(name, limits = {}) {
      const { pullOnly = false, repositories = [] } = limits;
      const owner = { id: `account-${name}`, login: `${name}@example.com`, kind: 'person' } as const;
      const made = { name: `p${Math.random()}`, days: 90, pullOnly, repositories };
      const { secret, password } = await core.passwords.issue(owner, made, { actor: owner.login, client: null });
      return { id: password.id, secret };
    },
    async push(names, at = service) {
      const changes = names.map((repository) => ({
        ...({ action: 'push', repository, at: Date.now(), day: 20_000, actor: unknownActor } as const),
        tag: repository.startsWith('empty/') ? null : 'latest',
        ...{ digest: `sha256:${'1'.repeat(64)}`, mediaType: null, layers: [], children: [] },
      }));
      await core.store.registryEvents.write(at, changes, Date.now());
    },
    async token(user, secret, scope, at = service) {
      const query = new URLSearchParams([
        ['service', at],
        ...scope.split(' ').map((one): [string, string] => ['scope', one]),
      ]);
      const answer = await fetch(`${url}/auth?${query}`, { headers: { authorization: basic(user, secret) } });
      const body = (await answer.json()) as { token?: string };
      if (body.token === undefined) throw new Error(`${answer.status} ${JSON.stringify(body)}`);
      return body.token;
    },
    async catalog(authorization, { query = '', headers = {}, method = 'GET' } = {}) {
      const sent = { ...headers, ...(authorization !== null && { authorization }) };
      const answer = await fetch(`${url}/v2/_catalog${query}`, { method, headers: sent });
      const body = await answer.text();
      const parsed = body === '' ? {} : (JSON.parse(body) as { repositories?: string[] });
      return { status: answer.status, headers: answer.headers, names: parsed.repositories ?? null, body };
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await workloads.close();
      await core.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
