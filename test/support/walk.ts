/** Owns a running set of all pages and the API, the list of its routes, and browsers that are signed in already. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type Router } from 'express';
import { type Administration, createAdministration } from '../../src/app/accounts.ts';
import { type Core, openCore, openSigningKeys } from '../../src/app/core.ts';
import { createReadings } from '../../src/app/metric-readings.ts';
import { openPeople } from '../../src/app/off-boarding.ts';
import { createPages } from '../../src/app/pages.ts';
import { openPolicies } from '../../src/app/policy-file.ts';
import { openRepositoryLists } from '../../src/app/repository-lists.ts';
import { openTerminal } from '../../src/app/terminal.ts';
import { type OpenWorkloads, openWorkloads } from '../../src/app/workloads.ts';
import { workloadsSourceOf } from '../../src/app/workloads-file.ts';
import { readConfig } from '../../src/config/config.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { sqliteFileOf } from '../../src/lib/database-url.ts';
import type { Account } from '../../src/store/accounts.ts';
import type { Store } from '../../src/store/store.ts';
import { policy } from './installation.ts';

export type House = {
  readonly url: string;
  readonly core: Core;
  /** The file of its database. */
  readonly databaseFile: string;
  readonly administration: Administration;
  readonly workloads: OpenWorkloads;
  /** Each route that is mounted: "GET /passwords/:id/revoke". */
  readonly routes: readonly string[];
  /** The cookie of somebody who signed in at that moment. @param at epoch milliseconds */
  cookieOf(account: Account, at: number): Promise<string>;
  stop(): Promise<void>;
};

const sessionSecret = 's'.repeat(32);

/** root@example.com is the administrator. */
export async function startHouse({
  workloadsText,
  policyText = policy,
  environment = {},
}: {
  workloadsText?: string;
  policyText?: string;
  environment?: Readonly<Record<string, string>>;
} = {}): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-walk-'));
  writeFileSync(join(folder, 'policy.yml'), policyText);
  if (workloadsText !== undefined) writeFileSync(join(folder, 'workloads.yml'), workloadsText);
  const config = readConfig({
    PUBLIC_URL: 'http://localhost:5001',
    SERVICES: 'registry.example.com',
    DATA_DIR: join(folder, 'data'),
    POLICY_FILE: join(folder, 'policy.yml'),
    SESSION_SECRET: sessionSecret,
    ADMIN_EMAILS: 'root@example.com',
    LOG_LEVEL: 'silent',
    ...environment,
  });
  const core = await openCore(config, 'usual');
  const stopping = new AbortController();
  const policies = await openPolicies(config.policyFile, null, core.log, () => {}, workloadsSourceOf(config));
  const keys = await openSigningKeys(config, core, 'service');
  const people = await openPeople(config, core, policies.current, stopping.signal);
  const trust = createTrust([]);
  const workloads = openWorkloads(config, core, policies.workloads);
  const readings = createReadings({ store: core.store, dataFolder: config.dataFolder, now: Date.now });
  const shared = { policies, workloads, keys, people, readings, warnings: () => [] };
  const lists = openRepositoryLists(config, core, policies);
  const parts = { trust, requesterOf: createRequesterReader(trust), lists, ...shared };
  const own = { registries: new Map(), sessionSecret, metrics: null, stopping: stopping.signal };
  const pageParts = { ...parts, ...own, terminal: openTerminal(config, core) };
  const { created: app, routes } = noteRoutes(() => createPages(config, core, pageParts));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    core,
    databaseFile: sqliteFileOf(config.databaseUrl) ?? '',
    administration: createAdministration(config, core, policies.current),
    workloads,
    routes,
    cookieOf: ({ id }, signedInAt) => writeSession(core.store, sessionSecret, id, signedInAt),
    async stop() {
      stopping.abort();
      server.close();
      server.closeAllConnections();
      await workloads.close();
      await core.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const verbs = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** What was mounted on a router: "GET /passwords/:id/revoke", and other routers with the path before them. */
type Mounted = { readonly routes: string[]; readonly routers: [path: string, router: unknown][] };

/**
 * Runs `create` and notes every route that it mounts, by the calls to the routers that it makes.
 * @returns the routes of the router that is in no other
 */
function noteRoutes<Result>(create: () => Result): { created: Result; routes: string[] } {
  const { Router } = express;
  const mounted = new Map<unknown, Mounted>();
  express.Router = (options) => {
    const router = Router(options);
    const notes: Mounted = { routes: [], routers: [] };
    mounted.set(router, notes);
    for (const verb of verbs) note(router, verb, (path) => notes.routes.push(`${verb.toUpperCase()} ${path}`));
    note(router, 'use', (path, handler) => notes.routers.push([path, handler]));
    return router;
  };
  try {
    const created = create();
    const routesOf = (router: unknown, base: string): string[] => {
      const { routes = [], routers = [] } = mounted.get(router) ?? {};
      const below = routers.flatMap(([path, inner]) => routesOf(inner, base + path));
      return [...routes.map((route) => route.replace(' ', ` ${base}`)), ...below];
    };
    const inner = new Set([...mounted.values()].flatMap(({ routers }) => routers.map(([, router]) => router)));
    return {
      created,
      routes: [...mounted.keys()].filter((router) => !inner.has(router)).flatMap((root) => routesOf(root, '')),
    };
  } finally {
    express.Router = Router;
  }
}

/** Calls `listener` with the path and the first handler of each call to a router's method that has a path. */
function note(
  router: Router,
  method: (typeof verbs)[number] | 'use',
  listener: (path: string, handler: unknown) => void,
): void {
  const original = router[method].bind(router) as (...args: unknown[]) => Router;
  Object.assign(router, {
    [method](...args: unknown[]) {
      const [path, handler] = args;
      if (typeof path === 'string') listener(path, handler);
      return original(...args);
    },
  });
}

/** Signs an account in without a provider. @returns the cookie. @param at epoch milliseconds */
export async function writeSession(
  { sessions }: Pick<Store, 'sessions'>,
  secret: string,
  accountId: string,
  at: number,
): Promise<string> {
  const sid = randomBytes(16).toString('hex');
  const user = { accountId, signedInAt: at, authenticatedAt: at };
  const data = JSON.stringify({ cookie: { path: '/', httpOnly: true }, passport: { user } });
  const row = createHash('sha256').update(sid).digest('base64url');
  await sessions.write(row, { accountId, data, expiresAt: Date.now() + 3_600_000 });
  const signature = createHmac('sha256', secret).update(sid).digest('base64').replace(/=+$/, '');
  return `dockpass=${encodeURIComponent(`s:${sid}.${signature}`)}`;
}
