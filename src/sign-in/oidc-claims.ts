/** Owns what an OpenID Connect provider's answer says of a person: the ID token's claims, with userinfo where they lack something. */
import {
  type Configuration,
  fetchUserInfo,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from 'openid-client';
import { isSameEmail } from '../identity/email.ts';
import { textOrNull } from '../lib/json.ts';
import { domainOf } from './admission.ts';
import { requireAuthorizedParty } from './authorized-party.ts';
import { claimedGroups, noGroupsClaim } from './claimed-groups.ts';
import { authenticationTime, type Profile, verifiedClaim } from './connector.ts';
import type { GroupsClaim } from './group-claim.ts';
import { providerSessionId } from './provider-session.ts';
import type { SentBefore } from './sent-before.ts';

export type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;
export type Claims = Readonly<Record<string, unknown>>;

export type ClaimSettings = {
  /** In the callback's path and before each group: 'keycloak'. */
  readonly name: string;
  /** On the button. */
  readonly label: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** `null` where the provider sends no groups. */
  readonly groups: GroupsClaim | null;
  /** The claim that is taken for the e-mail address. `email_verified` speaks of `email` alone. */
  readonly emailClaim: string;
  /** False: a provider that does not send `email_verified` is trusted to have verified. */
  readonly requireVerifiedEmail: boolean;
  readonly refreshTokens: boolean;
};

export async function readProfile(
  configuration: Configuration,
  tokens: Tokens,
  settings: ClaimSettings,
  sent: SentBefore,
): Promise<Profile> {
  const claims: Claims | undefined = tokens.claims();
  if (claims === undefined) throw new Error('the provider sent no ID token');
  requireAuthorizedParty(claims, settings.clientId);
  const [issuer, subject] = [String(claims['iss']), String(claims['sub'])];
  const userinfo = userinfoOf(configuration, tokens, subject);
  const { email, verified } = await addressOf(claims, userinfo, settings);
  const answers = { what: 'groups in the ID token', idToken: claims, userinfo } as const;
  const { name, label, groups } = settings;
  const by = { provider: name, issuer };
  const { name: displayName, auth_time, sid } = claims;
  return {
    ...by,
    subject,
    email,
    emailVerified: verified,
    displayName: textOrNull(displayName),
    domain: email === null ? null : domainOf(email),
    ...(groups === null
      ? noGroupsClaim
      : await claimedGroups({ claim: groups, label, by, client: settings, sent }, answers)),
    refreshToken: settings.refreshTokens ? (tokens.refresh_token ?? null) : null,
    authenticatedAt: authenticationTime(auth_time),
    providerSession: providerSessionId(issuer, sid),
  };
}

/** Asks the userinfo endpoint once, when it's first wanted; resolves to `null` where there is none. */
export function userinfoOf(
  configuration: Configuration,
  tokens: Tokens,
  subject: string,
): () => Promise<Claims | null> {
  let answer: Promise<Claims | null> | undefined;
  const ask = async () =>
    configuration.serverMetadata().userinfo_endpoint === undefined
      ? null
      : fetchUserInfo(configuration, tokens.access_token, subject);
  return () => {
    answer ??= ask();
    return answer;
  };
}

export type Address = {
  readonly email: string | null;
  /** `null`: the provider did not say. */
  readonly verified: boolean | null;
};

/** OpenID Connect Core 1.0, section 5.4: many providers put the claims of the scope `email` into userinfo. */
export async function addressOf(
  claims: Claims,
  userinfo: () => Promise<Claims | null>,
  settings: Pick<ClaimSettings, 'emailClaim' | 'requireVerifiedEmail'>,
): Promise<Address> {
  const own = addressIn(claims, settings.emailClaim);
  const wantsVerified = settings.requireVerifiedEmail && settings.emailClaim === 'email';
  if (own.email !== null && (own.verified !== null || !wantsVerified)) return own;
  const more = await userinfo().catch((error: unknown) => {
    if (own.email === null) throw error;
    return null;
  });
  if (more === null) return own;
  const other = addressIn(more, settings.emailClaim);
  if (own.email === null) return other;
  // `email_verified` speaks of the e-mail beside it, so it counts only where that is the same.
  const isSame = other.email !== null && isSameEmail(other.email, own.email);
  return isSame ? { email: own.email, verified: other.verified } : own;
}

/** Null and an empty text are no address (section 5.3.2). */
function addressIn(claims: Claims, emailClaim: string): Address {
  const { [emailClaim]: email } = claims;
  const address = typeof email === 'string' && email !== '' ? email : null;
  return { email: address, verified: emailClaim === 'email' ? verifiedIn(claims) : null };
}

/**
 * Entra ID does not send `email_verified`, but where it is asked to the optional claim `xms_edov`, in several forms: the owner of
 * the e-mail's domain is verified.
 */
function verifiedIn({ email_verified, xms_edov }: Claims): boolean | null {
  return verifiedClaim(email_verified ?? (xms_edov === 1 || xms_edov === '1' ? true : xms_edov));
}
