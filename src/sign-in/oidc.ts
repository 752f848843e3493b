/** Owns sign-in with any OpenID Connect provider but Google: openid-client's strategy, groups from a claim. */
import type { Configuration } from 'openid-client';
import { Strategy } from 'openid-client/passport';
import { Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { requireVerifiedEmail } from './admission.ts';
import { requireAnswerOf } from './answer-issuer.ts';
import { type Attempt, attemptOf, type Connector, type ConnectorParts, type Profile } from './connector.ts';
import { type ClaimSettings, readProfile, type Tokens } from './oidc-claims.ts';
import { createDiscovery, type DiscoverySettings, refusalOf } from './oidc-discovery.ts';
import { createLogoutReader } from './oidc-logout.ts';
import { createOidcRefresher } from './oidc-refresh.ts';

export type OidcSettings = DiscoverySettings &
  ClaimSettings & {
    /** Domains of the e-mail that may come in, lower case; empty: all that the provider lets in. */
    readonly domains: readonly string[];
    readonly callbackUrl: string;
  };

export function createOidcConnector(settings: OidcSettings, parts: ConnectorParts): Connector {
  const discover = createDiscovery(settings, parts);
  return {
    name: settings.name,
    label: settings.label,
    async strategy() {
      const configuration = await discover();
      const profileOf = (tokens: Tokens) => readProfile(configuration, tokens, settings, parts.sent);
      return new CallbackStrategy(configuration, settings, profileOf);
    },
    alwaysAsks: false,
    asksConsent: false,
    refresher: settings.refreshTokens
      ? createOidcRefresher(settings, createDiscovery(settings, parts), parts.sent)
      : null,
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
  /** @throws {Refusal} where the query isn't an answer of this provider */
  private readonly checkAnswer: (query: Request['query']) => void;

  constructor(config: Configuration, settings: OidcSettings, profileOf: (tokens: Tokens) => Promise<Profile>) {
    const scope = scopesOf(config, settings).join(' ');
    super({ config, name: settings.name, sessionKey, callbackURL: settings.callbackUrl, scope }, async (tokens, done) =>
      done(null, await profileOf(tokens)),
    );
    this.callbackUrl = settings.callbackUrl;
    const { issuer, authorization_response_iss_parameter_supported: required = false } = config.serverMetadata();
    this.checkAnswer = ({ iss }) => requireAnswerOf(iss, { issuers: [issuer], required, label: settings.label });
  }

  override authenticate(
    this: Actions & CallbackStrategy,
    request: Request,
    options: Parameters<Strategy['authenticate']>[1],
  ): void {
    try {
      if (request.query['code'] !== undefined) this.checkAnswer(request.query);
    } catch (error) {
      this.error(error);
      return;
    }
    const session = librarySession(attemptOf(request));
    Strategy.prototype.authenticate.call(this, Object.create(request, { session: { value: session } }), options);
  }

  /** The library leaves CSRF to PKCE and replay to TLS; it checks state and nonce when they were sent. */
  override authorizationRequestParams<Options extends object>(request: Request, options: Options): URLSearchParams {
    const { state, nonce } = attemptOf(request);
    const params = new URLSearchParams(super.authorizationRequestParams(request, options) as URLSearchParams); // the library's is no promise
    params.set('state', state);
    params.set('nonce', nonce);
    const { maximumAge } = fieldsIn(options);
    if (typeof maximumAge === 'number') params.set('max_age', String(maximumAge));
    return params;
  }

  /**
   * From the settings: Host and X-Forwarded-Host are the client's choice. Of the query what an answer has: other parameters are
   * ignored (RFC 6749, section 4.1.2), also those that the library knows from other flows.
   */
  override currentUrl({ query }: Request): URL {
    const url = new URL(this.callbackUrl);
    for (const name of ['code', 'state', 'iss']) {
      const { [name]: value } = query;
      if (typeof value === 'string') url.searchParams.set(name, value);
    }
    return url;
  }
}

const sessionKey = 'kept';

/** The library keeps state, nonce and verifier in the session. Of these the attempt lacks the verifier alone. */
function librarySession(attempt: Attempt) {
  return {
    ...attempt,
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

function requireDomain({ email, domain }: Profile, { domains }: OidcSettings): void {
  if (domains.length === 0 || (domain !== null && domains.includes(domain))) return;
  throw new Refusal('denied', `${email} is not an address of ${domains.join(' or ')}. Sign in with one that is.`);
}
