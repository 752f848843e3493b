/** Owns the reading of a token request (distribution, spec/auth/token.md and oauth.md): GET and POST become one type. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../errors.ts';
import { type Access, parseScopes } from '../scope.ts';
import { type Proof, readProof } from './credentials.ts';
import { readForm } from './form.ts';

export type TokenRequest = {
  readonly method: 'GET' | 'POST';
  /** As sent; '' where it is missing. */
  readonly service: string;
  /** What could be read of the scopes: one entry a resource. */
  readonly scopes: readonly Access[];
  /** Whether anything was asked for, readable or not. Without it the request is a log-in. */
  readonly hasScope: boolean;
  /** `null`: none was sent. `account` is a hint that proves nothing, so nothing here is made from it. */
  readonly proof: Proof | null;
  /** Whether an identity token is wanted beside the token: docker's `offline_token`, OAuth's `access_type`. */
  readonly wantsIdentityToken: boolean;
};

/** @throws {Refusal} `method_not_allowed`, `bad_request`, `unauthenticated`, `too_large` */
export async function readTokenRequest(request: IncomingMessage): Promise<TokenRequest> {
  const { method } = request;
  if (method !== 'GET' && method !== 'POST') {
    throw new Refusal('method_not_allowed', 'Ask for a token with GET or POST.');
  }
  const query = queryOf(request.url ?? '');
  const form = method === 'POST' ? await readForm(request) : null;
  const values = (name: string) => [...(form?.getAll(name) ?? []), ...query.getAll(name)];
  const scopes = values('scope');
  return {
    method,
    service: values('service').find((value) => value !== '') ?? '',
    scopes: parseScopes(scopes),
    hasScope: scopes.some((scope) => scope.trim() !== ''),
    proof: readProof(authorizationOf(request), query, form),
    wantsIdentityToken: values('offline_token').includes('true') || values('access_type').includes('offline'),
  };
}

/** Node keeps the first of several. A proxy may have looked at the last. @throws {Refusal} `bad_request` */
function authorizationOf({ headers, rawHeaders }: IncomingMessage): string | undefined {
  const count = rawHeaders.filter((word, index) => index % 2 === 0 && isAuthorization(word)).length;
  if (count > 1) throw new Refusal('bad_request', 'The request has the Authorization header more than once. Send one.');
  return headers.authorization;
}

function isAuthorization(name: string): boolean {
  return name.length === 'authorization'.length && name.toLowerCase() === 'authorization';
}

/** The realm may have a query of its own, so a POST has one too. */
function queryOf(target: string): URLSearchParams {
  const start = target.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : target.slice(start + 1));
}
