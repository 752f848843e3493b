/** Owns the parameters of a token exchange (RFC 8693, section 2): an ID token in, a password out. */
import { findByHost, findNamed } from '../lib/find-named.ts';
import type { Exchange } from '../workload/exchange.ts';
import { type Grant, OAuthError } from './token-endpoint.ts';

export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';

const tokenTypes = 'urn:ietf:params:oauth:token-type:';
const subjectTypes = ['id_token', 'jwt'].map((name) => tokenTypes + name);
const issuedType = `${tokenTypes}access_token`;

type Registry = {
  readonly name: string;
  /** What people write before an image's name. */
  readonly registryHost: string;
};

/** @param services the registries that can be named as `audience` */
export function createTokenExchangeGrant(exchange: Exchange, services: readonly Registry[]): Grant {
  return async (form, client) => {
    const type = form.required('subject_token_type');
    if (!subjectTypes.includes(type)) {
      throw new OAuthError('invalid_request', `subject_token_type must be ${subjectTypes.join(' or ')}.`);
    }
    for (const name of ['actor_token', 'actor_token_type', 'resource']) {
      if (form.optional(name) !== null)
        throw new OAuthError('invalid_request', `${name} isn't supported here; leave it out.`);
    }
    const wanted = form.optional('requested_token_type');
    if (wanted !== null && wanted !== issuedType) {
      throw new OAuthError('invalid_request', `requested_token_type can only be ${issuedType}; leave it out.`);
    }
    if (form.optional('scope') !== null) {
      throw new OAuthError('invalid_scope', 'The policy decides what the password can do; leave scope out.');
    }
    const service = serviceOf(form.optional('audience'), services);
    const request = { token: form.required('subject_token'), username: form.optional('username'), service };
    const { password, expiresIn, username } = await exchange(request, client);
    // It's the password of a Basic login, not a bearer token: RFC 8693, section 2.2.1 calls that N_A.
    return {
      access_token: password,
      issued_token_type: issuedType,
      token_type: 'N_A',
      expires_in: expiresIn,
      username,
    };
  };
}

/** By its name, as the realm finds it, or by its host where that is the host of one: a cluster knows only that. @throws {OAuthError} */
function serviceOf(audience: string | null, services: readonly Registry[]): string | null {
  if (audience === null) return null;
  const found = findNamed(services, audience, ({ name }) => name) ?? findByHost(services, audience);
  if (found !== undefined) return found.name;
  const names = services.map(({ name }) => name).join(', ');
  throw new OAuthError('invalid_target', `audience must be one of ${names}, or left out.`);
}
