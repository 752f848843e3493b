/** Owns how an OpenID Connect provider is found and asked: its metadata, how Dockpass proves itself to it, what its errors mean. */
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  ResponseBodyError,
} from 'openid-client';
import { Refusal } from '../lib/errors.ts';
import { type CallParts, clockTolerance as tolerance } from './connector.ts';
import { isNoAnswer, limitFetch } from './provider-fetch.ts';
import { noAnswer, refusalOfTokenError } from './token-error.ts';

export type Discover = () => Promise<Configuration>;

export type DiscoverySettings = {
  /** On the button. */
  readonly label: string;
  /** Compared letter by letter with what the provider says. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Allows plain http, for a provider on the loopback address. */
  readonly allowInsecureIssuer: boolean;
};

/**
 * Asks for the provider's metadata when the first person signs in, so that Dockpass starts while the provider is down;
 * after a failure the next person's sign-in asks again. People who come together wait for one answer.
 */
export function createDiscovery(settings: DiscoverySettings, parts: CallParts): Discover {
  let found: Promise<Configuration> | undefined;
  const call = limitFetch(parts.fetch, parts.timeout);
  const client = { client_secret: settings.clientSecret, [clockTolerance]: tolerance };
  // Signatures of ID tokens are checked although they came over TLS from the token endpoint itself.
  const execute = [enableNonRepudiationChecks, ...(settings.allowInsecureIssuer ? [allowInsecureRequests] : [])];
  const ask = (): Promise<Configuration> =>
    discovery(new URL(settings.issuer), settings.clientId, client, authenticate(settings.clientSecret), {
      execute,
      [customFetch]: (url, init) => call(url, init as RequestInit), // openid-client's own type of the same
    });
  return () => {
    found ??= ask().catch((error: unknown) => {
      found = undefined;
      throw refusalOf(error, settings.label);
    });
    return found;
  };
}

/**
 * In the form where the provider takes that, because not every provider decodes what RFC 6749, section 2.3.1 encodes for
 * Basic. Without a word, Basic is the standard's default (OpenID Connect Discovery 1.0, section 3).
 */
function authenticate(secret: string): ClientAuth {
  const [post, basic] = [ClientSecretPost(secret), ClientSecretBasic(secret)];
  return (server, ...rest) => {
    const takesForm = server.token_endpoint_auth_methods_supported?.includes('client_secret_post');
    (takesForm ? post : basic)(server, ...rest);
  };
}

/** What to tell a person about an error of the provider. */
export function refusalOf(error: unknown, label: string): Refusal {
  if (error instanceof Refusal) return error;
  if (isNoAnswer(error)) return noAnswer(label, error);
  if (error instanceof ResponseBodyError) return refusalOfTokenError(label, error.status, error.error, error);
  const cause = error instanceof Error ? error.cause : undefined;
  // For an answer with an unexpected status or content type, openid-client keeps only the answer.
  if (cause instanceof Response) return refusalOfTokenError(label, cause.status, null, error);
  const message = `${label}'s answer could not be verified. Start the sign-in again.`;
  return new Refusal('bad_gateway', message, { cause: error });
}
