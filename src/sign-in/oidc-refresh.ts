/** Owns how an OpenID Connect provider is asked about a person with their refresh token, and which groups it tells then. */
import {
  ClientError,
  type Configuration,
  fetchUserInfo,
  ResponseBodyError,
  refreshTokenGrant,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
  tokenRevocation,
} from 'openid-client';
import { Refusal } from '../lib/errors.ts';
import type { Refresher } from './connector.ts';
import { type GroupsClaim, readGroups } from './group-claim.ts';
import type { Discover } from './oidc-discovery.ts';
import { isNoAnswer } from './provider-fetch.ts';
import type { ProviderStatus } from './provider-status.ts';
import { statusOfTokenError } from './token-error.ts';

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;
type RefreshSettings = {
  readonly label: string;
  readonly clientId: string;
  readonly groups: GroupsClaim | null;
};

export function createOidcRefresher(settings: RefreshSettings, discover: Discover): Refresher {
  return {
    clientId: settings.clientId,
    async ask(token, subject, keep) {
      let configuration: Configuration;
      let tokens: Tokens;
      try {
        configuration = await discover();
        tokens = await refreshTokenGrant(configuration, token);
      } catch (error) {
        return providerStatusOf(error, settings.label);
      }
      if (tokens.refresh_token !== undefined) await keep(tokens.refresh_token);
      if (tokens.claims() !== undefined && tokens.claims()?.sub !== subject) {
        return { kind: 'fault', reason: `${settings.label} answered for somebody else` };
      }
      const groups = await groupsFrom(configuration, tokens, subject, settings.groups);
      if (groups !== null || settings.groups === null) return { kind: 'there', groups };
      return {
        kind: 'there',
        groups,
        problem: `${settings.label} sent no "${settings.groups.path}" that can be read whole`,
      };
    },
    async revoke(token) {
      const configuration = await discover();
      if (configuration.serverMetadata().revocation_endpoint !== undefined) await tokenRevocation(configuration, token);
    },
  };
}

/** The ID token of a refresh may be missing (OpenID Connect Core 1.0, section 12.2), or lack the claim as at sign-in. */
async function groupsFrom(
  configuration: Configuration,
  tokens: Tokens,
  subject: string,
  claim: GroupsClaim | null,
): Promise<readonly string[] | null> {
  if (claim === null) return null;
  const told = readGroups(tokens.claims() ?? {}, claim);
  if (told !== null || configuration.serverMetadata().userinfo_endpoint === undefined) return told;
  try {
    return readGroups(await fetchUserInfo(configuration, tokens.access_token, subject), claim);
  } catch {
    return null; // that the person is there is certain; the groups keep their age
  }
}

function providerStatusOf(error: unknown, label: string): ProviderStatus {
  if (error instanceof ResponseBodyError) {
    return statusOfTokenError(label, {
      ...{ status: error.status, error: error.error },
      description: error.error_description ?? null,
    });
  }
  const { code } = error as { code?: unknown };
  const later =
    isNoAnswer(error) ||
    (error instanceof Refusal && error.code === 'unavailable') ||
    (error instanceof ClientError && code === 'OAUTH_RESPONSE_IS_NOT_CONFORM');
  if (later) return { kind: 'silent', reason: `${label} did not answer` };
  return { kind: 'fault', reason: `${label} refused Dockpass or sent what could not be verified` };
}
