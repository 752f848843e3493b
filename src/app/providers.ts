/** Makes the providers that people sign in with, from the settings of each. */
import type { Config } from '../config/config.ts';
import { compilePattern } from '../pattern/pattern.ts';
import type { Connector } from '../sign-in/connector.ts';
import type { GroupsClaim } from '../sign-in/group-claim.ts';
import type { SentBefore } from '../sign-in/sent-before.ts';

/**
 * Each with its own callback path, so that no provider can answer for another (RFC 9700, section 4.4). What speaks to a
 * provider is loaded where one is configured: it is a tenth of the memory.
 */
export async function createConnectors(config: Config, sent: SentBefore): Promise<Connector[]> {
  const { google, oidc, clockLeeway } = config;
  const parts = { fetch, sent, clockLeeway, now: Date.now };
  const connectors: Connector[] = [];
  if (google !== null) {
    const { createGoogleConnector } = await import('../sign-in/google/google.ts');
    connectors.push(createGoogleConnector({ ...google, callbackUrl: callbackUrlOf(config, 'google') }, parts));
  }
  for (const settings of oidc) {
    const { createOidcConnector } = await import('../sign-in/oidc.ts');
    // The configuration lets http pass for an issuer on this machine alone.
    const allowInsecureIssuer = settings.issuer.startsWith('http:');
    const own = {
      groups: groupsClaimOf(settings),
      allowInsecureIssuer,
      callbackUrl: callbackUrlOf(config, settings.name),
    };
    connectors.push(createOidcConnector({ ...settings, ...own }, parts));
  }
  return connectors;
}

/** Where a provider sends people back to. */
export function callbackUrlOf({ publicUrl, prefix }: Pick<Config, 'publicUrl' | 'prefix'>, name: string): string {
  return `${publicUrl.origin}${prefix}/sign-in/${name}/callback`;
}

export function groupsClaimOf(settings: Config['oidc'][number]): GroupsClaim | null {
  const { groupsClaim: path, groupsPrefix: prefix, groupsAllow } = settings;
  if (path === null) return null;
  const allow = groupsAllow === null ? undefined : compilePattern(groupsAllow, { doubleStar: true });
  const { groupsFormat: format, groupsSeparator: separator, groupsMissing: missing } = settings;
  return { path, prefix, allow, format, separator, missing };
}
