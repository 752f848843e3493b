/** Owns a running set of all pages and the API, the list of its routes, and browsers that are signed in already. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Express, Router } from 'express';
import { type Core, openCore, openSigningKeys } from '../../src/app/core.ts';
import { openPeople } from '../../src/app/off-boarding.ts';
import { createPages } from '../../src/app/pages.ts';
import { openPolicies } from '../../src/app/policy-file.ts';
import { openWorkloads } from '../../src/app/workloads.ts';
import { readConfig } from '../../src/config/config.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import type { Account } from '../../src/store/accounts.ts';
import { policy } from './installation.ts';

export type House = {
  readonly url: string;
  readonly core: Core;
  /** Each route that is mounted: "GET /passwords/:id/revoke". */
  readonly routes: readonly string[];
  /** The cookie of somebody who signed in at that moment. @param at epoch milliseconds */
  cookieOf(account: Account, at: number): Promise<string>;
  stop(): Promise<void>;
};

const sessionSecret = 's'.repeat(32);
const apiBase = '/api/v1';

/** root@example.com is the administrator. */
export async function startHouse(): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-walk-'));
  writeFileSync(join(folder, 'policy.yml'), policy);
  const config = readConfig({
    PUBLIC_URL: 'http://localhost:5001',
    SERVICES: 'registry.example.com',
    DATA_DIR: join(folder, 'data'),
    POLICY_FILE: join(folder, 'policy.yml'),
    SESSION_SECRET: sessionSecret,
    ADMIN_EMAILS: 'root@example.com',
    LOG_LEVEL: 'silent',
  });
  const core = await openCore(config);
  const stopping = new AbortController();
  const policies = await openPolicies(config.policyFile, null, core.log, () => {});
  const keys = await openSigningKeys(config, core);
  const people = await openPeople(config, core, policies.current, stopping.signal);
  const trust = createTrust([]);
  const workloads = openWorkloads(config, core, policies.workloads);
  const shared = { policies, workloads, keys, people, warnings: () => [] };
  const parts = { trust, requesterOf: createRequesterReader(trust), ...shared };
  const app = await createPages(config, core, { ...parts, metrics: null, stopping: stopping.signal });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    core,
    routes: routesOf(app),
    async cookieOf({ id }, signedInAt) {
      const sid = randomBytes(16).toString('hex');
      const expiresAt = Date.now() + 3_600_000;
      const user = { accountId: id, signedInAt, authenticatedAt: signedInAt };
      const data = JSON.stringify({ cookie: { path: '/', httpOnly: true }, passport: { user } });
      const row = createHash('sha256').update(sid).digest('base64url');
      await core.store.sessions.write(row, { accountId: id, data, expiresAt });
      const signature = createHmac('sha256', sessionSecret).update(sid).digest('base64').replace(/=+$/, '');
      return `dockpass=${encodeURIComponent(`s:${sid}.${signature}`)}`;
    },
    async stop() {
      stopping.abort();
      server.close();
      server.closeAllConnections();
      await core.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Express keeps what is mounted in `stack`; a router inside the pages' router is the API, the only one with a path. */
function routesOf(app: Express): string[] {
  const read = (router: Router, depth: number): string[] =>
    router.stack.flatMap(({ route, handle }) => {
      if (route) {
        const { methods } = route as unknown as { methods: Record<string, boolean> };
        const base = depth > 1 ? apiBase : '';
        return Object.keys(methods).map((method) => `${method.toUpperCase()} ${base}${route.path}`);
      }
      return 'stack' in handle ? read(handle as unknown as Router, depth + 1) : [];
    });
  return read(app.router, 0);
}
