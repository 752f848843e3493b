/** Owns sign-in with any OpenID Connect provider but Google: openid-client's strategy, groups from a claim. */
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
  fetchUserInfo,
  ResponseBodyError,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from 'openid-client';
import { Strategy } from 'openid-client/passport';
import { Refusal } from '../errors.ts';
import { domainOf, requireVerifiedEmail } from './admission.ts';
import type { Attempt, Connector, ConnectorParts, Profile } from './connector.ts';
import { readGroups } from './groups.ts';
import { isNoAnswer, limitFetch } from './provider-fetch.ts';

export type OidcSettings = {
  /** In the callback's path and before each group: 'keycloak'. */
  readonly name: string;
  /** On the button. */
  readonly label: string;
  /** Compared letter by letter with what the provider says. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  /** Path of the groups claim; `null` where the provider tells none. */
  readonly groupsClaim: string | null;
  /** Domains of the e-mail that may come in, lower case; empty: all that the provider lets in. */
  readonly domains: readonly string[];
  /** False: a provider that does not send `email_verified` is trusted to have verified. */
  readonly requireVerifiedEmail: boolean;
  readonly callbackUrl: string;
  /** Allows plain http, for a provider on the loopback address. */
  readonly allowInsecureIssuer: boolean;
};

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;
type Claims = Readonly<Record<string, unknown>>;

export function createOidcConnector(settings: OidcSettings, parts: ConnectorParts): Connector {
  const discover = createDiscovery(settings, parts);
  return {
    name: settings.name,
    label: settings.label,
    async strategy() {
      const configuration = await discover();
      const profileOf = async (tokens: Tokens): Promise<Profile> =>
        toProfile(await readClaims(configuration, tokens, settings), settings);
      return new CallbackStrategy(configuration, settings, profileOf);
    },
    refusalOf: (error) => refusalOf(error, settings.label),
    check(profile) {
      requireVerifiedEmail(profile, settings.label, { assumeVerified: !settings.requireVerifiedEmail });
      requireDomain(profile, settings);
    },
  };
}

/** Seconds that the provider's clock may differ from ours. */
const tolerance = 30;

/**
 * Asks for the provider's metadata when the first person signs in, so that Dockpass starts while the provider is down;
 * after a failure the next person's sign-in asks again. People who come together wait for one answer.
 */
function createDiscovery(settings: OidcSettings, parts: ConnectorParts): () => Promise<Configuration> {
  let found: Promise<Configuration> | undefined;
  const call = limitFetch(parts.fetch, parts.timeout);
  const client = { client_secret: settings.clientSecret, [clockTolerance]: tolerance };
  // Signatures of ID tokens are checked although they came over TLS from the token endpoint itself.
  const execute = [enableNonRepudiationChecks, ...(settings.allowInsecureIssuer ? [allowInsecureRequests] : [])];
  const ask = (): Promise<Configuration> =>
    discovery(new URL(settings.issuer), settings.clientId, client, authenticate(settings.clientSecret), {
      execute,
      [customFetch]: (url, init) => call(url, init as RequestInit),
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

type Request = Parameters<Strategy['currentUrl']>[0];

class CallbackStrategy extends Strategy {
  private readonly callbackUrl: string;

  constructor(config: Configuration, settings: OidcSettings, profileOf: (tokens: Tokens) => Promise<Profile>) {
    const scope = settings.scopes.join(' ');
    super({ config, name: settings.name, callbackURL: settings.callbackUrl, scope }, async (tokens, done) =>
      done(null, await profileOf(tokens)),
    );
    this.callbackUrl = settings.callbackUrl;
  }

  /** The library leaves CSRF to PKCE and replay to TLS; both are checked when they were sent. */
  override authorizationRequestParams<Options extends object>(request: Request, options: Options): URLSearchParams {
    const { state, nonce } = (request as unknown as { session: Attempt }).session;
    const params = new URLSearchParams(super.authorizationRequestParams(request, options) as URLSearchParams);
    params.set('state', state);
    params.set('nonce', nonce);
    return params;
  }

  /** From the settings: Host and X-Forwarded-Host are the client's choice. */
  override currentUrl(request: Request): URL {
    const url = new URL(this.callbackUrl);
    url.search = request.originalUrl.split('?')[1] ?? '';
    return url;
  }
}

/** The ID token's claims; those that it lacks come from the userinfo endpoint, where many providers put e-mail and groups. */
async function readClaims(configuration: Configuration, tokens: Tokens, settings: OidcSettings): Promise<Claims> {
  const claims = tokens.claims();
  if (claims === undefined) throw new Error('the provider sent no ID token');
  const { groupsClaim, name } = settings;
  const hasEmail = claims['email'] !== undefined;
  const complete = hasEmail && (groupsClaim === null || readGroups(claims, groupsClaim, name) !== null);
  if (complete || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
  try {
    const more = await fetchUserInfo(configuration, tokens.access_token, claims.sub);
    // `email_verified` speaks of the e-mail beside it, so the two are never taken from different answers.
    const { email, email_verified } = hasEmail ? claims : more;
    return { ...more, ...claims, email, email_verified };
  } catch (error) {
    if (!hasEmail) throw error;
    return claims; // the groups stay unknown
  }
}

function toProfile(claims: Claims, { name, groupsClaim }: OidcSettings): Profile {
  const { iss, sub, email, email_verified: verified, name: displayName } = claims;
  const address = typeof email === 'string' ? email : null;
  return {
    provider: name,
    issuer: String(iss),
    subject: String(sub),
    email: address,
    emailVerified: typeof verified === 'boolean' ? verified : null,
    displayName: typeof displayName === 'string' ? displayName : null,
    domain: address === null ? null : domainOf(address),
    groups: groupsClaim === null ? null : readGroups(claims, groupsClaim, name),
  };
}

function requireDomain({ email, domain }: Profile, { domains }: OidcSettings): void {
  if (domains.length === 0 || (domain !== null && domains.includes(domain))) return;
  throw new Refusal('denied', `${email} is not an address of ${domains.join(' or ')}. Sign in with one that is.`);
}

function refusalOf(error: unknown, label: string): Refusal {
  if (error instanceof Refusal) return error;
  const cause = error;
  if (isNoAnswer(error)) {
    return new Refusal('unavailable', `${label} does not answer right now. Try again in a minute.`, {
      cause,
      retryAfter: 60,
    });
  }
  if (error instanceof ResponseBodyError && error.error === 'invalid_grant') {
    return new Refusal('bad_request', 'This sign-in took too long or was used already. Start it again.', { cause });
  }
  if (error instanceof ResponseBodyError) {
    return new Refusal(
      'bad_gateway',
      `${label} does not accept the client id and secret that Dockpass is set up with. Tell the administrator.`,
      { cause },
    );
  }
  return new Refusal('bad_gateway', `${label}'s answer could not be verified. Start the sign-in again.`, { cause });
}
