/** Owns how credentials travel: a Basic header, or the form of a password grant. What cannot be read is refused, never anonymous. */
import { Refusal } from '../errors.ts';
import type { Credentials } from '../identity/identity.ts';

const basicHeader = /^basic +([a-z0-9+/]+={0,2}) *$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The credentials of a request, or `null` where it has none.
 * @param authorization the header of that name
 * @param form `null` for a GET
 * @throws {Refusal} `unauthenticated` or `bad_request` for credentials that are there and cannot be read
 */
export function readCredentials(
  authorization: string | undefined,
  query: URLSearchParams,
  form: URLSearchParams | null,
): Credentials | null {
  for (const name of ['password', 'refresh_token']) {
    // Proxies log addresses.
    if (query.has(name)) throw new Refusal('bad_request', `Send ${name} in the body of a POST, not in the address.`);
  }
  const basic = authorization === undefined ? null : readBasic(authorization);
  const granted = form === null ? null : readPasswordGrant(form);
  if (basic && granted && (basic.username !== granted.username || basic.password !== granted.password)) {
    throw new Refusal('bad_request', 'The Authorization header and the form name different credentials. Send one.');
  }
  const credentials = basic ?? granted;
  checkGrantType(form?.get('grant_type') ?? query.get('grant_type'), form !== null, credentials);
  return credentials;
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

function readPasswordGrant(form: URLSearchParams): Credentials | null {
  // RFC 6749 section 3.2: no parameter more than once; which of two passwords counts must not be a matter of luck.
  for (const name of ['grant_type', 'username', 'password']) {
    if (form.getAll(name).length > 1) throw new Refusal('bad_request', `The form has ${name} more than once.`);
  }
  const [username, password] = [form.get('username'), form.get('password')];
  if (username === null && password === null) return null;
  if (username === null || password === null) {
    throw new Refusal('bad_request', 'The form needs username and password.');
  }
  return { username, password };
}

function checkGrantType(grantType: string | null, posted: boolean, credentials: Credentials | null): void {
  switch (grantType) {
    case 'password':
      if (credentials === null) throw new Refusal('bad_request', 'grant_type=password needs username and password.');
      return;
    case 'refresh_token':
      throw new Refusal('unauthenticated', 'There are no refresh tokens here. Log in with an app password.');
    case null:
      if (posted && credentials === null) throw new Refusal('bad_request', 'The form needs a grant_type: "password".');
      return;
    default:
      throw new Refusal('bad_request', 'The grant_type is unknown. Use "password".');
  }
}
