/** Owns the reading of a token request (distribution, spec/auth/token.md and oauth.md): GET and POST become one type. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../lib/errors.ts';
import { createRepeatCache } from '../lib/repeat-cache.ts';
import { authorizationOf } from '../lib/repeated-header.ts';
import { type Access, readScopes } from '../scope.ts';
import { type Proof, readProof } from './credentials.ts';
import { readForm, readQuery } from './parameters.ts';

export type TokenRequest = {
  readonly method: 'GET' | 'POST';
  /** As sent; '' where it is missing. */
  readonly service: string;
  /** What could be read of the scopes: one entry a resource. */
  readonly scopes: readonly Access[];
  /** Whether that's all of them. */
  readonly isAllRead: boolean;
  /** Whether anything was asked for, readable or not. Without it the request is a log-in. */
  readonly hasScope: boolean;
  /** `null`: none was sent. `account` is a hint that proves nothing, so nothing here is made from it. */
  readonly proof: Proof | null;
  /** Whether an identity token is wanted beside the token: docker's `offline_token`, OAuth's `access_type`. */
  readonly wantsIdentityToken: boolean;
};

/** @throws {Refusal} `method_not_allowed`, `bad_request`, `unauthenticated`, `too_large` */
export type RequestReader = (request: IncomingMessage) => Promise<TokenRequest>;

/** What parameters ask for; credentials are read for themselves. */
type Asked = Omit<TokenRequest, 'method' | 'proof'> & { readonly query: URLSearchParams };

/** As few as grants that are kept, for the same reason. */
const maximumKept = 50;
/** Characters of an address that is kept. */
const longest = 1_024;

/**
 * Keeps what the addresses of GET requests ask for: a pull repeats its address for each layer, and reading one is a sixth of
 * the processor time of a request (docs/performance.md). No address that is kept has a secret in it: one that has is refused.
 */
export function createRequestReader(): RequestReader {
  const kept = createRepeatCache<Asked>(maximumKept);
  const readGet = (url: string, authorization: string | undefined): TokenRequest => {
    const known = kept.get(url);
    const asked = known ?? readAsked(readQuery(url), null);
    const proof = readProof(authorization, asked.query, null);
    if (known === undefined && url.length <= longest) kept.set(url, asked, performance.now());
    return requestOf('GET', asked, proof);
  };
  return async (request) => {
    const { method, url = '' } = request;
    if (method === 'GET') return readGet(url, authorizationOf(request));
    if (method === 'POST') return readPost(request, url);
    throw new Refusal('method_not_allowed', 'Ask for a token with GET or POST.');
  };
}

async function readPost(request: IncomingMessage, url: string): Promise<TokenRequest> {
  const authorization = authorizationOf(request);
  const form = await readForm(request);
  const asked = readAsked(readQuery(url), form);
  return requestOf('POST', asked, readProof(authorization, asked.query, form));
}

function requestOf(method: TokenRequest['method'], asked: Asked, proof: Proof | null): TokenRequest {
  const { service, scopes, isAllRead, hasScope, wantsIdentityToken } = asked;
  return { method, service, scopes, isAllRead, hasScope, proof, wantsIdentityToken };
}

function readAsked(query: URLSearchParams, form: URLSearchParams | null): Asked {
  const values = (name: string) => (form === null ? query.getAll(name) : [...form.getAll(name), ...query.getAll(name)]);
  const sent = values('scope');
  const { scopes, isAll } = readScopes(sent);
  return {
    query,
    service: serviceOf(values('service')),
    scopes,
    isAllRead: isAll,
    hasScope: sent.some((scope) => scope.trim() !== ''),
    wantsIdentityToken: values('offline_token').includes('true') || values('access_type').includes('offline'),
  };
}

/** @throws {Refusal} `bad_request` where several are named: which of them signs must not be a matter of luck */
function serviceOf(values: readonly string[]): string {
  const [first = '', ...others] = new Set(values.filter((value) => value !== ''));
  if (others.length === 0) return first;
  throw new Refusal('bad_request', 'The request names more than one service. Name one; see auth.token.realm, too.');
}
