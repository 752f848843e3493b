/** Owns sign-in with any OpenID Connect provider but Google: openid-client's strategy, groups from a claim. */
import {
  type Configuration,
  fetchUserInfo,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from 'openid-client';
import { Strategy } from 'openid-client/passport';
import { Refusal } from '../lib/errors.ts';
import { domainOf, requireVerifiedEmail } from './admission.ts';
import { requireAuthorizedParty } from './authorized-party.ts';
import {
  type Attempt,
  attemptOf,
  authenticationTime,
  type Connector,
  type ConnectorParts,
  type Profile,
  type SignInRequest,
} from './connector.ts';
import { type GroupsClaim, readGroups } from './group-claim.ts';
import { createDiscovery, type DiscoverySettings, refusalOf } from './oidc-discovery.ts';
import { createLogoutReader } from './oidc-logout.ts';
import { createOidcRefresher } from './oidc-refresh.ts';
import { providerSessionId } from './provider-session.ts';

export type OidcSettings = DiscoverySettings & {
  /** In the callback's path: 'keycloak'. */
  readonly name: string;
  readonly scopes: readonly string[];
  /** `null` where the provider tells no groups. */
  readonly groups: GroupsClaim | null;
  /** Domains of the e-mail that may come in, lower case; empty: all that the provider lets in. */
  readonly domains: readonly string[];
  /** False: a provider that does not send `email_verified` is trusted to have verified. */
  readonly requireVerifiedEmail: boolean;
  /** Keeps each person's refresh token, to ask later whether they are still there. */
  readonly refreshTokens: boolean;
  readonly callbackUrl: string;
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
        toProfile(await readClaims(configuration, tokens, settings), tokens, settings);
      return new CallbackStrategy(configuration, settings, profileOf);
    },
    alwaysAsks: false,
    asksConsent: false,
    refresher: settings.refreshTokens ? createOidcRefresher(settings, discover) : null,
    readLogout: createLogoutReader(settings, discover, parts),
    refusalOf: (error) => refusalOf(error, settings.label),
    check(profile) {
      requireVerifiedEmail(profile, settings.label, { assumeVerified: !settings.requireVerifiedEmail });
      requireDomain(profile, settings);
    },
  };
}

type Request = Parameters<Strategy['currentUrl']>[0];
type Actions = ThisParameterType<Strategy['authenticate']>;

class CallbackStrategy extends Strategy {
  private readonly callbackUrl: string;

  constructor(config: Configuration, settings: OidcSettings, profileOf: (tokens: Tokens) => Promise<Profile>) {
    const scope = scopesOf(config, settings).join(' ');
    super({ config, name: settings.name, sessionKey, callbackURL: settings.callbackUrl, scope }, async (tokens, done) =>
      done(null, await profileOf(tokens)),
    );
    this.callbackUrl = settings.callbackUrl;
  }

  override authenticate(this: Actions, request: Request, options: Parameters<Strategy['authenticate']>[1]): void {
    const session = librarySession(attemptOf(request));
    Strategy.prototype.authenticate.call(this, Object.create(request, { session: { value: session } }), options);
  }

  /** The library leaves CSRF to PKCE and replay to TLS; it checks state and nonce when they were sent. */
  override authorizationRequestParams<Options extends object>(request: Request, options: Options): URLSearchParams {
    const { state, nonce } = (request as unknown as { session: LibrarySession }).session.attempt;
    const params = new URLSearchParams(super.authorizationRequestParams(request, options) as URLSearchParams);
    params.set('state', state);
    params.set('nonce', nonce);
    const { maximumAge } = options as SignInRequest;
    if (maximumAge !== undefined) params.set('max_age', String(maximumAge));
    return params;
  }

  /** From the settings: Host and X-Forwarded-Host are the client's choice. */
  override currentUrl(request: Request): URL {
    const url = new URL(this.callbackUrl);
    url.search = request.originalUrl.split('?')[1] ?? '';
    return url;
  }
}

const sessionKey = 'kept';
type LibrarySession = ReturnType<typeof librarySession>;

/** The library keeps state, nonce and verifier in the session. Of these the attempt lacks the verifier alone. */
function librarySession(attempt: Attempt) {
  return {
    attempt,
    get [sessionKey]() {
      const { state, nonce, codeVerifier: code_verifier } = attempt;
      return { state, nonce, code_verifier };
    },
    set [sessionKey]({ code_verifier }: { state: string; nonce: string; code_verifier: string | undefined }) {
      if (code_verifier !== undefined) attempt.codeVerifier = code_verifier;
    },
  };
}

/**
 * OpenID Connect Core 1.0, section 11. Where the provider knows `offline_access`, a refresh token without it ends with the
 * provider's own session, and would end the passwords with that; where it does not, asking for it is an error.
 */
function scopesOf(config: Configuration, { scopes, refreshTokens }: OidcSettings): readonly string[] {
  const offline = config.serverMetadata().scopes_supported?.includes('offline_access') === true;
  return refreshTokens && offline && !scopes.includes('offline_access') ? [...scopes, 'offline_access'] : scopes;
}

/** The ID token's claims; those that it lacks come from the userinfo endpoint, where many providers put e-mail and groups. */
async function readClaims(configuration: Configuration, tokens: Tokens, settings: OidcSettings): Promise<Claims> {
  const claims = tokens.claims();
  if (claims === undefined) throw new Error('the provider sent no ID token');
  requireAuthorizedParty(claims, settings.clientId);
  const { groups } = settings;
  const hasEmail = claims['email'] !== undefined;
  const complete = hasEmail && (groups === null || readGroups(claims, groups) !== null);
  if (complete || configuration.serverMetadata().userinfo_endpoint === undefined) return withEmailOf(claims, claims);
  try {
    const more = await fetchUserInfo(configuration, tokens.access_token, claims.sub);
    return withEmailOf(hasEmail ? claims : more, { ...more, ...claims });
  } catch (error) {
    if (!hasEmail) throw error;
    return withEmailOf(claims, claims); // the groups stay unknown
  }
}

/**
 * `email_verified` speaks of the e-mail beside it, so the two are never taken from different answers. Entra ID does not send
 * it, but where it is asked to the optional claim `xms_edov`: the owner of the e-mail's domain is verified.
 */
function withEmailOf({ email, email_verified, xms_edov }: Claims, claims: Claims): Claims {
  return { ...claims, email, email_verified: email_verified ?? (xms_edov === 1 ? true : xms_edov) };
}

function toProfile(claims: Claims, tokens: Tokens, { name, groups, refreshTokens }: OidcSettings): Profile {
  const { iss, sub, email, email_verified: verified, name: displayName, auth_time, sid } = claims;
  const address = typeof email === 'string' ? email : null;
  // Amazon Cognito writes the claim as text; whatever else it may hold is no "yes".
  return {
    provider: name,
    issuer: String(iss),
    subject: String(sub),
    email: address,
    emailVerified: verified === undefined || verified === null ? null : verified === true || verified === 'true',
    displayName: typeof displayName === 'string' ? displayName : null,
    domain: address === null ? null : domainOf(address),
    groups: groups === null ? null : readGroups(claims, groups),
    refreshToken: refreshTokens ? (tokens.refresh_token ?? null) : null,
    authenticatedAt: authenticationTime(auth_time),
    providerSession: providerSessionId(String(iss), sid),
  };
}

function requireDomain({ email, domain }: Profile, { domains }: OidcSettings): void {
  if (domains.length === 0 || (domain !== null && domains.includes(domain))) return;
  throw new Refusal('denied', `${email} is not an address of ${domains.join(' or ')}. Sign in with one that is.`);
}
