/** Owns the warning about rules by address that a trusted proxy can satisfy for anyone. */
import type { Policy } from '../policy/acl.ts';
import { contains, parseNetwork } from '../policy/address.ts';

/**
 * Who sends from a trusted block can claim any address (X-Forwarded-For), so an `ip:` rule about addresses in that block
 * holds for every client that isn't a proxy.
 * @param proxies TRUSTED_PROXIES
 */
export function proxyWarnings(proxies: readonly string[], policy: Pick<Policy, 'rules'>): string[] {
  const blocks = proxies.flatMap((text) => {
    const network = parseNetwork(text);
    return network === null ? [] : [{ text, network }];
  });
  const patterns = policy.rules
    .flatMap(({ conditions }) => conditions)
    .filter(({ field }) => field === 'ip')
    .flatMap((condition) => condition.patterns);
  return [...new Set(patterns)].flatMap((pattern) => {
    const rule = parseNetwork(pattern);
    const block = rule && blocks.find(({ network }) => network.bits <= rule.bits && contains(network, rule.address));
    if (!block) return [];
    return `the policy has rules for ip ${pattern}, which lies in ${block.text} of TRUSTED_PROXIES: anyone in that block can claim such an address. Name only the addresses of the proxies`;
  });
}
