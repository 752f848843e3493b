/** Owns the check for whom an ID token was made. */

/**
 * A provider may put us into the audience of a token that another client asked for; `azp` says which one it was.
 * OpenID Connect Core 1.0, section 3.1.3.7, points 4 and 5.
 * @throws {Error}
 */
export function requireAuthorizedParty(claims: { readonly [claim: string]: unknown }, clientId: string): void {
  const { azp, aud } = claims;
  const several = Array.isArray(aud) && aud.length > 1;
  if (azp === undefined ? several : azp !== clientId) throw new Error('the ID token was made for another client');
}
