/** Owns what administrators work with, on pages, by the API and on the command line: made from the core and the policy in force. */
import { type Administrators, createAdministrators } from '../accounts/administrators.ts';
import { type ApiTokens, createApiTokens } from '../accounts/api-tokens.ts';
import { createMoves, type Moves, type SignInWay } from '../accounts/moves.ts';
import { createPasswordLists, type PasswordLists } from '../accounts/password-lists.ts';
import { createPeople, type People } from '../accounts/people.ts';
import { createRetiredLogins, type RetiredLogins } from '../accounts/retired-logins.ts';
import { createRevocations, type Revocations } from '../accounts/revocations.ts';
import { type RobotConcern, reviewRobots } from '../accounts/robot-review.ts';
import { createRobots, type Robots } from '../accounts/robots.ts';
import { type AuditLog, createAuditLog } from '../audit/audit-log.ts';
import type { Config } from '../config/config.ts';
import type { Policy } from '../policy/acl.ts';
import { type ActivityOfAccounts, createAccountActivity } from '../repositories/account-activity.ts';
import { readSessionSummary } from '../web/session-person.ts';
import type { Core } from './core.ts';
import { createForgetToken } from './off-boarding.ts';

export type Administration = {
  readonly passwordLists: PasswordLists;
  readonly administrators: Administrators;
  readonly people: People;
  readonly revocations: Revocations;
  readonly robots: Robots;
  readonly moves: Moves;
  readonly retiredLogins: RetiredLogins;
  readonly reviewRobots: () => Promise<RobotConcern[]>;
  readonly auditLog: AuditLog;
  readonly apiTokens: ApiTokens;
};

/** What accounts really pushed and pulled. */
export function activityOf({ services }: Pick<Config, 'services'>, { store }: Pick<Core, 'store'>): ActivityOfAccounts {
  const isReported = services.some(({ eventsTokens }) => eventsTokens.length > 0);
  return createAccountActivity({ store: store.repositoryActivity, isReported, now: Date.now });
}

/** @param policy returns the policy in force */
export function createAdministration(config: Config, core: Core, policy: () => Policy): Administration {
  const { store, audit, uses, passwords, pepper, log } = core;
  const now = Date.now;
  const administrators = createAdministrators({
    ...config.administrators,
    policy,
    gracePeriods: config.gracePeriods,
    authority: core.authority,
    now,
  });
  return {
    administrators,
    people: createPeople({
      ...{ store, passwords, uses, administrators, authority: core.authority, audit, now },
      readSession: readSessionSummary,
      forgetToken: createForgetToken(config, core),
    }),
    revocations: createRevocations({
      ...{ store, uses, administrators, audit, now, gracePeriods: core.gracePeriods },
      activityOf: activityOf(config, core),
    }),
    robots: createRobots({ ...config.robots, store, audit, isStaticUser: (login) => policy().users.has(login), now }),
    moves: createMoves({
      ...{ moves: store.accountMoves, accounts: store.accounts, authority: core.authority, audit, now },
      ways: signInWays(config),
    }),
    passwordLists: createPasswordLists({ store: store.passwordLists, gracePeriods: core.gracePeriods, now }),
    retiredLogins: createRetiredLogins({ retiredLogins: store.retiredLogins, audit }),
    reviewRobots: () =>
      reviewRobots({
        ...{ store, passwords, uses, policy, services: config.services, now },
        ...{ makerRules: core.makerRules, gracePeriods: config.gracePeriods },
      }),
    auditLog: createAuditLog({ store: store.audit, audit, now }),
    apiTokens: createApiTokens({
      store: store.apiTokens,
      administrators,
      gracePeriods: core.gracePeriods,
      audit,
      pepper,
      maximumDays: config.apiTokenMaximumDays,
      onError: (error) => log.error({ err: error }, 'last use of an API token was not recorded'),
      now,
    }),
  };
}

/** Google's accounts are stored under the first spelling of its issuer. */
function signInWays({ google, oidc }: Config): SignInWay[] {
  const ofGoogle = google === null ? [] : [{ name: 'google', issuer: google.issuers[0] ?? '' }];
  return [...ofGoogle, ...oidc.map(({ name, issuer }) => ({ name, issuer }))];
}
