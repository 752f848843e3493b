/** Owns how Google's security events are read (Cross-Account Protection; RFC 8417, developers.google.com/identity/protocols/risc). */

import { createHash } from 'node:crypto';
import { compactVerify, createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import { errorMessage } from '../../lib/errors.ts';
import { fieldsIn, isRecord } from '../../lib/json.ts';
import { day, fromSeconds, hour, minute } from '../../lib/time.ts';
import { type CallParts, defaultClockLeeway } from '../connector.ts';
import { type Fetch, limitFetch } from '../provider-fetch.ts';
import { isWrongSignature, MessageError, type ProviderEvent, type ReadMessage } from '../signed-message.ts';

export type RiscSettings = {
  /** Google's description of who signs, and with which keys. */
  readonly configurationUrl: string;
  readonly clientId: string;
  /** Other OAuth clients of the same project: Google sends one stream for all, and `aud` is one of them. */
  readonly riscClientIds: readonly string[];
  /** The spellings of Google's issuer; accounts are stored under the first. */
  readonly issuers: readonly string[];
};

type Sender = { readonly issuer: string; readonly keys: JWTVerifyGetKey };

/** Milliseconds: Google tries for days to deliver; older events were delivered or are useless. */
const maximumAge = 30 * day;
const tolerance = defaultClockLeeway * 1000;
/** Milliseconds for which the description of the sender counts: Google moves its keys to other addresses, too. */
const lifetime = hour;
/** Milliseconds after which it's asked for again where there was no answer; the one before counts until then. */
const retryInterval = minute;

export function createRiscReader(settings: RiscSettings, parts: CallParts): ReadMessage {
  const call = limitFetch(parts.fetch, parts.timeout);
  let known: { readonly sender: Promise<Sender>; readonly until: number } | undefined;
  const findSender = (): Promise<Sender> => {
    const before = known;
    if (before !== undefined && parts.now() < before.until) return before.sender;
    const sender = readConfiguration(call, settings.configurationUrl).catch((error: unknown) => {
      known = before && { sender: before.sender, until: parts.now() + retryInterval };
      if (before === undefined) throw error;
      return before.sender;
    });
    known = { sender, until: parts.now() + lifetime };
    return sender;
  };
  return async (text) => {
    const { issuer, keys } = await findSender();
    const claims = await verify(text, keys);
    // No "exp" is looked at: an event stays true (RFC 8417, section 2.2). The age limit is ours, for the replay table.
    const at = fromSeconds(Number(claims['iat']));
    const age = parts.now() - at;
    if (!(age <= maximumAge && age >= -tolerance)) throw new MessageError('iat is missing, in the future or too old');
    if (claims['iss'] !== issuer) throw new MessageError('iss is another');
    requireAudience(claims['aud'], [settings.clientId, ...settings.riscClientIds]);
    if (typeof claims['jti'] !== 'string') throw new MessageError('jti is missing');
    const [stored = ''] = settings.issuers;
    const events = eventsOf(claims['events'], settings.issuers);
    return { issuer: stored, id: claims['jti'], at, expiresAt: at + maximumAge + tolerance, events };
  };
}

async function readConfiguration(call: Fetch, url: string): Promise<Sender> {
  const response = await call(url, { headers: { accept: 'application/json' } });
  const { issuer, jwks_uri: keysUrl } = fieldsIn(await response.json());
  if (!response.ok || typeof issuer !== 'string' || typeof keysUrl !== 'string') {
    throw new Error(`${url} isn't a RISC configuration`);
  }
  return { issuer, keys: createRemoteJWKSet(new URL(keysUrl), { [customFetch]: call }) };
}

async function verify(text: string, keys: JWTVerifyGetKey): Promise<Record<string, unknown>> {
  try {
    const { payload } = await compactVerify(text, keys, { algorithms: ['RS256'] });
    const claims: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (!isRecord(claims)) throw new MessageError('no claims');
    return claims;
  } catch (error) {
    const wrong = isWrongSignature(error) || error instanceof SyntaxError;
    throw wrong ? new MessageError(errorMessage(error), { cause: error }) : error;
  }
}

function requireAudience(audience: unknown, clientIds: readonly string[]): void {
  const named = [audience].flat().map(String);
  if (named.some((id) => clientIds.includes(id))) return;
  throw new MessageError(
    `aud is ${named.join(', ').slice(0, 200)}, which is neither GOOGLE_CLIENT_ID nor in GOOGLE_RISC_CLIENT_IDS`,
  );
}

const root = 'https://schemas.openid.net/secevent/';
const accountDisabled = `${root}risc/event-type/account-disabled`;
const tokenRevoked = `${root}oauth/event-type/token-revoked`;

/** The "required" and "suggested" responses of Google's list. */
const kinds: Readonly<Record<string, ProviderEvent['kind']>> = {
  [`${root}risc/event-type/sessions-revoked`]: 'end-sessions',
  [`${root}risc/event-type/account-credential-change-required`]: 'end-sessions',
  [`${root}oauth/event-type/tokens-revoked`]: 'end-sessions',
  [tokenRevoked]: 'forget-token',
  [accountDisabled]: 'suspend',
};

/** What Dockpass acts on; `dockpass google-events register` asks Google for these. */
export const riscEvents: readonly string[] = Object.keys(kinds);

type Subject = Readonly<Record<string, unknown>>;

function eventsOf(events: unknown, issuers: readonly string[]): ProviderEvent[] {
  if (typeof events !== 'object' || events === null) throw new MessageError('events is missing');
  return Object.entries(events).map(([type, event]) => eventOf(type, event, issuers));
}

function eventOf(type: string, event: unknown, issuers: readonly string[]): ProviderEvent {
  const { reason, subject: about } = fieldsIn(event);
  const subject = fieldsIn(about);
  const name = type.split('/').at(-1) ?? type;
  const because = typeof reason === 'string' && /^[a-z-]{1,40}$/.test(reason) ? ` (${reason})` : '';
  const said = { reason: `Google says ${name}${because}`, providerSession: null };
  if (type === tokenRevoked) return { ...said, ...tokenOf(subject) };
  // Google writes the issuer with a slash at its end here, and without one in ID tokens.
  const isGoogles = issuers.includes(String(subject['iss']).replace(/\/$/, ''));
  const person = isGoogles && typeof subject['sub'] === 'string' ? subject['sub'] : null;
  return { ...said, kind: person === null ? 'nothing' : kindOf(type, reason), subject: person };
}

/**
 * Only `hijacking` says that someone else has the account. `bulk-account` and no reason suggest to look, or to refuse
 * Google sign-in, which a suspension does and can take back.
 */
function kindOf(type: string, reason: unknown): ProviderEvent['kind'] {
  if (type === accountDisabled && reason === 'hijacking') return 'disable';
  return kinds[type] ?? 'nothing';
}

/** Google names a refresh token by its first 16 characters, or by SHA-512 of its SHA-512, both in Base64. */
function tokenOf(subject: Subject): Pick<ProviderEvent, 'kind' | 'subject' | 'isToken'> {
  const { token_type: type, token_identifier_alg: algorithm, token: named } = subject;
  if (type !== 'refresh_token' || typeof named !== 'string') return { kind: 'nothing', subject: null };
  const identify = identifiers[String(algorithm)];
  if (identify === undefined) return { kind: 'nothing', subject: null };
  return { kind: 'forget-token', subject: null, isToken: (token) => identify(token).includes(named) };
}

/** A token's names; Base64 is compared with and without its padding, in either alphabet. */
const identifiers: Readonly<Record<string, (token: string) => readonly string[]>> = {
  prefix: (token) => (token.length > 16 ? [token.slice(0, 16)] : []),
  hash_base64_sha512_sha512: (token) => {
    const hash = sha512(sha512(Buffer.from(token)));
    const base64 = hash.toString('base64');
    return [base64, base64.replace(/=+$/, ''), hash.toString('base64url')];
  },
};

function sha512(bytes: Buffer): Buffer {
  return createHash('sha512').update(bytes).digest();
}
