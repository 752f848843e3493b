/** Owns the realm, `/auth`: the phases of a token request, in their order, and the log line that each leaves. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator, Identity } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { findNamed } from '../lib/find-named.ts';
import type { Log } from '../lib/log.ts';
import { securityHeaders } from '../lib/security-headers.ts';
import type { Policy } from '../policy/acl.ts';
import type { Decision, DecisionContext } from '../policy/decide.ts';
import type { Access } from '../scope.ts';
import type { FailedLogins } from '../static-users/failed-logins.ts';
import { answerRefusal, answerToken } from './answer.ts';
import { identityProvenBy, type ServiceTokens } from './authenticate.ts';
import type { CatalogProofs } from './catalog-proof.ts';
import { createGranting, type Grant } from './grant.ts';
import { mint, type Service } from './mint.ts';
import { createRequestReader, type TokenRequest } from './request.ts';
import { createTokenReuse, minimumLife } from './reuse.ts';

export type TokenEndpointParts = {
  /** Each registry that can ask; names differ. */
  readonly services: readonly Service[];
  readonly authenticators: readonly Authenticator[];
  readonly failedLogins: Pick<FailedLogins, 'countOrRefuse'>;
  readonly identityTokens: ServiceTokens;
  /** What makes a token list repositories, at services where there is a list; `null`: at none. */
  readonly catalog: { readonly proofs: Pick<CatalogProofs, 'of'>; readonly services: ReadonlySet<string> } | null;
  /** Who sends no credentials. */
  readonly anonymous: () => Identity;
  /** The policy in force now. */
  readonly policy: () => Policy;
  /** Sees every decision before it is answered. It must not throw. */
  readonly onDecisions: (identity: Identity, decisions: readonly Decision[], context: DecisionContext) => void;
  /** Told of each token and what it grants, to keep what a password was used for. It must not throw, and is not waited for. */
  readonly recordUse: (identity: Identity, client: Requester, access: readonly Access[]) => void;
  /** Told of each answer: 'issued' or the code of the refusal, and the seconds that it took. It must not throw. */
  readonly onAnswer: (service: string, outcome: string, seconds: number) => void;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  /** Where people make app passwords; the answer to a wrong password says so. */
  readonly publicUrl: string;
};

/**
 * The paths that answer, each without a redirect, on which clients lose the body of their POST: a registry with
 * `autoredirect` names `/auth/token`, with or without a slash at its end.
 */
export const realmPaths: readonly string[] = ['/auth', '/auth/', '/auth/token', '/auth/token/'];

/** Answers every request, failures included: the promise never rejects. */
export function createTokenEndpoint(
  parts: TokenEndpointParts,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const read = createRequestReader();
  const grant = createGranting();
  const reuse = createTokenReuse();
  const security = securityHeaders(parts.publicUrl.startsWith('https:'));
  const headersFor = ({ requestId }: Requester) => [...security, 'X-Request-Id', requestId];
  const identify = createIdentify(parts);
  return async (request, response) => {
    const begun = performance.now();
    const client = parts.requesterOf(request);
    const write = createLine(parts.log, client, begun);
    const count = (service: string, outcome: string) =>
      parts.onAnswer(service, outcome, (performance.now() - begun) / 1000);
    let serviceName = '';
    try {
      const asked = await read(request);
      const service = findService(parts.services, asked.service);
      serviceName = service.name;
      const identity = await identify(asked, service, client.address);
      const context = { service: service.name, address: client.address };
      const decided = await grant(parts.policy(), identity, asked.scopes, context);
      parts.onDecisions(identity, decided.decisions, context);
      const now = parts.now();
      const lifetime = lifetimeOf(service, identity, now);
      const catalog = decided.asksCatalog ? catalogProofOf(parts, service, identity) : null;
      const content = { account: identity.account, access: decided.access, catalog };
      const token = await reuse({ service, identity, granted: decided.granted, catalog }, now, () =>
        mint(service.signer, { ...service, lifetime }, content, now),
      );
      const identityToken = await identityTokenFor(parts, asked, service, identity, client);
      parts.recordUse(identity, client, decided.access);
      write('info', 'token', describeToken(service, identity, decided));
      answerToken(response, headersFor(client), token, {
        ...(identityToken !== null && { refresh_token: identityToken }),
        ...(asked.method === 'POST' && { scope: decided.granted.join(' ') }),
        ...(asked.hasScope && !(asked.isAllRead && decided.isWhole) && { issued_at: new Date(now).toISOString() }),
      });
      count(serviceName, 'issued');
    } catch (error) {
      const refusal = toRefusal(error);
      write(refusal.status < 500 ? 'info' : 'error', 'no token', describeRefusal(refusal));
      answerRefusal(response, headersFor(client), refusal);
      count(serviceName, refusal.code);
    }
  };
}

/** @returns what says who asks; it throws {Refusal} `unauthenticated` with what to do */
function createIdentify(parts: TokenEndpointParts) {
  const { authenticators, failedLogins, identityTokens, publicUrl } = parts;
  const help = `create an app password at ${publicUrl}`;
  const authentication = { authenticators, failedLogins, identityTokens, help };
  return async ({ proof, hasScope }: TokenRequest, service: Service, address: string): Promise<Identity> => {
    if (proof !== null) return identityProvenBy(authentication, proof, service, address);
    // Without a scope this is a log-in: a token would make docker say "Login Succeeded" to an empty password.
    if (!hasScope || !service.anonymous) throw new Refusal('unauthenticated', `authentication required; ${help}`);
    return parts.anonymous();
  };
}

/**
 * A login gets the one that it asks for, an exchange the same one again (RFC 6749 section 6). `null` for others: one
 * that wasn't asked for makes crane switch to POST.
 */
async function identityTokenFor(
  { identityTokens }: TokenEndpointParts,
  { proof, wantsIdentityToken }: TokenRequest,
  service: Service,
  identity: Identity,
  client: Requester,
): Promise<string | null> {
  if (proof?.kind === 'identity token') {
    return proof.grant === 'refresh_token' || wantsIdentityToken ? proof.token : null;
  }
  if (proof === null || !wantsIdentityToken || !service.identityTokens) return null;
  return identityTokens.issue(proof.credentials, identity, service.name, client);
}

/**
 * A token is made for a configured registry only: `aud` must not be the sender's choice. Some clients send the name in
 * lower case (Watchtower), so the case doesn't matter where one service matches; `aud` is the name as it is configured.
 */
function findService(services: readonly Service[], name: string): Service {
  const [first, ...others] = services;
  if (name === '' && first !== undefined && others.length === 0) return first;
  const found = findNamed(services, name, (service) => service.name);
  if (found !== undefined) return found;
  const known = services.map((candidate) => `"${candidate.name}"`).join(', ');
  throw new Refusal(
    'bad_request',
    `unknown service "${name.slice(0, 100)}": auth.token.service of the registry must be one of ${known}`,
  );
}

function catalogProofOf({ catalog }: TokenEndpointParts, { name }: Service, identity: Identity) {
  return catalog?.services.has(name) === true ? catalog.proofs.of(identity) : null;
}

/** In seconds: no token outlives what it was made for. @throws {Refusal} where it would live shorter than clients believe */
function lifetimeOf({ lifetime }: Service, { workload }: Identity, now: number): number {
  if (workload === null) return lifetime;
  const rest = Math.floor((workload.endsAt - now) / 1000);
  if (rest >= minimumLife) return Math.min(lifetime, workload.lifetime, rest);
  throw new Refusal(
    'unauthenticated',
    `less than ${minimumLife} seconds are left of this login; start with a new ID token`,
  );
}

/** The one line that the log has of a request to the realm. */
function createLine(log: Log, { requestId, address, userAgent }: Requester, begun: number) {
  return (level: 'info' | 'error', message: string, outcome: object): void => {
    const ms = Math.round((performance.now() - begun) * 10) / 10;
    log[level]({ requestId, ...outcome, ms, address, userAgent }, message);
  };
}

function describeToken(service: Service, identity: Identity, { asked, granted }: Grant): object {
  const { account, credential, workload } = identity;
  const who = { account, credential: credential?.id, run: workload?.run };
  return { status: 200, service: service.name, ...who, asked: abridged(asked), granted: abridged(granted) };
}

/** Scopes that a log line names; of more, their number. */
const maximumLogged = 20;

function abridged(scopes: readonly string[]): readonly string[] {
  if (scopes.length <= maximumLogged) return scopes;
  return [...scopes.slice(0, maximumLogged), `and ${scopes.length - maximumLogged} more`];
}

function describeRefusal(refusal: Refusal): object {
  const { status, message } = refusal;
  return status < 500 ? { status, reason: message } : { status, reason: message, err: refusal.cause };
}

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal('internal', 'internal error; see the Dockpass log', { cause: error });
}
