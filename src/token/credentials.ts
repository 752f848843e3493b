/** Owns how credentials travel: a Basic header, a password grant, or a refresh grant. What can't be read is refused, never anonymous. */

import type { Credentials } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import { isSecretOf, looksLikeSecret, trimBlanks, trimSecret } from '../lib/secret.ts';
import { normalized } from '../lib/unicode.ts';

const basicHeader = /^basic +([a-z0-9+/]+={0,2}) *$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a request proves itself by: a user name and a password, or an identity token. */
export type Proof =
  | { readonly kind: 'password'; readonly credentials: Credentials }
  | {
      readonly kind: 'identity token';
      readonly token: string;
      /** The name that it must belong to; `null` if the client sent no name. */
      readonly username: string | null;
      /** `password`: in the place of a password. */
      readonly grant: 'refresh_token' | 'password';
    };

/**
 * The user names that stand for "see the identity token": BuildKit and k3s send an empty one; credential helpers store
 * `<token>` (docker/cli, native_store.go tokenUsername), and @sigstore/oci sends that.
 */
const tokenUsernames: readonly string[] = ['', '<token>'];

const sendOne = 'Send one; a client_id needs no secret here.';

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
    throw new Refusal('bad_request', `The Authorization header and the form name different credentials. ${sendOne}`);
  }
  if (grantType === 'refresh_token') {
    const token = readRefreshGrant(form, basic);
    return { kind: 'identity token', token, username: null, grant: 'refresh_token' };
  }
  const credentials = basic ?? granted;
  checkGrantType(grantType, form !== null, credentials);
  return credentials === null ? null : toProof(credentials);
}

/**
 * Clients that read docker's config.json on their own send the identity token as a password. The user name is normalized:
 * RFC 7617 section 2.1 leaves that to the client, and what a Mac's keyboard composes comes in two forms. What is blank around
 * it is taken off only beside one of our secrets, which no one can guess: a user of the policy file may be called like that.
 */
function toProof(credentials: Credentials): Proof {
  const [name, password] = [normalized(credentials.username), trimSecret(credentials.password)];
  const username = looksLikeSecret(password) ? trimBlanks(name) : name;
  const isToken = isSecretOf('dki', password) || isSecretOf('dkj', password);
  if (!isToken) return { kind: 'password', credentials: { username, password } };
  const owner = namesNobody(username) ? null : username;
  return { kind: 'identity token', token: password, username: owner, grant: 'password' };
}

/** Whether this is a name that clients send when they have none: no one's, and the same for everyone behind one address. */
export function namesNobody(username: string): boolean {
  return tokenUsernames.includes(username);
}

/** RFC 7617: up to the first colon the user name, the rest is the password. `+` means itself here. */
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
    throw new Refusal('unauthenticated', 'The user name and password in the Authorization header aren’t UTF-8.', {
      cause,
    });
  }
}

/** RFC 6749 section 3.2: no parameter more than once; which of two passwords counts must not be a matter of luck. */
function refuseRepeated(form: URLSearchParams): void {
  for (const name of ['grant_type', 'username', 'password', 'refresh_token']) {
    if (form.getAll(name).length > 1) throw new Refusal('bad_request', `Duplicate field: ${name}.`);
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

/**
 * RFC 6749 section 6. containerd adds a user name, empty or not, which says nothing here. Neither does a client that names
 * itself in the header (section 2.3.1), with an empty password or with the token again.
 */
function readRefreshGrant(form: URLSearchParams | null, client: Credentials | null): string {
  const token = trimSecret(form?.get('refresh_token') ?? '');
  if (token === '') throw new Refusal('bad_request', 'grant_type=refresh_token needs a refresh_token in the form.');
  if (client !== null && client.password !== '' && trimSecret(client.password) !== token) {
    throw new Refusal(
      'bad_request',
      `The Authorization header has a password, and the form a refresh_token. ${sendOne}`,
    );
  }
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
