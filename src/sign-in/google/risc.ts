/** Owns how Google's security events are read (Cross-Account Protection; RFC 8417, developers.google.com/identity/protocols/risc). */
import { compactVerify, createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import { day } from '../../lib/time.ts';
import { type ConnectorParts, clockTolerance } from '../connector.ts';
import { type Fetch, limitFetch } from '../provider-fetch.ts';
import { isWrongSignature, MessageError, type ProviderEvent, type ReadMessage } from '../signed-message.ts';

export type RiscSettings = {
  /** Google's description of who signs, and with which keys. */
  readonly configurationUrl: string;
  readonly clientId: string;
  /** The spellings of Google's issuer; accounts are stored under the first. */
  readonly issuers: readonly string[];
};

type Sender = { readonly issuer: string; readonly keys: JWTVerifyGetKey };

/** Milliseconds: Google tries for days to deliver; what is older was delivered or is no use any more. */
const maximumAge = 30 * day;
const tolerance = clockTolerance * 1000;

export function createRiscReader(settings: RiscSettings, parts: ConnectorParts): ReadMessage {
  const call = limitFetch(parts.fetch, parts.timeout);
  let sender: Promise<Sender> | undefined;
  const findSender = (): Promise<Sender> => {
    sender ??= readConfiguration(call, settings.configurationUrl).catch((error: unknown) => {
      sender = undefined;
      throw error;
    });
    return sender;
  };
  return async (text) => {
    const { issuer, keys } = await findSender();
    const claims = await verify(text, keys);
    // No "exp" is looked at: an event stays true (RFC 8417, section 2.2). The age limit is ours, for the replay table.
    const at = Number(claims['iat']) * 1000;
    const age = parts.now() - at;
    if (!(age <= maximumAge && age >= -tolerance)) throw new MessageError('iat is missing, in the future or too old');
    if (claims['iss'] !== issuer) throw new MessageError('iss is another');
    if (![claims['aud']].flat().includes(settings.clientId)) throw new MessageError('aud is another client');
    if (typeof claims['jti'] !== 'string') throw new MessageError('jti is missing');
    const [stored = ''] = settings.issuers;
    const events = eventsOf(claims['events'], settings.issuers);
    return { issuer: stored, id: claims['jti'], at, expiresAt: at + maximumAge + tolerance, events };
  };
}

async function readConfiguration(call: Fetch, url: string): Promise<Sender> {
  const response = await call(url, { headers: { accept: 'application/json' } });
  const { issuer, jwks_uri: keysUrl } = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  if (!response.ok || typeof issuer !== 'string' || typeof keysUrl !== 'string') {
    throw new Error(`${url} is no RISC configuration`);
  }
  return { issuer, keys: createRemoteJWKSet(new URL(keysUrl), { [customFetch]: call }) };
}

async function verify(text: string, keys: JWTVerifyGetKey): Promise<Record<string, unknown>> {
  try {
    const { payload } = await compactVerify(text, keys, { algorithms: ['RS256'] });
    const claims: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (typeof claims !== 'object' || claims === null) throw new MessageError('no claims');
    return claims as Record<string, unknown>;
  } catch (error) {
    const wrong = isWrongSignature(error) || error instanceof SyntaxError;
    throw wrong ? new MessageError((error as Error).message, { cause: error }) : error;
  }
}

const root = 'https://schemas.openid.net/secevent/';
/** "Required" and "suggested" responses of Google's list; passwords of a lost Google session stay the sweep's business. */
const kinds: Readonly<Record<string, ProviderEvent['kind']>> = {
  [`${root}risc/event-type/sessions-revoked`]: 'end-sessions',
  [`${root}risc/event-type/account-credential-change-required`]: 'end-sessions',
  [`${root}oauth/event-type/tokens-revoked`]: 'end-sessions',
  [`${root}risc/event-type/account-disabled`]: 'disable',
};

function eventsOf(events: unknown, issuers: readonly string[]): ProviderEvent[] {
  if (typeof events !== 'object' || events === null) throw new MessageError('events is missing');
  return Object.entries(events as Record<string, unknown>).map(([type, told]) => {
    const { subject, reason } = (told ?? {}) as { subject?: Record<string, unknown>; reason?: unknown };
    const name = type.split('/').at(-1) ?? type;
    const because = typeof reason === 'string' && /^[a-z-]{1,40}$/.test(reason) ? ` (${reason})` : '';
    // Google writes the issuer with a slash at its end here, and without one in ID tokens.
    const isGoogles = issuers.includes(String(subject?.['iss']).replace(/\/$/, ''));
    const person = isGoogles && typeof subject?.['sub'] === 'string' ? subject['sub'] : null;
    const kind = person === null ? 'nothing' : (kinds[type] ?? 'nothing');
    return { kind, reason: `Google says ${name}${because}`, subject: person, providerSession: null };
  });
}
