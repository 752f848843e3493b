/** Owns what clients can read about the OAuth endpoints (RFC 8414). */
import { deviceCodeGrant } from './terminal-grants.ts';
import { tokenExchange } from './token-exchange.ts';

/** @param base the public URL, with a slash at its end @param exchangesTokens whether workloads get passwords for ID tokens */
export function authorizationServerMetadata(base: URL, exchangesTokens: boolean): object {
  const at = (path: string) => new URL(path, base).href;
  return {
    issuer: base.href.replace(/\/$/, ''),
    authorization_endpoint: at('oauth/authorize'),
    token_endpoint: at('oauth/token'),
    device_authorization_endpoint: at('oauth/device'),
    revocation_endpoint: at('oauth/revoke'),
    response_types_supported: ['code'],
    grant_types_supported: [
      ...['authorization_code', 'refresh_token', deviceCodeGrant],
      ...(exchangesTokens ? [tokenExchange] : []),
    ],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
  };
}
