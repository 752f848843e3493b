/** Owns how credentials travel: a Basic header, the form of a password grant, or of a refresh grant. What cannot be read is refused, never anonymous. */

import type { Credentials } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';

const basicHeader = /^basic +([a-z0-9+/]+={0,2}) *$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a request proves itself by: user name and password, or an identity token that came in their place. */
export type Proof =
  | { readonly kind: 'password'; readonly credentials: Credentials }
  | { readonly kind: 'identity token'; readonly token: string };

/**
 * The proof that a request has, or `null` where it has none.
 * @param authorization the header of that name
 * @param form `null` for a GET
 * @throws {Refusal} `unauthenticated` or `bad_request` for credentials that are there and cannot be read
 */
export function readProof(
  authorization: string | undefined,
  query: URLSearchParams,
  form: URLSearchParams | null,
): Proof | null {
  for (const name of ['password', 'refresh_token']) {
    // Proxies log addresses.
    if (query.has(name)) throw new Refusal('bad_request', `Send ${name} in the body of a POST, not in the address.`);
  }
  if (form !== null) refuseRepeated(form);
  const basic = authorization === undefined ? null : readBasic(authorization);
  const grantType = form?.get('grant_type') ?? query.get('grant_type');
  const granted = form === null || grantType === 'refresh_token' ? null : readPasswordGrant(form);
  if (basic && granted && (basic.username !== granted.username || basic.password !== granted.password)) {
    throw new Refusal('bad_request', 'The Authorization header and the form name different credentials. Send one.');
  }
  const credentials = basic ?? granted;
  if (grantType === 'refresh_token') return { kind: 'identity token', token: readRefreshGrant(form, credentials) };
  checkGrantType(grantType, form !== null, credentials);
  return credentials === null ? null : { kind: 'password', credentials };
}

/** RFC 7617: up to the first colon the user name, the rest is the password. `+` stands for itself here. */
function readBasic(header: string): Credentials {
  const [, encoded] = basicHeader.exec(header) ?? [];
  if (encoded === undefined) {
    throw new Refusal('unauthenticated', 'The Authorization header is not of the form "Basic base64(user:password)".');
  }
  const text = decode(Buffer.from(encoded, 'base64'));
  const colon = text.indexOf(':');
  if (colon < 0)
    throw new Refusal('unauthenticated', 'The Authorization header has no colon between user and password.');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new Refusal('unauthenticated', 'User name and password in the Authorization header are not UTF-8.', {
      cause,
    });
  }
}

/** RFC 6749 section 3.2: no parameter more than once; which of two passwords counts must not be a matter of luck. */
function refuseRepeated(form: URLSearchParams): void {
  for (const name of ['grant_type', 'username', 'password', 'refresh_token']) {
    if (form.getAll(name).length > 1) throw new Refusal('bad_request', `The form has ${name} more than once.`);
  }
}

function readPasswordGrant(form: URLSearchParams): Credentials | null {
  const [username, password] = [form.get('username'), form.get('password')];
  if (username === null && password === null) return null;
  if (username === null || password === null) {
    throw new Refusal('bad_request', 'The form needs username and password.');
  }
  return { username, password };
}

/** RFC 6749 section 6. containerd adds a user name, empty or not, which says nothing here. */
function readRefreshGrant(form: URLSearchParams | null, credentials: Credentials | null): string {
  const token = form?.get('refresh_token') ?? '';
  if (token === '') throw new Refusal('bad_request', 'grant_type=refresh_token needs a refresh_token in the form.');
  if (credentials !== null) throw new Refusal('bad_request', 'Send either a refresh_token or a password.');
  return token;
}

function checkGrantType(grantType: string | null, posted: boolean, credentials: Credentials | null): void {
  switch (grantType) {
    case 'password':
      if (credentials === null) throw new Refusal('bad_request', 'grant_type=password needs username and password.');
      return;
    case null:
      if (posted && credentials === null)
        throw new Refusal('bad_request', 'The form needs a grant_type: "password" or "refresh_token".');
      return;
    default:
      throw new Refusal('bad_request', 'The grant_type is unknown. Use "password" or "refresh_token".');
  }
}
