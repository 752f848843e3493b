/** Owns the reading of a token request (distribution, spec/auth/token.md and oauth.md): GET and POST become one type. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../lib/errors.ts';
import { isRepeated } from '../lib/repeated-header.ts';
import { type Access, parseScopes } from '../scope.ts';
import { type Proof, readProof } from './credentials.ts';
import { readForm, readQuery } from './parameters.ts';

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
  const { method, url = '' } = request;
  if (method !== 'GET' && method !== 'POST') {
    throw new Refusal('method_not_allowed', 'Ask for a token with GET or POST.');
  }
  const authorization = authorizationOf(request);
  const query = readQuery(url);
  return toTokenRequest(method, authorization, query, method === 'POST' ? await readForm(request) : null);
}

function toTokenRequest(
  method: TokenRequest['method'],
  authorization: string | undefined,
  query: URLSearchParams,
  form: URLSearchParams | null,
): TokenRequest {
  const values = (name: string) => [...(form?.getAll(name) ?? []), ...query.getAll(name)];
  const scopes = values('scope');
  return {
    method,
    service: serviceOf(values('service')),
    scopes: parseScopes(scopes),
    hasScope: scopes.some((scope) => scope.trim() !== ''),
    proof: readProof(authorization, query, form),
    wantsIdentityToken: values('offline_token').includes('true') || values('access_type').includes('offline'),
  };
}

/** @throws {Refusal} `bad_request` where several are sent */
function authorizationOf(request: IncomingMessage): string | undefined {
  if (!isRepeated(request, 'authorization')) return request.headers.authorization;
  throw new Refusal('bad_request', 'The request has the Authorization header more than once. Send one.');
}

/** @throws {Refusal} `bad_request` where several are named: which of them signs must not be a matter of luck */
function serviceOf(values: readonly string[]): string {
  const [first = '', ...others] = new Set(values.filter((value) => value !== ''));
  if (others.length === 0) return first;
  throw new Refusal('bad_request', 'The request names more than one service. Name one; see auth.token.realm, too.');
}
