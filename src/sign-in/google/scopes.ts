/** Owns how Google names what a token can do (developers.google.com/identity/protocols/oauth2/scopes). */

/** @param name without the part that all have: "admin.directory.user.readonly" */
export function scopeNamed(name: string): string {
  return `https://www.googleapis.com/auth/${name}`;
}

/** What takes a token that makes others: IAM says for each account what that may do. */
export const cloudPlatform = scopeNamed('cloud-platform');
