/** Owns the form of an ID token: what can be read of it before its signature was checked, which proves nothing. */
import { isRecord } from '../lib/json.ts';
import { WorkloadRefusal } from './refusal.ts';

/** Bytes. GitLab puts every group of a person into a token; Basic makes 27 KB of this. */
export const maximumLength = 20 * 1024;

export type UnverifiedToken = {
  readonly text: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly algorithm: string;
  readonly kid: string | null;
  /** What `iss` says; to choose among configured issuers, and for nothing else. */
  readonly issuer: string;
};

const form = /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/;

/** Whether a password can only be meant as a JWT: its header is a JSON object in base64url. */
export function looksLikeJwt(password: string): boolean {
  // One that is too long is refused as such, before a pattern walks over it.
  return password.startsWith('eyJ') && (password.length > maximumLength || form.test(password));
}

/** @throws {WorkloadRefusal} */
export function readUnverified(text: string): UnverifiedToken {
  if (text.length > maximumLength) throw new WorkloadRefusal('too-long', { hint: 'it is longer than 20 KB' });
  const [header = '', payload = ''] = text.split('.');
  if (!form.test(text)) throw new WorkloadRefusal('malformed');
  const parsed = parse(header);
  const { alg, kid } = parsed;
  const { iss } = parse(payload);
  if (typeof alg !== 'string' || typeof iss !== 'string') throw new WorkloadRefusal('malformed');
  return { text, header: parsed, algorithm: alg, kid: typeof kid === 'string' ? kid : null, issuer: iss };
}

/**
 * Access tokens, logout tokens and security events are signed with the same keys and say so in `typ`. A token that brings
 * its own key, or a rule for reading it that isn't known here, is nobody's ID token (RFC 8725 section 3.10 and 3.11).
 * @throws {WorkloadRefusal}
 */
export function refuseHeader({ header }: UnverifiedToken): void {
  const { typ } = header;
  const isTyped = typ === undefined || (typeof typ === 'string' && typ.toUpperCase() === 'JWT');
  const foreign = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'enc', 'zip'].some((name) => Object.hasOwn(header, name));
  if (!isTyped || foreign) throw new WorkloadRefusal('header');
}

/** @throws {WorkloadRefusal} */
function parse(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(decodePart(part));
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new WorkloadRefusal('malformed', { cause });
  }
  throw new WorkloadRefusal('malformed');
}

export function decodePart(part: string): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(part, 'base64url'));
}
