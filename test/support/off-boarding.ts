/** Owns a registry's people on a real store, with a clock that the test turns and a source that says what the test wants. */
import assert from 'node:assert/strict';
import { type AppPasswords, createAppPasswords } from '../../src/app-passwords/app-passwords.ts';
import type { AuditEvent } from '../../src/audit/audit.ts';
import { createAuthority } from '../../src/identity/authority.ts';
import { createCipher } from '../../src/lib/cipher.ts';
import { createLog } from '../../src/lib/log.ts';
import { createPepper } from '../../src/lib/secret.ts';
import { createOffBoarding, type OffBoarding, type OffBoardingParts } from '../../src/off-boarding/off-boarding.ts';
import type { PersonSource, ProviderStatus } from '../../src/sign-in/provider-status.ts';
import { createSentBefore } from '../../src/sign-in/sent-before.ts';
import type { Account } from '../../src/store/accounts.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { collectingAudit, unaudited } from './audit.ts';
import { signedIn } from './rows.ts';

export const minute = 60_000;
export const hour = 60 * minute;

export type Registry = {
  readonly store: Store;
  readonly clock: { at: number };
  readonly events: AuditEvent[];
  readonly passwords: AppPasswords;
  readonly offBoarding: OffBoarding;
  /** What the source says of a login; `there` without groups unless set. */
  readonly says: Map<string, ProviderStatus>;
  /** Logins, in the order in which they were asked about. */
  readonly asked: string[];
  /** Somebody who signed in and holds a password, asked about just now. @returns the secret */
  addPerson(name: string, changes?: Partial<Parameters<typeof signedIn>[0]>): Promise<string>;
  account(name: string): Promise<Account>;
  sweep(input?: Partial<Parameters<OffBoarding['sweep']>[0]>): ReturnType<OffBoarding['sweep']>;
  close(): Promise<void>;
};

/** @param changes to the parts, for a source or a connector that is real */
export async function openRegistry(
  databaseUrl: string,
  changes: (store: Store) => Partial<OffBoardingParts> = () => ({}),
): Promise<Registry> {
  const store = await openStore(databaseUrl, () => {});
  const clock = { at: Date.UTC(2026, 10, 23, 9) };
  const now = () => clock.at;
  const events: AuditEvent[] = [];
  const audit = collectingAudit(events);
  const says = new Map<string, ProviderStatus>();
  const asked: string[] = [];
  const source: PersonSource = {
    async ask({ login }) {
      asked.push(login);
      return says.get(login) ?? { kind: 'there', groups: null };
    },
  };
  const passwords = createAppPasswords({
    accountById: store.accounts.byId,
    authority: createAuthority([]),
    makerRules: { enforced: true, grace: 7 * 24 * 60 * 60 * 1000 },

    ...{ store: store.passwords, audit, pepper: createPepper('p'.repeat(32)), onError: assert.ifError, now },
    ...{ publicUrl: 'https://auth.example.com/', maximumDays: 365, maximumPerAccount: 3, checkPattern: () => null },
    gracePeriods: { groups: 24 * hour, full: 24 * hour, pull: 24 * hour, unchecked: null },
  });
  const offBoarding = createOffBoarding({
    ...{
      store,
      audit,
      sent: createSentBefore(store.providerSent, now),
      now,
      connectors: [],
      directories: new Map([
        ['google', source],
        ['robust', source],
      ]),
    },
    ...{ cipher: createCipher(['k'.repeat(32)]), log: createLog('silent'), wait: () => new Promise<void>(() => {}) },
    ...changes(store),
  });
  const loginOf = (name: string) => `${name}@example.com`;
  const account = async (name: string) => (await store.accounts.byLogin(loginOf(name))) ?? assert.fail(name);
  return {
    ...{ store, clock, events, passwords, offBoarding, says, asked, account },
    async addPerson(name, person) {
      const login = loginOf(name);
      const known = { id: `account-${name}`, subject: name, login, email: login, groups: null, at: clock.at };
      const owner = await store.accounts.signIn(signedIn({ ...known, ...person }));
      await store.accounts.confirm(owner.id, { at: clock.at, groups: null }, unaudited);
      const input = { name: 'laptop', days: 30, pullOnly: false, repositories: [] };
      return (await passwords.issue(owner, input, { actor: login, client: null })).secret;
    },
    sweep: (input) => offBoarding.sweep({ dryRun: false, beyondLimit: false, age: 7 * minute, ...input }),
    async close() {
      await passwords.flush();
      await store.close();
    },
  };
}
