/** Owns a directory that stands in for Google's on a port of its own, and what asks it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { createGoogleDirectory, type GoogleDirectorySettings } from '../../../src/sign-in/google/directory.ts';
import type { ProviderStatus } from '../../../src/sign-in/provider-status.ts';
import type { Account } from '../../../src/store/accounts.ts';
import { createDirectory, type Directory, tokenPath } from '../../support/directory.ts';
import { demoPeople, type Person } from '../../support/provider.ts';
import { account } from '../../support/rows.ts';

export const [ana = assert.fail()] = demoPeople;
export const row = account({ subject: ana.sub, domain: 'example.com', email: ana.email });

export type Changes = Partial<Omit<GoogleDirectorySettings, 'credentials'>> & { readonly credentials?: object };
export type DirectoryScene = {
  readonly directory: Directory;
  readonly people: Map<string, Person>;
  readonly waits: number[];
  /** What was logged as a warning. */
  readonly warned: unknown[];
  readonly url: string;
  ask(changes?: Changes, who?: Account): Promise<ProviderStatus>;
  /** One directory that is asked again and again. */
  asker(changes: Changes, now?: () => number): (who: Account) => Promise<ProviderStatus>;
};

export async function startDirectory(t: TestContext, named: readonly string[] = []): Promise<DirectoryScene> {
  const people = new Map(demoPeople.map((person) => [person.sub, person]));
  const directory = await createDirectory(people);
  const server = createServer((request, response) => {
    if (!directory.answer(request, response)) response.writeHead(404).end('<h1>404</h1>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const waits: number[] = [];
  const warned: unknown[] = [];
  const asker: DirectoryScene['asker'] = ({ credentials, ...changes }, now = Date.now) => {
    const none = { key: null, serviceAccount: null, admin: null, applicationDefault: null };
    const urls = { tokenUrl: url + tokenPath, iamUrl: url, metadataUrl: url };
    const settings: GoogleDirectorySettings = {
      ...{ strategy: 'direct', depth: 5, directoryUrl: url, cloudIdentityUrl: url, domains: ['example.com'] },
      ...{ groupDomains: changes.domains ?? ['example.com'], customerId: null },
      credentials: { ...none, ...urls, key: directory.keyFile, ...credentials },
      ...changes,
    };
    const wait = async (milliseconds: number) => void waits.push(milliseconds);
    const parts = {
      fetch,
      now,
      wait,
      random: () => 0.5,
      log: { warn: (...line: unknown[]) => void warned.push(line) },
      named: () => named,
      timeout: 1_000,
    };
    return createGoogleDirectory(settings, parts).ask;
  };
  return { directory, people, waits, warned, url, asker, ask: (changes = {}, who = row) => asker(changes)(who) };
}
