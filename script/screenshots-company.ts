/** Owns the made-up company of the pictures: a provider, a running Dockpass, and people whose passwords have a past. */
import { randomBytes } from 'node:crypto';

import { startApp } from '../src/app.ts';
import { readConfig } from '../src/config/config.ts';
import { openStore } from '../src/store/open.ts';
import type { NewPassword } from '../src/store/passwords.ts';
import type { Store } from '../src/store/store.ts';
import { freePorts } from '../test/support/ports.ts';
import { type DemoProvider, demoPeople, startProvider } from '../test/support/provider.ts';
import { demoPolicyFile } from './demo-services.ts';

export type Company = {
  /** Without a slash at the end. */
  readonly url: string;
  /** Whose name the provider's button has. */
  readonly person: string;
};

const client = { id: 'dockpass', secret: 'not-a-secret' };
const hour = 60 * 60 * 1000;
const day = 24 * hour;

/** @param folder an empty one, for the database and the keys */
export async function startCompany(folder: string, stack: AsyncDisposableStack): Promise<Company> {
  const [port = 0] = await freePorts(1);
  const url = `http://localhost:${port}`;
  const callbackUrls = [`${url}/sign-in/google/callback`];
  const provider = await startProvider({ port: 0, clients: [{ ...client, callbackUrls }] });
  stack.defer(() => provider.close());
  const config = readConfig({
    PUBLIC_URL: url,
    PORT: String(port),
    DATA_DIR: folder,
    POLICY_FILE: demoPolicyFile,
    SERVICES: 'registry.example.com',
    LOG_LEVEL: 'error',
    ...googleSettings(provider),
  });
  const store = await openStore(config.databaseUrl, () => {});
  await seed(store, provider.issuer, Date.now());
  await store.close();
  const app = await startApp(config);
  stack.defer(() => app.stop());
  return { url, person: 'Ana Alves' };
}

function googleSettings(provider: DemoProvider): Record<string, string> {
  return {
    GOOGLE_CLIENT_ID: client.id,
    GOOGLE_CLIENT_SECRET: client.secret,
    GOOGLE_DOMAINS: 'example.com',
    GOOGLE_AUTHORIZATION_URL: provider.authorizationUrl,
    GOOGLE_TOKEN_URL: provider.tokenUrl,
    GOOGLE_JWKS_URL: provider.jwksUrl,
    GOOGLE_ISSUERS: provider.issuer,
  };
}

type Past = {
  /** How long ago it was made, in days, and for how many. */
  readonly age: number;
  readonly days: number;
  readonly name: string;
  readonly pullOnly?: boolean;
  readonly repositories?: readonly string[];
  /** Hours ago, from where, by what. */
  readonly used?: readonly [hours: number, address: string, client: string];
  /** Days ago. */
  readonly revoked?: number;
};

const docker = 'docker/28.2.2 go/go1.24.3 os/linux arch/amd64 UpstreamClient(Docker-Client/28.2.2 \\(linux\\))';
/** The newest last, as time went by. */
const anasPasswords: readonly Past[] = [
  { age: 412, days: 90, name: 'ThinkPad', used: [330 * 24, '198.51.100.7', 'docker/26.1.4 go/go1.21.11'] },
  { age: 140, days: 365, name: 'Jenkins (old)', used: [71 * 24, '203.0.113.80', 'docker/27.3.1'], revoked: 70 },
  {
    age: 96,
    days: 365,
    name: 'Production cluster',
    pullOnly: true,
    repositories: ['platform/**', 'base/*'],
    used: [0.2, '203.0.113.20', 'containerd/v2.1.4'],
  },
  {
    age: 84,
    days: 90,
    name: 'GitHub Actions: web-shop',
    repositories: ['platform/web-shop/*'],
    used: [2.1, '192.0.2.144', 'docker/28.0.4 go/go1.23.7'],
  },
  { age: 31, days: 90, name: 'MacBook', used: [3.4, '198.51.100.7', docker] },
  { age: 20, days: 90, name: 'Mirror job', pullOnly: true, used: [9, '2001:db8:4f::c1', 'skopeo/1.18.0'] },
  { age: 1, days: 30, name: 'Raspberry Pi in the lab', pullOnly: true },
];

async function seed(store: Store, issuer: string, today: number): Promise<void> {
  const [ana] = demoPeople;
  if (ana === undefined) throw new Error('the demo has nobody');
  const { id } = await store.accounts.signIn({
    id: 'ana',
    provider: 'google',
    issuer,
    subject: ana.sub,
    login: ana.email,
    email: ana.email,
    displayName: ana.name,
    domain: ana.hd ?? null,
    groups: [],
    at: today - 420 * day,
  });
  for (const past of anasPasswords) await live(store, { id, login: ana.email }, past, today);
}

/** Rows and not calls of `issue`: a picture needs no secret, but a past. */
async function live(store: Store, owner: { id: string; login: string }, past: Past, today: number): Promise<void> {
  const id = randomBytes(9).toString('hex');
  const created = today - past.age * day;
  const row: NewPassword = {
    id,
    account_id: owner.id,
    name: past.name,
    hash: id,
    pepper_id: '',
    hint: `dkp_…${id.slice(-4)}`,
    actions_json: past.pullOnly ? '["pull"]' : null,
    repositories_json: past.repositories === undefined ? null : JSON.stringify(past.repositories),
    created_at: created,
    expires_at: created + past.days * day,
  };
  await store.passwords.insert(row, 20);
  if (past.used !== undefined) {
    const [hours, address, client] = past.used;
    await store.passwords.recordUses([{ id, at: today - hours * hour, address, client }], 0);
  }
  if (past.revoked !== undefined) await store.passwords.revoke(id, owner.login, today - past.revoked * day);
}
