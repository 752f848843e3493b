/** Owns the sign-in with Google through passport-google-oauth20, which is unmaintained: of the library only the way to Google is used. */
import { Strategy, type StrategyOptionsWithRequest } from 'passport-google-oauth20';
import { requireAnswerOf } from '../answer-issuer.ts';
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

/** What the token endpoint gave for a code. */
export type RedeemedCode = { readonly idToken: string | undefined; readonly refreshToken: string | undefined };

export type GoogleStrategyParts = {
  /** Exchanges the code, within a time limit. */
  redeem(params: Readonly<Record<string, string>>): Promise<RedeemedCode>;
  /** Verifies the ID token. */
  profileOf(idToken: string | undefined, nonce: string, refreshToken: string | undefined): Promise<Profile>;
};

type Request = Parameters<Strategy['authenticate']>[0];

/** The library sends the browser to Google; what comes back is checked here, as the library trusts too much of it. */
export class GoogleStrategy extends Strategy {
  private readonly ours: object;
  private readonly settings: GoogleStrategySettings;
  private readonly parts: GoogleStrategyParts;

  constructor(settings: GoogleStrategySettings, parts: GoogleStrategyParts) {
    super(optionsOf(settings), () => {
      throw new Error("the library's own callback is not used");
    });
    this.settings = settings;
    this.parts = parts;
    this.ours = { hd: settings.hostedDomain, ...(settings.offline && { accessType: 'offline' }) };
  }

  override authenticate(request: Request, input: SignInRequest = {}): void {
    if (request.query['code'] !== undefined) {
      this.complete(request).then(
        (profile) => this.success(profile),
        (error: unknown) => this.error(error),
      );
      return;
    }
    // Without select_account Google takes the account that is signed in, which may be the wrong one of two.
    const prompt = input.prompt === 'consent' ? 'consent' : 'select_account';
    const { nonce } = attemptOf(request);
    super.authenticate(request, { ...this.ours, nonce, prompt, loginHint: input.loginHint });
  }

  override authorizationParams(options: { nonce: string }): object {
    return { ...super.authorizationParams(options), nonce: options.nonce };
  }

  private async complete(request: Request): Promise<Profile> {
    const { code, iss, state } = request.query;
    requireAnswerOf(iss, { issuers: this.settings.issuers, required: false, label: 'Google' });
    const { nonce, state: expected, codeVerifier } = attemptOf(request);
    if (codeVerifier === undefined || state !== expected) throw new Error('state does not match');
    const { idToken, refreshToken } = await this.parts.redeem({
      grant_type: 'authorization_code',
      code: String(code),
      redirect_uri: this.settings.callbackUrl,
      code_verifier: codeVerifier,
    });
    return this.parts.profileOf(idToken, nonce, refreshToken);
  }
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
  verify(): never {
    throw new Error("the library's own callback is not used");
  },
};
