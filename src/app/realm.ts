/** Makes the realm `/auth`: which authenticators check a password, and which parts learn of a decision. */
import type { Config } from '../config/config.ts';
import { createImportedCheck } from '../docker-auth/imported-passwords.ts';
import type { RequesterReader } from '../http/requester.ts';
import type { Authenticator, Credentials, Identity } from '../identity/identity.ts';
import type { Keys } from '../keys/keys.ts';
import { differencesOf } from '../policy/candidate-policy.ts';
import type { Decision } from '../policy/decide.ts';
import { formatScope } from '../scope.ts';
import { createHashCheck } from '../static-users/hash-check.ts';
import { createHashThread } from '../static-users/hash-thread.ts';
import { createStaticUsers, decoyFor, type StaticUsers } from '../static-users/static-users.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { ServiceTokens } from '../token/authenticate.ts';
import { createTokenEndpoint } from '../token/endpoint.ts';
import type { Core } from './core.ts';
import type { RunningMetrics } from './metrics-listener.ts';
import type { Policies } from './policy-file.ts';
import type { OpenWorkloads } from './workloads.ts';

/** Decisions of one request that are compared with the candidate policy: one for a thousand repositories must not fill the log. */
const comparedOfRequest = 50;

type RealmParts = {
  readonly requesterOf: RequesterReader;
  readonly keys: Keys;
  readonly policies: Policies;
  readonly workloads: OpenWorkloads;
  /** `null` if metrics are off. */
  readonly metrics: RunningMetrics | null;
  readonly terminal: Terminal;
};

export function createRealm(
  config: Config,
  core: Core,
  { requesterOf, keys, policies, workloads, metrics, terminal }: RealmParts,
): ReturnType<typeof createTokenEndpoint> {
  const { log, passwords, uses, denials } = core;
  const others = [terminal.machines.authenticator, workloads.authentication.authenticator];
  const { authenticators, anonymous } = createAuthenticators(core, policies, others);
  return createTokenEndpoint({
    services: config.services.map((service) => ({
      ...service,
      signer: keys.ring(service.ring).signer(service.tokenHeader),
    })),
    authenticators,
    failedLogins: core.failedLogins,
    identityTokens: identityTokensOf(core, workloads),
    anonymous,
    policy: policies.current,
    onDecisions(identity, decisions, context) {
      denials.record(identity, decisions, context);
      metrics?.decided(context.service, decisions);
      for (const beyond of beyondMaker(identity, decisions)) {
        log.warn(beyond, 'whoever made this password could not do this; ROBOT_BOUND=enforce will deny it');
      }
      const candidate = policies.candidate();
      if (candidate === null) return;
      const compared = decisions.slice(0, comparedOfRequest);
      for (const difference of differencesOf(candidate, identity, compared, context)) {
        log.warn(difference, 'the candidate policy would decide otherwise');
      }
    },
    recordUse(identity, client, access) {
      const workload = workloads.authentication.workloadOf(identity);
      if (workload !== undefined) workloads.uses.record(workload, client);
      passwords.recordUse(identity, client);
      uses.record(identity, client, access);
    },
    onAnswer: metrics?.tokenAnswered ?? (() => {}),
    log,
    now: Date.now,
    requesterOf,
    publicUrl: config.publicUrl.href,
  });
}

/** Those of app passwords, and those of jobs; which of them a token is, its prefix says. */
function identityTokensOf({ identityTokens: ofPasswords }: Core, { authentication }: OpenWorkloads): ServiceTokens {
  const ofJobs = authentication.identityTokens;
  return {
    issue: async (credentials, identity, service, client) =>
      identity.workload === null
        ? ofPasswords.issue(credentials, identity, service, client)
        : ofJobs.issue(credentials, identity, service, client),
    verify: (token, service, address) =>
      ofJobs.recognises(token) ? ofJobs.verify(token, service, address) : ofPasswords.verify(token, service),
  };
}

/** App passwords, those that came from docker_auth, ID tokens, and the users of the policy file. */
function createAuthenticators(
  { store, passwords, pepper, failedLogins }: Core,
  policies: Policies,
  more: readonly Authenticator[],
): { authenticators: readonly Authenticator[]; anonymous: StaticUsers['anonymous'] } {
  const hashCheck = createHashCheck({
    thread: createHashThread(),
    guessing: failedLogins.guessing,
    onNotCompared: failedLogins.countOrRefuse,
    now: Date.now,
  });
  const users = () => policies.current().users;
  const imported = createImportedCheck({
    ...{ store: store.passwords, passwords, hashCheck, pepper, now: Date.now },
    isStaticUser: (username) => users().has(username),
    decoyFor: (username) => decoyFor(username, users()),
  });
  const others = [passwords.authenticator, imported, ...more];
  const isElsewhere = (credentials: Credentials) => others.some((other) => other.recognises(credentials));
  const staticUsers = createStaticUsers(users, hashCheck, isElsewhere);
  return { authenticators: [...others, staticUsers.authenticator], anonymous: staticUsers.anonymous };
}

/** What a robot's password gets that its maker would not, where the bound only warns. */
function beyondMaker({ account, credential }: Identity, decisions: readonly Decision[]): object[] {
  return decisions.flatMap(({ access, granted, bound }) => {
    if (bound === null || bound.enforced) return [];
    const actions = granted.filter((action) => !bound.allowed.includes(action));
    const scope = formatScope({ ...access, actions });
    return actions.length === 0 ? [] : [{ account, password: credential?.id, maker: bound.login, scope }];
  });
}
