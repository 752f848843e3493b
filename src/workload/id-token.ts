/** Owns the form of an ID token: what can be read of it before its signature was checked, which proves nothing. */
import { isRecord } from '../lib/json.ts';
import { trimBlanks } from '../lib/secret.ts';
import { WorkloadRefusal } from './refusal.ts';

/** Bytes. GitLab puts every group of a person into a token; Basic makes 27 KB of this. */
export const maximumLength = 20 * 1024;

export type UnverifiedToken = {
  readonly text: string;
  /**
   * What is signed, without the signature, of which one token can have many: the last character of base64url has unused bits, and an
   * ECDSA signature (r, s) is as good as (r, -s). What tells tokens apart is this.
   */
  readonly signed: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly algorithm: string;
  readonly kid: string | null;
  /** What `iss` says; to choose among configured issuers, and for nothing else. */
  readonly issuer: string;
  /** The claims as they were sent, JSON, and its fields: nothing before the signature was checked. */
  readonly payload: string;
  readonly fields: Readonly<Record<string, unknown>>;
};

const form = /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/;

/** Whether a password can only be meant as a JWT, with something blank around it or not: its header is a JSON object in base64url. */
export function looksLikeJwt(password: string): boolean {
  const text = trimBlanks(password);
  // One that is too long is refused as such, before a pattern walks over it.
  return text.startsWith('eyJ') && (text.length > maximumLength || form.test(text));
}

/** @param sent with what a pipe or an editor put around it. @throws {WorkloadRefusal} */
export function readUnverified(sent: string): UnverifiedToken {
  const text = trimBlanks(sent);
  if (text.length > maximumLength) throw new WorkloadRefusal('too-long', { hint: 'it is longer than 20 KB' });
  if (!form.test(text)) throw new WorkloadRefusal('malformed');
  const [first = '', second = ''] = text.split('.');
  const header = parse(decodePart(first));
  const payload = decodePart(second);
  const fields = parse(payload);
  const { alg, kid } = header;
  const { iss } = fields;
  if (typeof alg !== 'string' || typeof iss !== 'string') throw new WorkloadRefusal('malformed');
  return {
    ...{ text, header, payload, fields },
    signed: text.slice(0, text.lastIndexOf('.')),
    algorithm: alg,
    kid: typeof kid === 'string' ? kid : null,
    issuer: iss,
  };
}

/**
 * Access tokens, logout tokens and security events are signed with the same keys and say so in `typ`. A token that brings
 * its own key, or a rule for reading it that isn't known here, is no one's ID token (RFC 8725 section 3.10 and 3.11).
 * @throws {WorkloadRefusal}
 */
export function refuseHeader({ header }: UnverifiedToken): void {
  const { typ } = header;
  const isTyped = typ === undefined || (typeof typ === 'string' && typ.toUpperCase() === 'JWT');
  const foreign = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'enc', 'zip'].some((name) => Object.hasOwn(header, name));
  if (!isTyped || foreign) throw new WorkloadRefusal('header');
}

/** @throws {WorkloadRefusal} */
function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new WorkloadRefusal('malformed', { cause });
  }
  throw new WorkloadRefusal('malformed');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws {WorkloadRefusal} */
function decodePart(part: string): string {
  try {
    return utf8.decode(Buffer.from(part, 'base64url'));
  } catch (cause) {
    throw new WorkloadRefusal('malformed', { cause });
  }
}
