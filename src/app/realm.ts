/** Makes the realm `/auth` and the catalog: which authenticators check a password, and which parts learn of a decision. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config/config.ts';
import { createImportedCheck } from '../docker-auth/imported-passwords.ts';
import type { RequesterReader, Trust } from '../http/requester.ts';
import { createServiceByHost } from '../http/service-by-host.ts';
import type { Authenticator, Credentials, Identity } from '../identity/identity.ts';
import type { Keys } from '../keys/keys.ts';
import { differencesOf } from '../policy/candidate-policy.ts';
import type { Decision } from '../policy/decide.ts';
import type { Listing } from '../repositories/listing.ts';
import { formatScope, isCatalog } from '../scope.ts';
import { createHashCheck } from '../static-users/hash-check.ts';
import { createHashThread } from '../static-users/hash-thread.ts';
import { createStaticUsers, decoyFor, identityOfStaticUser, type StaticUsers } from '../static-users/static-users.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { ServiceTokens } from '../token/authenticate.ts';
import { createCatalogEndpoint } from '../token/catalog-endpoint.ts';
import { type CatalogProofs, createCatalogProofs } from '../token/catalog-proof.ts';
import { createTokenEndpoint, type TokenEndpointParts } from '../token/endpoint.ts';
import type { Core } from './core.ts';
import { hasRepositories } from './has-repositories.ts';
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
  /** What someone can pull at a registry. */
  readonly listing: Pick<Listing, 'after'>;
  /** Whether the peer at an address is trusted to report the host that was asked for. */
  readonly trust: Trust;
};

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createRealm(
  config: Config,
  core: Core,
  parts: RealmParts,
): { readonly token: Handler; readonly catalog: Handler } {
  const { policies, workloads, terminal } = parts;
  const others = [terminal.machines.authenticator, workloads.authentication.authenticator];
  const checks = {
    ...createAuthenticators(core, policies, others),
    failedLogins: core.failedLogins,
    identityTokens: identityTokensOf(core, workloads),
    proofs: createProofs(core, policies),
  };
  return { token: createToken(config, core, parts, checks), catalog: createCatalog(config, core, parts, checks) };
}

/** What a token and the catalog check credentials with. */
type Checks = Pick<TokenEndpointParts, 'authenticators' | 'anonymous' | 'failedLogins' | 'identityTokens'> & {
  readonly proofs: CatalogProofs;
};

function createToken(config: Config, core: Core, parts: RealmParts, { proofs, ...checks }: Checks): Handler {
  const { services, publicUrl } = config;
  const { passwords, uses, dailyCounts, log } = core;
  const { keys, policies, workloads, metrics, requesterOf } = parts;
  return createTokenEndpoint({
    ...{ ...checks, requesterOf, log, now: Date.now, publicUrl: publicUrl.href },
    services: services.map((service) => ({ ...service, signer: keys.ring(service.ring).signer(service.tokenHeader) })),
    catalog: { proofs, services: new Set(services.filter(hasRepositories).map(({ name }) => name)) },
    policy: policies.current,
    onDecisions: recordDecisions(core, parts),
    recordUse(identity, client, access) {
      const workload = workloads.authentication.workloadOf(identity);
      if (workload !== undefined) workloads.uses.record(workload, client);
      passwords.recordUse(identity, client);
      uses.record(identity, client, access);
      dailyCounts.login(identity);
    },
    onAnswer: metrics?.tokenAnswered ?? (() => {}),
  });
}

/** Who learns of what was decided: people of what they were denied, the metrics, and operators of what another rule would change. */
function recordDecisions(
  { denials, dailyCounts, log }: Core,
  { policies, metrics }: RealmParts,
): TokenEndpointParts['onDecisions'] {
  return (identity, all, context) => {
    const decisions = withoutRefusedCatalog(all);
    denials.record(identity, decisions, context);
    if (decisions.some(({ access, granted }) => granted.length < access.actions.length)) dailyCounts.denied();
    metrics?.decided(context.service, decisions);
    for (const beyond of beyondMaker(identity, decisions)) {
      log.warn(beyond, 'the maker of this password could not do this; ROBOT_BOUND=enforce will deny it');
    }
    const candidate = policies.candidate();
    if (candidate === null) return;
    const compared = decisions.slice(0, comparedOfRequest);
    for (const difference of differencesOf(candidate, identity, compared, context)) {
      log.warn(difference, 'the candidate policy would decide otherwise');
    }
  };
}

function createCatalog(
  { services, publicUrl, prefix }: Config,
  { passwords, log }: Core,
  { keys, listing, trust, requesterOf }: RealmParts,
  checks: Checks,
): Handler {
  return createCatalogEndpoint({
    ...{ ...checks, requesterOf, log, now: Date.now },
    help: `create an app password at ${publicUrl.href}`,
    realm: `${publicUrl.origin}${prefix}/auth`,
    serviceOf: createServiceByHost(
      services.map((service) => ({
        ...{ ...service, isListed: hasRepositories(service) },
        keys: () => keys.ring(service.ring).jwks(),
      })),
      trust,
    ),
    list: (identity, context, query) => listing.after({ identity, context }, query),
    recordUse: (identity, client) => passwords.recordUse(identity, client),
  });
}

/** Tools ask for the list of all repositories by themselves, and are content with a list of their own. */
function withoutRefusedCatalog(decisions: readonly Decision[]): readonly Decision[] {
  const isRefused = ({ access, granted }: Decision) => granted.length === 0 && isCatalog(access);
  return decisions.some(isRefused) ? decisions.filter((decision) => !isRefused(decision)) : decisions;
}

/** What a token that lists repositories is checked by. The policy file has the users that have no row. */
function createProofs({ passwords, pepper }: Core, policies: Policies): CatalogProofs {
  return createCatalogProofs({
    passwordById: passwords.identityById,
    userNamed(name) {
      const user = policies.current().users.get(name);
      if (user === undefined || name === '') return null;
      const fingerprint = pepper.hash(`catalog\0${name}\0${user.passwordHash ?? ''}`);
      return { identity: identityOfStaticUser(name, user), fingerprint };
    },
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
