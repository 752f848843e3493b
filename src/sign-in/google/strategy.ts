/** Owns the mends of passport-google-oauth20: it is unmaintained, trusts too much and waits without end. */
import { type GoogleCallbackParameters, Strategy, type StrategyOptionsWithRequest } from 'passport-google-oauth20';
import { attemptOf, type Profile, type SignInRequest } from '../connector.ts';

export type GoogleStrategySettings = {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly authorizationUrl: string;
  readonly tokenUrl: string;
  readonly callbackUrl: string;
  /** The accepted spellings of `iss`. */
  readonly issuers: readonly string[];
  /** The `hd` parameter: Google offers accounts of this domain first. A comfort, no check. */
  readonly hostedDomain: string | undefined;
  /** Asks for a refresh token, which Google gives with its consent page alone: at the first sign-in, and where it is asked to show that. */
  readonly offline: boolean;
};

export type GoogleStrategyParts = {
  /** Exchanges the code, within a time limit that the library's own call does not have. */
  redeem(code: string, params: Readonly<Record<string, string>>): Promise<GoogleCallbackParameters>;
  /** Verifies the ID token, which the library does not look at. */
  profileOf(idToken: string | undefined, nonce: string, refreshToken: string | undefined): Promise<Profile>;
};

type Request = Parameters<Strategy['authenticate']>[0];

export class GoogleStrategy extends Strategy {
  private readonly wishes: object;
  private readonly issuers: readonly string[];

  constructor(settings: GoogleStrategySettings, parts: GoogleStrategyParts) {
    super(optionsOf(settings), createVerify(parts));
    this.issuers = settings.issuers;
    this.wishes = { hd: settings.hostedDomain, ...(settings.offline && { accessType: 'offline' }) };
    this._oauth2.getOAuthAccessToken = createTokenCall(parts) as typeof this._oauth2.getOAuthAccessToken;
  }

  override authenticate(request: Request, input: SignInRequest = {}): void {
    const { nonce } = attemptOf(request);
    const { code, iss } = request.query;
    // RFC 9207, section 2.4, against a code of another provider's (mix-up).
    if (code !== undefined && iss !== undefined && !this.issuers.some((issuer) => issuer === iss)) {
      this.error(new Error('the answer is of another issuer'));
      return;
    }
    // Without select_account Google takes the account that is signed in, which may be the wrong one of two.
    const prompt = input.prompt === 'consent' ? 'consent' : 'select_account';
    super.authenticate(request, { ...this.wishes, nonce, prompt, loginHint: input.loginHint });
  }

  override authorizationParams(options: { nonce: string }): object {
    return { ...super.authorizationParams(options), nonce: options.nonce };
  }

  /** The library would wrap our error into one without its message. */
  _createOAuthError(_message: string, error: unknown): unknown {
    return error;
  }
}

type Verify = (
  request: Request,
  accessToken: string,
  refreshToken: string | undefined,
  params: GoogleCallbackParameters,
  profile: unknown,
  done: (error: unknown, profile?: object) => void,
) => void;

/** The library counts the parameters: six mean that it hands over the request and the token endpoint's answer. */
function createVerify(parts: GoogleStrategyParts): Verify {
  return (request, _accessToken, refreshToken, params, _profile, done) => {
    const { nonce } = attemptOf(request);
    parts.profileOf(params.id_token, nonce, refreshToken).then((profile) => done(null, profile), done);
  };
}

type TokenCall = (
  code: string,
  params: Readonly<Record<string, string>>,
  done: (error: unknown, accessToken?: string, refreshToken?: string, params?: object) => void,
) => void;

function createTokenCall(parts: GoogleStrategyParts): TokenCall {
  return (code, params, done) => {
    parts.redeem(code, params).then(
      ({ access_token, refresh_token, ...rest }) => done(null, access_token, refresh_token, rest),
      (error: unknown) => done(error),
    );
  };
}

function optionsOf(settings: GoogleStrategySettings): StrategyOptionsWithRequest {
  return {
    clientID: settings.clientId,
    clientSecret: settings.clientSecret,
    authorizationURL: settings.authorizationUrl,
    tokenURL: settings.tokenUrl,
    callbackURL: settings.callbackUrl,
    scope: ['openid', 'email', 'profile'],
    pkce: true,
    // The types know no store that keeps a PKCE verifier; the library tells it by the number of its parameters.
    store: attemptStore as unknown as NonNullable<StrategyOptionsWithRequest['store']>,
    // The ID token has it all. The library would ask for the profile with the access token in the URL.
    skipUserProfile: true,
    passReqToCallback: true,
  };
}

/** Keeps the PKCE verifier in the attempt. The library's own store holds one sign-in a session: a second tab would break it. */
const attemptStore = {
  store(
    request: Request,
    verifier: string,
    _state: unknown,
    _meta: unknown,
    done: (error: null, state: string) => void,
  ): void {
    const attempt = attemptOf(request);
    attempt.codeVerifier = verifier;
    done(null, attempt.state);
  },
  verify(
    request: Request,
    state: unknown,
    _meta: unknown,
    done: (error: null, verifier: unknown, info?: object) => void,
  ): void {
    const { codeVerifier, state: expected } = attemptOf(request);
    if (codeVerifier !== undefined && state === expected) done(null, codeVerifier);
    else done(null, false, { message: 'state does not match' });
  },
};
