/** Owns sign-in with Google: what its token must show, and which of its accounts are admitted. */

import { createRemoteJWKSet, customFetch, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { normalizeDomain } from '../../lib/domain.ts';
import { Refusal } from '../../lib/errors.ts';
import { fieldsIn, isRecord, textOrNull } from '../../lib/json.ts';
import { domainOf, requireVerifiedEmail } from '../admission.ts';
import { requireAuthorizedParty } from '../authorized-party.ts';
import {
  authenticationTime,
  type Connector,
  type ConnectorParts,
  defaultClockLeeway,
  type Profile,
  verifiedClaim,
} from '../connector.ts';
import { type Fetch, limitFetch } from '../provider-fetch.ts';
import { refusalOfProvider } from '../provider-refusal.ts';
import { quoted, refusalOfTokenError } from '../token-error.ts';
import { createGoogleRefresher } from './refresh.ts';
import { GoogleStrategy, type RedeemedCode } from './strategy.ts';

export type GoogleSettings = {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Exact values of the `hd` claim that are admitted, lower case. */
  readonly domains: readonly string[];
  /** Lets in every account for whose e-mail Google vouches: of any Workspace domain, and @gmail.com. */
  readonly anyAccount: boolean;
  readonly authorizationUrl: string;
  readonly tokenUrl: string;
  readonly jwksUrl: string;
  readonly revocationUrl: string;
  /** The accepted spellings of `iss`. They mean one issuer; accounts are stored under the first. */
  readonly issuers: readonly string[];
  /** Keeps each person's refresh token, to ask later whether they are still there. */
  readonly refreshTokens: boolean;
  readonly callbackUrl: string;
};

const label = 'Google';

export function createGoogleConnector(settings: GoogleSettings, parts: ConnectorParts): Connector {
  const call = limitFetch(parts.fetch, parts.timeout);
  const clockLeeway = parts.clockLeeway ?? defaultClockLeeway;
  const keys = createRemoteJWKSet(new URL(settings.jwksUrl), { [customFetch]: call });
  const strategy = new GoogleStrategy(
    { ...settings, hostedDomain: hostedDomainOf(settings), offline: settings.refreshTokens },
    {
      redeem: (params) => redeem(call, settings, params),
      async profileOf(idToken, nonce, refreshToken) {
        const claims = await verifyIdToken(idToken, { ...{ nonce, settings, keys, clockLeeway }, now: parts.now });
        return { ...toProfile(claims, settings), refreshToken: settings.refreshTokens ? (refreshToken ?? null) : null };
      },
    },
  );
  return {
    name: 'google',
    label,
    strategy: async () => strategy,
    readLogout: null, // Google sends none; its RISC events say the same
    // `select_account` goes with every request: strategy.ts.
    alwaysAsks: true,
    asksConsent: settings.refreshTokens,
    refresher: settings.refreshTokens ? createGoogleRefresher(settings, limitFetch(parts.fetch, parts.timeout)) : null,
    refusalOf: (error) => refusalOfProvider(error, label),
    check: (profile) => check(profile, settings),
  };
}

/** `*` stands for any Workspace domain. */
function hostedDomainOf({ anyAccount, domains }: GoogleSettings): string | undefined {
  if (anyAccount) return undefined;
  return domains.length === 1 ? domains[0] : '*';
}

async function redeem(
  call: Fetch,
  settings: GoogleSettings,
  params: Readonly<Record<string, string>>,
): Promise<RedeemedCode> {
  const response = await call(settings.tokenUrl, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams({ ...params, client_id: settings.clientId, client_secret: settings.clientSecret }),
  });
  const answer: unknown = await response.json().catch(() => null);
  const { id_token: idToken, refresh_token: refreshToken, error, error_description: description } = fieldsIn(answer);
  if (response.ok && isRecord(answer)) return { idToken: textOf(idToken), refreshToken: textOf(refreshToken) };
  const name = textOrNull(error);
  const said = [name, textOf(description)].flatMap((text) => quoted(text ?? '') || []).join(': ');
  const cause = new Error(`the token endpoint answered ${response.status} ${said}`);
  throw refusalOfTokenError(label, response.status, name, cause);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

async function verifyIdToken(
  idToken: string | undefined,
  expected: { nonce: string; settings: GoogleSettings; keys: JWTVerifyGetKey; now: () => number; clockLeeway: number },
): Promise<JWTPayload> {
  const { clientId, issuers } = expected.settings;
  const { payload } = await jwtVerify(idToken ?? '', expected.keys, {
    algorithms: ['RS256'],
    issuer: [...issuers],
    audience: clientId,
    clockTolerance: expected.clockLeeway,
    requiredClaims: ['sub', 'iat', 'exp'],
    currentDate: new Date(expected.now()),
  });
  if (typeof payload.sub !== 'string' || payload.sub === '') throw new Error('the ID token names no one');
  // OpenID Connect Core 1.0, section 3.1.3.7, against replay.
  if (payload['nonce'] !== expected.nonce) throw new Error('the ID token has another nonce');
  requireAuthorizedParty(payload, clientId);
  return payload;
}

function toProfile(claims: JWTPayload, { issuers }: GoogleSettings): Profile {
  const { sub = '', email, email_verified: verified, name, hd } = claims;
  return {
    provider: 'google',
    // Otherwise the other spelling would make another person.
    issuer: issuers[0] ?? '',
    subject: sub,
    email: textOrNull(email),
    emailVerified: verifiedClaim(verified),
    displayName: textOrNull(name),
    domain: typeof hd === 'string' ? normalizeDomain(hd) : null,
    groups: null,
    groupsProblem: null,
    groupsLeftOut: false,
    refreshToken: null,
    providerSession: null,
    authenticatedAt: authenticationTime(claims['auth_time']),
  };
}

function check(profile: Profile, settings: GoogleSettings): void {
  requireVerifiedEmail(profile, label, { assumeVerified: false });
  if (settings.anyAccount) requireAuthority(profile);
  else requireWorkspace(profile, settings.domains);
}

/**
 * `hd` says to whom the account belongs. The e-mail's suffix doesn't: anyone who once had a mailbox there can have
 * made a consumer account with it, and keeps that after leaving.
 */
function requireWorkspace({ email, domain }: Profile, domains: readonly string[]): void {
  if (domain !== null && domains.includes(domain)) return;
  const allowed = domains.join(' or ');
  const reason =
    domain === null
      ? `${email} is a personal Google account: it has this address, but no organization manages it.`
      : `${email} belongs to the Google Workspace of ${domain}.`;
  throw new Refusal('denied', `${reason} Sign in with an account of the Google Workspace of ${allowed}.`);
}

/**
 * Google is authoritative for an address only in a Workspace or at gmail.com; others were checked once, and may
 * belong to someone else by now (developers.google.com/identity/gsi/web/guides/verify-google-id-token).
 */
function requireAuthority({ email, domain }: Profile): void {
  const suffix = domainOf(email ?? '');
  if (domain !== null || suffix === 'gmail.com' || suffix === 'googlemail.com') return;
  throw new Refusal(
    'denied',
    `Google does not vouch for ${email}: it is a personal account with an address of another provider. Sign in with a Workspace or Gmail account.`,
  );
}
