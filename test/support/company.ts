/** Owns the made-up company of the pictures and of the tests in a browser: a provider, and a running Dockpass whose people have a past. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { startApp } from '../../src/app/app.ts';
import { readConfig } from '../../src/config/config.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { writePast } from './company-past.ts';
import { paperRegistry } from './paper-registry.ts';
import { pepper } from './past-password.ts';
import { tagsOf, writeRepositories } from './past-repositories.ts';
import { freePorts } from './ports.ts';
import { demoPeople, googleSettings, startProvider } from './provider.ts';
import { githubFile } from './workload.ts';

export type Company = {
  /** Without a slash at the end. */
  readonly url: string;
  /** Whose name the provider's button has: an administrator. */
  readonly person: string;
};

/** Puts more into the store, before Dockpass starts on it. @param today epoch milliseconds */
export type MorePast = (store: Store, today: number) => Promise<void>;

const client = { id: 'dockpass', secret: 'not-a-secret' };

const policy = `groups:
  platform: [ana@example.com, "google:platform@example.com"]
  web: ["google:web@example.com"]
acl:
  - match: { name: "prod/**", kind: [person, static] }
    actions: [pull]
    comment: Only robots push to prod/
  - match: { group: platform, name: "platform/**" }
    actions: ["*"]
    comment: The platform group looks after platform/
  - match: { group: web, name: "web/**" }
    actions: [push, pull]
    comment: The web team pushes to web/
  - match: { domain: example.com, name: "people/\${user}/**" }
    actions: [push, pull]
    comment: Everyone can push to their own namespace
  - match: { domain: example.com, type: repository }
    actions: [pull]
    comment: Everybody at example.com pulls
`;

/** As it is tried in the shadow: the web team may push to prod/ itself. */
const candidate = policy.replace(
  'acl:\n',
  'acl:\n  - match: { group: web, name: "prod/web/**" }\n    actions: [push, pull]\n    comment: The web team ships itself\n',
);

/** @param folder an empty one, for the database and the keys */
export async function startCompany(
  folder: string,
  stack: AsyncDisposableStack,
  writeMore?: MorePast,
): Promise<Company> {
  const [port = 0] = await freePorts(1);
  const url = `http://localhost:${port}`;
  const callbackUrls = [`${url}/sign-in/google/callback`];
  const provider = await startProvider({ port: 0, clients: [{ ...client, callbackUrls }] });
  stack.defer(() => provider.close());
  await writeFile(join(folder, 'policy.yml'), policy);
  await writeFile(join(folder, 'policy.next.yml'), candidate);
  await writeFile(join(folder, 'workloads.yml'), githubFile);
  const config = readConfig({
    PUBLIC_URL: url,
    PORT: String(port),
    DATA_DIR: folder,
    POLICY_FILE: join(folder, 'policy.yml'),
    POLICY_CANDIDATE_FILE: join(folder, 'policy.next.yml'),
    WORKLOADS_FILE: join(folder, 'workloads.yml'),
    SERVICES: 'registry.example.com',
    SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: 'not-a-secret-but-long-enough-for-one',
    SERVICE_REGISTRY_EXAMPLE_COM_URL: await startPaperRegistry(stack),
    ADMIN_EMAILS: 'ana@example.com',
    CONTACT: '#registry in the chat',
    // No one takes it: what is shown is what waits and what failed.
    ...{ SMTP_URL: 'smtp://127.0.0.1:9', SMTP_FROM: 'dockpass@example.com' },
    PASSWORD_PEPPER: pepper,
    LOG_LEVEL: 'error',
    ...googleSettings(provider, client),
  });
  const store = await openStore(config.databaseUrl, () => {});
  const [ana] = demoPeople;
  const today = Date.now();
  await writePast(store, { issuer: provider.issuer, subject: ana?.sub ?? '', today });
  await writeRepositories(store, today);
  await writeMore?.(store, today);
  await store.close();
  const app = await startApp(config);
  stack.defer(() => app.stop());
  return { url, person: ana?.name ?? '' };
}

/** @returns where it listens */
async function startPaperRegistry(stack: AsyncDisposableStack): Promise<string> {
  const server = createServer(paperRegistry(tagsOf));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function signInAsAna(context: BrowserContext, { url, person }: Company): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${url}/sign-in/google`);
  await page.getByRole('button', { name: person }).click();
  await page.waitForURL(`${url}/`);
  await page.close();
}
