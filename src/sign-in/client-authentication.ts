/** Owns how Dockpass proves itself to a provider: by the method that its client may use, found out where no one says. */
import { type ClientAuth, ClientSecretBasic, ClientSecretPost } from 'openid-client';
import { fieldsIn } from '../lib/json.ts';
import type { Fetch } from './provider-fetch.ts';

export type AuthMethod = 'basic' | 'post';

export type ClientAuthentication = {
  readonly authenticate: ClientAuth;
  /** Wraps calls: one that is refused for the method is sent again with the other one, which is then remembered. */
  wrap(call: Fetch): Fetch;
};

type Proof = {
  readonly method: AuthMethod;
  prove(method: AuthMethod, body: URLSearchParams, headers: Headers): void;
};

/**
 * What a server supports is not what this client may do: Authelia and Ory hold each client to the one method that it's
 * registered for. Client authentication fails before a code or a token is looked at, so a second try loses nothing.
 * @param settings.authMethod `auto`: tries both
 */
export function createClientAuthentication(settings: {
  readonly clientSecret: string;
  readonly authMethod: AuthMethod | 'auto';
}): ClientAuthentication {
  const proofs = { basic: ClientSecretBasic(settings.clientSecret), post: ClientSecretPost(settings.clientSecret) };
  let remembered: AuthMethod | null = settings.authMethod === 'auto' ? null : settings.authMethod;
  /** How each request under way was proved: others can find out the method meanwhile. */
  const proved = new WeakMap<URLSearchParams, Proof>();
  return {
    authenticate(server, client, body, headers) {
      // In the form where the provider takes that: not every provider decodes what RFC 6749, section 2.3.1 encodes for Basic.
      // Without a word, Basic is the standard's default (OpenID Connect Discovery 1.0, section 3).
      const takesForm = server.token_endpoint_auth_methods_supported?.includes('client_secret_post') === true;
      const method = remembered ?? (takesForm ? 'post' : 'basic');
      proved.set(body, { method, prove: (other, ...request) => proofs[other](server, client, ...request) });
      proofs[method](server, client, body, headers);
    },
    wrap(call) {
      return async (url, init) => {
        const { body } = init;
        const first = await call(url, init);
        const proof = body instanceof URLSearchParams ? proved.get(body) : undefined;
        if (!(body instanceof URLSearchParams) || proof === undefined || !(await isClientRefused(first))) return first;
        if (settings.authMethod !== 'auto') return withoutChallenge(first);
        const other = proof.method === 'post' ? 'basic' : 'post';
        const second = await call(url, {
          ...init,
          ...withMethod(other, body, new Headers(init.headers), proof.prove),
        });
        if (await isClientRefused(second)) return withoutChallenge(first);
        remembered = other;
        return second;
      };
    },
  };
}

function withMethod(
  method: AuthMethod,
  body: URLSearchParams,
  headers: Headers,
  prove: Proof['prove'],
): Pick<RequestInit, 'body' | 'headers'> {
  const again = new URLSearchParams(body);
  for (const name of ['client_id', 'client_secret']) again.delete(name);
  headers.delete('authorization');
  prove(method, again, headers);
  return { body: again, headers };
}

/** RFC 6749, section 5.2. */
async function isClientRefused(response: Response): Promise<boolean> {
  if (response.status !== 400 && response.status !== 401) return false;
  const answer: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  return fieldsIn(answer)['error'] === 'invalid_client';
}

/** The library reads a challenge in place of the body, which says more. */
function withoutChallenge(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.delete('www-authenticate');
  return new Response(response.body, { status: response.status, headers });
}
