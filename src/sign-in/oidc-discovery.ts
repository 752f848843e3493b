/** Owns how an OpenID Connect provider is found: its metadata, how long that counts, and what its errors mean. */
import {
  allowInsecureRequests,
  type Configuration,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  ResponseBodyError,
} from 'openid-client';
import type { Refusal } from '../lib/errors.ts';
import { hour, minute } from '../lib/time.ts';
import { type AuthMethod, createClientAuthentication } from './client-authentication.ts';
import { type CallParts, defaultClockLeeway } from './connector.ts';
import { limitFetch } from './provider-fetch.ts';
import { refusalOfProvider } from './provider-refusal.ts';
import { refusalOfTokenError } from './token-error.ts';

export type Discover = () => Promise<Configuration>;

export type DiscoverySettings = {
  /** On the button. */
  readonly label: string;
  /** Compared letter by letter with what the provider says. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly authMethod: AuthMethod | 'auto';
  /** Allows plain http, for a provider on the loopback address. */
  readonly allowInsecureIssuer: boolean;
};

/** Milliseconds. */
const lifetime = hour;
/** Milliseconds after which an expired answer is asked for again where the provider didn't answer. */
const retryInterval = minute;

/**
 * Asks for the provider's metadata when the first person signs in, so that Dockpass starts while the provider is down; after
 * a failure the next sign-in asks again. It's asked for again after an hour, and after an endpoint that isn't there: providers
 * move them. While it can't be had, the one before counts. People who come together wait for one answer.
 */
export function createDiscovery(settings: DiscoverySettings, parts: CallParts): Discover {
  let found: { readonly configuration: Promise<Configuration>; until: number } | undefined;
  const authentication = createClientAuthentication(settings);
  const limited = limitFetch(parts.fetch, parts.timeout);
  const call = authentication.wrap(async (url, init) => {
    const response = await limited(url, init);
    if ((response.status === 404 || response.status === 410) && found !== undefined) found.until = 0;
    return response;
  });
  const client = {
    client_secret: settings.clientSecret,
    [clockTolerance]: parts.clockLeeway ?? defaultClockLeeway,
  };
  // Signatures of ID tokens are checked although they came over TLS from the token endpoint itself.
  const execute = [enableNonRepudiationChecks, ...(settings.allowInsecureIssuer ? [allowInsecureRequests] : [])];
  const ask = (): Promise<Configuration> =>
    discovery(new URL(settings.issuer), settings.clientId, client, authentication.authenticate, {
      execute,
      [customFetch]: (url, init) => call(url, init as RequestInit), // openid-client's own type of the same
    });
  return () => {
    const at = parts.now();
    if (found !== undefined && at < found.until) return found.configuration;
    const before = found;
    const configuration = ask().catch((error: unknown) => {
      if (before === undefined) {
        found = undefined;
        throw refusalOf(error, settings.label);
      }
      found = { configuration: before.configuration, until: parts.now() + retryInterval };
      return before.configuration;
    });
    found = { configuration, until: at + lifetime };
    return configuration;
  };
}

export function refusalOf(error: unknown, label: string): Refusal {
  return refusalOfProvider(error, label, (cause) => {
    if (error instanceof ResponseBodyError) return refusalOfTokenError(label, error.status, error.error, cause);
    const inner = error instanceof Error ? error.cause : undefined;
    // Of an answer with a status or content type that it may not have, openid-client keeps the answer alone.
    return inner instanceof Response ? refusalOfTokenError(label, inner.status, null, cause) : null;
  });
}
