/** Owns a small company for the tests of administration: people, passwords, a clock, and the parts on a real store. */
import assert from 'node:assert/strict';
import { type Administrators, createAdministrators } from '../../src/accounts/administrators.ts';
import { type ApiTokens, createApiTokens } from '../../src/accounts/api-tokens.ts';
import { createPeople, type People } from '../../src/accounts/people.ts';
import { createRevocations, type Revocations } from '../../src/accounts/revocations.ts';
import { createRobots, type Robots } from '../../src/accounts/robots.ts';
import { type AppPasswords, createAppPasswords, type PasswordInput } from '../../src/app-passwords/app-passwords.ts';
import { createIdentityTokens, type IdentityTokens } from '../../src/app-passwords/identity-tokens.ts';
import { createLeakReports, type LeakReports } from '../../src/app-passwords/leaks.ts';
import type { Actor, Audit, AuditAction, AuditBuffer, AuditEvent } from '../../src/audit/audit.ts';
import { type AuditLog, createAuditLog } from '../../src/audit/audit-log.ts';
import { createUses, type Uses } from '../../src/audit/uses.ts';
import type { GracePeriods } from '../../src/identity/account-status.ts';
import { type Authority, createAuthority, type Source } from '../../src/identity/authority.ts';
import type { Identity } from '../../src/identity/identity.ts';
import type { Refusal, RefusalCode } from '../../src/lib/errors.ts';
import { createPepper, type Pepper } from '../../src/lib/secret.ts';
import { type Policy, parsePolicy } from '../../src/policy/acl.ts';
import { createFailedLogins } from '../../src/static-users/failed-logins.ts';
import { type Account, importedIssuer } from '../../src/store/accounts.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { createTerminal, type Terminal } from '../../src/terminal/terminal.ts';
import { readSessionSummary } from '../../src/web/session-person.ts';
import { collectingAudit } from './audit.ts';
import type { Databases } from './engines.ts';
import { signedIn } from './rows.ts';

export const hour = 60 * 60 * 1000;
export const day = 24 * hour;
export const client = { address: '192.0.2.9', userAgent: 'docker/28.2.2 go/go1.24', requestId: 'r1' };
export const root: Actor = { actor: 'root@example.com', client };
export const input: PasswordInput = { name: 'laptop', days: 90, pullOnly: false, repositories: [] };

const policyText = `
users:
  robot-taken: {}
groups:
  platform: [ana@example.com, "group:leads"]
  leads: ["google:leads@example.com"]
  abroad: [uma@bücher.example, "account:xi@xn--bcher-kva.example"]
acl:
  - match: { group: platform }
    actions: ["*"]
`;

export type Scene = {
  readonly store: Store;
  readonly clock: { at: number };
  /** As in `GracePeriods`, for a test to change: `null` at first. */
  readonly gracePeriods: Omit<GracePeriods, 'unchecked'> & { unchecked: number | null };
  readonly events: AuditEvent[];
  readonly audit: Audit & AuditBuffer;
  readonly pepper: Pepper;
  readonly policy: Policy;
  readonly administrators: Administrators;
  readonly authority: Authority;
  readonly passwords: AppPasswords;
  readonly uses: Uses;
  readonly people: People;
  readonly revocations: Revocations;
  readonly robots: Robots;
  readonly auditLog: AuditLog;
  readonly apiTokens: ApiTokens;
  readonly leaks: LeakReports;
  readonly identityTokens: IdentityTokens;
  readonly terminal: Terminal;
  /** Resolves when all that was noted is stored. */
  settle(): Promise<void>;
  /** Lets somebody sign in: "ana" is ana@example.com. */
  addPerson(name: string, changes?: Partial<Parameters<typeof signedIn>[0]>): Promise<Account>;
  /** What the secret proves now, or the message of the refusal. */
  login(login: string, secret: string): Promise<Identity | string | null>;
};

/**
 * @param sources the providers, where addresses count from some of them only
 * @param isAnnounced see `createAudit`
 */
export async function withScene(
  databases: Databases,
  action: (scene: Scene) => Promise<void>,
  sources: readonly Source[] = [],
  isAnnounced: (action: AuditAction) => boolean = () => false,
): Promise<void> {
  const store = await openStore(await databases.create(), () => {});
  const scene = createScene(store, createAuthority(sources, importedIssuer), isAnnounced);
  try {
    await action(scene);
  } finally {
    await scene.settle();
    await store.close();
  }
}

function createScene(store: Store, authority: Authority, isAnnounced: (action: AuditAction) => boolean): Scene {
  const clock = { at: Date.UTC(2026, 10, 23, 9) };
  const now = () => clock.at;
  const events: AuditEvent[] = [];
  const audit = collectingAudit(events, store.audit, now, isAnnounced);
  const onError = assert.ifError;
  const policy = parsePolicy(policyText, 'policy.yml');
  const gracePeriods: Scene['gracePeriods'] = {
    ...{ groups: 30 * day, full: 30 * day, pull: 30 * day },
    unchecked: null,
  };
  const pepper = createPepper('p'.repeat(32));
  const limits = { maximumDays: 365, maximumPerAccount: 3 };
  const rules = { ...limits, gracePeriods, publicUrl: 'https://auth.example.com/', checkPattern: () => null };
  const passwords = createAppPasswords({
    accountById: store.accounts.byId,
    authority,
    makerRules: { enforced: true, grace: 7 * 24 * 60 * 60 * 1000 },
    store: store.passwords,
    audit,
    pepper,
    onError,
    now,
    ...rules,
  });
  const failedLogins = createFailedLogins({ store: store.failedLogins, pepper, limit: 10, onError, now });
  const tokenUses: Promise<void>[] = [];
  const { recordUse } = store.apiTokens;
  Object.assign(store.apiTokens, {
    recordUse: (...use: Parameters<typeof recordUse>) => {
      const recorded = recordUse(...use);
      tokenUses.push(recorded);
      return recorded;
    },
  });
  const uses = createUses({ store: store.passwordUses, audit, onError, now });
  const emails = ['Root@example.com', 'root@bücher.example'];
  const administrators = createAdministrators({
    authority,
    emails,
    groups: ['leads'],
    policy: () => policy,
    gracePeriods,
    now,
  });
  return {
    ...{ store, clock, gracePeriods, events, audit, pepper, policy, administrators, authority, passwords, uses },
    people: createPeople({
      readSession: readSessionSummary,
      store,
      passwords,
      uses,
      administrators,
      authority,
      audit,
      now,
      forgetToken: async () => {},
    }),
    revocations: createRevocations({
      ...{ store, uses, administrators, audit, now, gracePeriods },
      activityOf: async () => null,
    }),
    robots: createRobots({
      selfService: true,
      perPerson: 2,
      store,
      audit,
      isStaticUser: (login) => policy.users.has(login),
      now,
    }),
    leaks: createLeakReports({ store, failedLogins, audit, pepper, now }),
    identityTokens: createIdentityTokens({
      ...{ store: store.identityTokens, audit, pepper, now },
      identityByHash: passwords.identityByHash,
    }),
    terminal: createTerminal({
      ...{ store: store.terminalRequests, machineStore: store.machines, passwords: store.passwords, audit, pepper },
      ...{ accounts: store.accounts, identityByHash: passwords.identityByHash, publicUrl: rules.publicUrl },
      ...{ passwordHours: 12, refusesOtherNetworks: false, now },
    }),
    auditLog: createAuditLog({ store: store.audit, audit, now }),
    apiTokens: createApiTokens({
      store: store.apiTokens,
      administrators,
      gracePeriods,
      audit,
      pepper,
      maximumDays: 365,
      onError,
      now,
    }),
    async settle() {
      await Promise.all([passwords.flush(), uses.flush(), failedLogins.flush(), ...tokenUses]);
      await audit.flush();
    },
    addPerson(name, changes = {}) {
      const email = `${name}@example.com`;
      const at = clock.at;
      return store.accounts.signIn(
        signedIn({ id: name, subject: name, login: email, email, displayName: name, at, ...changes }),
      );
    },
    login: (username, password) =>
      passwords.authenticator.verify({ username, password }).catch((error: Refusal) => error.message),
  };
}

export function refusal(code: RefusalCode, message: RegExp) {
  return (error: Refusal) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}
