/** Owns how an OpenID Connect provider is asked about a person with their refresh token, and which groups it reports then. */
import { ClientError, type Configuration, ResponseBodyError, refreshTokenGrant, tokenRevocation } from 'openid-client';
import { isSameEmail } from '../identity/email.ts';
import { errorCode, Refusal } from '../lib/errors.ts';
import { fieldsIn, isRecord, textOrNull } from '../lib/json.ts';
import { claimedGroups } from './claimed-groups.ts';
import type { Refresher } from './connector.ts';
import { addressOf, type ClaimSettings, type Claims, type Tokens, userinfoOf } from './oidc-claims.ts';
import type { Discover } from './oidc-discovery.ts';
import { isNoAnswer } from './provider-fetch.ts';
import type { ProviderStatus } from './provider-status.ts';
import type { SentBefore, SentBy } from './sent-before.ts';
import { statusOfTokenError } from './token-error.ts';

type RefreshSettings = Pick<
  ClaimSettings,
  'name' | 'label' | 'clientId' | 'scopes' | 'groups' | 'emailClaim' | 'requireVerifiedEmail'
>;

export function createOidcRefresher(settings: RefreshSettings, discover: Discover, sent: SentBefore): Refresher {
  return {
    clientId: settings.clientId,
    async ask(token, { subject, email }, keep) {
      let configuration: Configuration;
      let tokens: Tokens;
      try {
        configuration = await discover();
        tokens = await refreshTokenGrant(configuration, token);
      } catch (error) {
        return providerStatusOf(error, settings.label);
      }
      if (tokens.refresh_token !== undefined) await keep(tokens.refresh_token);
      // OpenID Connect Core 1.0, section 12.2: a refresh can come without an ID token.
      const idToken: Claims | null = tokens.claims() ?? null;
      if (idToken !== null && idToken['sub'] !== subject) {
        return { kind: 'fault', reason: `${settings.label} answered for another person` };
      }
      const userinfo = userinfoOf(configuration, tokens, subject);
      const by = { provider: settings.name, issuer: configuration.serverMetadata().issuer };
      const answer = { by, idToken, userinfo };
      const change = email === null ? null : await changeOfAddress(answer, email, settings, sent);
      if (change !== null) return { kind: 'sign-in', reason: `${settings.label} ${change}` };
      if (settings.groups === null) return { kind: 'there', groups: null };
      const answers = { what: 'groups in a refresh answer', idToken, userinfo } as const;
      const { groups: claim, label } = settings;
      const parts = { claim, label, by, client: settings, sent };
      const { groups, groupsProblem, groupsLeftOut } = await claimedGroups(parts, answers);
      return {
        ...{ kind: 'there', groups },
        ...(groupsProblem !== null && { problem: groupsProblem }),
        ...(groupsLeftOut && { groupsLeftOut: true as const }),
      };
    },
    async revoke(token) {
      const configuration = await discover();
      if (configuration.serverMetadata().revocation_endpoint !== undefined) await tokenRevocation(configuration, token);
    },
  };
}

type RefreshAnswer = {
  readonly by: SentBy;
  readonly idToken: Claims | null;
  readonly userinfo: () => Promise<Claims | null>;
};

/**
 * An address that is another one now, or not verified any more, counts from a sign-in on: rules and logins hang on it. It's where
 * it was at the sign-in, in the ID token or in userinfo; an answer that can't be had changes nothing. One that leaves out what a
 * sign-in needs means that it's gone only where such answers have brought it before.
 */
async function changeOfAddress(
  { by, idToken, userinfo }: RefreshAnswer,
  email: string,
  settings: RefreshSettings,
  sent: SentBefore,
): Promise<string | null> {
  const now = await addressOf(idToken ?? {}, userinfo, settings).catch(() => null);
  if (now === null) return null;
  if (now.email !== null && !isSameEmail(now.email, email)) return 'reports another e-mail address';
  if (now.verified === false) return 'reports that the e-mail address is not verified';
  const { clientId, emailClaim, scopes } = settings;
  const mustBeVerified = settings.requireVerifiedEmail && emailClaim === 'email';
  // Where it comes from depends on these, and on whether there's an ID token.
  const kind = { ...by, asked: [clientId, emailClaim, String(mustBeVerified), String(idToken !== null), ...scopes] };
  if (now.email !== null && (now.verified === true || !mustBeVerified)) {
    await sent.note(kind, 'address in a refresh answer');
    return null;
  }
  const isAnswered = await userinfo().then(
    () => true,
    () => false,
  );
  if (!isAnswered || !(await sent.has(kind, 'address in a refresh answer'))) return null;
  return now.email === null
    ? 'no longer sends an e-mail address'
    : 'no longer says that the e-mail address is verified';
}

function providerStatusOf(error: unknown, label: string): ProviderStatus {
  if (error instanceof ResponseBodyError) {
    return statusOfTokenError(label, {
      ...{ status: error.status, error: error.error },
      description: error.error_description ?? null,
    });
  }
  const body = bodyWithoutTokens(error);
  if (body !== null) {
    const { error: name, error_description: description } = body;
    return statusOfTokenError(label, { status: 200, error: textOrNull(name), description: textOrNull(description) });
  }
  const later =
    isNoAnswer(error) ||
    (error instanceof Refusal && error.code === 'unavailable') ||
    (error instanceof ClientError && notAnswers.includes(errorCode(error)));
  if (later) return { kind: 'silent', reason: `${label} did not answer` };
  return { kind: 'fault', reason: `${label} refused Dockpass or sent what could not be verified` };
}

/** Of openid-client: another status than an answer or an error has, the page of a proxy, JSON that was cut off. */
const notAnswers = ['OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON', 'OAUTH_PARSE_ERROR'];

/** The body of a successful answer whose tokens are missing or malformed; `null` for any other error. */
function bodyWithoutTokens(error: unknown): Readonly<Record<string, unknown>> | null {
  const isMalformed = error instanceof ClientError && errorCode(error) === 'OAUTH_INVALID_RESPONSE';
  // The library keeps the body as the cause of its own error's cause; what it says of an ID token has none.
  const told = isMalformed && error.cause instanceof Error ? error.cause.cause : null;
  return isRecord(told) && 'body' in told ? fieldsIn(told['body']) : null;
}
