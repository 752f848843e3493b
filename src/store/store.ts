/** Owns the whole of what is kept: one object with a part for each table. */
import { type AccessRequestStore, createAccessRequestStore } from './access-requests.ts';
import { type AccountMoveStore, createAccountMoveStore } from './account-moves.ts';
import { type AccountStore, createAccountStore } from './accounts.ts';
import { type ApiTokenStore, createApiTokenStore } from './api-tokens.ts';
import { type AuditStore, createAuditStore } from './audit-events.ts';
import { createDailyCountStore, type DailyCountStore } from './daily-counts.ts';
import { createDenialStore, type DenialStore } from './denials.ts';
import { createFailedLoginStore, type FailedLoginStore } from './failed-logins.ts';
import { createIdentityTokenStore, type IdentityTokenStore } from './identity-tokens.ts';
import { createInstallationStore, type InstallationStore } from './installation.ts';
import { createLeaseStore, type LeaseStore } from './leases.ts';
import { createLostGroupsStore, type LostGroupsStore } from './lost-groups.ts';
import { createMachineStore, type MachineStore } from './machines.ts';
import { createNotificationMessageStore, type NotificationMessageStore } from './notification-messages.ts';
import { createNotificationOptOutStore, type NotificationOptOutStore } from './notification-opt-outs.ts';
import { createNotificationStore, type NotificationStore } from './notifications.ts';
import { createPasswordListStore, type PasswordListStore } from './password-lists.ts';
import { createPasswordUseStore, type PasswordUseStore } from './password-uses.ts';
import { createPasswordStore, type PasswordStore } from './passwords.ts';
import { createPeopleStore, type PeopleStore } from './people.ts';
import { createProviderSentStore, type ProviderSentStore } from './provider-sent.ts';
import { createRefreshTokenStore, type RefreshTokenStore } from './refresh-tokens.ts';
import { createRegistryEventStore, type RegistryEventStore } from './registry-events.ts';
import { createRepositoryStore, type RepositoryStore } from './repositories.ts';
import { createRepositoryActivityStore, type RepositoryActivityStore } from './repository-activity.ts';
import { createRepositorySyncStore, type RepositorySyncStore } from './repository-syncs.ts';
import { createRepositoryTagStore, type RepositoryTagStore } from './repository-tags.ts';
import { createRetiredLoginStore, type RetiredLoginStore } from './retired-logins.ts';
import { createRevocationStore, type RevocationStore } from './revocations.ts';
import { createRobotStore, type RobotStore } from './robots.ts';
import { createSeenTokenStore, type SeenTokenStore } from './seen-tokens.ts';
import { createSessionStore, type SessionStore } from './sessions.ts';
import { createSigningKeyStore, type SigningKeyStore } from './signing-keys.ts';
import type { OpenDatabase } from './sql.ts';
import { createTerminalRequestStore, type TerminalRequestStore } from './terminal-requests.ts';
import { createWorkloadCredentialStore, type WorkloadCredentialStore } from './workload-credentials.ts';
import { createWorkloadIssuerStore, type WorkloadIssuerStore } from './workload-issuers.ts';
import { createWorkloadRecordStore, type WorkloadRecordStore } from './workload-records.ts';

export type Store = {
  readonly engine: OpenDatabase['engine'];
  readonly accounts: AccountStore;
  readonly accountMoves: AccountMoveStore;
  readonly people: PeopleStore;
  readonly robots: RobotStore;
  readonly passwords: PasswordStore;
  readonly passwordUses: PasswordUseStore;
  readonly dailyCounts: DailyCountStore;
  readonly passwordLists: PasswordListStore;
  readonly revocations: RevocationStore;
  readonly retiredLogins: RetiredLoginStore;
  readonly sessions: SessionStore;
  readonly audit: AuditStore;
  readonly denials: DenialStore;
  readonly accessRequests: AccessRequestStore;
  readonly apiTokens: ApiTokenStore;
  readonly installation: InstallationStore;
  readonly leases: LeaseStore;
  readonly refreshTokens: RefreshTokenStore;
  readonly seenTokens: SeenTokenStore;
  readonly lostGroups: LostGroupsStore;
  readonly providerSent: ProviderSentStore;
  readonly signingKeys: SigningKeyStore;
  readonly failedLogins: FailedLoginStore;
  readonly identityTokens: IdentityTokenStore;
  readonly workloadIssuers: WorkloadIssuerStore;
  readonly workloadCredentials: WorkloadCredentialStore;
  readonly workloadRecords: WorkloadRecordStore;
  readonly terminalRequests: TerminalRequestStore;
  readonly machines: MachineStore;
  readonly repositories: RepositoryStore;
  readonly repositoryTags: RepositoryTagStore;
  readonly repositoryActivity: RepositoryActivityStore;
  readonly repositorySyncs: RepositorySyncStore;
  readonly registryEvents: RegistryEventStore;
  readonly notifications: NotificationStore;
  readonly notificationMessages: NotificationMessageStore;
  readonly notificationOptOuts: NotificationOptOutStore;
  /** As `OpenDatabase` has it; also rejects where what a login reads can't be read. */
  check: OpenDatabase['check'];
  close(): Promise<void>;
};

export function createStore(sql: OpenDatabase): Store {
  const passwords = createPasswordStore(sql);
  return {
    engine: sql.engine,
    accounts: createAccountStore(sql),
    accountMoves: createAccountMoveStore(sql),
    people: createPeopleStore(sql),
    robots: createRobotStore(sql),
    passwords,
    passwordUses: createPasswordUseStore(sql),
    dailyCounts: createDailyCountStore(sql),
    passwordLists: createPasswordListStore(sql),
    revocations: createRevocationStore(sql),
    retiredLogins: createRetiredLoginStore(sql),
    sessions: createSessionStore(sql),
    audit: createAuditStore(sql),
    denials: createDenialStore(sql),
    accessRequests: createAccessRequestStore(sql),
    apiTokens: createApiTokenStore(sql),
    installation: createInstallationStore(sql),
    leases: createLeaseStore(sql),
    refreshTokens: createRefreshTokenStore(sql),
    seenTokens: createSeenTokenStore(sql),
    lostGroups: createLostGroupsStore(sql),
    providerSent: createProviderSentStore(sql),
    signingKeys: createSigningKeyStore(sql),
    failedLogins: createFailedLoginStore(sql),
    identityTokens: createIdentityTokenStore(sql),
    workloadIssuers: createWorkloadIssuerStore(sql),
    workloadCredentials: createWorkloadCredentialStore(sql),
    workloadRecords: createWorkloadRecordStore(sql),
    terminalRequests: createTerminalRequestStore(sql),
    machines: createMachineStore(sql),
    repositories: createRepositoryStore(sql),
    repositoryTags: createRepositoryTagStore(sql),
    repositoryActivity: createRepositoryActivityStore(sql),
    repositorySyncs: createRepositorySyncStore(sql),
    registryEvents: createRegistryEventStore(sql),
    notifications: createNotificationStore(sql),
    notificationMessages: createNotificationMessageStore(sql),
    notificationOptOuts: createNotificationOptOutStore(sql),
    async check() {
      const at = await sql.check();
      await passwords.byHash(''); // no one's
      return at;
    },
    close: () => sql.close(),
  };
}
