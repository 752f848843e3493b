/** Owns how an OpenID Connect provider's logout token is read (OpenID Connect Back-Channel Logout 1.0). */

import { createRemoteJWKSet, customFetch, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { errorMessage } from '../lib/errors.ts';
import { isRecord } from '../lib/json.ts';
import { fromSeconds } from '../lib/time.ts';
import { type CallParts, defaultClockLeeway } from './connector.ts';
import type { Discover } from './oidc-discovery.ts';
import { limitFetch } from './provider-fetch.ts';
import { providerSessionId } from './provider-session.ts';
import { isWrongSignature, MessageError, type ReadMessage } from './signed-message.ts';

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
/** Only asymmetric ones: an attacker must not choose HS256 and sign with a public key. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Seconds that a token can be old. */
const maximumAge = 600;

export function createLogoutReader(
  { clientId }: { readonly clientId: string },
  discover: Discover,
  parts: CallParts,
): ReadMessage {
  const call = limitFetch(parts.fetch, parts.timeout);
  const clockLeeway = parts.clockLeeway ?? defaultClockLeeway;
  let known: { readonly url: string; readonly keys: JWTVerifyGetKey } | undefined;
  const keysAt = (url: string): JWTVerifyGetKey => {
    if (known?.url !== url) known = { url, keys: createRemoteJWKSet(new URL(url), { [customFetch]: call }) };
    return known.keys;
  };
  return async (text) => {
    // Section 2.6, step 4: as in ID tokens, which the provider's own spelling of its issuer decides, not the setting's.
    const { issuer, jwks_uri: url } = (await discover()).serverMetadata();
    if (url === undefined) throw new Error('the provider names no keys');
    const claims = await verify(text, keysAt(url), { issuer, clientId, clockLeeway, now: parts.now() });
    return readClaims(claims, issuer, parts.now(), clockLeeway);
  };
}

/** Section 2.6, steps 1 to 4. @throws {MessageError} */
async function verify(
  text: string,
  keys: JWTVerifyGetKey,
  expected: { readonly issuer: string; readonly clientId: string; readonly clockLeeway: number; readonly now: number },
): Promise<JWTPayload> {
  const { issuer, clientId, clockLeeway, now } = expected;
  try {
    const { payload, protectedHeader } = await jwtVerify(text, keys, {
      ...{ algorithms, issuer, audience: clientId, clockTolerance: clockLeeway, maxTokenAge: maximumAge },
      ...{ requiredClaims: ['iat', 'jti', 'events'], currentDate: new Date(now) },
    });
    const { typ } = protectedHeader;
    if (typ !== undefined && !/^(application\/)?(logout\+jwt|jwt)$/i.test(typ)) throw new MessageError(`typ is ${typ}`);
    return payload;
  } catch (error) {
    throw isWrongSignature(error) ? new MessageError(explain(error, issuer), { cause: error }) : error;
  }
}

/** With both values where the issuer differs, which is what a setting can change. */
function explain(error: unknown, issuer: string): string {
  const isIssuer = error instanceof errors.JWTClaimValidationFailed && error.claim === 'iss';
  return isIssuer
    ? `iss is ${JSON.stringify(error.payload.iss)}, expected ${JSON.stringify(issuer)}`
    : errorMessage(error);
}

/** Section 2.6, steps 5 to 7. */
function readClaims(claims: JWTPayload, issuer: string, now: number, clockLeeway: number) {
  const { sub, jti, iat = 0, events, nonce } = claims;
  if (!isRecord(events) || !Object.hasOwn(events, logoutEvent)) throw new MessageError('events names no logout');
  // An ID token must not pass for a logout token, nor the other way round.
  if (nonce !== undefined) throw new MessageError('a logout token has no nonce');
  const providerSession = providerSessionId(issuer, claims['sid']);
  const subject = typeof sub === 'string' && sub !== '' ? sub : null;
  if (subject === null && providerSession === null) throw new MessageError('neither sub nor sid');
  const event = { kind: 'end-sessions', reason: 'signed out at the provider', subject, providerSession } as const;
  const expiresAt = now + (maximumAge + 2 * clockLeeway) * 1000;
  return { issuer, id: String(jti), at: fromSeconds(iat), expiresAt, events: [event] };
}
